"""OpenAI chat completions, streamed: the passthrough's reader (docs/wire.md, OpenAI chat streams).

Never changes a frame. The terminal marker is a `finish_reason` for every choice seen, then `[DONE]` or a clean end
(docs/reliability.md, When a stream is whole).
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...types.failure import FailureKind
from ..reader import FrameReader, convert, read_loosely, text_size
from ..sse import data_of
from ..values import terms_of
from .answer import steps_of, text_of
from .usage import ChatUsage, read_usage


class Function(msgspec.Struct, gc=False):
    """The growing arguments of a function call, or the input of a custom tool."""

    arguments: str | None = None
    input: str | None = None


class Call(msgspec.Struct, gc=False):
    """One tool call's step."""

    function: Function | None = None
    custom: Function | None = None


class Delta(msgspec.Struct, gc=False):
    """One choice's step; `reasoning` and `reasoning_content` are not OpenAI's own but others'."""

    content: str | None = None
    refusal: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[Call] | None = None
    function_call: Function | None = None
    audio: Any = None


class Choice(msgspec.Struct, gc=False):
    """One choice of a chunk."""

    index: int = 0
    delta: Delta | None = None
    finish_reason: str | None = None


class ExtraUsage(msgspec.Struct, gc=False):
    """Groq's place for the usage of a stream (docs/wire.md, Compatible servers)."""

    usage: ChatUsage | None = None


class Chunk(msgspec.Struct, gc=False):
    """One event of the stream."""

    choices: list[Choice] | None = None
    usage: ChatUsage | None = None
    id: str | None = None
    model: str | None = None
    x_groq: ExtraUsage | None = None
    error: Any = None
    service_tier: Any = None


_decode = msgspec.json.Decoder(Chunk).decode


def read_chunk(payload: bytes) -> Chunk | None:
    """Read one event's data; what has an unexpected type counts as absent; None where it is no JSON object."""
    try:
        return _decode(payload)
    except (ValueError, RecursionError):
        told = read_loosely(payload)
    if told is None:
        return None
    choices = [_read_choice(choice) for choice in steps_of(told.get("choices"))]
    usage, extra = convert(told.get("usage"), ChatUsage), convert(told.get("x_groq"), ExtraUsage)
    id_, model = _text(told.get("id")), _text(told.get("model"))
    return Chunk(choices, usage, id_, model, extra, told.get("error"), told.get("service_tier"))


def _read_choice(told: dict[str, Any]) -> Choice:
    delta, index = told.get("delta"), told.get("index")
    typed = convert(delta, Delta)
    if typed is None and isinstance(delta, dict):
        said = {name: value for name, value in delta.items() if name != "role" and value}
        text = text_of(delta.get("content"))
        typed = Delta(text or None, reasoning=str(said) if said and not text else None)  # something was said, whatever its form
    return Choice(index if isinstance(index, int) else 0, typed, _text(told.get("finish_reason")))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


class ChatReader(FrameReader):
    """Reads one stream for a passthrough."""

    __slots__ = ("_ended", "_keep_usage", "_open")

    def __init__(self, keep_usage: bool) -> None:
        super().__init__()
        self._keep_usage = keep_usage
        self._open: set[int] = set()
        self._ended: set[int] = set()

    def _read(self, frame: bytes) -> bool:
        payload = data_of(frame)
        if not payload:  # a comment, or a frame of other fields
            return True
        if payload == b"[DONE]":
            return self._end()
        chunk = read_chunk(payload)
        if chunk is None:
            return self._fail_unreadable()
        if chunk.error:
            return self._fail_by_event(chunk.error, payload)
        if not self.id:
            self.id, self.model = chunk.id or "", chunk.model or ""
            self._note_terms(chunk)
        for choice in chunk.choices or ():
            self._step(choice)
        if chunk.usage is None and chunk.x_groq is None:
            return True
        return self._note_usage(chunk)

    def _step(self, choice: Choice) -> None:
        delta = choice.delta
        if delta is not None:
            size = measure(delta)
            if size or (not self.committed and (delta.tool_calls or delta.function_call or delta.audio)):
                self.committed = True
                self.output_bytes += size
        if choice.finish_reason:
            self._ended.add(choice.index)
            self._open.discard(choice.index)
            self.ended = not self._open
            self.committed = self.committed or self.ended
        elif choice.index not in self._ended:
            self._open.add(choice.index)
            self.ended = False

    def _note_usage(self, chunk: Chunk) -> bool:
        told = chunk.usage or (chunk.x_groq and chunk.x_groq.usage)
        if not told:
            return True
        self._note_terms(chunk)
        self.usage = read_usage(told)
        self.usage_final = self.usage is not None and self._is_whole()
        return bool(chunk.choices) or self._keep_usage

    def _note_terms(self, chunk: Chunk) -> None:
        if chunk.service_tier:
            self.terms = terms_of(service_tier=chunk.service_tier)

    def _is_whole(self) -> bool:
        return bool(self._ended) and not self._open

    def _end(self) -> bool:
        if not self._is_whole():
            return self._fail(FailureKind.TRUNCATED, "the provider ended the stream without saying why the model stopped", None)
        self.complete = self.committed = True
        return True


def measure(delta: Delta) -> int:
    """Return the UTF-8 bytes of text in a step: visible, refusing, reasoning, tool arguments; 1 for sound, which has no text."""
    if delta.content and not (delta.reasoning or delta.reasoning_content):
        size = text_size(delta.content)
    else:
        # some servers repeat the same reasoning under both names
        size = text_size(delta.content or "") + text_size(delta.reasoning_content or delta.reasoning or "")
    if delta.refusal:
        size += text_size(delta.refusal)
    if delta.audio:
        size += 1  # it is content, and must not pass for keep-alives
    for call in delta.tool_calls or ():
        size += _measure_function(call.function) + _measure_function(call.custom)
    return size + _measure_function(delta.function_call)


def _measure_function(function: Function | None) -> int:
    return 0 if function is None else text_size(function.arguments or function.input or "")
