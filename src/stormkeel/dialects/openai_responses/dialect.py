"""The OpenAI responses dialect, both directions (docs/wire.md, OpenAI responses).

Never edits a body that passes but in one place: the top-level `model` where it is renamed; and it takes out others' thoughts
(`foreign`). A stream always reports its usage.
What crosses to another dialect, or comes from one, is read and written by the modules beside this one:

    client's body ──prompt (items, parts)──> Prompt ──body (turns, reasoning)──> provider's body
    client's answer <──answer, writer── Response, events <──answer, events── provider's answer
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import msgspec

from ...errors import STATUS
from ...types.content import Refusal, Text, ToolCall
from ...types.failure import Failure, FailureKind
from ...types.prompt import Prompt
from ...types.request import NO_OPTIONS, Options, Request
from ...types.response import Answered, Response
from ...types.wire import NO_HEADERS, Headers
from ..openai_answers import error_of, model_of
from ..peek import find_escape, peek
from ..reader import BodyDecoder, convert
from ..usual import UsualDialect
from ..values import Call, Head, ModelCard, Outcome, Reading, Target, Written, terms_of
from .answer import CALLS, finish_of, read_response, string, write_response
from .body import write_prompt
from .events import ResponseEvents
from .follow import ResponseFollower, ask_for_rest
from .foreign import without_reasoning, without_sealed
from .prompt import read_prompt
from .stream import ResponseReader
from .usage import ResponseUsage, read_usage
from .writer import ResponseWriter

_encode = msgspec.json.encode

FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "max_tokens": "max_output_tokens", "parallel_tools": "parallel_tool_calls", "format": "text.format",
        "effort": "reasoning.effort", "thinking": "reasoning", "tier": "service_tier", "cache": "prompt_cache_breakpoint",
        "name": "filename", "shows_thoughts": "reasoning.summary",
    }
)  # fmt: skip
"""This dialect's names of a prompt's fields, where they differ."""


class _Part(msgspec.Struct, gc=False):
    """A part of a message, of which only the kind matters."""

    type: Any = None


class _Item(msgspec.Struct, gc=False):
    """An item of an answer, without its words."""

    type: Any = None
    content: list[_Part] | str | None = None


U = TypeVar("U")


class _Body(msgspec.Struct, Generic[U], gc=False):
    """A whole answer without its text, its usage in the usual form or in any."""

    output: list[_Item]
    id: Any = ""
    object: Any = None
    model: Any = ""
    status: Any = ""
    incomplete_details: Any = None
    usage: U | None = None
    service_tier: Any = None


_bodies = BodyDecoder(_Body[ResponseUsage], _Body[Any])


class OpenAIResponses(UsualDialect):
    """`POST /v1/responses`; see `base.Dialect`."""

    name = "openai_responses"
    title = "OpenAI responses"
    fields: Mapping[str, str] = FIELDS
    keep_alive = b": keep-alive\n\n"

    def path_for(self, model: str, stream: bool) -> str:
        """Return the one path."""
        return "/responses"

    def read_request(
        self, raw: bytes, id: str, headers: Headers = NO_HEADERS, options: Options = NO_OPTIONS, call: Call | None = None
    ) -> Request | Failure:
        """Peek at a client's body."""
        seen = peek(raw)
        if isinstance(seen, Failure):
            return seen
        leans = _leaning(raw) if _leans(raw) else NOTHING
        if leans.background:
            return IN_BACKGROUND
        return Request(
            id, self.name, seen.model, raw, seen.stream, seen.max_output_tokens,
            model_span=seen.model_span, headers=headers, options=options, is_text=seen.is_text,
            follows=_followed(leans), is_kept=leans.store is not False,
        )  # fmt: skip

    def read_prompt(self, raw: bytes) -> Reading | Failure:
        """Read a whole body as a prompt."""
        return read_prompt(raw)

    def write_prompt(self, prompt: Prompt, target: Target, stream: bool) -> Written | Failure:
        """Write a prompt for one model, which keeps nothing of it."""
        return write_prompt(prompt, target, stream)

    def without_foreign(self, body: bytes, target: Target) -> tuple[bytes, tuple[str, ...]]:
        """Take out reasoning that another provider's model signed or hid."""
        return without_sealed(body)

    def without_thoughts(self, body: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Take out every item of reasoning, and the ids of calls that hang on one."""
        return without_reasoning(body)

    def read_response(self, body: bytes) -> Response | None:
        """Read a whole answer; items of tools that ran at the provider are passed over."""
        return read_response(body)

    def write_response(self, response: Response, head: Head) -> bytes:
        """Write a whole answer for a client."""
        return write_response(response, head)

    def read_outcome(self, body: bytes) -> Outcome | None:
        """Peek at a whole answer: an object of type "response" with output, which may be empty."""
        told = _bodies.read(body)
        return _outcome(told) if told else None

    read_answer = read_outcome  # the response takes a look of its own

    def read_stream(self, keep_usage: bool) -> ResponseReader:
        """Return the reader of one stream."""
        return ResponseReader()

    def read_events(self) -> ResponseEvents:
        """Return the reader of one stream as events."""
        return ResponseEvents()

    def follow(self) -> ResponseFollower:
        """Return who follows one stream on its way to a client."""
        return ResponseFollower()

    def ask_for_rest(self, raw: bytes, said: str, ask: str, used: int) -> bytes | None:
        """Write the body that asks for the rest of an answer that broke off."""
        return ask_for_rest(raw, said, ask, used)

    def write_events(self, head: Head) -> ResponseWriter:
        """Return the writer of one stream."""
        return ResponseWriter(head)

    def write_error(self, failure: Failure, request_id: str) -> tuple[int, bytes]:
        """Return HTTP status and body, as every dialect of OpenAI has them."""
        return STATUS[failure.kind], _encode({"error": error_of(failure), "request_id": request_id})

    def write_error_frame(self, failure: Failure, request_id: str) -> bytes:
        """Return the error as an event: the SDK raises on the object in it, and others find the same beside its type.

        It is no `response.failed`, which must name the very response that began. The number of the event is not known here.
        """
        error = error_of(failure)
        flat = {"type": "error", "code": error["code"], "message": error["message"], "param": None, "sequence_number": 0}
        return b"event: error\ndata: " + _encode(flat | {"error": error, "request_id": request_id}) + b"\n\n"

    def write_model(self, model: ModelCard) -> bytes:
        """Return the body of `GET /v1/models/{id}`."""
        return _encode(model_of(model))

    def write_models(self, models: Sequence[ModelCard]) -> bytes:
        """Return the body of `GET /v1/models`."""
        return _encode({"object": "list", "data": [model_of(card) for card in models]})


class _Leaning(msgspec.Struct, gc=False):
    """The fields that lean on what a provider keeps, or have it keep something."""

    background: Any = None
    store: Any = None
    previous_response_id: Any = None
    conversation: Any = None


NOTHING = _Leaning()
_leaning = msgspec.json.Decoder(_Leaning).decode
_LEANING = tuple(f'"{name}"'.encode() for name in _Leaning.__struct_fields__)
IN_BACKGROUND = Failure(
    FailureKind.CALLER,
    "`background` is not served here: nobody would know what the answer cost; leave it out, and wait for the answer or stream it",
    status=400,
    code="unsupported_parameter",
)


def _leans(raw: bytes) -> bool:
    """Does one of their names stand in a body, or what may be an escaped one?"""
    for name in _LEANING:
        if name in raw:
            return True
    return b"\\u00" in raw and find_escape(raw) is not None


def _followed(leans: _Leaning) -> str:
    """Return the id of what a request goes on from, "" for none."""
    conversation = leans.conversation
    named = conversation.get("id") if isinstance(conversation, dict) else conversation
    return string(leans.previous_response_id) or string(named)


def _outcome(told: _Body[Any]) -> Outcome | None:
    if told.object not in ("response", None) or told.status == "failed":
        return None
    usage = told.usage
    if usage and type(usage) is not ResponseUsage:
        usage = convert(usage, ResponseUsage)
    finish = finish_of(told.status, told.incomplete_details, _kinds(told.output))
    return Outcome(
        string(told.id), string(told.model), finish, read_usage(usage) if usage else None,
        terms_of(service_tier=told.service_tier),
    )  # fmt: skip


def _kinds(items: Sequence[_Item]) -> set[type[Answered]]:
    """Return the kinds of parts that an answer's end depends on."""
    kinds: set[type[Answered]] = set()
    for item in items:
        if item.type in CALLS:
            kinds.add(ToolCall)
        elif item.type == "message" and isinstance(item.content, list):
            kinds.update(Refusal if part.type == "refusal" else Text for part in item.content)
    return kinds
