"""The Anthropic messages dialect, both directions (docs/wire.md, Anthropic messages).

Never edits a body that passes but in one place: the top-level `model` where it is renamed. A stream always reports its usage.
What crosses to another dialect, or comes from one, is read and written by the modules beside this one:

    client's body ──prompt (turns)──> Prompt ──ask (blocks, order, reasoning)──> provider's body
    client's answer <──answer, writer── Response, events <──answer, events── provider's answer
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import msgspec

from ...errors import STATUS
from ...types.failure import Failure, FailureKind
from ...types.prompt import Prompt
from ...types.request import NO_OPTIONS, Options, Request
from ...types.response import Response
from ...types.wire import NO_HEADERS, Headers
from ..peek import peek
from ..reader import BodyDecoder, convert
from ..usual import UsualDialect
from ..values import NO_TERMS, OWN_CODES, Call, Head, ModelCard, Outcome, Reading, Target, Written
from .answer import read_finish, read_response, write_response
from .ask import write_prompt
from .events import MessageEvents
from .follow import MessageFollower, ask_for_rest
from .foreign import without_all, without_others
from .prompt import read_prompt
from .stream import MessageReader
from .usage import MessageUsage, read_terms, read_usage
from .writer import MessageWriter

K = FailureKind

_encode = msgspec.json.encode

TYPES: dict[FailureKind, str] = {
    K.CALLER: "invalid_request_error",
    K.UNSUPPORTED: "invalid_request_error",
    K.CONTEXT_LENGTH: "invalid_request_error",
    K.CONTENT_REFUSED: "invalid_request_error",
    K.FOREIGN_THOUGHT: "invalid_request_error",
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


U = TypeVar("U")


class _Body(msgspec.Struct, Generic[U], gc=False):
    """A whole answer without its text, its usage in the usual form or in any."""

    content: list[_Block]
    type: Any
    id: Any = ""
    model: Any = ""
    stop_reason: Any = None
    usage: U | None = None


_bodies = BodyDecoder(_Body[MessageUsage], _Body[Any])


FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "stop": "stop_sequences", "parallel_tools": "tool_choice.disable_parallel_tool_use", "format": "output_config.format",
        "effort": "output_config.effort", "thinking_budget": "thinking.budget_tokens", "user": "metadata.user_id",
        "tier": "service_tier", "cache": "cache_control", "name": "title",
        "shows_thoughts": "thinking",
    }
)  # fmt: skip
"""This dialect's names of a prompt's fields, where they differ."""


class AnthropicMessages(UsualDialect):
    """`POST /v1/messages`; see `base.Dialect`."""

    name = "anthropic_messages"
    title = "Anthropic messages"
    fields: Mapping[str, str] = FIELDS
    prefills = True
    keep_alive = b'event: ping\ndata: {"type": "ping"}\n\n'

    def path_for(self, model: str, stream: bool) -> str:
        """Return the one path."""
        return "/v1/messages"

    def read_request(
        self, raw: bytes, id: str, headers: Headers = NO_HEADERS, options: Options = NO_OPTIONS, call: Call | None = None
    ) -> Request | Failure:
        """Peek at a client's body; a missing `max_tokens` is left to the provider to refuse."""
        seen = peek(raw)
        if isinstance(seen, Failure):
            return seen
        return Request(
            id, self.name, seen.model, raw, seen.stream, seen.max_tokens,
            model_span=seen.model_span, headers=headers, options=options, is_text=seen.is_text,
        )  # fmt: skip

    def read_prompt(self, raw: bytes) -> Reading | Failure:
        """Read a whole body, for another dialect to write."""
        return read_prompt(raw)

    def write_prompt(self, prompt: Prompt, target: Target, stream: bool) -> Written | Failure:
        """Write a prompt as a body that the model takes."""
        return write_prompt(prompt, target, stream)

    def without_foreign(self, body: bytes, target: Target) -> tuple[bytes, tuple[str, ...]]:
        """Take out thoughts that nobody signed."""
        return without_others(body)

    def without_thoughts(self, body: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Take out every block of thinking."""
        return without_all(body)

    def read_response(self, body: bytes) -> Response | None:
        """Read a whole answer; blocks of tools that ran at Anthropic are passed over."""
        return read_response(body)

    def write_response(self, response: Response, head: Head) -> bytes:
        """Write a whole answer for a client."""
        return write_response(response, head)

    def read_outcome(self, body: bytes) -> Outcome | None:
        """Peek at a whole answer: an object of type "message" with content, which may be empty."""
        told = _bodies.read(body)
        return _outcome(told) if told else None

    read_answer = read_outcome  # the response takes a look of its own

    def read_stream(self, keep_usage: bool) -> MessageReader:
        """Return the reader of one stream."""
        return MessageReader()

    def read_events(self) -> MessageEvents:
        """Return the reader of one stream as events."""
        return MessageEvents()

    def follow(self) -> MessageFollower:
        """Return who follows one stream on its way to a client."""
        return MessageFollower()

    def ask_for_rest(self, raw: bytes, said: str, ask: str, used: int) -> bytes | None:
        """Write the body that asks for the rest of an answer that broke off."""
        return ask_for_rest(raw, said, ask, used)

    def write_events(self, head: Head) -> MessageWriter:
        """Return the writer of one stream for a client."""
        return MessageWriter(head)

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


def _outcome(told: _Body[Any]) -> Outcome | None:
    if told.type != "message":
        return None
    usage = told.usage
    if usage and type(usage) is not MessageUsage:
        usage = convert(usage, MessageUsage)
    return Outcome(
        str(told.id or ""), str(told.model or ""), read_finish(told.stop_reason), read_usage(usage) if usage else None,
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
