"""OpenAI's Responses as the real service speaks it: strict reading, true errors, answers whole and streamed, answers kept.

Never shares a line with the dialect the gateway uses.
"""

from __future__ import annotations

import msgspec

from stormkeel.sandbox.answer import Answer
from stormkeel.sandbox.ask import Asked
from stormkeel.sandbox.dialect import Facts, Frame, Mark, Spot
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.openai import errors
from stormkeel.sandbox.openai.house import House
from stormkeel.sandbox.problem import Problem
from stormkeel.sandbox.responses import answers, frames, reading
from stormkeel.sandbox.responses.reading import ResponsesAsked
from stormkeel.sandbox.responses.shelf import Kept, Shelf

_TOO_LONG = "Your input exceeds the context window of this model. Please adjust your input and try again."


class Responses(House):
    """The dialect; its `shelf` holds the answers that are kept."""

    name = "openai_responses"
    able = frozenset({"custom", "failed", "words"})

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def read(self, inbound: Inbound, *, model_rules: bool, ownership: bool) -> Asked:
        """Read a request; RefusedError when OpenAI would not take it."""
        return reading.read(inbound, self.shelf, model_rules=model_rules, ownership=ownership)

    def refusal(self, fault: str, facts: Facts) -> Problem:
        """Return what OpenAI says for a fault."""
        problem = errors.refusal(fault, facts)
        if fault != "context_length":
            return problem
        return msgspec.structs.replace(problem, message=_TOO_LONG, param="input")

    def error_frame(self, problem: Problem, mark: Mark, spot: Spot) -> bytes:
        """Write an error inside a stream."""
        del mark
        return frames.error_frame(problem, spot)

    def body(self, answer: Answer, asked: Asked, mark: Mark) -> bytes:
        """Write a whole answer, and keep it if it is to be."""
        assert isinstance(asked, ResponsesAsked)
        self._keep(answer, asked, mark)
        return msgspec.json.encode(answers.response(answer, asked, mark))

    def frames(self, answer: Answer, asked: Asked, mark: Mark) -> list[Frame]:
        """Write an answer as stream events, and keep it if it is to be."""
        assert isinstance(asked, ResponsesAsked)
        self._keep(answer, asked, mark)
        return frames.frames(answer, asked, mark)

    def _keep(self, answer: Answer, asked: ResponsesAsked, mark: Mark) -> None:
        if not asked.store:
            return
        whole = answers.response(answer, asked, mark)
        items = answers.named(asked.items, mark)
        self.shelf.put(Kept(whole, items, (*asked.history, *items, *whole["output"])))


class InputTokens(Responses):
    """The count of a request's input; it costs nothing."""

    name = "openai_input_tokens"
    able = frozenset({"custom", "words"})

    def read(self, inbound: Inbound, *, model_rules: bool, ownership: bool) -> Asked:
        """Read a request; RefusedError when OpenAI would not take it."""
        return reading.read_count(inbound, self.shelf, model_rules=model_rules, ownership=ownership)

    def body(self, answer: Answer, asked: Asked, mark: Mark) -> bytes:
        """Write the count."""
        del asked, mark
        return answers.counted(answer)
