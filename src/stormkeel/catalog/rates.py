"""Rates: what a million tokens of each bucket cost at one moment, cliffs included.

Never a float, never a guess: a rate nobody knows is None, and a free model has the rate 0.
"""

from __future__ import annotations

import re

import msgspec
from msgspec.structs import force_setattr

from ..types.money import MILLION, NANO, Rate

PARENT = {
    "cache_read": "input",
    "cache_write": "input",
    "cache_write_long": "cache_write",
    "audio_input": "input",
    "reasoning": "output",
    "audio_output": "output",
}
"""Whose rate a bucket without its own takes, in the order in which they are filled. The rule is genai-prices': tokens of a kind
that has no price of its own stay in the wider kind."""

DEAREST = MILLION * NANO
"""The highest rate that anybody may state, a dollar a token: an amount then fits into 64 bits, however long the window."""
_PRICE = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?")

BUCKETS = ("input", "cache_read", "cache_write", "cache_write_long", "audio_input", "output", "reasoning", "audio_output")


class Rates(msgspec.Struct, frozen=True, omit_defaults=True):
    """Nano-dollars per million tokens by bucket (those of `Usage`); None where unknown.

    A bucket left out takes its parent's rate as it is made, so `Rates(input=5, output=9).cache_read == 5`.

    Attributes:
        request: nano-dollars per million requests, for providers that charge by the request too.
        tiers: cliffs, by ascending start; a total input above `start` reprices every token of the request.
    """

    input: Rate | None = None
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    cache_write_long: Rate | None = None
    audio_input: Rate | None = None
    output: Rate | None = None
    reasoning: Rate | None = None
    audio_output: Rate | None = None
    request: Rate = 0
    tiers: tuple[Tier, ...] = ()

    def __post_init__(self) -> None:
        for bucket, parent in PARENT.items():
            if getattr(self, bucket) is None:
                force_setattr(self, bucket, getattr(self, parent))

    @property
    def is_known(self) -> bool:
        """Can any token be priced?"""
        return self.input is not None or self.output is not None


class Tier(msgspec.Struct, frozen=True):
    """A cliff: the rates of a request whose total input is above `start` tokens."""

    start: int
    rates: Rates


def tier_of(rates: Rates, total_input: int) -> Rates:
    """Return the rates that hold for a request of this many input tokens, all buckets counted."""
    for tier in reversed(rates.tiers):
        if total_input > tier.start:
            return tier.rates
    return rates


def rate_of(text: str) -> Rate:
    """Return the rate of a price that a person wrote: dollars per million tokens as decimal text, taken exactly.

    >>> rate_of("2.5"), rate_of("0.000000001"), rate_of("0")
    (2500000000, 1, 0)

    Raises:
        ValueError: no plain decimal number, below zero, above a dollar a token, or finer than a nano-dollar; says the mend.
    """
    found = _PRICE.fullmatch(text)
    rate = int(found[1]) * NANO + int((found[2] or "").ljust(9, "0")) if found else DEAREST + 1
    if rate > DEAREST:
        raise ValueError('give US dollars a million tokens, as in "0.25": from 0 to 1000000, with at most 9 decimals')
    return rate
