"""What usage costs, and the most it can cost.

Never a float, never a price out of nothing: where a rate is unknown the cost is None, never 0 (INV-25).
"""

from __future__ import annotations

from itertools import chain

from ..catalog.rates import Rates, tier_of
from ..types.money import MILLION, NanoDollars, Rate, round_half_up
from ..types.usage import NO_USAGE, Usage


def price(usage: Usage, rates: Rates) -> NanoDollars | None:
    """Return the cost of one request's usage: tokens times rate summed over the buckets, rounded half up once, at the end.

    None where a bucket that holds tokens has no rate, or no rate is known at all.
    """
    if not rates.is_known:
        return None
    total = rates.request
    for tokens, rate in _buckets(usage, tier_of(rates, usage.total_input)):
        if tokens and rate is None:
            return None
        total += tokens * (rate or 0)
    return round_half_up(total, MILLION)


def _buckets(usage: Usage, rates: Rates) -> tuple[tuple[int, Rate | None], ...]:
    return (
        (usage.input, rates.input),
        (usage.cache_read, rates.cache_read),
        (usage.cache_write, rates.cache_write),
        (usage.cache_write_long, rates.cache_write_long),
        (usage.audio_input, rates.audio_input),
        (usage.output, rates.output),
        (usage.reasoning, rates.reasoning),
        (usage.audio_output, rates.audio_output),
    )


def bound(input_tokens: int, output_tokens: int, rates: Rates) -> NanoDollars | None:
    """Return the most a request within these bounds can cost: every token at the dearest bucket and tier it may reach.

    Law: `price(usage, rates) <= bound(usage.total_input, usage.total_output, rates)`, and a wider bound is never cheaper.
    None where the price is unknown.
    """
    if not rates.is_known or (output_tokens and rates.output is None) or (input_tokens and rates.input is None):
        return None
    reachable = [rates, *(tier.rates for tier in rates.tiers if input_tokens > tier.start)]
    dearest_in = max(chain.from_iterable(_inputs(step) for step in reachable))
    dearest_out = max(chain.from_iterable(_outputs(step) for step in reachable))
    request = max(step.request for step in reachable)
    return round_half_up(input_tokens * dearest_in + output_tokens * dearest_out + request, MILLION)


def _inputs(rates: Rates) -> tuple[Rate, ...]:
    every = (rates.input, rates.cache_read, rates.cache_write, rates.cache_write_long, rates.audio_input)
    return tuple(rate or 0 for rate in every)


def _outputs(rates: Rates) -> tuple[Rate, ...]:
    return tuple(rate or 0 for rate in (rates.output, rates.reasoning, rates.audio_output))


class Tariff:
    """Rates made ready to be asked thousands of times a second: what does not change between two questions is worked out once.

    Says what `price` and `bound` say of the same rates.
    """

    __slots__ = ("_dearest", "_is_flat", "_rates", "rates")

    def __init__(self, rates: Rates) -> None:
        self.rates = rates
        own = tuple(rate or 0 for _, rate in _buckets(NO_USAGE, rates))
        self._is_flat = rates.is_known and not rates.tiers and not rates.request and None not in _every(rates)
        self._rates = own
        self._dearest = (max(own[:5]), max(own[5:]))

    def price(self, usage: Usage) -> NanoDollars | None:
        """Return what `price` returns for these rates."""
        if not self._is_flat:
            return price(usage, self.rates)
        into, read, write, long, heard, out, thought, spoken = self._rates
        total = usage.input * into + usage.output * out
        if usage.cache_read or usage.cache_write or usage.cache_write_long or usage.audio_input:
            total += usage.cache_read * read + usage.cache_write * write
            total += usage.cache_write_long * long + usage.audio_input * heard
        if usage.reasoning or usage.audio_output:
            total += usage.reasoning * thought + usage.audio_output * spoken
        return round_half_up(total, MILLION)

    def bound(self, input_tokens: int, output_tokens: int) -> NanoDollars | None:
        """Return what `bound` returns for these rates."""
        if not self._is_flat:
            return bound(input_tokens, output_tokens, self.rates)
        dearest_in, dearest_out = self._dearest
        return round_half_up(input_tokens * dearest_in + output_tokens * dearest_out, MILLION)


def _every(rates: Rates) -> tuple[Rate | None, ...]:
    return tuple(rate for _, rate in _buckets(NO_USAGE, rates))
