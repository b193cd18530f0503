"""A whole Gemini answer: read as a response, peeked at for a passthrough, written for a client (docs/wire.md, Across dialects).

Never takes the model's own failure (`wire.FAILED`) or a body without candidates for an answer: None is what it is then. A whole
answer is read as a stream of one event, so that both mean the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ...types.content import Refusal, Text, Thinking, ToolCall
from ...types.events import Event, fold
from ...types.response import Answered, Finish, Response
from ..reader import BodyDecoder, convert
from ..values import NO_TERMS, Head, Outcome
from .events import Answer, GeminiEvents, finish_of, is_blocked, read_answer
from .signatures import SKIP, own_signature, wrapped
from .usage import GeminiUsage, read_terms, read_usage, write_usage
from .wire import FAILED, Block, encode, minted, read_arguments, reason_of, wrap


class _Part(msgspec.Struct, gc=False):
    functionCall: Any = None


class _Content(msgspec.Struct, gc=False):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, gc=False):
    content: _Content | None = None
    finishReason: Any = None


class _Feedback(msgspec.Struct, gc=False):
    blockReason: Any = None


class _Body(msgspec.Struct, gc=False):
    """A whole answer without its text."""

    candidates: list[_Candidate] | None = None
    promptFeedback: _Feedback | None = None
    usageMetadata: Any = None
    modelVersion: Any = ""
    responseId: Any = ""


_bodies = BodyDecoder(_Body, _Body)


def read_outcome(body: bytes) -> Outcome | None:
    """Peek at a whole answer; None where it is none, or the model's own failure."""
    told = _bodies.read(body)
    finish = _finish(told) if told is not None else None
    if told is None or finish is _NO_ANSWER:
        return None
    usage = convert(told.usageMetadata, GeminiUsage) if told.usageMetadata else None
    return Outcome(
        str(told.responseId or ""), str(told.modelVersion or ""), finish if isinstance(finish, Finish) else None,
        read_usage(usage) if usage else None, read_terms(usage) if usage else NO_TERMS,
    )  # fmt: skip


_NO_ANSWER = "none"


def _finish(told: _Body) -> Finish | str | None:
    if not told.candidates:
        blocked = told.promptFeedback is not None and told.promptFeedback.blockReason
        return Finish.CONTENT_FILTER if blocked else _NO_ANSWER
    first = told.candidates[0]
    if first.finishReason in FAILED:
        return _NO_ANSWER
    parts = (first.content.parts if first.content else None) or ()
    reason = first.finishReason
    return finish_of(str(reason), any(part.functionCall is not None for part in parts)) if reason else None


def read_response(body: bytes) -> Response | None:
    """Read a whole answer, None where it is none."""
    answer = read_answer(body)
    if answer is None or not _is_answer(answer):
        return None
    events: list[Event] = []
    reader = GeminiEvents()
    reader.read(answer, events)
    return msgspec.structs.replace(fold(events), lost=reader.lost)


def _is_answer(answer: Answer) -> bool:
    if not answer.candidates:
        return is_blocked(answer)
    return answer.candidates[0].finishReason not in FAILED


def write_response(response: Response, head: Head) -> bytes:
    """Write a whole answer."""
    candidate: Block = {
        "content": {"parts": write_parts(response.content, head), "role": "model"},
        "finishReason": reason_of(response.finish), "index": 0,
    }  # fmt: skip
    body: Block = {"candidates": [candidate]}
    if response.usage is not None:
        body["usageMetadata"] = write_usage(response.usage)
    return encode(body | {"modelVersion": response.model or head.model, "responseId": response.id or head.id})


def write_parts(content: Sequence[Answered], head: Head) -> list[Block]:
    """Return the parts of an answer."""
    writer = PartWriter(head)
    return [part for said in content for part in writer.write(said)] + writer.close()


class PartWriter:
    """The parts of one answer for a client, one after the other.

    A call whose model gave no signature says that it has none, so that a history with it is taken by Gemini's models as well.
    """

    __slots__ = ("_calls", "_head", "_signature")

    def __init__(self, head: Head) -> None:
        self._head = head
        self._calls = 0
        self._signature = ""  # Google's, for the call that comes next

    def write(self, said: Answered) -> Iterable[Block]:
        """Return the parts that something said amounts to."""
        match said:
            case ToolCall():
                return [self._call(said)]
            case Thinking():
                return [*self.close(), *self._think(said)]
            case Text(text=text) | Refusal(text=text):
                return [*self.close(), *([{"text": text}] if text else [])]

    def close(self) -> list[Block]:
        """Return the part of a signature that no call came for."""
        signature, self._signature = self._signature, ""
        return [{"text": "", "thoughtSignature": signature}] if signature else []

    def _think(self, thinking: Thinking) -> list[Block]:
        self._signature = own_signature(thinking)
        proof = "" if self._signature else wrapped(thinking)
        if not thinking.text and not proof:
            return []
        thought: Block = {"text": thinking.text, "thought": True}
        return [thought | {"thoughtSignature": proof} if proof else thought]

    def _call(self, call: ToolCall) -> Block:
        arguments = None if call.custom else read_arguments(call.arguments)
        id_ = call.id or minted(self._head.id, self._calls)
        part: Block = {"functionCall": {"id": id_, "name": call.name, "args": wrap(call.arguments, arguments)}}
        signature = self._signature or ("" if self._calls else SKIP)
        self._calls += 1
        self._signature = ""
        return part | {"thoughtSignature": signature} if signature else part
