"""Anthropic messages, streamed: the passthrough's reader (docs/wire.md, Anthropic streams).

Never changes a frame, and decodes no more of one than it measures. The terminal marker is `message_stop`; nothing else ends an
answer.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..reader import FrameReader, convert, read_loosely, text_size
from ..sse import data_of
from .usage import MessageUsage, merge, read_terms, read_usage


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


def payload_of(frame: bytes) -> bytes | None:
    """Return a frame's data, maybe with white space behind it, None where it has none."""
    start = frame.find(b"\ndata: ")
    if start > 0 and frame.count(b"\n") == 3 and frame.startswith(b"event: ") and b"\r" not in frame:
        return frame[start + 7 :]  # the usual two lines, the blank line as white space
    return data_of(frame)


def read_event(frame: bytes) -> StreamEvent | None:
    """Read one frame's data; what has an unexpected type counts as absent; None where it is no JSON object."""
    start = frame.find(b"\ndata: ")  # `payload_of`, in place: a call for each frame is felt
    if start > 0 and frame.count(b"\n") == 3 and frame.startswith(b"event: ") and b"\r" not in frame:
        payload: bytes | None = frame[start + 7 :]
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
    delta, block = convert(told.get("delta"), Delta), convert(told.get("content_block"), Block)
    head, usage = read_head(told.get("message")), convert(told.get("usage"), MessageUsage)
    return StreamEvent(str(told.get("type") or ""), delta, block, head, usage, told.get("error"))


def read_head(told: object) -> Message | None:
    """Return the head of an answer from a decoded value, as much as makes sense of it."""
    head = convert(told, Message)
    if head is None and isinstance(told, dict):
        return Message(str(told.get("id") or ""), str(told.get("model") or ""), convert(told.get("usage"), MessageUsage))
    return head


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
