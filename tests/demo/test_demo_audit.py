"""The ledger against the bill: equal where usage was reported, bounded elsewhere, and no stray on either side."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.demo.demo_values import arrived, booked

from stormkeel.demo.audit import audit


def test_an_attempt_that_both_sides_tell_alike_holds() -> None:
    """Equal to the nano-dollar is right."""
    found = audit([arrived()], {"r.1": booked()})
    assert found.holds
    assert (found.reported.attempts, found.reported.bill, found.reported.ledger) == (1, 700, 700)


@pytest.mark.parametrize("amount", [699, 701, None])
def test_a_nano_dollar_too_much_or_too_little_is_a_fault(amount: int | None) -> None:
    """Where usage was reported nothing but equality will do."""
    found = audit([arrived()], {"r.1": booked(amount=amount)})
    assert not found.holds
    assert found.reported.faults[0].startswith("r.1: bill 700")


def test_an_answer_with_usage_must_be_booked_by_it() -> None:
    """An estimate is no excuse where the answer came whole and its usage was sent."""
    found = audit([arrived()], {"r.1": booked(usage_source="estimated", amount=800)})
    assert found.reported.faults
    assert found.elsewhere.attempts == 0


@given(bill=st.integers(0, 20), ledger=st.integers(0, 20), held=st.integers(0, 20))
def test_elsewhere_the_ledger_lies_between_bill_and_reservation(bill: int, ledger: int, held: int) -> None:
    """Broken attempts hold exactly if bill <= ledger <= reservation."""
    booking = booked(held=held, amount=ledger, outcome="stalled", usage_source="estimated")
    found = audit([arrived(cost=bill, fault="stall")], {"r.1": booking})
    assert found.holds == (bill <= ledger <= held)
    assert found.reported.attempts == 0


def test_an_attempt_without_a_price_does_not_hold() -> None:
    """An unknown amount is never taken for a bounded one."""
    assert not audit([arrived(cost=0)], {"r.1": booked(held=None, amount=None, outcome="reset", usage_source="none")}).holds


def test_strays_on_either_side_are_told() -> None:
    """On the bill but not in the ledger, twice on the bill, and not finished: each is named."""
    unfinished = msgspec.structs.replace(booked("s.1"), settled=None)
    found = audit([arrived(), arrived(), arrived(attempt="t.1", open=True)], {"r.1": booked(), "s.1": unfinished})
    assert set(found.strays) == {
        "r.1: twice on the bill",
        "t.1: on the bill, not in the ledger",
        "t.1: still being answered",
        "s.1: not finished",
    }


def test_an_attempt_that_never_arrived_may_be_booked_up_to_its_reservation() -> None:
    """A connection that failed has no row on the bill, which counts as a bill of nothing."""
    found = audit([], {"r.1": booked(outcome="connect", usage_source="none", amount=0)})
    assert found.holds
    assert found.elsewhere.attempts == 1
