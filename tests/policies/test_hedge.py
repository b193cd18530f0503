"""When a second attempt goes out, and what hedges may cost."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.policies.base import OutOfRangeError
from stormkeel.policies.hedge import ENOUGH, HedgeBudget, HedgeSettings, Waits, moment


def seen(*waits: float) -> Waits:
    """Waits that have seen these."""
    found = Waits()
    for wait in waits:
        found.add(wait)
    return found


def test_nothing_is_known_of_few_waits():
    """Fewer than twenty waits say nothing, the twentieth does."""
    assert seen(*[1.0] * (ENOUGH - 1)).percentile(95) is None
    assert seen(*[1.0] * ENOUGH).percentile(95) == pytest.approx(1.0, rel=0.05)


@given(st.lists(st.floats(0.001, 600.0), min_size=ENOUGH, max_size=400), st.sampled_from([50.0, 90.0, 95.0, 98.0, 99.9]))
def test_a_percentile_is_true_within_a_twentieth(waits: list[float], percent: float):
    """Of as many values as are kept, the percentile is the value at that place, or up to a twentieth above it."""
    place = sorted(waits)[max(0, -int(-len(waits) * percent // 100) - 1)]
    found = seen(*waits).percentile(percent)
    assert found is not None
    assert place * 0.999 <= found <= place * 1.0501


def test_old_waits_fade():
    """Some hundred waits after a change the percentile is that of the new ones."""
    rng = Random(3)
    waits = seen(*(20.0 + rng.random() for _ in range(500)))
    for _ in range(3000):
        waits.add(0.5)
    assert waits.percentile(95) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize(("share", "percent"), [(0.02, 98), (0.05, 95), (0.5, 95)])
def test_no_earlier_than_the_share_can_pay_for(share: float, percent: int):
    """The moment is the percentile that is set, or a later one of which the share can pay for every hedge."""
    waits = seen(*(float(number) for number in range(1, 101)))
    assert moment(HedgeSettings(share=share), waits) == pytest.approx(percent, rel=0.06)
    uneven = seen(*(0.01 * 1.06**number for number in range(100)))  # each in a bucket of its own
    assert moment(HedgeSettings(percentile=50.0, share=share), uneven) == uneven.percentile(100 - 100 * share)
    assert moment(HedgeSettings(after=2.5, share=share), Waits()) == 2.5
    assert moment(HedgeSettings(share=share), Waits()) is None


@given(st.lists(st.tuples(st.floats(0.0, 1e9), st.booleans(), st.floats(0.0, 1e9)), max_size=60), st.floats(0.001, 0.5))
def test_hedges_never_cost_more_than_their_share(turns: list[tuple[float, bool, float]], share: float):
    """At every moment the hedges made come to no more than their share of what was asked until then."""
    budget, asked, spent = HedgeBudget(), 0.0, 0.0
    for cost, wants, price in turns:
        asked += cost
        budget.pay_in(cost, share)
        if wants and budget.take(price):
            spent += price
        assert spent <= share * asked * (1 + 1e-9) + 1e-6


def test_a_quiet_day_saves_up_for_a_few_hedges_only():
    """The budget holds ten hedges like the present request at most, and what was never sent comes back."""
    budget = HedgeBudget()
    for _ in range(10_000):
        budget.pay_in(1.0, 0.02)
    assert sum(budget.take(1.0) for _ in range(100)) == 10
    budget.give_back(1.0)
    budget.give_back(0.5)
    assert budget.left == pytest.approx(1.5)
    assert budget.take(1.0)


@pytest.mark.parametrize(("name", "value"), [("after", 0.0), ("percentile", 20.0), ("share", 0.9)])
def test_ranges(name: str, value: float):
    """A setting outside its range says so."""
    with pytest.raises(OutOfRangeError, match=name):
        HedgeSettings(**{name: value})


def test_the_ends_of_the_histogram():
    """What is quicker than a millisecond counts as that, and what is slower than any clock as about a quarter of an hour."""
    for seconds, told in ((0.0, 0.001), (0.001, 0.001), (0.00105, 0.00105), (1e6, 943.0)):
        waits = Waits()
        for _ in range(20):
            waits.add(seconds)
        assert waits.percentile(95.0) == pytest.approx(told, rel=0.01)


def test_a_budget_pays_exactly_what_is_left():
    """A hedge that costs all that is left is paid; what a dearer request saved up stays when cheaper ones come."""
    budget = HedgeBudget()
    assert not budget.take(0.001)
    budget.pay_in(100.0, 0.01)
    assert budget.left == 1.0
    assert budget.take(1.0)
    assert budget.left == 0.0
    for _ in range(2000):
        budget.pay_in(100.0, 0.01)
    assert budget.left == 1000.0
    budget.pay_in(1.0, 0.01)
    assert budget.left == 1000.0


def test_old_waits_fade_from_five_hundred_on():
    """All count half from then on, and again after as many more."""
    waits = Waits()
    totals = []
    for _ in range(750):
        waits.add(0.1)
        totals.append(waits.total)
    assert (totals[498], totals[499], totals[748], totals[749]) == (499.0, 250.0, 499.0, 250.0)
