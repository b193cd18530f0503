"""A response's stream as events, for the library and for clients of another dialect (docs/wire.md, OpenAI responses streams).

Never judges the stream: that is `stream.ResponseReader`. Items of tools that ran at the provider are passed over; an item that
comes whole, without its steps, says all of itself when it is done.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...types.content import Refusal, Text, ToolCall
from ...types.events import (
    Event,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSealed,
    ToolDelta,
    ToolStarted,
    UsageReported,
)  # fmt: skip
from ...types.response import Answered
from ..reader import FrameEvents, convert, read_loosely
from .answer import CALLS, SEPARATOR, Wire, beyond, call_id_of, finish_of, minted, objects, read_item, sealed, string, thought_of
from .stream import payload_of
from .usage import ResponseUsage, read_usage

ENDS = frozenset({"response.completed", "response.incomplete"})


class _Step(msgspec.Struct, gc=False):
    """One event of the stream; anything may stand anywhere."""

    type: Any = None
    delta: Any = None
    output_index: Any = None
    summary_index: Any = None
    content_index: Any = None
    item: Any = None
    response: Any = None


_decode = msgspec.json.Decoder(_Step).decode


def _read_step(frame: bytes) -> _Step | None:
    payload = payload_of(frame)
    if not payload or payload.startswith(b"[DONE]"):
        return None
    try:
        return _decode(payload)
    except (ValueError, RecursionError):
        return convert(read_loosely(payload), _Step)


class _Item:
    """An output item on its way.

    Attributes:
        number: of a call among the calls, None of any other item.
        has_said: did it say anything yet?
        part: the part of a reasoning item that was said last.
        is_done: was it told as done?
    """

    __slots__ = ("has_said", "is_done", "number", "part")

    def __init__(self) -> None:
        self.number: int | None = None
        self.has_said = self.is_done = False
        self.part: tuple[str, Any] | None = None


class ResponseEvents(FrameEvents):
    """Reads one stream as events; see `base.EventReader`."""

    __slots__ = ("_answer_id", "_calls", "_items", "_kinds", "_model", "_open", "_started")

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[int, _Item] = {}
        self._kinds: set[type[Answered]] = set()
        self._answer_id = self._model = ""
        self._calls = 0
        self._open: _Item | None = None  # whose reasoning was said last, and nothing since
        self._started = False

    def _take(self, frame: bytes, events: list[Event]) -> None:
        step = _read_step(frame)
        if step is not None:
            self._read(step, events)

    def _read(self, step: _Step, events: list[Event]) -> None:
        index = step.output_index if isinstance(step.output_index, int) else 0
        if isinstance(step.delta, str) and step.delta:
            self._say(step, index, events)
        elif isinstance(step.item, dict):
            if step.type == "response.output_item.added":
                self._add(step.item, index, events)
            elif step.type == "response.output_item.done":
                self._end(step.item, index, events)
        elif isinstance(step.response, dict):
            self._note(string(step.type), step.response, events)

    def _say(self, step: _Step, index: int, events: list[Event]) -> None:
        text: str = step.delta
        item = self._items.setdefault(index, _Item())
        match step.type:
            case "response.output_text.delta":
                self._voice(Text, item)
                events.append(TextDelta(text))
            case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" if item.number is not None:
                item.has_said = True
                events.append(ToolDelta(item.number, text))
            case "response.reasoning_summary_text.delta":
                self._think(text, item, ("summary", step.summary_index), events)
            case "response.reasoning_text.delta":
                self._think(text, item, ("content", step.content_index), events)
            case "response.refusal.delta":
                self._voice(Refusal, item)
                events.append(RefusalDelta(text))

    def _voice(self, kind: type[Answered], item: _Item) -> None:
        self._kinds.add(kind)
        item.has_said, self._open = True, None

    def _think(self, text: str, item: _Item, part: tuple[str, Any], events: list[Event]) -> None:
        if item.part not in (None, part):
            text = SEPARATOR + text
        item.part, item.has_said, self._open = part, True, item
        events.append(ThinkingDelta(text))

    def _add(self, told: Wire, index: int, events: list[Event]) -> None:
        item = self._items.setdefault(index, _Item())
        if told.get("type") in CALLS and item.number is None:
            self._kinds.add(ToolCall)
            item.number, self._open = self._calls, None
            self._calls += 1
            id_ = call_id_of(told) or minted(self._answer_id, index)
            events.append(ToolStarted(item.number, id_, string(told.get("name")), told["type"] == "custom_tool_call"))

    def _end(self, told: Wire, index: int, events: list[Event]) -> None:
        self._add(told, index, events)
        item = self._items[index]
        if item.is_done:
            return
        item.is_done = True
        self._lost.update(dict.fromkeys(beyond(told)))
        if told.get("type") == "reasoning":
            self._seal(item, told, events)
        else:
            self._say_whole(item, told, events)

    def _say_whole(self, item: _Item, told: Wire, events: list[Event]) -> None:
        if item.has_said:
            return
        for part in read_item(told, "", self._model):
            match part:
                case ToolCall(arguments=arguments) if arguments and item.number is not None:
                    events.append(ToolDelta(item.number, arguments))
                case Text(text=text):
                    self._kinds.add(Text)
                    events.append(TextDelta(text))
                case Refusal(text=text):
                    self._kinds.add(Refusal)
                    events.append(RefusalDelta(text))

    def _seal(self, item: _Item, told: Wire, events: list[Event]) -> None:
        """End a stretch of reasoning; one that something else has ended already needs its signature only."""
        text, signature = thought_of(told), sealed(told, self._model)
        if text and not item.has_said:
            events.append(ThinkingDelta(text))
            self._open = item
        if signature or self._open is item:
            events.append(ThinkingSealed(signature))
        self._open = None if self._open is item else self._open

    def _note(self, type_: str, told: Wire, events: list[Event]) -> None:
        if not self._started:
            self._started = True
            self._answer_id, self._model = string(told.get("id")), string(told.get("model"))
            events.append(Started(self._answer_id, self._model))
        if type_ not in ENDS:
            return
        if not self._items:  # a server that has no steps at all
            for index, item in enumerate(objects(told.get("output"))):
                self._end(item, index, events)
        finish = finish_of(told.get("status") or type_.removeprefix("response."), told.get("incomplete_details"), self._kinds)
        if finish is not None:
            events.append(Finished(finish))
        usage = convert(told.get("usage"), ResponseUsage) if told.get("usage") else None
        known = read_usage(usage) if usage else None
        if known is not None:
            events.append(UsageReported(known))
