"""OpenAI's embeddings as the real service speaks them: strict reading, true errors, unit vectors as floats or base64.

Never shares a line with the gateway. A vector follows from the seed, the model and the input alone.
"""

from __future__ import annotations

import msgspec

from stormkeel.sandbox.answer import Answer
from stormkeel.sandbox.ask import Asked
from stormkeel.sandbox.dialect import Facts, Frame, Mark
from stormkeel.sandbox.embeddings import reading, vectors
from stormkeel.sandbox.embeddings.reading import EmbeddingsAsked
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.openai import errors
from stormkeel.sandbox.openai.house import House
from stormkeel.sandbox.problem import Problem


class Embeddings(House):
    """The dialect; its `seed` decides the vectors."""

    name = "openai_embeddings"
    able: frozenset[str] = frozenset()

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def read(self, inbound: Inbound, *, model_rules: bool, ownership: bool) -> Asked:
        """Read a request; RefusedError when OpenAI would not take it."""
        del ownership
        return reading.read(inbound, model_rules=model_rules)

    def refusal(self, fault: str, facts: Facts) -> Problem:
        """Return what OpenAI says for a fault."""
        if fault == "context_length":
            return reading.too_long(facts.prompt)
        return errors.refusal(fault, facts)

    def body(self, answer: Answer, asked: Asked, mark: Mark) -> bytes:
        """Write the vectors, in the order of the input."""
        del mark
        assert isinstance(asked, EmbeddingsAsked)
        whole: dict[str, object] = {
            "object": "list",
            "data": [
                {"object": "embedding", "index": place, "embedding": self._vector(value, asked)}
                for place, value in enumerate(asked.inputs)
            ],
            "model": answer.model,
        }
        if answer.usage:
            whole["usage"] = {"prompt_tokens": answer.tokens.prompt, "total_tokens": answer.tokens.prompt}
        return msgspec.json.encode(whole)

    def frames(self, answer: Answer, asked: Asked, mark: Mark) -> list[Frame]:
        """Write nothing: vectors are never streamed."""
        del answer, asked, mark
        return []

    def _vector(self, value: object, asked: EmbeddingsAsked) -> list[float] | str:
        made = vectors.vector(msgspec.json.encode((self._seed, asked.model, value)), asked.dimensions)
        return vectors.base64_of(made) if asked.base64 else made
