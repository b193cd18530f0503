"""The conversation in a generateContent body, read: the instruction, the turns and their parts.

Never asks whether the turns are in an order that the API takes: whoever writes them puts them in his own. What only Google can
carry on (its own tools, its stored files, video) is refused by its path; what is said beyond the canonical content is noted as
lost, Google's thought signatures among it, for no other provider's model may see them.

    model(functionCall f, functionCall f), user(functionResponse f, functionResponse f)      no ids: the first answers the first
      ->  assistant(ToolCall call_1_0, ToolCall call_1_1), user(ToolResult call_1_0, ToolResult call_1_1)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

import msgspec

from ...types.content import Audio, File, Image, Message, Part, Role, Text, Thinking, ToolCall, ToolResult
from ..encoded import BROKEN, base64_of
from ..uncrossed import give_up, refuse
from .fields import FLAG, TEXT, Fields
from .results import NO_OBJECT, Calls, read_answered
from .signatures import SKIP, standard, unwrapped
from .usual import UsualContent, read_contents, read_usual

ROLES: Mapping[str, Role] = {"": "user", "USER": "user", "MODEL": "assistant", "FUNCTION": "user", "TOOL": "user"}
FORMATS: Mapping[str, str] = {"mpeg": "mp3", "mp3": "mp3", "wav": "wav", "x-wav": "wav", "wave": "wav"}
"""What a sound's media type is called elsewhere; any other goes by its own name."""

STORED = ("https://generativelanguage.googleapis.com/", "https://storage.cloud.google.com/")
KINDS = frozenset({
    "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult", "toolCall",
    "toolResponse",
})  # fmt: skip
"""What a part may say (google-genai 3.6, Part)."""
_SIBLINGS = ("thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata")
"""What stands beside what a part says."""


def read_turns(body: Fields) -> tuple[Message, ...]:
    """Return the turns: the instruction first; neighbours of one role are one, as the API takes them."""
    turns: list[tuple[Role, list[Part]]] = []
    system = body.child("systemInstruction")
    if system is not None:
        system.take_raw("role")  # the SDK says "user"
        turns.append(("system", [_instruction(part) for part in system.children("parts")]))
        system.close()
    contents = read_contents(body, "contents")
    if not contents:
        refuse('the body has no "contents": send at least one', "missing_field")
    calls = Calls()
    for place, content in enumerate(contents):
        if isinstance(content, UsualContent):
            role, parts = read_usual(content, place, calls)
        else:
            role, parts = _read(content, place, calls)
        if turns and turns[-1][0] == role:
            _join(turns[-1][1], parts)
        else:
            turns.append((role, _join([], parts)))
    return tuple(Message(role, _content(parts)) for role, parts in turns if parts or role != "system")


def _read(content: Fields, place: int, calls: Calls) -> tuple[Role, list[Part]]:
    role = _role(content)
    if not content.has("parts"):
        refuse(f'the body has no "{content.at("parts")}": add a list of parts', "missing_field")
    parts = _Turn(place, role, calls).read(content.children("parts"))
    content.close()
    return role, parts


def _join(turn: list[Part], parts: list[Part]) -> list[Part]:
    """Put parts behind others; a thought that came in pieces is one again, for its maker signed the whole of it."""
    for part in parts:
        last = turn[-1] if turn else None
        if type(part) is Thinking and type(last) is Thinking and last == Thinking(last.text):
            turn[-1] = msgspec.structs.replace(part, text=last.text + part.text)
        else:
            turn.append(part)
    return turn


def _role(content: Fields) -> Role:
    role = ROLES.get(content.word("role"))
    if role is None:
        refuse(f'the field "{content.at("role")}" of the body is wrong: say "user" or "model"', "invalid_value")
    return role


def _content(parts: list[Part]) -> str | tuple[Part, ...]:
    match parts:
        case []:
            return ""
        case [Text(text=text)]:
            return text
    return tuple(parts)


def _instruction(part: Fields) -> Part:
    text = part.take("text", TEXT)
    if text is None:
        give_up(f'"{part.path}" is no text, and no other dialect takes anything else as an instruction: say it in words')
    part.close()
    return Text(text)


class _Turn:
    """One content on its way."""

    __slots__ = ("_calls", "_place", "_role")

    def __init__(self, place: int, role: Role, calls: Calls) -> None:
        self._place, self._role, self._calls = place, role, calls

    def read(self, parts: list[Fields]) -> list[Part]:
        found: list[Part] = []
        for spot, part in enumerate(parts):
            read = self._read(part, spot)
            part.close()
            found += [one for one in read if one not in _NOTHING]
        return found

    def _read(self, part: Fields, spot: int) -> list[Part]:
        if self._role == "assistant":
            return self._answered(part, spot)
        _note_signature(part)
        if part.has("functionResponse"):
            return [self._result(part.need_child("functionResponse"))]
        return [_said(part)]

    def _answered(self, part: Fields, spot: int) -> list[Part]:
        if part.has("functionCall"):
            _note_signature(part)
            return [self._call(part.need_child("functionCall"), spot)]
        thought = part.take("thought", FLAG)
        text = part.take("text", TEXT)
        if text is None:
            _refuse_unknown(part, "model")
        if not thought:
            _note_signature(part)
            return [Text(text)]
        return [_thought(part, text)]

    def _call(self, call: Fields, spot: int) -> ToolCall:
        id_, name = call.take("id", TEXT) or f"call_{self._place}_{spot}", call.need("name", TEXT)
        raw = call.take_raw("args")
        if raw is not None and not bytes(raw).startswith(b"{"):
            refuse(f'the field "{call.at("args")}" of the body is wrong: expected object', "invalid_type")
        call.close()
        self._calls.ask(id_, name)
        return ToolCall(id_, name, bytes(raw).decode() if raw is not None else "{}")

    def _result(self, told: Fields) -> ToolResult:
        name = told.need("name", TEXT)
        call_id = self._calls.answered(told.take("id", TEXT) or "", name)
        if call_id is None:
            refuse(f'"{told.path}" answers no call: put the functionCall "{name}" into the turn before it', "invalid_value")
        answered = read_answered(told.take_raw("response") or NO_OBJECT)
        if answered is None:
            refuse(f'the field "{told.at("response")}" of the body is wrong: expected object', "invalid_type")
        texts, is_error = answered
        media = [_shown(part) for part in told.children("parts")]
        told.close()
        return ToolResult(call_id, (*texts, *media), is_error)


_NOTHING = (Text(""), Thinking(""))


def _thought(part: Fields, text: str) -> Thinking:
    signature = part.take("thoughtSignature", TEXT) or ""
    foreign = unwrapped(signature, text)
    if signature and foreign is None:
        part.note("thoughtSignature")
    return foreign or Thinking(text)


def _note_signature(part: Fields) -> None:
    signature = part.take("thoughtSignature", TEXT)
    if signature and standard(signature) != SKIP:
        part.note("thoughtSignature")


def _said(part: Fields) -> Part:
    text = part.take("text", TEXT)
    if text is not None:
        part.take("thought", FLAG)
        return Text(text)
    return _media(part)


def _shown(part: Fields) -> Image | File:
    media = _media(part)
    if isinstance(media, Audio):
        give_up(f'"{part.path}" is sound in a tool\'s result, which no other dialect takes: send its words as text')
    return media


def _media(part: Fields) -> Image | File | Audio:
    if part.has("inlineData"):
        return _inline(part.need_child("inlineData"))
    if not part.has("fileData"):
        _refuse_unknown(part, "user")
    return _file(part.need_child("fileData"))


def _inline(blob: Fields) -> Image | File | Audio:
    media_type, told = blob.need("mimeType", TEXT).lower(), blob.need("data", TEXT)
    data = base64_of(told) or base64_of(standard(told))
    if data is None:
        refuse(f'the field "{blob.at("data")}" of the body is wrong: {BROKEN}', "invalid_value")
    name = blob.take("displayName", TEXT) or ""
    kind, _, form = media_type.partition("/")
    blob.close()
    if kind == "video":
        give_up(f'"{blob.path}" is a video, which only Google\'s models see: leave it out, or ask one of them')
    if kind == "audio":
        return Audio(FORMATS.get(form, form), data)
    return Image(media_type, data) if kind == "image" else File(media_type, data, name=name)


def _file(told: Fields) -> Image | File:
    url, media_type = told.need("fileUri", TEXT), (told.take("mimeType", TEXT) or "").lower()
    name = told.take("displayName", TEXT) or ""
    told.close()
    if not url.lower().startswith(("http://", "https://")) or url.startswith(STORED):
        give_up(f'"{told.path}" is stored at Google, where no other provider can read it: send the data as "inlineData"')
    kind = media_type.partition("/")[0] or _KINDS.get(url.partition("?")[0].rpartition(".")[2].lower(), "")
    if kind == "image":
        return Image(url=url)
    if kind not in ("application", "text"):
        give_up(f'"{told.path}" is neither a picture nor a document, and no other dialect takes an address of anything else')
    return File(media_type, url=url, name=name)


_KINDS = dict.fromkeys(("png", "jpg", "jpeg", "webp", "gif"), "image") | {"pdf": "application", "txt": "text"}


def _refuse_unknown(part: Fields, role: str) -> NoReturn:
    names = [name for name in part.left() if name not in _SIBLINGS]
    if names and names[0] not in KINDS:
        what = f'the field "{part.at(names[0])}" of the body is wrong'
        refuse(f'{what}: it is no content of a part, send one of {", ".join(sorted(KINDS))}', "invalid_value")
    kind = f'of type "{names[0]}"' if names else "without content"
    give_up(
        f'"{part.path}" is a part {kind} in a turn of role {role}, which only Google\'s models can be told: '
        "leave it out, or ask one of them"
    )
