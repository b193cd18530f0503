"""One limit, exact: at its edge, one beyond, and after what changes it."""

import pytest

from stormkeel.policies.gcra import NANO, Gcra, moment


def test_admit_debits_what_passes_and_nothing_else():
    """Exactly the burst passes at once, and a refusal costs nothing."""
    limit = Gcra(10, 1.0, 10)
    at = 7 * NANO
    assert limit.admit(at, 6)
    assert not limit.admit(at, 5)
    assert limit.admit(at, 4)
    assert not limit.admit(at, 1)
    assert limit.admit(at + NANO // 10, 1)
    assert not limit.admit(at + NANO // 10, 1)
    assert (limit.room(at + NANO // 10), limit.room(at + NANO)) == (0, 9)


def test_a_debt_has_no_room_and_is_earned_back():
    """What was taken beyond the burst is waited for first."""
    limit = Gcra(10, 1.0, 10)
    limit.take(0, 15)
    assert limit.room(0) == 0
    assert limit.delay(0, 0) == pytest.approx(0.5, abs=1e-5)
    assert limit.delay(0, 1) == pytest.approx(0.6, abs=1e-5)
    assert limit.delay(0, 1) > 0.6
    assert limit.room(NANO) == 5


def test_what_passes_has_no_delay():
    """Zero to the last unit of the burst, and the period of one for the next."""
    limit = Gcra(10, 1.0, 10)
    assert limit.delay(0, 10) == 0.0
    assert limit.delay(0, 11) == pytest.approx(0.1, abs=1e-5)
    limit.take(0, 10)
    assert limit.delay(0, 1) == pytest.approx(0.1, abs=1e-5)


def test_a_refund_fills_up_to_the_brim():
    """More than was taken is no credit, also later; less than was taken is exactly so much room."""
    limit = Gcra(10, 1.0, 10)
    limit.take(0, 4)
    limit.give_back(0, 1)
    assert limit.room(0) == 7
    limit.give_back(0, 100)
    assert limit.room(0) == 10
    limit.take(0, 10)
    limit.give_back(5 * NANO, 10)
    assert limit.room(5 * NANO) == 10


def test_another_limit_owes_as_many_units():
    """What is not yet earned back is owed in units, whatever the pace of either; a full one owes nothing."""
    old, new, at = Gcra(10, 1.0, 10), Gcra(5, 2.0, 20), 3 * NANO
    new.follow(old, at)
    assert new.room(at) == 20
    old.take(at, 6)
    new.follow(old, at)
    assert new.room(at) == 14


def test_a_bucket_sinks_and_never_rises():
    """No more than so many pass, and fewer where there were fewer."""
    limit = Gcra(10, 1.0, 10)
    limit.sink(0, 3)
    assert limit.room(0) == 3
    limit.sink(0, 8)
    assert limit.room(0) == 3


def test_moments_are_nanoseconds():
    """Seconds become integers."""
    assert moment(1.5) == 1_500_000_000
