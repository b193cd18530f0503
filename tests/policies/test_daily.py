"""So many a day: at the edges of a half hour and of the day."""

import pytest

from stormkeel.policies.daily import SLOT, Daily
from stormkeel.policies.gcra import NANO

DAY = 86_400 * NANO


def test_exactly_a_day_passes():
    """The limit itself passes, one more does not, and the excess says by how much."""
    limit = Daily(10)
    assert limit.burst == 10
    assert limit.excess(0, 10) == 0
    limit.take(0, 7)
    assert (limit.room(0), limit.excess(0, 4)) == (3, 1)
    limit.take(0, 5)
    assert limit.room(0) == 0


def test_what_passes_has_no_delay():
    """Zero where there is room, up to the last unit."""
    limit = Daily(10)
    limit.take(0, 4)
    assert limit.delay(0, 6) == 0.0
    assert limit.delay(0, 7) > 0.0


def test_the_wait_ends_with_the_half_hour_that_gives_room():
    """A half hour is forgotten a day after its end, and the first ones that are enough are waited for."""
    limit = Daily(10)
    limit.take(0, 4)
    limit.take(SLOT, 6)
    at = 2 * SLOT
    first, second = (DAY + SLOT - at) / NANO, (DAY + 2 * SLOT - at) / NANO
    assert limit.delay(at, 4) == pytest.approx(first, abs=1e-5)
    assert limit.delay(at, 5) == pytest.approx(second, abs=1e-5)
    wait = int(limit.delay(at, 4) * NANO)
    assert limit.excess(DAY + SLOT - 1, 4) > 0
    assert limit.excess(at + wait, 4) <= 0


def test_a_refund_is_of_the_latest_first():
    """So that what is forgotten first was not given back before."""
    limit = Daily(10)
    limit.take(0, 5)
    limit.take(SLOT, 5)
    limit.give_back(SLOT, 6)
    assert limit.room(SLOT) == 6
    assert limit.room(DAY + SLOT) == 10
    limit.take(DAY + SLOT, 3)
    limit.give_back(DAY + SLOT, 100)
    assert limit.room(DAY + SLOT) == 10


def test_it_sinks_and_never_rises():
    """What is missing counts as taken now; a limit with less left stays as it is."""
    limit = Daily(10)
    limit.sink(0, 3)
    assert limit.room(0) == 3
    limit.sink(0, 3)
    limit.sink(0, 9)
    assert limit.room(0) == 3


def test_another_limit_goes_on_with_what_was_counted():
    """What was taken today counts against the new number, and each counts for itself from then on."""
    old, new = Daily(10), Daily(20)
    old.take(0, 4)
    new.follow(old, SLOT)
    assert new.room(SLOT) == 16
    new.take(SLOT, 1)
    old.take(0, 1)
    assert (old.room(SLOT), new.room(SLOT)) == (5, 15)
    assert new.room(DAY + SLOT) == 19
