"""How many attempts may be under way at once."""

import pytest

from stormkeel.policies.concurrency import ConcurrencyGate
from stormkeel.types.failure import Failure, FailureKind


def test_the_limit_is_exact_and_a_settled_place_is_free_again():
    """A gate of two lets two in, refuses the third, and lets one in for each that leaves."""
    gate = ConcurrencyGate(2)
    assert [gate.admit(), gate.admit()] == [None, None]
    refusal = gate.admit()
    assert isinstance(refusal, Failure) and refusal.kind is FailureKind.CONCURRENCY_REACHED
    assert "all 2 places are taken" in refusal.message
    gate.settle()
    assert gate.admit() is None
    assert isinstance(gate.admit(), Failure)


def test_a_refusal_takes_no_place():
    """Being refused often leaves the gate as it was."""
    gate = ConcurrencyGate(1)
    gate.admit()
    for _ in range(10):
        gate.admit()
    gate.settle()
    assert gate.in_flight == 0 and gate.admit() is None


@pytest.mark.parametrize("limit", [0, -3])
def test_a_limit_below_one_is_refused(limit):
    """A gate that lets nobody through is a mistake, and says what would be none."""
    with pytest.raises(ValueError, match=f"`concurrency` is {limit}: give a whole number from 1"):
        ConcurrencyGate(limit)
