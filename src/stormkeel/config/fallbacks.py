"""Where a request goes on when it itself was the reason of a failure, and what a route tries last, as it is written.

Never looks a name up: that is `detours.py`.

    context_length = ["gemini/gemini-3.1-pro-preview", "next"]      that model first, then what is left of the route
    content_refused = "next"                               what is left of the route
    context_length = "none"                                nobody: the caller is told
"""

from __future__ import annotations

import msgspec

from ..catalog.rates import rate_of
from ..types.money import NanoDollars

NEXT, NOBODY = "next", "none"


def most_of(text: str | None) -> NanoDollars | None:
    """Return the amount of a cap that somebody wrote, None for none.

    Raises:
        ValueError: it is no plain amount; says the mend.
    """
    try:
        return None if text is None else rate_of(text)  # both are dollars in nano-dollars
    except ValueError:
        raise ValueError('`max_cost` is no amount: give US dollars, as in "0.50", with at most 9 decimals') from None


class WaySettings(msgspec.Struct, frozen=True):
    """Where a request goes on after one kind of failure. In short: its `to`, as a list or a single text.

    Attributes:
        to: who is asked, one after another: targets as in a group, names of routes, and at the end "next" for what is left of the
            route itself; [] or "none" for nobody.
        max_cost: US dollars as text, as in "0.50": nobody is asked there whom the request would cost more, or whose price is
            unknown. What counts is about its input, and the output that it asks for (1,000 tokens where it says nothing).
    """

    to: tuple[str, ...] = ()
    max_cost: str | None = None

    def __post_init__(self) -> None:
        most_of(self.max_cost)


class FallbackSettings(msgspec.Struct, frozen=True):
    """Where a request goes on when it itself was the reason of a failure. After all others it goes on by itself.

    Attributes:
        context_length: where it was too long; whoever has no larger window than the one that refused it is left out in any case,
            and whose window is unknown comes last.
        content_refused: where a provider's filter refused it.
    """

    context_length: WaySettings = WaySettings((NEXT,))
    content_refused: WaySettings = WaySettings()


class LastResortSettings(msgspec.Struct, frozen=True):
    """What a route tries when nobody is left for a request that is too long, or that was refused. Answers say so.

    Attributes:
        trim: are the oldest turns left out of a request that is too long, until it fits the largest window?
        system: takes the place of the conversation's own instructions.
        prompt: takes the place of the whole conversation.
        to: who is asked so, as in `fallback`; [] for the route's own, the largest windows first.
    """

    trim: bool = False
    system: str | None = None
    prompt: str | None = None
    to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.trim and self.prompt is not None:
            raise ValueError("`prompt` takes the place of all turns, so that `trim` has nothing to do; give one of the two")

