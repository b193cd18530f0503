"""Google's Gemini as the real service speaks it: strict reading, true errors, answers whole and streamed, counts, embeddings.

Never shares a line with the dialect the gateway uses. Each verb is a `dialect.Dialect` of its own; the verb, like the model,
stands in the URL (`address`).
"""

from __future__ import annotations

import msgspec

from stormkeel.sandbox.answer import Answer
from stormkeel.sandbox.ask import Asked
from stormkeel.sandbox.dialect import Facts, Frame, Mark, Spot
from stormkeel.sandbox.gemini import address, answers, embedding, errors, frames, listing, reading
from stormkeel.sandbox.gemini.embedding import EmbedAsked
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.problem import Problem

NAME = "gemini"


class Generate:
    """A verb that answers; `array` if its stream is one JSON array. Its errors then stand in an array too."""

    name = NAME
    able = frozenset({"begins", "words", "waits"})
    credential = staticmethod(address.credential)
    named = staticmethod(address.named)
    headers = staticmethod(errors.headers)
    unauthorised = staticmethod(errors.unauthorised)
    invalid = staticmethod(errors.invalid)
    model = staticmethod(listing.model)

    def __init__(self, verb: str = "generateContent", *, array: bool = False) -> None:
        self.verb = verb
        self.array = array

    def read(self, inbound: Inbound, *, model_rules: bool, ownership: bool) -> Asked:
        """Read a request; RefusedError when Google would not take it."""
        asked = reading.read(inbound, self.verb, model_rules=model_rules, ownership=ownership)
        return msgspec.structs.replace(asked, array=self.array)

    def refusal(self, fault: str, facts: Facts) -> Problem:
        """Return what Google says for a fault."""
        return errors.refusal(fault, facts, self.verb)

    def error_body(self, problem: Problem, mark: Mark) -> bytes:
        """Write an error answer."""
        del mark
        error = errors.status(problem)
        return msgspec.json.encode([error] if self.array else error)

    def error_frame(self, problem: Problem, mark: Mark, spot: Spot) -> bytes:
        """Write an error inside a stream."""
        del mark
        return frames.error_frame(problem, spot, array=self.array)

    def body(self, answer: Answer, asked: Asked, mark: Mark) -> bytes:
        """Write a whole answer."""
        return msgspec.json.encode(answers.body(answer, asked, mark))

    def frames(self, answer: Answer, asked: Asked, mark: Mark) -> list[Frame]:
        """Write an answer as a stream."""
        return frames.frames(answer, asked, mark)

    def models(self, names: list[str]) -> bytes:
        """Write the first page of the list of models."""
        return listing.models(names) or b""


class CountTokens(Generate):
    """The count of a request's input; it costs nothing."""

    name = "gemini_count_tokens"

    def __init__(self) -> None:
        super().__init__("countTokens")

    def read(self, inbound: Inbound, *, model_rules: bool, ownership: bool) -> Asked:
        """Read a request; RefusedError when Google would not take it."""
        return reading.read_count(inbound, model_rules=model_rules, ownership=ownership)

    def body(self, answer: Answer, asked: Asked, mark: Mark) -> bytes:
        """Write the count."""
        del asked, mark
        tokens = answer.tokens
        told = {"totalTokens": tokens.prompt, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens.prompt}]}
        return msgspec.json.encode(told | ({"cachedContentTokenCount": tokens.cached} if tokens.cached else {}))


class Embed(Generate):
    """One vector or a batch; `seed` decides them."""

    name = "gemini_embeddings"
    able = frozenset({"waits"})

    def __init__(self, verb: str, seed: int) -> None:
        super().__init__(verb)
        self._seed = seed

    def read(self, inbound: Inbound, *, model_rules: bool, ownership: bool) -> Asked:
        """Read a request; RefusedError when Google would not take it."""
        del ownership
        return embedding.read(inbound, self.verb, model_rules=model_rules)

    def body(self, answer: Answer, asked: Asked, mark: Mark) -> bytes:
        """Write the vectors."""
        del mark
        assert isinstance(asked, EmbedAsked)
        return embedding.body(answer, asked, self._seed)

    def frames(self, answer: Answer, asked: Asked, mark: Mark) -> list[Frame]:
        """Write nothing: vectors are never streamed."""
        del answer, asked, mark
        return []


def spoken(found: address.Address, inbound: Inbound, seed: int) -> Generate | None:
    """Return who serves a verb, or None for one that is none."""
    match found.verb:
        case "generateContent":
            return Generate()
        case "streamGenerateContent":
            return Generate(found.verb, array=address.parameters(inbound).get("alt") != "sse")
        case "countTokens":
            return CountTokens()
        case "embedContent" | "batchEmbedContents":
            return Embed(found.verb, seed)
        case _:
            return None
