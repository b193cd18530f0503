"""The turns of a conversation, written as the contents of a generateContent body (docs/wire.md, Across dialects).

Never drops what was said, and never turns anybody's words into the model's. The rules:

    system, at the start   -> apart: `systemInstruction`
    system, later          -> the user's text, between <system> and </system>: there is no role for it
    neighbours of one role -> one content
    tools' results         -> a content of their own right behind the calls, in their order, by the names of the calls
    the first turn         -> a user's, "." where there is none
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ...types.content import Audio, File, Image, Message, Part, Refusal, Role, Text, Thinking, ToolCall, ToolResult
from ..lost import Losses
from ..uncrossed import give_up, refuse
from ..values import Target
from .signatures import SKIP, own_signature
from .wire import Block, read_arguments, wrap

OPENING: Block = {"text": "."}
"""What a user says who says nothing: a conversation can't begin with the model, nor be empty."""

IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
"""Pictures that Gemini reads (docs of the Gemini API, Image understanding)."""

SOUNDS = {"mp3": "audio/mp3", "wav": "audio/wav"}
_SUFFIXES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp", "heic": "image/heic",
    "heif": "image/heif", "pdf": "application/pdf", "txt": "text/plain",
}  # fmt: skip

Said = Part | dict[str, Any]
_WORDS = (Text, Refusal)


class Writing(msgspec.Struct, frozen=True):
    """What writing a conversation needs to know.

    Attributes:
        target: the model it is for.
        fetches: does the provider fetch http addresses itself?
        lost: takes the names of what is not said.
    """

    target: Target
    fetches: bool
    lost: Losses

    @property
    def signs(self) -> bool:
        """Does the model refuse a call without a signature? From Gemini 3 on, whose effort is a word and no budget."""
        return self.target.abilities.thinking == "adaptive"


def write_contents(messages: Sequence[Message], writing: Writing) -> tuple[list[Block], list[Block]]:
    """Return the parts of the instruction, and the contents; a Failure is raised for what can't be said."""
    turns = _merged((message.role, _kept(message)) for message in messages)
    system = _instruction(turns.pop(0)[1], writing) if turns and turns[0][0] == "system" else []
    contents = list(_contents(_merged(_placed(turns, writing)), writing))
    if not contents or contents[0]["role"] != "user":
        writing.lost.add("messages")
        contents.insert(0, {"role": "user", "parts": [OPENING]})
    return system, contents


Turn = tuple[Role, list[Said]]


def _kept(message: Message) -> list[Said]:
    """Return the parts of a turn but for texts that say nothing, which the API refuses."""
    parts = (Text(message.content),) if isinstance(message.content, str) else message.content
    return [part for part in parts if not (isinstance(part, _WORDS) and not part.text)]


def _merged(turns: Iterable[Turn]) -> list[Turn]:
    merged: list[Turn] = []
    for role, parts in turns:
        if not parts:
            continue
        if merged and merged[-1][0] == role:
            merged[-1][1].extend(parts)
        else:
            merged.append((role, list(parts)))
    return merged


def _placed(turns: Sequence[Turn], writing: Writing) -> Iterator[Turn]:
    for role, parts in turns:
        if role == "system":
            writing.lost.add("system")
            yield "user", [_tagged(part) for part in parts]
        else:
            yield role, parts


def _tagged(part: Said) -> Said:
    return Text(f"<system>\n{part.text}\n</system>", part.cache) if isinstance(part, Text) else part


def _instruction(parts: Sequence[Said], writing: Writing) -> list[Block]:
    written: list[Block] = []
    for part in parts:
        if not isinstance(part, Text | dict):
            give_up(_misplaced(part, "system"))
        written.append(_write(part, writing))
    return written


def _contents(turns: Iterable[Turn], writing: Writing) -> Iterator[Block]:
    names: dict[str, str] = {}
    asked: dict[str, int] = {}
    for role, parts in turns:
        if role == "assistant":
            calls = [part for part in parts if isinstance(part, ToolCall)]
            names |= {call.id: call.name for call in calls}
            asked = {call.id: place for place, call in reversed(list(enumerate(calls)))}
            if written := write_answer(parts, writing):
                yield {"role": "model", "parts": written}
            continue
        results = [part for part in parts if isinstance(part, ToolResult)]
        results.sort(key=lambda result: asked.get(result.call_id, len(asked)))
        attached: list[Block] = []
        if results:
            yield {"role": "user", "parts": [_result(result, names, attached, writing) for result in results]}
        if rest := [*attached, *(_heard(part, writing) for part in parts if not isinstance(part, ToolResult))]:
            yield {"role": "user", "parts": rest}


def write_answer(parts: Sequence[Said], writing: Writing) -> list[Block]:
    """Return the parts of a model's turn, each signature on the part it belongs to."""
    written: list[Block] = []
    calls = 0
    signature = ""
    for place, part in enumerate(parts):
        after = parts[place + 1] if place + 1 < len(parts) else None
        if isinstance(part, Thinking):
            signature = _think(part, after, written, writing)
            continue
        block = _said(part, writing)
        if isinstance(part, ToolCall):
            if signature or (writing.signs and not calls):
                block["thoughtSignature"] = signature or SKIP
            calls += 1
        signature = ""
        written.append(block)
    return written


def _think(thinking: Thinking, after: Said | None, written: list[Block], writing: Writing) -> str:
    """Write what is known of a thought; return the signature that the call behind it is still to be given, "" for none."""
    signature = own_signature(thinking, writing.target.model)
    if not signature:
        writing.lost.add("thinking")  # it is another model's, and this one would refuse its proof
        return ""
    if thinking.text:
        written.append({"text": thinking.text, "thought": True})
    if isinstance(after, ToolCall):
        return signature
    if written and "text" in written[-1] and "thoughtSignature" not in written[-1]:
        written[-1]["thoughtSignature"] = signature
    else:
        written.append({"text": "", "thoughtSignature": signature})
    return ""


def _said(part: Said, writing: Writing) -> Block:
    if isinstance(part, ToolCall):
        return _call(part, writing)
    if isinstance(part, Refusal):
        return {"text": part.text}
    if not isinstance(part, Text | dict):
        give_up(_misplaced(part, "assistant"))
    return dict(_write(part, writing))


def _call(call: ToolCall, writing: Writing) -> Block:
    arguments = None if call.custom else read_arguments(call.arguments)
    if arguments is None:
        writing.lost.add("custom" if call.custom else "arguments")
    _note_cache(call, writing)
    told: Block = {"id": call.id} if call.id else {}
    return {"functionCall": told | {"name": call.name, "args": wrap(call.arguments, arguments)}}


def _heard(part: Said, writing: Writing) -> Block:
    if isinstance(part, ToolCall | ToolResult | Thinking | Refusal):
        give_up(_misplaced(part, "user"))
    return _write(part, writing)


def _write(part: Text | Image | File | Audio | dict[str, Any], writing: Writing) -> Block:
    if type(part) is Text and not part.cache:  # nearly every part
        return {"text": part.text}
    match part:
        case dict():
            return part
        case Audio(format=form, data=data):
            return _blob(SOUNDS.get(form, f"audio/{form}"), data)
    _note_cache(part, writing)
    if isinstance(part, Text):
        return {"text": part.text}
    return _image(part, writing) if isinstance(part, Image) else _file(part, writing)


def _note_cache(part: Text | Image | File | ToolCall | ToolResult, writing: Writing) -> None:
    if part.cache:
        writing.lost.add("cache")


def _image(image: Image, writing: Writing) -> Block:
    if image.detail not in ("", "auto"):
        writing.lost.add("detail")
    if image.url:
        return _address(image.url, "", writing)
    media = image.media_type.lower().replace("image/jpg", "image/jpeg")
    if media not in IMAGE_TYPES:
        give_up(f'a picture of type "{image.media_type}" is not read by Gemini: send PNG, JPEG, WebP, HEIC or HEIF')
    return _blob(media, image.data)


def _file(file: File, writing: Writing) -> Block:
    if file.name:
        writing.lost.add("name")
    return _address(file.url, file.media_type, writing) if file.url else _blob(file.media_type, file.data)


def _blob(media_type: str, data: str) -> Block:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _address(url: str, media_type: str, writing: Writing) -> Block:
    if not writing.fetches:
        give_up(
            f'"{writing.target.model}" is not told addresses: what it reads by "fileData" has to lie with Google (Files API, '
            "Cloud Storage): send the data"
        )
    known = media_type or _SUFFIXES.get(url.partition("?")[0].rpartition(".")[2].lower(), "")
    told: Block = {"mimeType": known} if known else {}
    return {"fileData": {"fileUri": url} | told}


def _result(result: ToolResult, names: Mapping[str, str], attached: list[Block], writing: Writing) -> Block:
    """Write a result; what it can't hold is added to `attached`, with a word on whose it is."""
    name = names.get(result.call_id)
    if name is None:
        refuse(f'the result of the call "{result.call_id}" answers no call before it: send that turn too', "invalid_value")
    _note_cache(result, writing)
    texts = [part for part in result.content if isinstance(part, Text)]
    for part in texts:
        _note_cache(part, writing)
    told: Block = {"id": result.call_id} if result.call_id else {}
    told |= {"name": name, "response": _response("\n".join(part.text for part in texts if part.text), result.is_error)}
    media = [_write(part, writing) for part in result.content if not isinstance(part, Text)]
    if media and writing.signs:  # from Gemini 3 on a result may hold pictures itself
        told["parts"] = media
    elif media:
        attached += [{"text": f'From the result of tool call "{result.call_id}" ("{name}"):'}, *media]
    return {"functionResponse": told}


def _response(text: str, is_error: bool) -> object:
    """Return a result's object: its text as it is where that is an object already, unless it could be taken for our own form."""
    if is_error:
        return {"error": text}
    if text.lstrip().startswith("{"):
        told = read_arguments(text)
        if told is not None and msgspec.json.decode(told).keys() not in ({"output"}, {"error"}, set()):
            return told
    return {"output": text}


def _misplaced(part: object, role: str) -> str:
    return (
        f'{type(part).__name__} stands in a turn of role "{role}", and the Gemini dialect has no place for it there: '
        "put it into another turn"
    )
