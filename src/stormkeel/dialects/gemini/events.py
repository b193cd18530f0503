"""Gemini answers as events: a stream's, and in one step a whole one's (docs/wire.md, Gemini streams).

Never judges a stream: that is `stream.GeminiReader`. A call comes complete in one part; what runs at Google, pictures that a
model paints, and what is cited have no event and are told as lost. Blocked, a prompt is an answer without content.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Raw

from ...types.events import (
    Event,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSealed,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from ...types.response import Finish
from ..reader import FrameEvents, convert, read_loosely
from ..sse import data_of
from .signatures import SKIP, sealed, unwrapped
from .usage import GeminiUsage, read_usage
from .wire import FAILED, FINISHES, encode, minted


class Call(msgspec.Struct, gc=False):
    """A function call."""

    name: str = ""
    id: str | None = None
    args: Raw = Raw(b"{}")


class Part(msgspec.Struct, gc=False):
    """One part of an answer, as far as it has an event."""

    text: str | None = None
    thought: bool | None = None
    thoughtSignature: str | None = None
    functionCall: Call | None = None
    inlineData: Any = None
    fileData: Any = None
    executableCode: Any = None
    codeExecutionResult: Any = None
    toolCall: Any = None
    toolResponse: Any = None


class Content(msgspec.Struct, gc=False):
    """The parts of a candidate; there may be none."""

    parts: list[Part] | None = None


class Candidate(msgspec.Struct, gc=False):
    """One answer, or its next piece."""

    index: int = 0
    content: Content | None = None
    finishReason: str | None = None
    citationMetadata: Any = None
    groundingMetadata: Any = None
    urlContextMetadata: Any = None
    logprobsResult: Any = None


_PART_BEYOND = ("inlineData", "fileData", "executableCode", "codeExecutionResult", "toolCall", "toolResponse")
_BEYOND = ("citationMetadata", "groundingMetadata", "urlContextMetadata", "logprobsResult")
"""What has no event."""


class Feedback(msgspec.Struct, gc=False):
    """What was said of the prompt."""

    blockReason: str | None = None


class Answer(msgspec.Struct, gc=False):
    """A whole answer, or one event of a stream."""

    candidates: list[Candidate] | None = None
    promptFeedback: Feedback | None = None
    usageMetadata: Any = None
    modelVersion: str | None = None
    responseId: str | None = None


_decode = msgspec.json.Decoder(Answer).decode


def read_answer(payload: bytes) -> Answer | None:
    """Decode a whole answer or an event's data; what has an unexpected type counts as absent; None where it is no JSON object."""
    try:
        return _decode(payload)
    except (ValueError, RecursionError):
        told = read_loosely(payload)
    if told is None:
        return None
    listed = told.get("candidates")
    model, id_ = told.get("modelVersion"), told.get("responseId")
    return Answer(
        [_candidate(one) for one in listed] if isinstance(listed, list) else None, convert(told.get("promptFeedback"), Feedback),
        told.get("usageMetadata"), model if isinstance(model, str) else None, id_ if isinstance(id_, str) else None,
    )  # fmt: skip


def _candidate(told: object) -> Candidate:
    return convert(_with_raw_arguments(told), Candidate) or Candidate()


def _with_raw_arguments(told: Any) -> Any:
    content = told.get("content") if isinstance(told, dict) else None
    parts = content.get("parts") if isinstance(content, dict) else None
    for part in parts if isinstance(parts, list) else ():
        call = part.get("functionCall") if isinstance(part, dict) else None
        if isinstance(call, dict) and "args" in call:
            call["args"] = Raw(encode(call["args"]))
    return told


def finish_of(reason: str, has_calls: bool) -> Finish:
    """Return why an answer ended: the wire says "STOP" of tool calls too."""
    finish = FINISHES.get(reason, Finish.OTHER)
    return Finish.TOOL_CALLS if finish is Finish.STOP and has_calls else finish


def is_blocked(answer: Answer) -> bool:
    """Was the prompt refused, so that there is no answer?"""
    return not answer.candidates and answer.promptFeedback is not None and bool(answer.promptFeedback.blockReason)


class GeminiEvents(FrameEvents):
    """Reads one stream as events of its first candidate; see `base.EventReader`."""

    __slots__ = ("_calls", "_id", "_model", "_started")

    def __init__(self) -> None:
        super().__init__()
        self._started = False
        self._id = self._model = ""
        self._calls = 0

    def _take(self, frame: bytes, events: list[Event]) -> None:
        payload = data_of(frame)
        answer = read_answer(payload) if payload else None
        if answer is not None:
            self.read(answer, events)

    def read(self, answer: Answer, events: list[Event]) -> None:
        """Take one decoded event, or a whole answer."""
        if not self._started and (answer.candidates or answer.responseId or answer.promptFeedback):
            self._started = True
            self._id, self._model = answer.responseId or "", answer.modelVersion or ""
            events.append(Started(self._id, self._model))
        for candidate in answer.candidates or ():
            if candidate.index == 0:
                self._step(candidate, events)
        if is_blocked(answer):
            events.append(Finished(Finish.CONTENT_FILTER))
        told = convert(answer.usageMetadata, GeminiUsage) if answer.usageMetadata else None
        usage = read_usage(told) if told else None
        if usage is not None:
            events.append(UsageReported(usage))

    def _step(self, candidate: Candidate, events: list[Event]) -> None:
        for part in (candidate.content.parts if candidate.content else None) or ():
            events.extend(self._say(part))
            self._lost.update((name, None) for name in _PART_BEYOND if getattr(part, name) is not None)
        self._lost.update((name, None) for name in _BEYOND if getattr(candidate, name))
        reason = candidate.finishReason
        if reason and reason not in FAILED:
            events.append(Finished(finish_of(reason, self._calls > 0)))

    def _say(self, part: Part) -> Iterator[Event]:
        """Yield what a part says: a signature stands before the call and behind the text it belongs to."""
        signature = part.thoughtSignature or ""
        if part.functionCall is not None:
            yield from self._sealed(signature)
            yield from self._call(part.functionCall)
            return
        if part.text:
            yield ThinkingDelta(part.text) if part.thought else TextDelta(part.text)
        yield from self._sealed(signature)

    def _sealed(self, signature: str) -> Iterator[Event]:
        if not signature or signature == SKIP:
            return
        foreign = unwrapped(signature, "")
        if foreign is not None:
            yield ThinkingSealed(foreign.signature, foreign.redacted)
        else:
            yield ThinkingSealed(sealed(signature, self._model))

    def _call(self, call: Call) -> Iterator[Event]:
        number = self._calls
        self._calls += 1
        yield ToolStarted(number, call.id or minted(self._id, number), call.name)
        arguments = bytes(call.args).decode()
        yield ToolDelta(number, "{}" if arguments == "null" else arguments)
