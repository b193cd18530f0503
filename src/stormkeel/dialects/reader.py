"""The stream readers' skeletons, shared by the dialects: frames in, and frames that may pass or events out.

Never knows a dialect: `_take` reads one frame, `_read` judges one, and `_is_whole` says whether an end without the terminal
marker will do.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import msgspec

from ..types.events import Event
from ..types.failure import Failure, FailureKind
from ..types.usage import Usage
from .sse import Framer, data_of
from .stream_errors import kind_of_stream_error
from .values import NO_TERMS

T = TypeVar("T")


class FrameEvents(ABC):
    """Reads one upstream stream as events; see `base.EventReader`."""

    __slots__ = ("_framer", "_lost")

    def __init__(self) -> None:
        self._framer = Framer()
        self._lost: dict[str, None] = {}

    @property
    def lost(self) -> tuple[str, ...]:
        """What was said that is no event."""
        return tuple(self._lost)

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes as they come; return the events they complete."""
        events: list[Event] = []
        for frame in self._framer.feed(data):
            self._take(frame, events)
        return events

    @abstractmethod
    def _take(self, frame: bytes, events: list[Event]) -> None:
        """Add the events of one whole frame."""


class FrameReader(ABC):
    """Reads one upstream stream; see `base.StreamReader` for the attributes."""

    __slots__ = (
        "_framer", "committed", "complete", "ended", "failure", "id", "is_spoilt", "model", "output_bytes", "rest",
        "terms", "unframed", "usage", "usage_final",
    )  # fmt: skip

    def __init__(self) -> None:
        self._framer = Framer()
        self.committed = False
        self.complete = False
        self.ended = False
        self.is_spoilt = False  # nonsense came behind the reason of its end
        self.usage: Usage | None = None
        self.usage_final = False
        self.output_bytes = 0
        self.model = ""
        self.id = ""
        self.terms = NO_TERMS
        self.failure: Failure | None = None
        self.rest = self.unframed = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they come; return the whole frames that may be forwarded now."""
        if self._is_over():
            return b""
        passed = []
        for frame in self._framer.feed(data):
            if not frame.isascii() and not _is_utf8(frame):  # what is decoded is known to be; this is for all the rest
                self._fail_unreadable()
            elif self._read_on(frame) if self.is_spoilt else self._read(frame):
                passed.append(frame)
            if self._is_over():
                return b"".join(passed)
        if self._framer.overflowed:
            self._fail(FailureKind.BAD_RESPONSE, "the provider sent an event too large to be one", "frame_too_large")
        return b"".join(passed)

    def finish(self) -> Failure | None:
        """Tell the clean end of the bytes; return None if the answer is complete."""
        rest = b"" if self._is_over() else self._framer.rest()
        if rest.strip() and self._is_readable(rest) and self._read(rest):
            self.rest = rest + b"\n\n"  # a client would drop a last frame that has no blank line
        if self._is_well():
            self.complete = self.committed = True
        elif self.failure is None:
            self._fail(FailureKind.TRUNCATED, "the provider ended the stream before the answer was complete", None)
            self.unframed = rest if rest.lstrip()[:1] in (b"{", b"<") and not self.committed else b""
        if self.failure is not None:
            self.rest = b""
        return self.failure

    def _is_over(self) -> bool:
        return self.complete or self.failure is not None

    def _is_well(self) -> bool:
        return self.failure is None and (self.complete or self._is_whole())

    @abstractmethod
    def _read(self, frame: bytes) -> bool:
        """Take one whole frame into account; return whether it may be forwarded."""

    def _is_whole(self) -> bool:
        """Tell whether the answer is complete although no terminal marker was seen."""
        return False

    def _is_readable(self, rest: bytes) -> bool:
        """Tell whether a frame without its blank line was cut between its data and that line, not inside its data."""
        payload = data_of(rest)
        return payload is not None and (payload == b"[DONE]" or read_loosely(payload) is not None)

    def _fail(self, kind: FailureKind, message: str, code: str | None, body: bytes = b"") -> bool:
        self.failure = Failure(kind, message, code=code, body=body)
        return False

    def _read_on(self, frame: bytes) -> bool:
        """Take a frame behind nonsense into account: usage and the marker pass, but no more words of an answer that has ended."""
        said = self.output_bytes
        return self._read(frame) and self.output_bytes == said

    def _fail_unreadable(self) -> bool:
        """Fail by nonsense; behind the reason of the end it takes nothing from the answer, and is left out."""
        if self.ended:
            self.is_spoilt = True
            return False
        return self._fail(FailureKind.BAD_RESPONSE, "the provider sent an event that is not a JSON object", "malformed_event")

    def _fail_by_event(self, error: object, body: bytes) -> bool:
        """Take an error event: its words stay in `body`, for they may quote the conversation; type and code make the message."""
        told = error if isinstance(error, dict) else {}
        type_, code = str(told.get("type") or ""), str(told.get("code") or "")
        details = told.get("details")
        if not code and isinstance(details, dict):
            code = str(details.get("error_code") or "")  # Anthropic's billing errors (docs/wire.md, Errors)
        name = code or type_ or "error"
        kind = kind_of_stream_error(type_, code)
        self._fail(kind or FailureKind.SERVER, f'the provider broke off the stream with "{name[:100]}"', name[:100], body)
        if kind is None and self.failure is not None:
            self.failure = msgspec.structs.replace(self.failure, is_known=False)
        return False


def _is_utf8(frame: bytes) -> bool:
    """Are the bytes of a small object UTF-8? A body is asked by `peek.is_utf8`, which makes no copy of it."""
    try:
        frame.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_loosely(payload: bytes) -> dict[str, Any] | None:
    """Decode an event that the strict decoder refused, None where it is no JSON object.

    Servers in the wild send NaN log probabilities and halves of surrogate pairs, which are not JSON; clients read them anyway.
    """
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class BodyDecoder(Generic[T]):
    """Decodes whole bodies: in one go where all of it has the usual form, else with more patience."""

    __slots__ = ("_patient", "_usual")

    def __init__(self, usual: type[T], patient: type[T]) -> None:
        """Take the usual form, and one that takes anything for what the usual form is particular about."""
        self._usual = msgspec.json.Decoder(usual).decode
        self._patient = msgspec.json.Decoder(patient)

    def read(self, body: bytes) -> T | None:
        """Decode a body, None where it makes no sense."""
        try:
            return self._usual(body)
        except (ValueError, RecursionError):
            pass
        try:
            return self._patient.decode(body)
        except (ValueError, RecursionError):
            return convert(read_loosely(body), self._patient.type)


def convert(value: object, type_: type[T]) -> T | None:
    """Return a decoded value as a struct, None where it does not fit."""
    try:
        return msgspec.convert(value, type_)
    except (msgspec.ValidationError, ValueError):  # the latter for half a surrogate pair, of which it can't even complain
        return None


def text_size(text: str) -> int:
    """Return the length of a text in UTF-8 bytes; half a surrogate pair counts three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
