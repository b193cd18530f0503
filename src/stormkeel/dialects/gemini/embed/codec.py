"""Gemini's two embedding codecs, both directions: a batch, which its SDK always sends, and a single content.

Never edits a body but in one place: the model's name, where it is renamed; the address says which model is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ....types.embedding import Texts, Vectors
from ....types.failure import Failure, FailureKind
from ....types.request import NO_OPTIONS, Options, Request
from ....types.wire import NO_HEADERS, Headers
from ...usual import Usual
from ...values import Call, Head, Outcome, Service, Target, TextsReading, Written
from ..call import EMBED, EMBED_MANY, path_of
from ..errors import write_error
from .answer import read_outcome, read_vectors, write_vectors
from .body import FIELDS, read_texts, write_texts
from .peek import MOST_REQUESTS, look, renamed


class GeminiEmbeddings(Usual):
    """`POST /models/{model}:batchEmbedContents`; see `base.Codec`."""

    name = "gemini_embeddings"
    title = "Gemini batchEmbedContents"
    fields: Mapping[str, str] = MappingProxyType({
        **{ours: f"requests[].{theirs}" for ours, theirs in FIELDS.items()}, "title": "requests[].title",
    })  # fmt: skip
    service: Service = "embed"
    names_model = False
    streams = None
    method = EMBED_MANY
    is_batch = True
    most_inputs = MOST_REQUESTS
    most_tokens: int | None = None

    def path_for(self, model: str, stream: bool) -> str:
        """Return where to ask a model, relative to a provider's base URL, which ends with the API's version."""
        return path_of(model, self.method)

    def read_request(
        self, raw: bytes, id: str, headers: Headers = NO_HEADERS, options: Options = NO_OPTIONS, call: Call | None = None
    ) -> Request | Failure:
        """Look at a client's body; the address says which model is asked."""
        if call is None:
            message = f'the address names the model: ask at "/models/{{model}}:{self.method}"'
            return Failure(FailureKind.CALLER, message, status=400, code="missing_model")
        seen = look(raw, call.model, self.is_batch)
        if isinstance(seen, Failure):
            return seen
        return Request(
            id, self.name, call.model, raw, max_output=0, headers=headers, options=options, is_text=seen.is_text,
            inputs=seen.inputs,
        )  # fmt: skip

    def read_prompt(self, raw: bytes) -> TextsReading | Failure:
        """Read a whole body."""
        return read_texts(raw, self.is_batch)

    def write_prompt(self, prompt: Texts, target: Target, stream: bool) -> Written | Failure:
        """Write texts for one model."""
        return write_texts(prompt, target, self.is_batch)

    def write_request(self, request: Request, model: str, bills: bool) -> bytes:
        """Write the body for the provider: `request.raw` itself unless the model is renamed."""
        return request.raw if model == request.model else renamed(request.raw, model, self.is_batch)

    def suits(self, prompt: Texts, target: Target) -> bool:
        """Say whether so many inputs can be asked for at once."""
        return self.is_batch or len(prompt.inputs) == 1

    def read_response(self, body: bytes) -> Vectors | None:
        """Read a whole answer."""
        return read_vectors(body)

    def write_response(self, response: Vectors, head: Head) -> bytes:
        """Write a whole answer."""
        return write_vectors(response, self.is_batch)

    def read_outcome(self, body: bytes) -> Outcome | None:
        """Peek at a whole answer: vectors, or one."""
        return read_outcome(body)

    read_answer = read_outcome  # the response takes a look of its own

    def write_error(self, failure: Failure, request_id: str) -> tuple[int, bytes]:
        """Return HTTP status and body: a `google.rpc.Status`."""
        return write_error(failure, request_id)


class GeminiEmbedding(GeminiEmbeddings):
    """`POST /models/{model}:embedContent`; see `base.Codec`."""

    name = "gemini_embedding"
    title = "Gemini embedContent"
    fields: Mapping[str, str] = MappingProxyType(FIELDS)
    method = EMBED
    is_batch = False
    most_inputs = 1
