"""The OpenAI chat completions dialect, both directions (docs/wire.md, OpenAI chat).

Never edits a body but in two places: the top-level `model` where it is renamed, and `stream_options.include_usage` where the
provider bills and the client did not ask; and it takes out others' thoughts (`foreign`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from ...errors import STATUS
from ...types.failure import Failure, FailureKind
from ...types.prompt import Prompt
from ...types.request import NO_OPTIONS, Options, Request
from ...types.response import Finish, Response
from ...types.wire import NO_HEADERS, Headers
from ..openai_answers import error_of, model_of
from ..peek import Peek, Span, peek, replace
from ..reader import BodyDecoder, convert
from ..usual import UsualDialect
from ..values import Call, Head, ModelCard, Outcome, Reading, Target, Written
from .answer import FINISHES, read_response, read_texts, tier_terms, write_response
from .body import reasons_with_functions, write_prompt
from .events import ChatEvents
from .follow import ChatFollower, ask_for_rest
from .foreign import without_all, without_thoughts
from .prompt import read_prompt
from .stream import ChatReader
from .usage import ChatUsage, read_usage
from .writer import ChatWriter

K = FailureKind

_encode = msgspec.json.encode

FIELDS: dict[str, str] = {
    "max_tokens": "max_completion_tokens", "parallel_tools": "parallel_tool_calls", "format": "response_format",
    "effort": "reasoning_effort", "tier": "service_tier", "choices": "n", "cache": "prompt_cache_breakpoint",
    "thinking": "reasoning_content", "name": "filename",
}  # fmt: skip
"""This dialect's names of a prompt's fields, where they differ."""


class _Message(msgspec.Struct, gc=False):
    refusal: Any = None


class _Choice(msgspec.Struct, gc=False):
    message: _Message | None = None
    finish_reason: Any = None
    index: Any = 0


U = TypeVar("U")


class _Body(msgspec.Struct, Generic[U], gc=False):
    """A whole answer without its text; its usage in the usual form or in any."""

    choices: list[_Choice]
    id: Any = ""
    object: Any = None
    model: Any = ""
    usage: U | None = None
    service_tier: Any = None


_bodies = BodyDecoder(_Body[ChatUsage], _Body[Any])


class OpenAIChat(UsualDialect):
    """`POST /v1/chat/completions`; see `base.Dialect`."""

    name = "openai_chat"
    title = "OpenAI chat completions"
    fields: Mapping[str, str] = FIELDS
    keep_alive = b": keep-alive\n\n"

    def path_for(self, model: str, stream: bool) -> str:
        """Return the one path."""
        return "/chat/completions"

    def read_request(
        self, raw: bytes, id: str, headers: Headers = NO_HEADERS, options: Options = NO_OPTIONS, call: Call | None = None
    ) -> Request | Failure:
        """Peek at a client's body."""
        seen = peek(raw)
        if isinstance(seen, Failure):
            return seen
        return _request(seen, raw, id, headers, options)

    def read_prompt(self, raw: bytes) -> Reading | Failure:
        """Read a whole body as a prompt."""
        return read_prompt(raw)

    def write_prompt(self, prompt: Prompt, target: Target, stream: bool) -> Written | Failure:
        """Write a prompt for one model; a stream reports its usage."""
        return write_prompt(prompt, target, stream)

    def write_request(self, request: Request, model: str, bills: bool) -> bytes:
        """Write the body for the provider: `request.raw` itself where nothing changes."""
        raw, span = request.raw, request.model_span
        if not (bills and request.stream) or request.wants_usage:
            return raw if model == request.model else replace(raw, span, _encode(model))
        edits = [_ask_for_usage(request)]
        if model != request.model:
            edits.append((span, _encode(model)))
        for place, new in sorted(edits, reverse=True):  # from the end, so that the other span still holds
            raw = replace(raw, place, new)
        return raw

    def without_foreign(self, body: bytes, target: Target) -> tuple[bytes, tuple[str, ...]]:
        """Take out `reasoning_content`, where the provider has no place for it."""
        return without_thoughts(body, target)

    def without_thoughts(self, body: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Take out every `reasoning_content`."""
        return without_all(body)

    def suits(self, prompt: Prompt, target: Target) -> bool:
        """Say no to functions where the model reasons, if it refuses both together in a chat completion."""
        return target.abilities.tools_with_reasoning or not reasons_with_functions(prompt, target.abilities)

    def read_response(self, body: bytes) -> Response | None:
        """Read a whole answer: all that its first choice says."""
        return read_response(body)

    def write_response(self, response: Response, head: Head) -> bytes:
        """Write a whole answer."""
        return write_response(response, head)

    def read_outcome(self, body: bytes) -> Outcome | None:
        """Peek at a whole answer: an object of type "chat.completion" with choices."""
        told = _bodies.read(body)
        return _outcome(told) if told else None

    def read_answer(self, body: bytes) -> Outcome | None:
        """Read an answer of nothing but text, mostly; peek at any other."""
        return read_texts(body) or self.read_outcome(body)

    def read_stream(self, keep_usage: bool) -> ChatReader:
        """Return the reader of one stream."""
        return ChatReader(keep_usage)

    def read_events(self) -> ChatEvents:
        """Return the reader of one stream as events."""
        return ChatEvents()

    def follow(self) -> ChatFollower:
        """Return who follows one stream on its way to a client."""
        return ChatFollower()

    def ask_for_rest(self, raw: bytes, said: str, ask: str, used: int) -> bytes | None:
        """Write the body that asks for the rest of an answer that broke off."""
        return ask_for_rest(raw, said, ask, used)

    def write_events(self, head: Head) -> ChatWriter:
        """Return the writer of one stream."""
        return ChatWriter(head)

    def write_error(self, failure: Failure, request_id: str) -> tuple[int, bytes]:
        """Return HTTP status and body, as every dialect of OpenAI has them."""
        return STATUS[failure.kind], _encode({"error": error_of(failure), "request_id": request_id})

    def write_error_frame(self, failure: Failure, request_id: str) -> bytes:
        """Return the error as an event: the SDK raises on it, and `[DONE]` ends the stream for who does not."""
        return b"data: " + _encode({"error": error_of(failure), "request_id": request_id}) + b"\n\ndata: [DONE]\n\n"

    def write_model(self, model: ModelCard) -> bytes:
        """Return the body of `GET /v1/models/{id}`."""
        return _encode(model_of(model))

    def write_models(self, models: Sequence[ModelCard]) -> bytes:
        """Return the body of `GET /v1/models`."""
        return _encode({"object": "list", "data": [model_of(card) for card in models]})


def _request(seen: Peek, raw: bytes, id: str, headers: Headers, options: Options) -> Request:
    return Request(
        id,
        OpenAIChat.name,
        seen.model,
        raw,
        seen.stream,
        seen.max_output,
        seen.n,
        seen.include_usage or not seen.stream,
        seen.model_span,
        seen.stream_options_span,
        headers,
        options,
        seen.is_text,
    )


def _ask_for_usage(request: Request) -> tuple[Span, bytes]:
    span = request.stream_options_span
    if span is None:
        end = request.model_span[1]
        return (end, end), b',"stream_options":{"include_usage":true}'
    told = msgspec.json.decode(request.raw[span[0] : span[1]], type=dict[str, msgspec.Raw] | None)
    return span, _encode((told or {}) | {"include_usage": msgspec.Raw(b"true")})


def _outcome(told: _Body[Any]) -> Outcome | None:
    if not told.choices or told.object not in ("chat.completion", None):
        return None
    usage, tier = told.usage, told.service_tier
    if usage and type(usage) is not ChatUsage:
        usage = convert(usage, ChatUsage)
    return Outcome(
        str(told.id or ""), str(told.model or ""), _finish(told.choices[0]), read_usage(usage) if usage else None,
        tier_terms(tier),
    )  # fmt: skip


def _finish(choice: _Choice) -> Finish | None:
    if choice.message is not None and choice.message.refusal:
        return Finish.REFUSAL if choice.finish_reason else None
    return FINISHES.get(str(choice.finish_reason), Finish.OTHER) if choice.finish_reason else None
