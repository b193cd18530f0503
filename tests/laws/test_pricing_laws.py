"""Laws of prices: never a float, never less than nothing, never above the bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.catalog.rates import Rates, Tier
from stormkeel.ledger.pricing import bound, price
from stormkeel.types.usage import Usage

RATE = st.integers(0, 10**12) | st.integers(0, 10**12) | st.integers(0, 10**12) | st.none()
FLAT = st.builds(Rates, RATE, RATE, RATE, RATE, RATE, RATE, RATE, RATE, st.integers(0, 10**13))
TIERS = st.lists(st.builds(Tier, st.integers(0, 2_000), FLAT), max_size=3).map(
    lambda tiers: tuple(sorted(tiers, key=lambda tier: tier.start))
)
RATES = st.builds(lambda flat, tiers: Rates(*(getattr(flat, name) for name in flat.__struct_fields__[:9]), tiers), FLAT, TIERS)
COUNT = st.integers(0, 1_500)
USAGE = st.builds(Usage, *[COUNT] * 8)


@given(USAGE, RATES, COUNT, COUNT)
def test_a_price_never_exceeds_its_bound(usage: Usage, rates: Rates, more_in: int, more_out: int) -> None:
    """Usage within the bounds costs at most the bound, where both are known (INV-1)."""
    most, cost = bound(usage.total_input + more_in, usage.total_output + more_out, rates), price(usage, rates)
    if most is not None and cost is not None:
        assert 0 <= cost <= most


@given(COUNT, COUNT, COUNT, COUNT, RATES)
def test_a_wider_bound_is_never_cheaper(tokens_in: int, tokens_out: int, more_in: int, more_out: int, rates: Rates) -> None:
    """More tokens allowed never bring the bound down."""
    narrow, wide = bound(tokens_in, tokens_out, rates), bound(tokens_in + more_in, tokens_out + more_out, rates)
    if narrow is not None and wide is not None:
        assert narrow <= wide


@given(USAGE, RATES)
def test_amounts_are_integers(usage: Usage, rates: Rates) -> None:
    """A price is a whole number or unknown (INV-25)."""
    assert price(usage, rates) is None or type(price(usage, rates)) is int


@given(USAGE, RATES)
def test_known_price_has_a_known_bound(usage: Usage, rates: Rates) -> None:
    """Where plain input and output can be bounded, a known price never comes with an unknown bound."""
    if rates.input is not None and rates.output is not None:
        assert bound(usage.total_input, usage.total_output, rates) is not None
