"""A chat completion's stream as events, for the library and for clients of another dialect (docs/wire.md, Across dialects).

Never judges the stream: that is `stream.ChatReader`. What a step has in an unexpected form counts as absent.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...types.content import Refusal, ToolCall
from ...types.events import (
    Event,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from ...types.response import Answered
from ..json import is_json
from ..reader import FrameEvents, convert, read_loosely
from ..sse import data_of
from .answer import beyond, finish_of, is_custom, minted, name_and_arguments, steps_of, string, text_of, thought_of
from .usage import ChatUsage, read_usage


class _Chunk(msgspec.Struct, gc=False):
    """One event of the stream; anything may stand anywhere."""

    choices: Any = None
    id: Any = None
    model: Any = None
    usage: Any = None
    x_groq: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode
_LEGACY = -1  # the index that stands for `function_call`


class ChatEvents(FrameEvents):
    """Reads one stream as events of its first choice."""

    __slots__ = ("_answer_id", "_calls", "_kinds", "_started")

    def __init__(self) -> None:
        super().__init__()
        self._started = False
        self._answer_id = ""
        self._calls = _Calls()
        self._kinds: set[type[Answered]] = set()

    def _take(self, frame: bytes, events: list[Event]) -> None:
        payload = data_of(frame)
        chunk = _read_chunk(payload) if payload and payload != b"[DONE]" else None
        if chunk is not None and not chunk.error:
            self._read(chunk, events)

    def _read(self, chunk: _Chunk, events: list[Event]) -> None:
        choices = steps_of(chunk.choices)
        if not self._started and (chunk.id or choices):
            self._started = True
            self._answer_id = str(chunk.id or "")
            events.append(Started(self._answer_id, string(chunk.model)))
        for choice in choices:
            if not choice.get("index"):
                self._step(choice, events)
        if told := chunk.usage or _extra_usage(chunk):
            usage = convert(told, ChatUsage)
            known = read_usage(usage) if usage else None
            if known is not None:
                events.append(UsageReported(known))

    def _step(self, choice: dict[str, Any], events: list[Event]) -> None:
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self._say(delta, events)
        reason = choice.get("finish_reason")
        if reason and isinstance(reason, str):
            self._calls.flush(self._answer_id, events)
            events.append(Finished(finish_of(reason, self._kinds | self._calls.kinds)))

    def _say(self, delta: dict[str, Any], events: list[Event]) -> None:
        thought, text, refusal = thought_of(delta), text_of(delta.get("content")), string(delta.get("refusal"))
        if thought:
            events.append(ThinkingDelta(thought))
        if text:
            events.append(TextDelta(text))
        if refusal:
            self._kinds.add(Refusal)
            events.append(RefusalDelta(refusal))
        if beside := beyond(delta):
            self._lost.update(dict.fromkeys(beside))
        if "tool_calls" in delta or "function_call" in delta:
            self._call(delta, events)

    def _call(self, delta: dict[str, Any], events: list[Event]) -> None:
        for step in steps_of(delta.get("tool_calls")):
            self._calls.take(step, self._answer_id, events)
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            self._calls.take({"index": _LEGACY, "function": legacy}, self._answer_id, events)


def _read_chunk(payload: bytes) -> _Chunk | None:
    try:
        return _decode(payload)
    except (ValueError, RecursionError):
        return convert(read_loosely(payload), _Chunk)


def _extra_usage(chunk: _Chunk) -> object:
    groq = chunk.x_groq  # (docs/wire.md, Compatible servers)
    return groq.get("usage") if isinstance(groq, dict) else None


class _Call:
    """One call while it comes: told as started once its name and its id are known."""

    __slots__ = ("custom", "held", "id", "is_told", "name", "place", "said")

    def __init__(self, place: int) -> None:
        self.place = place
        self.id = self.name = self.held = ""
        self.said: list[str] = []
        self.custom = self.is_told = False

    def take(self, step: dict[str, Any], events: list[Event]) -> None:
        name, arguments = name_and_arguments(step)
        self.custom = self.custom or is_custom(step)
        self.id, self.name = self.id or string(step.get("id")), self.name or name
        self.held += arguments
        self.said.append(arguments)
        if self.id and self.name:
            self.tell(events)

    def is_followed_by(self, step: dict[str, Any]) -> bool:
        """Does a step that may have no id begin another call: by another name, or by more arguments than there can be?"""
        name, arguments = name_and_arguments(step)
        return bool(name and self.name) and (name != self.name or bool(arguments and is_json("".join(self.said))))

    def tell(self, events: list[Event]) -> None:
        if not self.is_told:
            self.is_told = True
            events.append(ToolStarted(self.place, self.id, self.name, self.custom))
        if self.held:
            events.append(ToolDelta(self.place, self.held))
            self.held = ""


class _Calls:
    """The calls of one answer, told apart however a server numbers them.

    Some give no index, or the same one to each; some repeat id and name in every step; some give no id, or give it late
    (docs/wire.md, Compatible servers).
    """

    __slots__ = ("_at", "_calls")

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._at: dict[int, _Call] = {}

    @property
    def kinds(self) -> set[type[Answered]]:
        """The kinds of parts they add to an answer."""
        return {ToolCall} if self._calls else set()

    def take(self, step: dict[str, Any], answer_id: str, events: list[Event]) -> None:
        call = self._known(step)
        if call is None:
            self.flush(answer_id, events)
            call = self._open(step)
        call.take(step, events)

    def flush(self, answer_id: str, events: list[Event]) -> None:
        """Tell what was held back for an id that did not come."""
        for call in self._calls:
            if not call.is_told:
                call.id = call.id or minted(answer_id, call.place)
                call.tell(events)

    def _open(self, step: dict[str, Any]) -> _Call:
        call = _Call(len(self._calls))
        self._calls.append(call)
        index = step.get("index")
        if isinstance(index, int):
            self._at[index] = call
        return call

    def _known(self, step: dict[str, Any]) -> _Call | None:
        """Return the call that a step goes on with, None where it begins one."""
        id_, index = string(step.get("id")), step.get("index")
        if id_ and (known := next((call for call in self._calls if call.id == id_), None)):
            return known
        if isinstance(index, int):
            call, has_other_id = self._at.get(index), bool(id_ and name_and_arguments(step)[0])
        else:
            call, has_other_id = self._calls[-1] if self._calls else None, bool(id_)
        return None if call is None or (has_other_id and call.id) or call.is_followed_by(step) else call
