"""What a dialect has to be able to do: read strictly, refuse in its own words, answer whole or in frames.

Never decides anything. `openai` (chat), `anthropic` and `anthropic.counting` are used as one value each; `responses` needs a
memory, `embeddings` a seed and `gemini` a verb, so they are classes.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from stormkeel.sandbox.answer import Answer
from stormkeel.sandbox.ask import Asked
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.problem import Problem


class Mark(msgspec.Struct, frozen=True):
    """What tells one answer from another: a token for ids, and the time in Unix seconds."""

    token: str
    now: float


class Frame(msgspec.Struct, frozen=True):
    """One SSE event (or element of a JSON array) as bytes.

    `pieces` tokens of content are in it, `usage` the final usage, `terminal` if it ends the stream; `unended` is what is left
    of it without the end, None if nothing is.
    """

    data: bytes
    pieces: int = 0
    usage: bool = False
    terminal: bool = False
    unended: bytes | None = None


class Facts(msgspec.Struct, frozen=True):
    """What a refusal may mention: the model, seconds to wait, the size of the prompt and of the window, the time."""

    model: str
    retry_after: float
    prompt: int
    window: int
    now: float


class Spot(msgspec.Struct, frozen=True):
    """Where in a stream an error stands: after how many events, and whether with an error object inside where both are usual."""

    number: int
    nested: bool = False


class Dialect(Protocol):
    """A provider's way of speaking."""

    @property
    def name(self) -> str:
        """Its name in the bill."""

    @property
    def able(self) -> frozenset[str]:
        """What not every dialect has.

        "words" to choose, "begins" (an assistant's last turn is the beginning of the answer),
        "custom" tools, "failed" (a 200 that says the answer failed), "waits" (told in the body of a refusal,
        so in no header).
        """

    def credential(self, inbound: Inbound) -> str | None:
        """Return the credential sent, or None."""

    def named(self, inbound: Inbound) -> str | None:
        """Return the model asked for, with its wishes, even where the rest of the request is wrong."""

    def read(self, inbound: Inbound, *, model_rules: bool, ownership: bool) -> Asked:
        """Read a request; RefusedError when the provider would not take it."""

    def headers(self, mark: Mark, *, spent: bool) -> list[tuple[str, str]]:
        """Return the headers of every answer; `spent` when its rate limit is used up."""

    def refusal(self, fault: str, facts: Facts) -> Problem:
        """Return what the provider says for a fault of stage "refuse"."""

    def unauthorised(self, credential: str | None) -> Problem:
        """Return what it says to a credential that is missing or unknown."""

    def invalid(self, message: str) -> Problem:
        """Return a 400 with this message."""

    def error_body(self, problem: Problem, mark: Mark) -> bytes:
        """Write an error answer."""

    def error_frame(self, problem: Problem, mark: Mark, spot: Spot) -> bytes:
        """Write an error inside a stream."""

    def body(self, answer: Answer, asked: Asked, mark: Mark) -> bytes:
        """Write a whole answer."""

    def frames(self, answer: Answer, asked: Asked, mark: Mark) -> list[Frame]:
        """Write an answer as stream events."""

    def models(self, names: list[str]) -> bytes:
        """Write the list of models."""

    def model(self, name: str) -> bytes:
        """Write one model."""
