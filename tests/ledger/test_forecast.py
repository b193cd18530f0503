"""Forecasts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.ledger.forecast import DAY_NS, Seen


def test_a_forecast() -> None:
    """Ten dollars in five days are two a day: twenty in ten days, and fifteen in two and a half from now."""
    seen = Seen(10_000, 0, 5 * DAY_NS)
    assert (seen.daily, seen.expected(10 * DAY_NS), seen.left(15_000)) == (2_000, 20_000, 5_000)
    assert seen.reached_at(15_000) == 7.5 * DAY_NS


def test_what_is_reached() -> None:
    """A limit that is spent is reached now, and nothing is left of it."""
    seen = Seen(10, 0, DAY_NS)
    assert (seen.left(10), seen.left(9), seen.reached_at(10)) == (0, 0, DAY_NS)


def test_what_is_never_reached() -> None:
    """Where nothing is spent, or next to nothing, no date is told."""
    assert Seen(0, 0, DAY_NS).reached_at(1) is None
    assert Seen(1, 0, DAY_NS).reached_at(10**9) is None


def test_no_time_at_all() -> None:
    """A span of nothing divides by nothing."""
    assert Seen(5, 7, 7).elapsed == 1


@given(st.integers(1, 10**15), st.integers(1, 10**18), st.integers(1, 10**15))
def test_the_date_fits_the_rate(spent: int, elapsed: int, limit: int) -> None:
    """At the moment a limit is said to be reached, so much is expected to have been spent, to the rounding."""
    seen = Seen(spent, 0, elapsed)
    at = seen.reached_at(limit)
    if at is not None and limit > spent:
        assert seen.expected(at) <= limit <= seen.expected(at + 1 + elapsed // spent) + 1
