"""The OpenAI embeddings codec, both directions (docs/wire.md, Embeddings).

Never edits a body but in one place: the top-level `model`, where it is renamed.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ...errors import STATUS
from ...types.embedding import Texts, Vectors
from ...types.failure import Failure
from ...types.request import NO_OPTIONS, Options, Request
from ...types.wire import NO_HEADERS, Headers
from ..openai_answers import error_of
from ..usual import Usual
from ..values import Call, Head, Outcome, Service, Target, TextsReading, Written
from .answer import read_outcome, read_vectors, write_vectors
from .body import MOST_INPUTS, MOST_TOKENS, look, read_texts, write_texts

_encode = msgspec.json.encode


class OpenAIEmbeddings(Usual):
    """`POST /v1/embeddings`; see `base.Codec`."""

    name = "openai_embeddings"
    title = "OpenAI embeddings"
    fields: Mapping[str, str] = {"inputs": "input"}
    service: Service = "embed"
    streams = None
    most_inputs = MOST_INPUTS
    most_tokens: int | None = MOST_TOKENS

    def path_for(self, model: str, stream: bool) -> str:
        """Return the one path."""
        return "/embeddings"

    def read_request(
        self, raw: bytes, id: str, headers: Headers = NO_HEADERS, options: Options = NO_OPTIONS, call: Call | None = None
    ) -> Request | Failure:
        """Look at a client's body."""
        seen = look(raw)
        if isinstance(seen, Failure):
            return seen
        peek = seen.peek
        return Request(
            id, self.name, peek.model, raw, max_output=0, model_span=peek.model_span, headers=headers, options=options,
            is_text=True, inputs=seen.inputs,
        )  # fmt: skip

    def read_prompt(self, raw: bytes) -> TextsReading | Failure:
        """Read a whole body."""
        return read_texts(raw)

    def write_prompt(self, prompt: Texts, target: Target, stream: bool) -> Written | Failure:
        """Write texts for one model."""
        return write_texts(prompt, target)

    def read_response(self, body: bytes) -> Vectors | None:
        """Read a whole answer."""
        return read_vectors(body)

    def write_response(self, response: Vectors, head: Head) -> bytes:
        """Write a whole answer."""
        return write_vectors(response, head)

    def read_outcome(self, body: bytes) -> Outcome | None:
        """Peek at a whole answer: a list of vectors."""
        return read_outcome(body)

    read_answer = read_outcome  # the response takes a look of its own

    def write_error(self, failure: Failure, request_id: str) -> tuple[int, bytes]:
        """Return HTTP status and body, as every dialect of OpenAI has them."""
        return STATUS[failure.kind], _encode({"error": error_of(failure), "request_id": request_id})
