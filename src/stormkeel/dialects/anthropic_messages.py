"""The Anthropic messages dialect, both directions (docs/wire.md, Anthropic messages).

Never edits a body but in one place: the top-level `model` where it is renamed. A stream always reports its usage.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, Generic, TypeVar

import msgspec

from ..errors import STATUS
from ..types.content import Message, Prompt
from ..types.failure import Failure, FailureKind
from ..types.request import NO_OPTIONS, Options, Request
from ..types.response import Finish, Response
from ..types.wire import NO_HEADERS, Headers
from .anthropic_messages_stream import FINISHES, MessageEvents, MessageReader
from .anthropic_usage import MessageUsage, read_terms, read_usage
from .base import NO_TERMS, OWN_CODES, ModelCard, Outcome
from .peek import peek, replace
from .reader import BodyDecoder, convert

K = FailureKind

_encode = msgspec.json.encode

TYPES: dict[FailureKind, str] = {
    K.CALLER: "invalid_request_error",
    K.UNSUPPORTED: "invalid_request_error",
    K.CONTEXT_LENGTH: "invalid_request_error",
    K.CONTENT_REFUSED: "invalid_request_error",
    K.MODEL_UNAVAILABLE: "not_found_error",
    K.KEY_REFUSED: "authentication_error",
    K.BUDGET_SPENT: "billing_error",
    K.QUOTA: "rate_limit_error",
    K.RATE_LIMIT: "rate_limit_error",
    K.RATE_REACHED: "rate_limit_error",
    K.CONCURRENCY_REACHED: "rate_limit_error",
    K.OVERLOADED: "overloaded_error",
    K.SILENT: "timeout_error",
    K.STALLED: "timeout_error",
    K.DEADLINE: "timeout_error",
}
"""`error.type` by kind; any other is "api_error"."""

OVERLOADED_STATUS = 529  # this dialect's own status for an overloaded fleet: its SDK has a class for it (docs/wire.md, Errors)
TOO_LONG = "prompt is too long"  # how this dialect's clients recognise an overflow (docs/wire.md, Errors)


class _Block(msgspec.Struct, gc=False):
    """A content block that nobody reads."""


class _TextBlock(msgspec.Struct, gc=False):
    type: Any = None
    text: Any = None


B = TypeVar("B", _Block, _TextBlock)
U = TypeVar("U")


class _Body(msgspec.Struct, Generic[B, U], gc=False):
    """A whole answer: with its text or without, its usage in the usual form or in any."""

    content: list[B]
    type: Any
    id: Any = ""
    model: Any = ""
    stop_reason: Any = None
    usage: U | None = None


_bodies = BodyDecoder(_Body[_Block, MessageUsage], _Body[_Block, Any])
_texts = BodyDecoder(_Body[_TextBlock, MessageUsage], _Body[_TextBlock, Any])


class AnthropicMessages:
    """`POST /v1/messages`; see `base.Dialect`."""

    name = "anthropic_messages"
    path = "/v1/messages"
    keep_alive = b'event: ping\ndata: {"type": "ping"}\n\n'

    def read_request(
        self, raw: bytes, id: str, headers: Headers = NO_HEADERS, options: Options = NO_OPTIONS
    ) -> Request | Failure:
        """Peek at a client's body; a missing `max_tokens` is left to the provider to refuse."""
        seen = peek(raw)
        if isinstance(seen, Failure):
            return seen
        return Request(
            id, self.name, seen.model, raw, seen.stream, seen.max_tokens,
            model_span=seen.model_span, headers=headers, options=options,
        )  # fmt: skip

    def write_prompt(self, prompt: Prompt, model: str, stream: bool) -> bytes:
        """Write the library's prompt: leading system turns become `system`, later ones stay where they are.

        Raises:
            ValueError: the prompt says no `max_tokens`, which this dialect demands.
        """
        if prompt.max_tokens is None:
            raise ValueError('the anthropic_messages dialect demands "max_tokens": say how many output tokens you want at most')
        leading = list(takewhile(lambda message: message.role == "system", prompt.messages))
        body: dict[str, Any] = {"model": model, "max_tokens": prompt.max_tokens, "messages": prompt.messages[len(leading) :]}
        if leading:
            body["system"] = _join_system(leading)
        if prompt.temperature is not None:
            body["temperature"] = prompt.temperature
        if stream:
            body["stream"] = True
        return _encode(body)

    def write_request(self, request: Request, model: str, bills: bool) -> bytes:
        """Write the body for the provider: `request.raw` itself where the model keeps its name."""
        if model == request.model:
            return request.raw
        return replace(request.raw, request.model_span, _encode(model))

    def read_response(self, body: bytes) -> Response | None:
        """Read a whole answer: the text of its text blocks, joined."""
        told = _texts.read(body)
        outcome = _outcome(told) if told else None
        if outcome is None or told is None:
            return None
        text = "".join(block.text for block in told.content if isinstance(block.text, str))
        return Response(outcome.id, outcome.model, text, outcome.finish, outcome.usage)

    def read_outcome(self, body: bytes) -> Outcome | None:
        """Peek at a whole answer: an object of type "message" with content, which may be empty."""
        told = _bodies.read(body)
        return _outcome(told) if told else None

    def read_stream(self, keep_usage: bool) -> MessageReader:
        """Return the reader of one stream."""
        return MessageReader()

    def read_events(self) -> MessageEvents:
        """Return the reader of one stream as events."""
        return MessageEvents()

    def write_error(self, failure: Failure, request_id: str) -> tuple[int, bytes]:
        """Return HTTP status and body by the tables above."""
        status = OVERLOADED_STATUS if failure.kind is K.OVERLOADED else STATUS[failure.kind]
        return status, _encode(_error(failure, request_id))

    def write_error_frame(self, failure: Failure, request_id: str) -> bytes:
        """Return the error as an event: the SDK raises on it, nothing follows it."""
        return b"event: error\ndata: " + _encode(_error(failure, request_id)) + b"\n\n"

    def write_model(self, model: ModelCard) -> bytes:
        """Return the body of `GET /v1/models/{id}`."""
        return _encode(_model(model))

    def write_models(self, models: Sequence[ModelCard]) -> bytes:
        """Return the body of `GET /v1/models`: one page."""
        data = [_model(card) for card in models]
        first, last = (models[0].id, models[-1].id) if models else (None, None)
        return _encode({"data": data, "has_more": False, "first_id": first, "last_id": last})


def _join_system(leading: list[Message]) -> str | list[dict[str, Any]]:
    """Join leading system turns: texts by a blank line, parts as blocks (docs/wire.md, Anthropic messages)."""
    texts = [message.content for message in leading if isinstance(message.content, str)]
    if len(texts) == len(leading):
        return "\n\n".join(texts)
    blocks: list[dict[str, Any]] = []
    for message in leading:
        blocks += [{"type": "text", "text": message.content}] if isinstance(message.content, str) else message.content
    return blocks


def _outcome(told: _Body[Any, Any]) -> Outcome | None:
    if told.type != "message":
        return None
    usage = told.usage
    if usage and type(usage) is not MessageUsage:
        usage = convert(usage, MessageUsage)
    finish = FINISHES.get(str(told.stop_reason), Finish.OTHER) if told.stop_reason else None
    return Outcome(
        str(told.id or ""), str(told.model or ""), finish, read_usage(usage) if usage else None,
        read_terms(usage) if usage else NO_TERMS,
    )  # fmt: skip


def _model(card: ModelCard) -> dict[str, Any]:
    created = datetime.fromtimestamp(card.created, UTC)  # the epoch where the date is unknown, as this API does itself
    return {
        "id": card.id, "type": "model", "display_name": card.display_name or card.id,
        "created_at": created.isoformat().replace("+00:00", "Z"), "lifecycle": "active",
        "max_input_tokens": card.max_input, "max_tokens": card.max_output,
    }  # fmt: skip


def _error(failure: Failure, request_id: str) -> dict[str, Any]:
    kind, message = failure.kind, failure.message
    if kind is K.CONTEXT_LENGTH and not message.startswith(TOO_LONG):
        message = f"{TOO_LONG}: {message}"
    code = failure.code if kind in OWN_CODES and failure.code else kind.value
    error = {"type": TYPES.get(kind, "api_error"), "message": message, "details": {"error_code": code}}
    return {"type": "error", "error": error, "request_id": request_id}
