"""Laws of what a provider ended and nothing came of: bill <= ledger <= reservation, whatever it had written by then."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.catalog.rates import Rates
from stormkeel.engine.hold import Extent, by_time
from stormkeel.ledger.estimate import FASTEST, output_bound
from stormkeel.ledger.pricing import Tariff
from stormkeel.policies.base import Need
from stormkeel.types.usage import Usage

COUNT = st.integers(0, 200_000)
RATE = st.integers(1, 10**7)
RATES = st.builds(lambda into, out, write: Rates(input=into, output=out, cache_write=write), RATE, RATE, RATE | st.none())
SECONDS = st.floats(0.0, 600.0)


@given(COUNT, COUNT, st.integers(1, 8), SECONDS, st.floats(0.0, 1.0), st.data(), RATES)
def test_nothing_that_can_have_been_written_is_left_out(
    most_in: int, limit: int, choices: int, seconds: float, share: float, data: st.DataObject, rates: Rates
) -> None:
    """At any speed up to the fastest, of any input within its bound: what is billed is booked, and no more than was held."""
    extent = Extent(Need(1, 0, ""), (most_in, output_bound(limit, None, choices)), True)
    ended, tariff = by_time(extent, seconds, choices), Tariff(rates)
    written = min(limit, int(FASTEST * share * seconds)) * choices
    taken = data.draw(st.integers(0, most_in))
    cached = data.draw(st.integers(0, taken)) if rates.cache_write is not None else 0
    bill = tariff.price(Usage(input=taken - cached, cache_write=cached, output=written))
    booked, held = tariff.bound(*ended.bounds), tariff.bound(*extent.bounds)
    assert bill is not None and booked is not None and held is not None
    assert bill <= booked <= held


@given(COUNT, COUNT, SECONDS, SECONDS)
def test_a_longer_time_is_never_cheaper(most_in: int, limit: int, seconds: float, more: float) -> None:
    """Whoever was listened to for longer may have written more."""
    extent = Extent(Need(1, 0, ""), (most_in, limit), True)
    assert by_time(extent, seconds, 1).bounds[1] <= by_time(extent, seconds + more, 1).bounds[1] <= limit
