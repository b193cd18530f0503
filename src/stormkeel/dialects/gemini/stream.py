"""Gemini, streamed: the passthrough's reader (docs/wire.md, Gemini streams).

Never changes a frame. Each is a whole answer with the next piece of the text; there is no terminal marker: a stream is whole when
every candidate said why it ended and the bytes end cleanly, or when the prompt was blocked. An error comes as a frame, or as
JSON that is no frame at all.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...types.failure import FailureKind
from ..reader import FrameReader, convert, read_loosely, text_size
from ..sse import data_of
from .errors import error_in, read_error
from .usage import GeminiUsage, read_terms, read_usage
from .wire import FAILED


class Call(msgspec.Struct, gc=False):
    """A function call, as far as it is measured."""

    args: msgspec.Raw = msgspec.Raw(b"")


class Part(msgspec.Struct, gc=False):
    """One part: text, or anything else, which is content as well."""

    text: str | None = None
    functionCall: Call | None = None
    inlineData: Any = None
    executableCode: Any = None
    codeExecutionResult: Any = None
    toolCall: Any = None
    toolResponse: Any = None


class Content(msgspec.Struct, gc=False):
    """The parts of a candidate; there may be none."""

    parts: list[Part] | None = None


class Candidate(msgspec.Struct, gc=False):
    """One answer's next piece."""

    index: int = 0
    content: Content | None = None
    finishReason: str | None = None


class Feedback(msgspec.Struct, gc=False):
    """What was said of the prompt."""

    blockReason: str | None = None


class Piece(msgspec.Struct, gc=False):
    """One event of the stream."""

    candidates: list[Candidate] | None = None
    promptFeedback: Feedback | None = None
    usageMetadata: GeminiUsage | None = None
    modelVersion: str | None = None
    responseId: str | None = None
    error: Any = None


_decode = msgspec.json.Decoder(Piece).decode


def read_piece(payload: bytes) -> Piece | None:
    """Read one event's data; what has an unexpected type counts as absent; None where it is no JSON object."""
    try:
        return _decode(payload)
    except (ValueError, RecursionError):
        told = read_loosely(payload)
    if told is None:
        return None
    listed = told.get("candidates")
    candidates = [convert(one, Candidate) or Candidate() for one in listed] if isinstance(listed, list) else None
    model, id_ = told.get("modelVersion"), told.get("responseId")
    return Piece(
        candidates, convert(told.get("promptFeedback"), Feedback), convert(told.get("usageMetadata"), GeminiUsage),
        model if isinstance(model, str) else None, id_ if isinstance(id_, str) else None, told.get("error"),
    )  # fmt: skip


class GeminiReader(FrameReader):
    """Reads one stream for a passthrough."""

    __slots__ = ("_blocked", "_ended", "_open")

    def __init__(self) -> None:
        super().__init__()
        self._blocked = False
        self._open: set[int] = set()
        self._ended: set[int] = set()

    def _read(self, frame: bytes) -> bool:
        payload = data_of(frame)
        if not payload:
            return self._read_outside(frame)
        piece = read_piece(payload)
        if piece is None:
            return self._fail_unreadable()
        if piece.error:
            return self._fail_with(piece.error, payload)
        if not self.id:
            self.id, self.model = piece.responseId or "", piece.modelVersion or ""
        for candidate in piece.candidates or ():
            self._step(candidate)
        if piece.promptFeedback is not None and piece.promptFeedback.blockReason and not self._open:
            self._blocked = self.ended = True
            self.committed = True  # content: trying again behind the client's back is not for us to decide
        if piece.usageMetadata is not None:
            self._note_usage(piece.usageMetadata)
        return self._fail_if_it_failed(piece)

    def _read_outside(self, frame: bytes) -> bool:
        """Take what is no event: an error's JSON, or a comment, which is kept from clients that can't skip it."""
        text = frame.strip()
        error = error_in(text) if text[:1] in (b"{", b"[") else None
        return self._fail_with(error, text) if error else not text

    def _step(self, candidate: Candidate) -> None:
        parts = candidate.content.parts if candidate.content is not None else None
        for part in parts or ():
            size = measure(part)
            if size or part.functionCall is not None:
                self.committed = True
                self.output_bytes += size
        if candidate.finishReason:
            self._ended.add(candidate.index)
            self._open.discard(candidate.index)
            self.ended = not self._open
        elif candidate.index not in self._ended:
            self._open.add(candidate.index)
            self.ended = False

    def _note_usage(self, told: GeminiUsage) -> None:
        usage = read_usage(told)
        if usage is not None:
            self.usage, self.terms = usage, read_terms(told)
            self.usage_final = self._is_whole()

    def _fail_if_it_failed(self, piece: Piece) -> bool:
        reasons = [one.finishReason for one in piece.candidates or () if one.finishReason in FAILED]
        if reasons:
            message = f'the model gave up with "{reasons[0]}" instead of an answer'
            return self._fail(FailureKind.BAD_RESPONSE, message, reasons[0])
        self.committed = self.committed or self._is_whole()
        return True

    def _fail_with(self, error: object, body: bytes) -> bool:
        self.failure = read_error(error, body)
        return False

    def _is_whole(self) -> bool:
        return self._blocked or (bool(self._ended) and not self._open)

    def _is_readable(self, rest: bytes) -> bool:
        text = rest.strip()
        return super()._is_readable(rest) or (text[:1] in (b"{", b"[") and error_in(text) is not None)


def measure(part: Part) -> int:
    """Return the UTF-8 bytes of text in a part: visible, thought, a call's arguments; 1 for what has no text."""
    if part.text is not None:
        return text_size(part.text)
    if part.functionCall is not None:
        return len(bytes(part.functionCall.args))
    others = (part.inlineData, part.executableCode, part.codeExecutionResult, part.toolCall, part.toolResponse)
    return int(any(other is not None for other in others))
