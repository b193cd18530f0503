"""OpenAI responses, streamed: the passthrough's reader (docs/wire.md, OpenAI responses streams).

Never changes a frame, and decodes no more of one than it measures. The terminal marker is `response.completed` or
`response.incomplete`, and nothing else ends an answer; a `[DONE]` behind it, which some servers send, is not forwarded.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...types.failure import FailureKind
from ..reader import FrameReader, convert, read_loosely, text_size
from ..sse import data_of
from ..values import terms_of
from .usage import ResponseUsage, read_usage

K = FailureKind

FAULTS: dict[str, FailureKind] = {
    "invalid_prompt": K.CALLER,
    "bio_policy": K.CONTENT_REFUSED,
    "image_content_policy_violation": K.CONTENT_REFUSED,
    "misalignment_policy_violation": K.CONTENT_REFUSED,
    "invalid_image": K.CALLER,
    "invalid_image_format": K.CALLER,
    "invalid_base64_image": K.CALLER,
    "invalid_image_url": K.CALLER,
    "invalid_image_mode": K.CALLER,
    "image_too_large": K.CALLER,
    "image_too_small": K.CALLER,
    "image_file_too_large": K.CALLER,
    "image_parse_error": K.CALLER,
    "image_file_not_found": K.CALLER,
    "unsupported_image_media_type": K.CALLER,
    "empty_image_file": K.CALLER,
    "failed_to_download_image": K.CALLER,
}
"""`error.code` of a response that failed (openai 3.52, `ResponseError`), where the fault is not the provider's."""

QUIET = frozenset({"message", "reasoning"})
"""Items that begin empty: all others are content from their first word, a call of a tool or its work."""


class Item(msgspec.Struct, gc=False):
    """An output item, as far as it matters that there is one."""

    type: str = ""


class Told(msgspec.Struct, gc=False):
    """The response in a lifecycle event."""

    id: str | None = None
    model: str | None = None
    usage: ResponseUsage | None = None
    service_tier: Any = None
    error: Any = None


class StreamEvent(msgspec.Struct, gc=False):
    """One event of the stream; `code` stands beside `type` in an error event of the flat form."""

    type: str = ""
    delta: str | None = None
    item: Item | None = None
    response: Told | None = None
    error: Any = None
    code: Any = None


_decode = msgspec.json.Decoder(StreamEvent).decode


def payload_of(frame: bytes) -> bytes | None:
    """Return a frame's data, maybe with white space behind it, None where it has none."""
    start = frame.find(b"\ndata: ")
    if start > 0 and frame.count(b"\n") == 3 and frame.startswith(b"event: ") and b"\r" not in frame:
        return frame[start + 7 :]  # the usual two lines, the blank line as white space
    return data_of(frame)


def read_event(payload: bytes) -> StreamEvent | None:
    """Read one event's data; what has an unexpected type counts as absent; None where it is no JSON object."""
    try:
        return _decode(payload)
    except (ValueError, RecursionError):
        told = read_loosely(payload)
    if told is None:
        return None
    delta = told.get("delta")
    said = delta if isinstance(delta, str) else None if delta is None else str(delta)  # something was said, whatever its form
    item, response = convert(told.get("item"), Item), _read_told(told.get("response"))
    return StreamEvent(str(told.get("type") or ""), said, item, response, told.get("error"), told.get("code"))


def _read_told(told: object) -> Told | None:
    typed = convert(told, Told)
    if typed is None and isinstance(told, dict):
        usage, error = convert(told.get("usage"), ResponseUsage), told.get("error")
        return Told(_text(told.get("id")), _text(told.get("model")), usage, told.get("service_tier"), error)
    return typed


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


class ResponseReader(FrameReader):
    """Reads one stream for a passthrough."""

    __slots__ = ()

    def _read(self, frame: bytes) -> bool:
        payload = payload_of(frame)
        if not payload:  # a comment, or a frame of other fields
            return True
        if payload.startswith(b"[DONE]"):
            return self._fail(K.TRUNCATED, "the provider ended the stream without saying how the answer ended", None)
        event = read_event(payload)
        if event is None:
            return self._fail_unreadable()
        if event.error or event.type == "error":
            return self._fail_by_event(event.error or {"code": event.code}, data_of(frame) or b"")
        if event.delta is not None:
            self.committed = True
            # sound has no text
            self.output_bytes += 1 if event.type == "response.audio.delta" else text_size(event.delta)
            return True
        return self._note(event, payload)

    def _note(self, event: StreamEvent, payload: bytes) -> bool:
        match event.type:
            case "response.output_item.added":
                self.committed = self.committed or (event.item is not None and event.item.type not in QUIET)
            case "response.output_item.done":  # of a server that says it all at once; hidden reasoning is nothing seen
                self.committed = self.committed or (event.item is not None and event.item.type != "reasoning")
            case "response.completed" | "response.incomplete":
                self._note_told(event.response)
                self.usage_final = self.usage is not None
                self.complete = self.committed = True
            case "response.failed":
                self._note_told(event.response)
                self.usage_final = self.usage is not None
                return self._fail_by_response(event.response.error if event.response else None, payload)
            case "response.created" | "response.in_progress" | "response.queued":
                self._note_told(event.response)
        return True

    def _note_told(self, told: Told | None) -> None:
        if told is None:
            return
        self.id, self.model = told.id or self.id, told.model or self.model
        if told.usage is not None:
            self.usage = read_usage(told.usage) or self.usage
        self.terms = terms_of(service_tier=told.service_tier)

    def _fail_by_response(self, error: object, payload: bytes) -> bool:
        code = str(error.get("code") or "") if isinstance(error, dict) else ""
        if code not in FAULTS:
            return self._fail_by_event(error, payload.rstrip())
        return self._fail(FAULTS[code], f'the provider gave the answer up with "{code}"', code, payload.rstrip())
