"""How often and how soon to try again, and what retries may cost in all: the engine's own policy, for anything.

Never waits: it decides by `policies.retry.decide` and pays from a `RetryBudget`, which all who share the object share.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import SettingsError
from ..policies.base import Dice
from ..policies.retry import BudgetSettings, Decision, GiveUp, RetryBudget, RetrySettings, Situation, decide
from ..types.failure import Failure

SPENT = GiveUp("the retry budget is spent: nothing succeeded for too many retries (`budget`)")


@contextmanager
def settings() -> Iterator[None]:
    """Tell a number that is out of its range as a `SettingsError`."""
    try:
        yield
    except ValueError as wrong:
        raise SettingsError(str(wrong)) from None


class Retries:
    """The decisions of one retry policy. Safe to share by threads and tasks."""

    def __init__(self, policy: RetrySettings, budget: BudgetSettings | None) -> None:
        self.settings = policy
        self._budget = None if budget is None else RetryBudget(budget)
        self._lock = threading.Lock()

    def decide(self, failure: Failure, tries: int, remaining: float, rng: Dice) -> Decision:
        """Decide what follows a failed attempt.

        Args:
            failure: the latest.
            tries: attempts made, this one included.
            remaining: seconds to the deadline; infinite where there is none.
            rng: draws the backoff.
        """
        return decide(Situation(failure, tries, tries, False, False, remaining), self.settings, rng)

    def pay(self, failure: Failure) -> int | None:
        """Pay for one retry after a failure; None where the budget is spent."""
        if self._budget is None:
            return 0
        with self._lock:
            return self._budget.take(failure.rule.throttled) or None

    def reward(self, paid: int) -> None:
        """A call succeeded, whose last retry paid so much, 0 where it needed none."""
        if self._budget is not None:
            with self._lock:
                self._budget.refund(paid)

    @property
    def left(self) -> int | None:
        """What is left in the budget, None where there is none."""
        return None if self._budget is None else self._budget.left
