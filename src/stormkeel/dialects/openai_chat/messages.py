"""Turns, written as the messages of a chat completion (docs/wire.md, Across dialects).

Never writes a setting. A result goes right behind its call, whatever else its turn says; what no `tool` message can hold follows:

    assistant(ToolCall a, ToolCall b), user(Text, ToolResult b, ToolResult a(Image))
      ->  assistant(tool_calls a, b), tool a, tool b, user("From the result of ... a", image, text)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from ...types.content import Audio, File, Image, Message, Part, Refusal, Role, Text, Thinking, ToolCall, ToolResult
from ...types.failure import Failure, FailureKind
from ..openai_marks import MARK, Writing
from ..uncrossed import CrossingError

ERROR = "Error: "
"""In front of a failed tool's result, which has no other mark."""

Wire = dict[str, Any]
Said = Part | Wire
_WORDS = (Text, Refusal)
_SEPARATORS: dict[Role, str] = {"system": "\n\n", "user": "", "assistant": ""}


def write_messages(turns: Sequence[Message], lost: dict[str, None], marks: bool = False) -> list[Wire]:
    """Write turns; what they lose by it is added to `lost`. `marks`: does the model take cache marks?

    Raises:
        CrossingError: a part can't be said in this dialect, or not by this role.
    """
    written = _plain(turns)
    if not written:
        writing = Writing(lost, marks, is_long_known=False)
        written = _mixed(turns, writing)
        writing.end()
    if written and written[-1]["role"] == "assistant" and "tool_calls" not in written[-1]:
        lost["prefill"] = None  # it is taken for a whole answer
    return written


def _plain(turns: Sequence[Message]) -> list[Wire] | None:
    """Write turns of nothing but text, as most are, None where there are others."""
    written: list[Wire] = []
    for turn in turns:
        content = turn.content
        if type(content) is not str:
            return None
        written.append({"role": turn.role, "content": content})
    return written


def _mixed(turns: Sequence[Message], writing: Writing) -> list[Wire]:
    written: list[Wire] = []
    calls: list[ToolCall] = []
    for role, run in groupby(_spoken(turns, writing), key=lambda turn: turn.role):
        if role == "user":
            written += _hear(list(run), calls, writing)
            continue
        for turn in run:
            if role == "assistant":
                calls = [part for part in _parts(turn) if isinstance(part, ToolCall)]
                written.append(_answer(turn, writing))
            else:
                written.append({"role": "system", "content": _content(_parts(turn), "system", writing)})
    return written


def _spoken(turns: Sequence[Message], writing: Writing) -> Iterator[Message]:
    """Leave out turns of nothing but thoughts: what stands around them is then said in a row."""
    for turn in turns:
        if turn.role == "assistant" and _only_thinks(turn.content):
            writing.lost["thinking"] = None
        else:
            yield turn


def _only_thinks(content: str | Sequence[Said]) -> bool:
    if isinstance(content, str):
        return False
    thoughts = [isinstance(part, Thinking) for part in _kept(content)]
    return bool(thoughts) and all(thoughts)


def _parts(turn: Message) -> Sequence[Said]:
    return (Text(turn.content),) if isinstance(turn.content, str) else turn.content


def _kept(parts: Sequence[Said]) -> list[Said]:
    """Leave out texts that say nothing."""
    return [part for part in parts if not (isinstance(part, _WORDS) and not part.text)]


def _content(parts: Sequence[Said], role: Role, writing: Writing) -> str | list[Wire]:
    """Return a content: one text wherever it is nothing but text, as not every server takes a list."""
    kept = _kept(parts)
    written = [_say(part, role, writing) for part in kept]
    is_plain = all(isinstance(part, Text) for part in kept) and not any(MARK in part for part in written)
    if is_plain and (role != "user" or len(kept) < 2):
        return _SEPARATORS[role].join(part["text"] for part in written)
    return written


def _answer(turn: Message, writing: Writing) -> Wire:
    told = _kept(_parts(turn))
    said = [part for part in told if not isinstance(part, Thinking)]
    if len(said) < len(told):
        writing.lost["thinking"] = None
    calls = [_write_call(part, writing) for part in said if isinstance(part, ToolCall)]
    content = _content([part for part in said if not isinstance(part, ToolCall)], "assistant", writing)
    if calls:
        return {"role": "assistant", "content": content or None, "tool_calls": calls}
    return {"role": "assistant", "content": content}


def _write_call(call: ToolCall, writing: Writing) -> Wire:
    writing.lose_mark(call.cache)
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}


def _hear(run: list[Message], calls: list[ToolCall], writing: Writing) -> Iterator[Wire]:
    """Write user turns in a row: every result first, in the order of the calls."""
    order = {call.id: place for place, call in enumerate(calls)}
    names = {call.id: call.name for call in calls}
    results = [part for turn in run for part in _parts(turn) if isinstance(part, ToolResult)]
    results.sort(key=lambda result: order.get(result.call_id, len(order)))
    attached: list[Said] = []
    for result in results:
        yield _write_result(result, writing)
        attached += _attached(result, names.get(result.call_id, ""))
    for turn in run:
        rest = [part for part in _kept(_parts(turn)) if not isinstance(part, ToolResult)]
        if rest or not results:
            yield _hear_one([*attached, *rest], writing)
            attached = []
    if attached:
        yield _hear_one(attached, writing)


def _hear_one(parts: list[Said], writing: Writing) -> Wire:
    return {"role": "user", "content": _content(parts, "user", writing)}


def _write_result(result: ToolResult, writing: Writing) -> Wire:
    texts = [part for part in result.content if isinstance(part, Text) and part.text]
    life = result.cache or next((part.cache for part in reversed(texts) if part.cache), "")
    text = "\n".join(part.text for part in texts)
    told = ERROR + text if result.is_error else text
    if not told:
        writing.lose_mark(life)
    content: str | list[Wire] = told
    if told and writing.takes_mark(life):
        content = [writing.mark({"type": "text", "text": told}, life)]
    return {"role": "tool", "tool_call_id": result.call_id, "content": content}


def _attached(result: ToolResult, name: str) -> list[Said]:
    media: list[Said] = [part for part in result.content if not isinstance(part, Text)]
    of = f'"{result.call_id}" ("{name}")' if name else f'"{result.call_id}"'
    return [Text(f"From the result of tool call {of}:"), *media] if media else []


def _say(part: Said, role: Role, writing: Writing) -> Wire:
    match part:
        case dict():
            return part
        case Text(text=text):
            return writing.mark({"type": "text", "text": text}, part.cache)
        case Refusal(text=text) if role == "assistant":
            return {"type": "refusal", "refusal": text}
        case Image() if role == "user":
            return writing.mark(_write_image(part), part.cache)
        case File() if role == "user":
            return writing.mark(_write_file(part), part.cache)
        case Audio(format=format_, data=data) if role == "user":
            return {"type": "input_audio", "input_audio": {"data": data, "format": format_}}
    raise _misplaced(part, role)


def _write_image(image: Image) -> Wire:
    url = image.url or f"data:{image.media_type};base64,{image.data}"
    return {"type": "image_url", "image_url": {"url": url, "detail": image.detail} if image.detail else {"url": url}}


def _write_file(file: File) -> Wire:
    if file.url:
        why = "a chat completion takes a file's data, not its address: send the data"
        raise CrossingError(Failure(FailureKind.UNSUPPORTED, why))
    name = file.name or ("file.pdf" if file.media_type == "application/pdf" else "file")
    return {"type": "file", "file": {"filename": name, "file_data": f"data:{file.media_type};base64,{file.data}"}}


def _misplaced(part: Part, role: Role) -> CrossingError:
    kind = FailureKind.UNSUPPORTED if isinstance(part, Image | File | Audio) else FailureKind.CALLER
    name = type(part).__name__
    return CrossingError(Failure(kind, f'a part "{name}" can\'t stand in a turn of role "{role}": put it into another turn'))
