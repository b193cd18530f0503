"""Anthropic messages, streamed: the passthrough's reader and the library's event reader (docs/wire.md, Anthropic streams).

Never changes a frame. The terminal marker is `message_stop`; nothing else ends an answer.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..types.events import Event, Finished, Started, TextDelta, ThinkingDelta, UsageReported
from ..types.response import Finish
from .anthropic_usage import MessageUsage, merge, read_terms, read_usage
from .reader import FrameReader, convert, read_loosely, text_size
from .sse import Framer, data_of

FINISHES = {
    "end_turn": Finish.STOP,
    "stop_sequence": Finish.STOP,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "tool_use": Finish.TOOL_CALLS,
    "refusal": Finish.REFUSAL,
    "pause_turn": Finish.PAUSE,
}


class Message(msgspec.Struct, gc=False):
    """The head of an answer, from `message_start`."""

    id: str = ""
    model: str = ""
    usage: MessageUsage | None = None


class Block(msgspec.Struct, gc=False):
    """The beginning of a content block; text and thinking mostly begin empty, tools and redacted thinking do not."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None


class Delta(msgspec.Struct, gc=False):
    """One step of a block (`text`, `thinking`, `partial_json`, a signature, a citation), or of the message (`stop_reason`)."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class StreamEvent(msgspec.Struct, gc=False):
    """One event of the stream."""

    type: str = ""
    delta: Delta | None = None
    content_block: Block | None = None
    message: Message | None = None
    usage: MessageUsage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(StreamEvent).decode


def read_event(frame: bytes) -> StreamEvent | None:
    """Read one frame's data; what has an unexpected type counts as absent; None where it is no JSON object."""
    start = frame.find(b"\ndata: ")
    if start > 0 and frame.count(b"\n") == 3 and frame.startswith(b"event: ") and b"\r" not in frame:
        payload: bytes | None = frame[start + 7 :]  # the usual two lines, the blank line as white space
    else:
        payload = data_of(frame)
    if not payload:
        return _NOTHING
    try:
        return _decode(payload)
    except (ValueError, RecursionError):
        told = read_loosely(payload)
    return None if told is None else _read_loose_event(told)


_NOTHING = StreamEvent()


def _read_loose_event(told: dict[str, Any]) -> StreamEvent:
    delta, block, message = (told.get(name) for name in ("delta", "content_block", "message"))
    head = convert(message, Message)
    if head is None and isinstance(message, dict):
        head = Message(str(message.get("id") or ""), str(message.get("model") or ""), convert(message.get("usage"), MessageUsage))
    return StreamEvent(
        str(told.get("type") or ""), convert(delta, Delta), convert(block, Block), head, convert(told.get("usage"), MessageUsage),
        told.get("error"),
    )  # fmt: skip


class MessageReader(FrameReader):
    """Reads one stream for a passthrough."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        super().__init__()
        self._told: MessageUsage | None = None

    def _read(self, frame: bytes) -> bool:
        event = read_event(frame)
        if event is None:
            return self._fail_unreadable()
        type_ = event.type
        if type_ == "content_block_delta":
            self.committed = True
            if event.delta is not None:
                self.output_bytes += measure(event.delta)
        elif type_ == "error" or event.error:
            return self._fail_by_event(event.error, data_of(frame) or b"")
        else:
            self._note(event)
        return True

    def _note(self, event: StreamEvent) -> None:
        match event.type:
            case "message_start" if event.message is not None:
                self.id, self.model = event.message.id, event.message.model
                self._note_usage(event.message.usage)
            case "content_block_start":
                self._begin(event.content_block)
            case "message_delta":
                self._note_usage(event.usage)
                self.usage_final = self.usage is not None and event.usage is not None
                # a refusal is content: trying again behind the client's back is not for us to decide
                self.committed = self.committed or (event.delta is not None and event.delta.stop_reason == "refusal")
            case "message_stop":
                self.complete = self.committed = True

    def _begin(self, block: Block | None) -> None:
        if block is None:
            self.committed = True
            return
        said = (block.text or "") + (block.thinking or "")
        self.output_bytes += text_size(said)
        if said or block.type not in ("text", "thinking"):
            self.committed = True

    def _note_usage(self, told: MessageUsage | None) -> None:
        if told is not None:
            self._told = merge(self._told, told)
            self.usage = read_usage(self._told)
            self.terms = read_terms(self._told)


def measure(delta: Delta) -> int:
    """Return the UTF-8 bytes of text in a step: visible, thinking, tool arguments."""
    text = delta.text or delta.partial_json or delta.thinking
    return text_size(text) if text else 0


class MessageEvents:
    """Reads one stream as events."""

    __slots__ = ("_framer", "_told")

    def __init__(self) -> None:
        self._framer = Framer()
        self._told: MessageUsage | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes as they come; return the events they complete."""
        events: list[Event] = []
        for frame in self._framer.feed(data):
            event = read_event(frame)
            if event is not None:
                self._read(event, events)
        return events

    def _read(self, event: StreamEvent, events: list[Event]) -> None:
        match event.type:
            case "message_start" if event.message is not None:
                events.append(Started(event.message.id, event.message.model))
                self._note_usage(event.message.usage, events)
            case "content_block_start" if event.content_block is not None:
                _append(event.content_block.text, event.content_block.thinking, events)
            case "content_block_delta" if event.delta is not None:
                _append(event.delta.text, event.delta.thinking, events)
            case "message_delta":
                if event.delta is not None and event.delta.stop_reason:
                    events.append(Finished(FINISHES.get(event.delta.stop_reason, Finish.OTHER)))
                self._note_usage(event.usage, events)

    def _note_usage(self, told: MessageUsage | None, events: list[Event]) -> None:
        if told is None:
            return
        self._told = merge(self._told, told)
        usage = read_usage(self._told)
        if usage is not None:
            events.append(UsageReported(usage))


def _append(text: str | None, thinking: str | None, events: list[Event]) -> None:
    if thinking:
        events.append(ThinkingDelta(thinking))
    if text:
        events.append(TextDelta(text))
