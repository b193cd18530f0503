"""Prices of usage, and who knows them."""

from __future__ import annotations

import json

from stormkeel.catalog.load import load
from stormkeel.catalog.rates import Rates, Tier
from stormkeel.ledger.pricing import Prices, bound, price
from stormkeel.types.usage import Usage

MINUTE_NS = 60 * 10**9


def prices(own: dict[tuple[str, str], Rates] | None = None) -> Prices:
    """Prices over a catalog of one model, whose input price rises from 1 to 2 dollars after one minute of 1970."""
    sheet = {
        "standard": [{"input": 10**9, "output": 3 * 10**9}, {"input": 2 * 10**9, "output": 3 * 10**9, "when": {"since": 60}}]
    }
    model = {"id": "m", "match": {"starts_with": "m"}, "sheet": sheet}
    data = {"source": "s", "version": "1", "made": "d", "attribution": "a", "providers": [{"id": "p", "models": [model]}]}
    return Prices(load(json.dumps(data).encode(), b"[]"), own)


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


def test_own_prices_come_first() -> None:
    """A user's own price wins over the catalog's and marks the snapshot; other models keep theirs."""
    mine = prices({("p", "m1"): Rates(input=7)})
    assert mine.rates("p", "m1", 0) == Rates(input=7)
    assert mine.rates("p", "m2", 0) == Rates(input=10**9, output=3 * 10**9)
    assert mine.snapshot == f"{prices().snapshot}+own"


def test_remembered_for_a_minute_only() -> None:
    """A price that changes is seen when the minute is over."""
    asked = prices()
    found = [asked.rates("p", "m", at) for at in (0, MINUTE_NS - 1, MINUTE_NS, 0)]
    assert [rates.input for rates in found if rates] == [10**9, 10**9, 2 * 10**9, 10**9]


def test_unknown_models_are_unknown() -> None:
    """A model nobody knows has no facts and no rates, however often it is asked for."""
    asked = prices()
    assert [asked.rates("p", "x", 0), asked.rates("q", "m", 0), asked.facts("p", "x"), asked.facts("p", "x")] == [None] * 4


def test_memory_does_not_follow_invented_names() -> None:
    """Ten thousand invented names are not all remembered (INV-14)."""
    asked = prices()
    for number in range(10_000):
        asked.rates("p", f"x{number}", 0)
    assert max(len(asked._facts), len(asked._rates)) <= 4096
