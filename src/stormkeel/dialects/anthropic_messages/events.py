"""A message stream, read as events, for the library and for clients of another dialect (docs/wire.md, Anthropic streams).

Never judges a stream: that is the passthrough's reader (`stream`). Blocks of tools that ran at Anthropic are
passed over; a call without arguments is given an empty object, as it has in a whole answer.
"""

from __future__ import annotations

from typing import Any

import msgspec

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
from ...types.response import Finish
from ..reader import FrameEvents, convert, read_loosely
from .answer import CITATIONS, FINISHES, is_read, read_explanation
from .stream import Message, payload_of, read_head
from .usage import MessageUsage, merge, read_usage
from .wire import encode


class Block(msgspec.Struct, gc=False):
    """The beginning of a content block: a tool's input comes later, mostly."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Any = None


class Delta(msgspec.Struct, gc=False):
    """One step of a block or of the message."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Any = None


class StreamEvent(msgspec.Struct, gc=False):
    """One event of the stream, with all that an answer is made of."""

    type: str = ""
    index: int = 0
    delta: Delta | None = None
    content_block: Block | None = None
    message: Message | None = None
    usage: MessageUsage | None = None


_decode = msgspec.json.Decoder(StreamEvent).decode


def _read_event(frame: bytes) -> StreamEvent | None:
    payload = payload_of(frame)
    if not payload:
        return None
    try:
        return _decode(payload)
    except (ValueError, RecursionError):
        told = read_loosely(payload)
    return None if told is None else _read_loose_event(told)


def _read_loose_event(told: dict[str, Any]) -> StreamEvent:
    index = told.get("index")
    return StreamEvent(
        str(told.get("type") or ""), index if isinstance(index, int) else 0, convert(told.get("delta"), Delta),
        convert(told.get("content_block"), Block), read_head(told.get("message")), convert(told.get("usage"), MessageUsage),
    )  # fmt: skip


class _Call:
    """A tool call in the making: its number among the calls, and whether it has arguments yet."""

    __slots__ = ("has_arguments", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.has_arguments = False


class MessageEvents(FrameEvents):
    """Reads one stream as events; see `base.EventReader`."""

    __slots__ = ("_calls", "_count", "_thinking", "_told")

    def __init__(self) -> None:
        super().__init__()
        self._told: MessageUsage | None = None
        self._calls: dict[int, _Call] = {}  # those that are open, by their block's index
        self._count = 0
        self._thinking = False  # was thinking said that no signature has ended yet?

    def _take(self, frame: bytes, events: list[Event]) -> None:
        event = _read_event(frame)
        if event is not None:
            self._read(event, events)

    def _read(self, event: StreamEvent, events: list[Event]) -> None:
        match event.type:
            case "content_block_delta" if event.delta is not None:
                self._step(event.index, event.delta, events)
            case "content_block_start" if event.content_block is not None:
                self._begin(event.index, event.content_block, events)
            case "content_block_stop":
                self._end(event.index, events)
            case "message_start" if event.message is not None:
                events.append(Started(event.message.id, event.message.model))
                self._note_usage(event.message.usage, events)
            case "message_delta":
                self._finish(event.delta, events)
                self._note_usage(event.usage, events)

    def _begin(self, index: int, block: Block, events: list[Event]) -> None:
        self._say(block.text, block.thinking, events)
        if block.type and not is_read(block.type):
            self._lost[block.type] = None
        match block.type:
            case "thinking" if block.signature:
                self._seal(events, block.signature)
            case "redacted_thinking":
                events.append(ThinkingSealed(redacted=block.data or ""))
            case "tool_use":
                self._calls[index] = call = _Call(self._count)
                self._count += 1
                events.append(ToolStarted(call.number, block.id or "", block.name or ""))
                if block.input and isinstance(block.input, dict):  # whole at once, as some servers send it
                    self._argue(call, encode(block.input).decode(), events)

    def _step(self, index: int, delta: Delta, events: list[Event]) -> None:
        self._say(delta.text, delta.thinking, events)
        if delta.signature:
            self._seal(events, delta.signature)
        if delta.type == "citations_delta":
            self._lost[CITATIONS] = None
        if delta.partial_json and index in self._calls:
            self._argue(self._calls[index], delta.partial_json, events)

    def _end(self, index: int, events: list[Event]) -> None:
        call = self._calls.pop(index, None)
        if call is not None and not call.has_arguments:
            self._argue(call, "{}", events)
        if self._thinking:
            self._seal(events)

    def _finish(self, delta: Delta | None, events: list[Event]) -> None:
        if delta is None or not delta.stop_reason:
            return
        explanation = read_explanation(delta.stop_details)
        if explanation:
            events.append(RefusalDelta(explanation))
        events.append(Finished(FINISHES.get(delta.stop_reason, Finish.OTHER), delta.stop_sequence or ""))

    def _say(self, text: str | None, thinking: str | None, events: list[Event]) -> None:
        if thinking:
            self._thinking = True
            events.append(ThinkingDelta(thinking))
        if text:
            events.append(TextDelta(text))

    def _seal(self, events: list[Event], signature: str = "") -> None:
        self._thinking = False
        events.append(ThinkingSealed(signature))

    def _argue(self, call: _Call, arguments: str, events: list[Event]) -> None:
        call.has_arguments = True
        events.append(ToolDelta(call.number, arguments))

    def _note_usage(self, told: MessageUsage | None, events: list[Event]) -> None:
        if told is None:
            return
        self._told = merge(self._told, told)
        usage = read_usage(self._told)
        if usage is not None:
            events.append(UsageReported(usage))
