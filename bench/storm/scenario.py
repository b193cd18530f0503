"""What a scenario is: the weather, what is asked, what a careful engineer wants of it and why. Values only."""

from __future__ import annotations

import msgspec

WHOLE, TOLD, FILTERED = "whole", "told", "filtered"
"""Good ends of a request: all of the text; an error that was told; a filter that was passed on as such."""

CUT, GARBLED = "cut short in silence", "garbled"
"""Ends that are never good: a part of the text that passes for all of it, and any other text."""

PLAIN = "storm"
"""The model every gateway under test must serve: the primary, then the fallback."""


class Weather(msgspec.Struct, frozen=True):
    """Which arrivals at a provider meet which fault, in the sandbox's words (docs/sandbox.md).

    Attributes:
        plan: one entry an arrival.
        repeat: begin the plan again at its end.
        outages: spans "start:seconds".
    """

    plan: tuple[str, ...] = ()
    repeat: bool = False
    outages: tuple[str, ...] = ()


CALM = Weather()


def ever(*faults: str) -> Weather:
    """The same faults over and over."""
    return Weather(faults, repeat=True)


class Asks(msgspec.Struct, frozen=True):
    """What the client asks.

    Attributes:
        count: how many requests.
        every: seconds between two of them.
        stream: as streams, as whole answers, or None for both in turn.
        model: the model's name at the gateway.
        tokens: how long an answer to wish for, 0 to leave it to the provider.
        says: the answer to wish for, "" to leave it to the provider: then each has a text of its own.
    """

    count: int = 1
    every: float = 0.0
    stream: bool | None = True
    model: str = PLAIN
    tokens: int = 0
    says: str = ""

    @property
    def wishes(self) -> dict[str, object]:
        """What is wished for, in the sandbox's words."""
        wishes: dict[str, object] = {"answer": self.says, "tokens": self.tokens}
        return {name: value for name, value in wishes.items() if value}


class Wanted(msgspec.Struct, frozen=True):
    """What a careful engineer asks of a scenario.

    Attributes:
        ends: the ends a request may have.
        within: seconds a request may take.
        primary: attempts there, in all.
        fallback: attempts there, in all.
        says: words of which one must stand in an error that is told; () where any will do.
        back: seconds after an outage within which the primary answers again; 0 where there is none.
        because: the reason for these bounds.
    """

    ends: tuple[str, ...]
    within: float
    primary: int
    fallback: int
    because: str
    says: tuple[str, ...] = ()
    back: float = 0.0


class Scenario(msgspec.Struct, frozen=True):
    """One line of the table.

    Attributes:
        number: 1 to 16; several lines of one number are variants, and all of them must hold.
        name: for `--only`.
        title: for people.
        primary, fallback: the weather at each.
        asks, wanted: see there.
        retries: the SDK's own; it runs once with each.
        silent: is the primary's fault a silence, after which it is not to be asked again?
        joined: may the answer be made of two providers' parts? Then its usage is no less than that of who ended it.
        mode: does it want a mode of the route that not every gateway has? Another gateway is asked it only by name.
    """

    number: int
    name: str
    title: str
    primary: Weather
    wanted: Wanted
    asks: Asks = Asks()
    fallback: Weather = CALM
    retries: tuple[int, ...] = (0,)
    silent: bool = False
    joined: bool = False
    mode: bool = False


class Run(msgspec.Struct, frozen=True):
    """A scenario with one setting of the SDK's own retries."""

    scenario: Scenario
    retries: int

    @property
    def name(self) -> str:
        """The scenario's name, and the SDK's retries where they are on."""
        return self.scenario.name + (f"+{self.retries}" if self.retries else "")
