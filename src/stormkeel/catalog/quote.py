"""Quotes: prices as the data states them, with the dates, hours and request kinds they hold for, and the rates that follow.

Never reads a clock: the moment is an argument.

    rates_at(sheet, at, context)
        standard    the last quote whose date and hours hold at that moment, else the first
        variants    partial prices for a kind of request ("batch", "flex", "fast"): the first that fits wins, bucket by bucket
        compile     cliffs of single buckets become whole tiers
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..types.money import Rate
from .rates import BUCKETS, Rates, Tier

Price = Rate | tuple[tuple[int, Rate], ...]
"""A rate, or a ladder of (start, rate): the first holds from 0, each further one where the total input is above its start."""

NANOSECONDS = 1_000_000_000
DAY_S = 86_400


class When(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a quote holds, in UTC.

    Attributes:
        since: seconds since the epoch from which it holds, None for always.
        hours: seconds of the day [from, to) in which it holds; it may run over midnight.
    """

    since: int | None = None
    hours: tuple[int, int] | None = None


class Quote(msgspec.Struct, frozen=True, omit_defaults=True):
    """Prices by bucket; a bucket left out is not priced on its own here."""

    input: Price | None = None
    cache_read: Price | None = None
    cache_write: Price | None = None
    cache_write_long: Price | None = None
    audio_input: Price | None = None
    output: Price | None = None
    reasoning: Price | None = None
    audio_output: Price | None = None
    request: Rate | None = None
    when: When = When()


class Variant(msgspec.Struct, frozen=True, omit_defaults=True):
    """Partial prices for requests of a kind: every pair of `context` must be the request's."""

    context: dict[str, str]
    quote: Quote


class Sheet(msgspec.Struct, frozen=True, omit_defaults=True):
    """All quotes of a model: the standard ones in the order of the data, and its variants."""

    standard: tuple[Quote, ...] = ()
    variants: tuple[Variant, ...] = ()


_ASPECTS = (*BUCKETS, "request")


def holds(when: When, at: int) -> bool:
    """Tell whether a quote holds at a moment (nanoseconds since the epoch)."""
    moment = at // NANOSECONDS
    if when.since is not None and moment < when.since:
        return False
    if when.hours is None:
        return True
    start, end = when.hours
    second = moment % DAY_S
    return start <= second < end if start <= end else second >= start or second < end


def rates_at(sheet: Sheet, at: int, context: Mapping[str, str]) -> Rates | None:
    """Return the rates of a moment (nanoseconds since the epoch) and a kind of request; None where nothing is known per token.

    The rule is genai-prices' own: the last standard quote that holds, else the first; then variants, the first that fits wins for
    each bucket it names.
    """
    if not sheet.standard:
        return None
    standard = next((quote for quote in reversed(sheet.standard) if holds(quote.when, at)), sheet.standard[0])
    layers = [variant.quote for variant in sheet.variants if _fits(variant, at, context)]
    rates = _compiled(*layers, standard)
    return rates if rates.is_known else None


def _fits(variant: Variant, at: int, context: Mapping[str, str]) -> bool:
    return variant.context.items() <= context.items() and holds(variant.quote.when, at)


def _compiled(*layers: Quote) -> Rates:
    prices = {name: _first(name, layers) for name in _ASPECTS}
    starts = sorted({start for price in prices.values() if isinstance(price, tuple) for start, _ in price[1:]})
    base = {name: _rung(price, None) for name, price in prices.items()}
    tiers = tuple(Tier(start, _rates({name: _rung(price, start) for name, price in prices.items()})) for start in starts)
    return _rates(base, tiers)


def _first(name: str, layers: tuple[Quote, ...]) -> Price | None:
    return next((price for layer in layers if (price := getattr(layer, name)) is not None), None)


def _rung(price: Price | None, start: int | None) -> Rate | None:
    """Return the rate just above `start`; None asks for the lowest rung."""
    if not isinstance(price, tuple):
        return price
    return next((rate for begin, rate in reversed(price[1:]) if start is not None and begin <= start), price[0][1])


def _rates(by_name: Mapping[str, Rate | None], tiers: tuple[Tier, ...] = ()) -> Rates:
    known = {name: rate for name, rate in by_name.items() if rate is not None}
    return msgspec.convert({**known, "tiers": tiers}, Rates)
