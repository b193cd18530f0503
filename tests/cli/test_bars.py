"""Bars and sparklines."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.cli.bars import bar, sparkline

AMOUNTS = st.floats(0, 1e12)


def test_a_bar_is_as_long_as_its_amount() -> None:
    """The largest amount fills the width, half of it half, nothing nothing."""
    assert (bar(8, 8, 10), bar(4, 8, 10), bar(0, 8, 10)) == ("█" * 10, "█" * 5, "")


@given(AMOUNTS, AMOUNTS, st.integers(1, 60))
def test_a_bar_stays_in_its_width(amount: float, largest: float, width: int) -> None:
    """No bar is longer than its width, and one of something is never empty."""
    drawn = bar(amount, largest, width)
    assert len(drawn) <= width
    assert bool(drawn) == (amount > 0 and largest > 0)


def test_a_sparkline_steps_with_its_values() -> None:
    """One step a value, the largest highest; nothing at all is a flat line, and no values none."""
    assert (sparkline([0, 1, 2, 4]), sparkline([0, 0]), sparkline([])) == ("▁▂▄█", "▁▁", "")


@given(st.lists(AMOUNTS))
def test_a_sparkline_keeps_the_order(amounts: list[float]) -> None:
    """A larger value never has the lower step."""
    pairs = sorted(zip(amounts, sparkline(amounts), strict=True))
    assert all(low <= high for (_, low), (_, high) in pairwise(pairs))
