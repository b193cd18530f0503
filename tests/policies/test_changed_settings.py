"""Gates whose settings change while they are in use: what was taken stays taken (INV-12)."""

import pytest

from stormkeel.policies.base import Verdict
from stormkeel.policies.breaker import Breaker, BreakerSettings, State
from stormkeel.policies.concurrency import ConcurrencyGate
from stormkeel.policies.rate import RateGate, RateSettings
from stormkeel.policies.retry import BudgetSettings, RetryBudget
from stormkeel.types.failure import Failure


class Low:
    """Dice that always fall on the lowest number."""

    def random(self) -> float:
        """Return it."""
        return 0.0


def passes(gate: RateGate, now: float, most: int = 1000) -> int:
    """How many requests pass at a moment."""
    return next((count for count in range(most) if isinstance(gate.admit(now, 1), Failure)), most)


def spent(settings: RateSettings, requests: int, now: float) -> RateGate:
    """A gate that has let requests through."""
    gate = RateGate(settings)
    assert not [answer for _ in range(requests) if isinstance(answer := gate.admit(now, 1), Failure)]
    return gate


@pytest.mark.parametrize(
    ("before", "taken", "after", "left"), [(60, 50, 60, 10), (60, 50, 100, 50), (100, 90, 60, 0), (60, 60, 61, 1)]
)
def test_what_was_taken_counts_against_the_new_limit(before, taken, after, left):
    """After a change as many more pass as the new limit leaves, at the same moment."""
    gate = spent(RateSettings(rpm=before), taken, 5.0)
    gate.change(RateSettings(rpm=after), 5.0)
    assert passes(gate, 5.0) == left


def test_a_lowered_limit_earns_back_at_its_own_pace():
    """Ninety taken of a hundred and a new limit of sixty: thirty-one are to be earned back first, one a second."""
    gate = spent(RateSettings(rpm=100), 90, 5.0)
    gate.change(RateSettings(rpm=60), 5.0)
    assert passes(gate, 35.9) == 0
    assert passes(gate, 36.1) == 1


def test_a_thousand_changes_open_nothing():
    """Changing to and fro, however often, lets no more through than the larger limit alone."""
    gate, sent = RateGate(RateSettings(rpm=60)), 0
    for turn in range(1000):
        gate.change(RateSettings(rpm=60 if turn % 2 else 50), turn * 0.001)
        sent += passes(gate, turn * 0.001)
    assert sent <= 60 + 1


def test_tokens_and_requests_are_carried_apart():
    """A token limit that comes in new begins full, the request limit goes on."""
    gate = spent(RateSettings(rpm=10), 9, 1.0)
    gate.change(RateSettings(rpm=10, tpm=100), 1.0)
    assert not isinstance(gate.admit(1.0, 100), Failure)
    assert isinstance(gate.admit(1.0, 0), Failure)
    gate.change(RateSettings(tpm=200), 1.0)
    assert not isinstance(gate.admit(1.0, 100), Failure)
    assert isinstance(gate.admit(1.0, 1), Failure)


def test_places_stay_taken():
    """A lower number of places lets nobody in before enough have left; a higher one at once."""
    gate = ConcurrencyGate(3)
    assert [gate.admit() for _ in range(3)] == [None, None, None]
    gate.change(2)
    gate.settle()
    assert isinstance(gate.admit(), Failure)
    gate.change(3)
    assert gate.admit() is None
    with pytest.raises(ValueError, match="concurrency"):
        gate.change(0)


def test_an_open_breaker_stays_open_and_takes_a_late_outcome():
    """Other settings close no breaker and lose no fault; a ticket given before counts afterwards."""
    breaker = Breaker(BreakerSettings(consecutive=3))
    tickets = [breaker.admit(0.0) for _ in range(3)]
    for ticket in tickets[:2]:
        breaker.settle(ticket, Verdict.FAULT, 0.0, Low())
    breaker.change(BreakerSettings(consecutive=3, window=30.0, permits=(1,)))
    assert breaker.state.value == "closed"
    breaker.settle(tickets[2], Verdict.FAULT, 0.1, Low())
    assert breaker.state.value == "open"
    breaker.change(BreakerSettings(consecutive=100))
    assert isinstance(breaker.admit(0.2), Failure)


def test_a_breaker_in_its_last_step_fits_fewer_steps():
    """A breaker whose step is no more stands in the last one there is."""
    breaker = Breaker(BreakerSettings(consecutive=1))
    breaker.settle(breaker.admit(0.0), Verdict.FAULT, 0.0, Low())
    for now in (20.0, 20.1, 20.2, 20.3):
        breaker.settle(breaker.admit(now), Verdict.OK, now, Low())
    assert breaker.state.value == "half_open"
    breaker.change(BreakerSettings(permits=(1,)))
    breaker.settle(breaker.admit(20.4), Verdict.OK, 20.4, Low())
    assert breaker.state.value == "closed"


def test_a_retry_budget_keeps_what_is_missing():
    """What was paid stays paid in a larger bucket and in a smaller one; it is never in debt."""
    budget = RetryBudget(BudgetSettings(capacity=500))
    for _ in range(10):
        budget.take(throttled=False)
    budget.change(BudgetSettings(capacity=1000))
    assert budget.left == 1000 - 140
    budget.change(BudgetSettings(capacity=200))
    assert budget.left == 60
    budget.change(BudgetSettings(capacity=100))
    assert budget.left == 0


@pytest.mark.parametrize(("window", "opens"), [(60.0, True), (30.0, False)])
def test_what_a_breaker_has_seen_stays_seen_within_the_same_window(window, opens):
    """A reload is no way round it; a window of another length begins anew."""
    breaker = Breaker(BreakerSettings(consecutive=100, least=4, window=60.0))
    for _ in range(3):
        breaker.settle(breaker.admit(1.0), Verdict.FAULT, 1.0, Low())
    breaker.change(BreakerSettings(consecutive=100, least=4, window=window))
    breaker.settle(breaker.admit(2.0), Verdict.FAULT, 2.0, Low())
    assert (breaker.state is State.OPEN) is opens
