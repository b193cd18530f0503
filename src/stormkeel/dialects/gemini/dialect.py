"""The Gemini generateContent dialect, both directions (docs/wire.md, Gemini).

Never edits a body that passes: the model, which a route may rename, stands in the URL (`call`), and a stream always reports its
usage; it only takes out others' proofs of thoughts (`foreign`). What crosses to another dialect, or comes from one, is read and
written by the modules beside this one:

    client's body ──prompt (turns, tools)──> Prompt ──ask (contents, reasoning)──> provider's body
    client's answer <──answer, writer── Response, events <──answer, events── provider's answer
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from ...types.failure import Failure, FailureKind
from ...types.prompt import Prompt
from ...types.request import NO_OPTIONS, Options, Request
from ...types.response import Response
from ...types.wire import NO_HEADERS, Headers
from ..usual import UsualDialect
from ..values import Call, Head, ModelCard, Outcome, Reading, Target, Written
from .answer import read_outcome, read_response, write_response
from .ask import write_prompt
from .call import COLLECTION, COUNT, STREAM, WHOLE, path_for
from .errors import write_error
from .events import GeminiEvents
from .follow import GeminiFollower, ask_for_rest
from .foreign import without_signatures, without_wrapped
from .peek import peek
from .prompt import read_prompt
from .stream import GeminiReader
from .writer import GeminiWriter

_encode = msgspec.json.encode

_CONFIG = "generationConfig."
FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "messages": "contents", "max_tokens": _CONFIG + "maxOutputTokens", "temperature": _CONFIG + "temperature",
        "top_p": _CONFIG + "topP", "top_k": _CONFIG + "topK", "stop": _CONFIG + "stopSequences",
        "tool_choice": "toolConfig.functionCallingConfig", "format": _CONFIG + "responseJsonSchema",
        "effort": _CONFIG + "thinkingConfig.thinkingLevel", "thinking_budget": _CONFIG + "thinkingConfig.thinkingBudget",
        "tier": "serviceTier", "choices": _CONFIG + "candidateCount", "thinking": "thought", "system": "systemInstruction",
        "arguments": "functionCall.args", "name": "displayName",
        "shows_thoughts": _CONFIG + "thinkingConfig.includeThoughts",
    }
)  # fmt: skip
"""This dialect's names of a prompt's fields, where they differ."""


class Gemini(UsualDialect):
    """`POST /models/{model}:generateContent` and `:streamGenerateContent`; see `base.Dialect`.

    Attributes:
        fetches: does the provider fetch http addresses of pictures and files itself, as Google says its own API does?
            Where it does not, they are refused: what else `fileData` may name has to lie with Google.
    """

    name = "gemini"
    title = "Gemini generateContent"
    fields: Mapping[str, str] = FIELDS
    names_model = False
    takes_comments = False
    prefills = True
    keep_alive = b"\n\n"  # blank lines alone: this dialect's SDK skips them, and takes a comment for the beginning of an error

    def __init__(self, *, fetches: bool = False) -> None:
        self.fetches = fetches

    def path_for(self, model: str, stream: bool) -> str:
        """Return where to ask a model, relative to a provider's base URL, which ends with the API's version."""
        return path_for(model, stream)

    def read_request(
        self, raw: bytes, id: str, headers: Headers = NO_HEADERS, options: Options = NO_OPTIONS, call: Call | None = None
    ) -> Request | Failure:
        """Peek at a client's body; the address says which model is asked, and how."""
        seen = peek(raw)
        if isinstance(seen, Failure):
            return seen
        if call is None:
            message = 'a Gemini body names no model: ask at "/models/{model}:generateContent"'
            return Failure(FailureKind.CALLER, message, status=400, code="missing_model")
        return Request(
            id, self.name, call.model, raw, call.stream, seen.max_output, seen.choices, headers=headers, options=options
        )

    def read_prompt(self, raw: bytes) -> Reading | Failure:
        """Read a whole body, for another dialect to write."""
        return read_prompt(raw)

    def write_prompt(self, prompt: Prompt, target: Target, stream: bool) -> Written | Failure:
        """Write a prompt as a body that the model takes; whether it is streamed stands in the URL."""
        return write_prompt(prompt, target, self.fetches)

    def write_request(self, request: Request, model: str, bills: bool) -> bytes:
        """Return the body as it came."""
        return request.raw

    def without_foreign(self, body: bytes, target: Target) -> tuple[bytes, tuple[str, ...]]:
        """Take out what other providers' models proved of their thoughts."""
        return without_wrapped(body)

    def without_thoughts(self, body: bytes) -> tuple[bytes, tuple[str, ...]]:
        """Take out every signature; a call says that it has none."""
        return without_signatures(body)

    def read_response(self, body: bytes) -> Response | None:
        """Read a whole answer; what ran at Google is passed over."""
        return read_response(body)

    def write_response(self, response: Response, head: Head) -> bytes:
        """Write a whole answer for a client."""
        return write_response(response, head)

    def read_outcome(self, body: bytes) -> Outcome | None:
        """Peek at a whole answer: candidates, or why the prompt was blocked."""
        return read_outcome(body)

    read_answer = read_outcome  # the response takes a look of its own

    def read_stream(self, keep_usage: bool) -> GeminiReader:
        """Return the reader of one stream."""
        return GeminiReader()

    def read_events(self) -> GeminiEvents:
        """Return the reader of one stream as events."""
        return GeminiEvents()

    def follow(self) -> GeminiFollower:
        """Return who follows one stream on its way to a client."""
        return GeminiFollower()

    def ask_for_rest(self, raw: bytes, said: str, ask: str, used: int) -> bytes | None:
        """Write the body that asks for the rest of an answer that broke off."""
        return ask_for_rest(raw, said, ask, used)

    def write_events(self, head: Head) -> GeminiWriter:
        """Return the writer of one stream for a client."""
        return GeminiWriter(head)

    def write_error(self, failure: Failure, request_id: str) -> tuple[int, bytes]:
        """Return HTTP status and body: a `google.rpc.Status`."""
        return write_error(failure, request_id)

    def write_error_frame(self, failure: Failure, request_id: str) -> bytes:
        """Return the error as an event: the SDK raises on it by its code, nothing follows it."""
        return b"data: " + write_error(failure, request_id)[1] + b"\n\n"

    def write_model(self, model: ModelCard) -> bytes:
        """Return the body of `GET /models/{id}`."""
        return _encode(_model(model))

    def write_models(self, models: Sequence[ModelCard]) -> bytes:
        """Return the body of `GET /models`: one page."""
        return _encode({"models": [_model(card) for card in models]})


def _model(card: ModelCard) -> dict[str, Any]:
    told: dict[str, Any] = {"name": COLLECTION + card.id, "displayName": card.display_name or card.id}
    if card.max_input is not None:
        told["inputTokenLimit"] = card.max_input
    if card.max_output is not None:
        told["outputTokenLimit"] = card.max_output
    return told | {"supportedGenerationMethods": [WHOLE, STREAM, COUNT]}
