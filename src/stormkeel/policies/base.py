"""The furniture every policy shares: Settings, a state, a decision.

A *gate* answers "may this attempt pass?": `admit(...)` returns a ticket or a Failure, and `settle(ticket, ...)` hands the ticket
back, exactly once. A *decider* answers "what now?". Neither knows a clock, an event loop or dice: `now` (seconds, monotonic) and
`rng` are arguments.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

import msgspec


class Verdict(Enum):
    """What an attempt says about the health of what was tried."""

    OK = "ok"
    FAULT = "fault"
    IGNORED = "ignored"  # a cancel, or a caller's own mistake: says nothing about health


class Need(msgspec.Struct, frozen=True, gc=False):
    """What an attempt is expected to take, and for whom.

    Attributes:
        input: about the tokens of its input.
        output: the most output that is asked for, 0 where that is not said.
        caller: the name of the caller's key, "" where there is none.
    """

    input: int = 0
    output: int = 0
    caller: str = ""

    @property
    def tokens(self) -> int:
        """Both together."""
        return self.input + self.output


class Dice(Protocol):
    """Where chance comes from; `random.Random` is one."""

    def random(self) -> float:
        """Return a number from 0 up to, but not including, 1."""
        ...


class OutOfRangeError(ValueError):
    """A setting that lies outside its range.

    Attributes:
        setting: its name.
        low, high: the range, both ends included.
    """

    def __init__(self, text: str, setting: str, low: float, high: float) -> None:
        super().__init__(text)
        self.setting = setting
        self.low = low
        self.high = high


def within(setting: str, value: float, low: float, high: float, unit: str = "") -> None:
    """Check that a setting lies in its range, both ends included.

    Args:
        setting: its name as users write it.
        value: what was given; NaN lies in no range.
        low, high: the range.
        unit: what the number counts, as in "seconds".

    Raises:
        OutOfRangeError: a ValueError that names the setting, what was given, the range, and so the mend.
    """
    if not low <= value <= high:
        of = f" {unit}" if unit else ""
        text = f"`{setting}` is {value:g}: give a number from {low:g} to {high:g}{of}"
        raise OutOfRangeError(text, setting, low, high)
