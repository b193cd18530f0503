"""Rates: what a million tokens of each bucket cost at one moment, cliffs included.

Never a float, never a guess: a rate nobody knows is None, and a free model has the rate 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import msgspec
from msgspec.structs import force_setattr

from ..types.money import NANO, Rate

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


def rates_of(dollars: Mapping[str, str]) -> Rates:
    """Make rates from dollars per million tokens written as decimal text, as a person writes them in a configuration.

    >>> rates_of({"input": "2.5", "output": "10"}).output
    10000000000

    Raises:
        ValueError: an unknown bucket, a number that is no number, below zero or finer than a nano-dollar per million tokens.
    """
    return msgspec.convert({_bucket(name): _rate(name, text) for name, text in dollars.items()}, Rates)


def _bucket(name: str) -> str:
    if name not in BUCKETS:
        raise ValueError(f'there is no token bucket "{name}": use one of {", ".join(BUCKETS)}')
    return name


def _rate(name: str, text: str) -> Rate:
    try:
        nano = Decimal(text) * NANO
    except InvalidOperation:
        nano = Decimal(-1)
    if not nano.is_finite() or nano < 0 or nano != nano.to_integral_value():
        raise ValueError(f'the price of "{name}" is "{text}": give dollars per million tokens, 0 or more, at most 9 decimals')
    return int(nano)
