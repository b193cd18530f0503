"""Prices of usage."""

from __future__ import annotations

from stormkeel.catalog.rates import Rates, Tier
from stormkeel.ledger.pricing import bound, price
from stormkeel.types.usage import Usage


def test_sum_then_round_once() -> None:
    """Fractions of nano-dollars of two buckets are added before they are rounded."""
    assert price(Usage(input=1, output=1), Rates(input=300_000, output=300_000)) == 1
    assert price(Usage(input=1), Rates(input=300_000)) == 0
    assert price(Usage(input=1), Rates(input=500_000)) == 1


def test_every_bucket_at_its_own_rate() -> None:
    """Each bucket is charged once, at its own rate."""
    rates = Rates(1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
    usage = Usage(*(10**6 * count for count in (1, 2, 3, 4, 5, 6, 7, 8)))
    assert price(usage, rates) == 87_654_321


def test_unknown_is_none() -> None:
    """Tokens without a rate make the whole cost unknown, and so does a model of which nothing is known."""
    assert price(Usage(input=1, output=1), Rates(input=5)) is None
    assert price(Usage(), Rates()) is None
    assert price(Usage(input=1), Rates(input=0)) == 0


def test_cliff_counts_cached_tokens() -> None:
    """The cliff is crossed by all input tokens together, and reprices all of them."""
    rates = Rates(input=10**6, output=10**6, tiers=(Tier(10, Rates(input=2 * 10**6, output=3 * 10**6)),))
    assert price(Usage(input=5, cache_read=5, output=1), rates) == 11
    assert price(Usage(input=5, cache_read=6, output=1), rates) == 25


def test_request_price() -> None:
    """A price by the request is added once."""
    assert price(Usage(input=1), Rates(input=10**6, request=5 * 10**12)) == 5_000_001


def test_bound_takes_the_dearest() -> None:
    """The bound charges every input token as the dearest kind of input, every output token as the dearest kind of output."""
    rates = Rates(input=10**6, cache_write_long=2 * 10**6, output=5 * 10**6, audio_output=9 * 10**6)
    assert bound(3, 2, rates) == 24
    assert bound(0, 0, rates) == 0
    assert bound(1, 1, Rates(input=1)) is None
    assert bound(1, 0, Rates()) is None


def test_bound_beyond_a_cliff() -> None:
    """A request that may cross a cliff is bounded by the tier above it, one that can not is not."""
    rates = Rates(input=10**6, output=10**6, tiers=(Tier(10, Rates(input=2 * 10**6, output=3 * 10**6)),))
    assert (bound(10, 1, rates), bound(11, 1, rates)) == (11, 25)


def test_bound_knows_a_tier_that_is_cheaper() -> None:
    """Where a higher tier is cheaper, a request that may stay below it is bounded by the dearer one."""
    rates = Rates(input=9 * 10**6, tiers=(Tier(10, Rates(input=10**6)),))
    assert bound(20, 0, rates) == 180
