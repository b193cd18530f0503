"""RetryPolicy: the words a user writes for retries, alone or for a guard.

Never retries by itself: a guard's calls and the loop over it do.
"""

from __future__ import annotations

from ..policies.base import within
from ..policies.retry import BudgetSettings, RetrySettings
from .attempts import Attempts
from .clock import REAL
from .gates import Gates
from .retries import Retries, settings
from .turn import Policies, Turn
from .watch import Watch

DEFAULTS = RetrySettings()
BUDGET = BudgetSettings()


class RetryPolicy:
    """How often and how soon to try again; share the object, and its retry budget is shared.

    Iterate it for attempts of a block: `for attempt in policy:` and `with attempt:`, or `async for` and `async with`.

    Args:
        attempts: the most, the first included.
        base: seconds; the first wait is drawn from 0 to this, and each next range is twice as wide.
        throttle_base: the same after a rate limit (429); a second, or `cap` where that is less, where it is not given.
        cap: seconds; no range is wider.
        max_hint: seconds; no longer Retry-After is waited for.
        budget: what retries may cost in all until something succeeds, 14 each after a fault, 5 after a rate limit; None for no
            limit.

    Raises:
        SettingsError: a number is out of range.
    """

    def __init__(
        self,
        attempts: int = DEFAULTS.attempts,
        *,
        base: float = DEFAULTS.base,
        throttle_base: float | None = None,
        cap: float = DEFAULTS.cap,
        max_hint: float = DEFAULTS.max_hint,
        budget: int | None = BUDGET.capacity,
    ) -> None:
        with settings():
            policy = RetrySettings(
                attempts=attempts,
                request_attempts=100,  # their most: here there is one thing to ask, and `attempts` says how often
                base=base,
                throttle_base=min(max(base, DEFAULTS.throttle_base), cap) if throttle_base is None else throttle_base,
                cap=cap,
                wait_hint=0.0,
                max_hint=max_hint,
            )
            if budget is not None:
                within("budget", budget, BUDGET.transient_cost, 1_000_000)
        self.retries = Retries(policy, None if budget is None else BudgetSettings(capacity=budget))

    @property
    def budget_left(self) -> int | None:
        """What is left in the budget, None where there is none."""
        return self.retries.left

    def __iter__(self) -> Attempts:
        """Begin a loop of attempts."""
        return Attempts(Turn(Policies(Gates(REAL), Watch(None), retry=self.retries), "block"))

    def __aiter__(self) -> Attempts:
        """Begin an `async for` loop of attempts."""
        return self.__iter__()
