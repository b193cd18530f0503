"""Turns, written as the `input` of a response (docs/wire.md, Across dialects).

Never writes a setting. Leading system turns are the instructions; reasoning goes back to the model that made it alone, and never
without the item that it led to:

    system, system, user, assistant(Thinking, Text, ToolCall), user(Text, ToolResult)
      ->  instructions; message(user), reasoning, message(assistant), function_call, function_call_output, message(user)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from ...types.content import Audio, File, Image, Message, Part, Refusal, Role, Text, Thinking, ToolCall, ToolResult, text_of
from ...types.failure import Failure, FailureKind
from ..openai_marks import MARK, Writing, life_of
from ..seal import unseal
from ..uncrossed import CrossingError

ERROR = "Error: "
"""In front of a failed tool's result, which has no other mark."""

MOST_ID = 64  # characters of a call's id (docs/wire.md, OpenAI responses)
SEPARATOR = "\n\n"

CONTENT = frozenset({"input_text", "input_image", "input_file", "input_audio", "output_text", "refusal"})
"""Types of a part given as a dict that stand in a message; any other is an item of its own."""

Wire = dict[str, Any]
Said = Part | Wire


def call_id(told: str) -> str:
    """Return a call's id as this API takes it: itself, or where it is too long a likeness with a digest, always the same.

    >>> call_id("call_1"), call_id("a" * 65)
    ('call_1', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa_635361c48bb9eab1')
    """
    if 0 < len(told) <= MOST_ID:
        return told
    return f"{told[:40] or 'call'}_{_digest(told)}"


def _digest(told: str) -> str:
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def write_turns(turns: Sequence[Message], model: str, writing: Writing) -> tuple[str, list[Wire]]:
    """Return the instructions and the items behind them; what is lost by it is added to `writing.lost`.

    Raises:
        CrossingError: a part can't be said in this dialect, or not by this role.
    """
    count = next((place for place, turn in enumerate(turns) if turn.role != "system"), 0)  # no input at all is refused
    if any(isinstance(part, dict) or writing.takes_mark(life_of(part)) for turn in turns[:count] for part in _kept(_parts(turn))):
        count = 0  # instructions are a text, and can't bear a mark
    instructions = SEPARATOR.join(filter(None, (_instruction(turn) for turn in turns[:count])))
    writer = _Items(model, writing)
    for turn in turns[count:]:
        writer.add(turn)
    if writer.items[-1:] and writer.items[-1].get("role") == "assistant":
        writing.lost["prefill"] = None  # it is taken for a whole answer
    writing.end()
    return instructions, writer.items


def _parts(turn: Message) -> Sequence[Said]:
    return (Text(turn.content),) if isinstance(turn.content, str) else turn.content


def _instruction(turn: Message) -> str:
    parts = _parts(turn)
    for part in parts:
        if not isinstance(part, Text):
            raise _misplaced(part, "system")
    return SEPARATOR.join(filter(None, (text_of([part]) for part in parts)))


class _Items:
    """The items so far."""

    def __init__(self, model: str, writing: Writing) -> None:
        self.items: list[Wire] = []
        self._model, self._writing, self._lost = model, writing, writing.lost
        self._custom: set[str] = set()  # the ids of calls that took free text
        self._thought: set[str] = set()  # the ids of reasoning items: one that stands twice is refused

    def add(self, turn: Message) -> None:
        match turn.role:
            case "user":
                self._hear(turn)
            case "assistant":
                self._answer(turn)
            case _:
                self._say("system", _kept(_parts(turn)))

    def _hear(self, turn: Message) -> None:
        parts = _kept(_parts(turn))
        results = [part for part in parts if isinstance(part, ToolResult)]
        rest = [part for part in parts if not isinstance(part, ToolResult)]
        self.items += map(self._result, results)
        for is_part, run in groupby(rest, key=_is_content):
            if is_part:
                self._say("user", list(run))
            else:
                self.items += [part for part in run if isinstance(part, dict)]
        if not parts and not (self.items and "output" in self.items[-1]):  # who answered a call need say no more
            self._say("user", [])

    def _say(self, role: Role, parts: list[Said]) -> None:
        is_marked = any(self._writing.takes_mark(life_of(part)) for part in parts)
        if not is_marked and all(isinstance(part, Text) for part in parts) and (role != "user" or len(parts) < 2):
            separator = SEPARATOR if role == "system" else ""
            self.items.append({"role": role, "content": separator.join(part.text for part in parts if isinstance(part, Text))})
        else:
            self.items.append({"role": role, "content": [_write_part(part, role, self._writing) for part in parts]})

    def _answer(self, turn: Message) -> None:
        if isinstance(turn.content, str):
            self.items.append({"role": "assistant", "content": turn.content})
            return
        start = len(self.items)
        for is_said, run in groupby(_kept(turn.content), key=_is_said):
            if is_said:
                parts = [_write_part(part, "assistant", self._writing) for part in run]
                self.items.append({"type": "message", "role": "assistant", "content": parts})
            else:
                self.items += self._write_all(run)
        while len(self.items) > start and self.items[-1].get("type") == "reasoning":
            self._thought.discard(self.items.pop()["id"])  # refused without the item that it led to
            self._lost["thinking"] = None

    def _write_all(self, parts: Iterator[Said]) -> Iterator[Wire]:
        for part in parts:
            match part:
                case dict():
                    yield part
                case ToolCall():
                    yield self._call(part)
                case Thinking():
                    yield from self._think(part)
                case _:
                    raise _misplaced(part, "assistant")

    def _think(self, thinking: Thinking) -> Iterator[Wire]:
        known = unseal(thinking.signature, self._model)
        if known is None:  # another model's, or nobody's: it would be refused
            self._lost["thinking"] = None
            return
        id_, encrypted = known
        summary = [{"type": "summary_text", "text": thinking.text}] if thinking.text else []
        id_ = id_ or f"rs_{_digest(encrypted)}"  # some clients leave it out, and the API demands one
        if id_ in self._thought:
            self._lost["thinking"] = None
            return
        self._thought.add(id_)
        yield {"type": "reasoning", "id": id_, "summary": summary, "encrypted_content": encrypted}

    def _call(self, call: ToolCall) -> Wire:
        self._writing.lose_mark(call.cache)
        id_ = call_id(call.id)
        if call.custom:
            self._custom.add(id_)
            return {"type": "custom_tool_call", "call_id": id_, "name": call.name, "input": call.arguments}
        return {"type": "function_call", "call_id": id_, "name": call.name, "arguments": call.arguments or "{}"}

    def _result(self, result: ToolResult) -> Wire:
        id_ = call_id(result.call_id)
        kept = _kept(_told_as_error(result.content) if result.is_error else result.content)
        written = [_write_part(part, "user", self._writing) for part in kept]
        if written and result.cache and MARK not in written[-1]:
            self._writing.mark(written[-1], result.cache)
        elif not written:
            self._writing.lose_mark(result.cache)
        is_plain = len(kept) == 1 and isinstance(kept[0], Text) and MARK not in written[0]
        output = written[0]["text"] if is_plain else written or ""
        kind = "custom_tool_call_output" if id_ in self._custom else "function_call_output"
        return {"type": kind, "call_id": id_, "output": output}


def _told_as_error(content: Sequence[Text | Image | File]) -> Sequence[Said]:
    match content:
        case [Text(text=text, cache=cache), *rest]:
            return [Text(ERROR + text, cache), *rest]
    return [Text(ERROR), *content]


def _kept(parts: Sequence[Said]) -> list[Said]:
    """Leave out texts that say nothing."""
    return [part for part in parts if not (isinstance(part, Text | Refusal) and not part.text)]


def _is_content(part: Said) -> bool:
    return not isinstance(part, dict) or part.get("type") in CONTENT


def _is_said(part: Said) -> bool:
    return isinstance(part, Text | Refusal) or (isinstance(part, dict) and part.get("type") in CONTENT)


def _write_part(part: Said, role: Role, writing: Writing) -> Wire:
    match part:
        case dict():
            return part
        case Text(text=text) if role == "assistant":
            writing.lose_mark(part.cache)
            return {"type": "output_text", "text": text}
        case Text(text=text):
            return writing.mark({"type": "input_text", "text": text}, part.cache)
        case Refusal(text=text) if role == "assistant":
            return {"type": "refusal", "refusal": text}
        case Image() if role == "user":
            url = part.url or f"data:{part.media_type};base64,{part.data}"
            return writing.mark({"type": "input_image", "image_url": url, "detail": part.detail or "auto"}, part.cache)
        case File() if role == "user":
            return writing.mark(_write_file(part), part.cache)
        case Audio(format=format_, data=data) if role == "user":
            return {"type": "input_audio", "input_audio": {"data": data, "format": format_}}
    raise _misplaced(part, role)


def _write_file(file: File) -> Wire:
    if file.url:
        return {"type": "input_file", "file_url": file.url} | ({"filename": file.name} if file.name else {})
    name = file.name or ("file.pdf" if file.media_type == "application/pdf" else "file")
    return {"type": "input_file", "filename": name, "file_data": f"data:{file.media_type};base64,{file.data}"}


def _misplaced(part: Said, role: Role) -> CrossingError:
    kind = FailureKind.UNSUPPORTED if isinstance(part, Image | File | Audio) else FailureKind.CALLER
    name = type(part).__name__
    return CrossingError(Failure(kind, f'a part "{name}" can\'t stand in a turn of role "{role}": put it into another turn'))
