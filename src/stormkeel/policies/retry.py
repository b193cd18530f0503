"""What to do after a failed attempt: again here, elsewhere, or give up; and how many retries an outage may cost.

Never waits and never sends. It is asked after each failure with the *latest* failure: an older one's hint is history.
Rules by docs/reliability.md, Retries; the kinds' meanings are the table `types.failure.RULES`.

    failure --> past the deadline, or attempts used up? ------------------------------> GiveUp
            --> may this kind be tried again here (and not too often already)? -- no --> Elsewhere, or GiveUp where nobody is left
            --> does waiting for it beat going elsewhere, and fit the deadline? -- no --> the same
            --> Again(after)
"""

from __future__ import annotations

import msgspec

from ..types.failure import REFUSALS, Failure
from ..types.failure import Again as May
from .base import Dice, within


class RetrySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often and how soon to try again. Defaults by docs/reliability.md, Retries (AWS "standard", 2026).

    Attributes:
        attempts: the most tries of one deployment for one request, the first included.
        request_attempts: the most tries of one request over all deployments.
        base: seconds; the first backoff is drawn from 0 to this, and each next range is twice as wide.
        throttle_base: the same after a throttle (429, overloaded).
        cap: seconds; no backoff range is wider.
        wait_hint: seconds; a provider's hint up to this is waited out in place, a longer one only where nobody else is left.
        max_hint: seconds; no longer hint is ever waited out.
    """

    attempts: int = 3
    request_attempts: int = 5
    base: float = 0.05
    throttle_base: float = 1.0
    cap: float = 20.0
    wait_hint: float = 5.0
    max_hint: float = 300.0

    def __post_init__(self) -> None:
        within("attempts", self.attempts, 1, 20)
        within("request_attempts", self.request_attempts, 1, 100)
        within("base", self.base, 0.001, 60.0, "seconds")
        within("throttle_base", self.throttle_base, 0.001, 60.0, "seconds")
        within("cap", self.cap, max(self.base, self.throttle_base), 3600.0, "seconds")
        within("wait_hint", self.wait_hint, 0.0, 3600.0, "seconds")
        within("max_hint", self.max_hint, self.wait_hint, 86_400.0, "seconds")


class Situation(msgspec.Struct, frozen=True):
    """Where a request stands after a failure.

    Attributes:
        failure: the latest one.
        tries_here: attempts made at this deployment for this request, the failed one included; 0 where our own gates
            refused the first.
        tries: attempts made for this request at all deployments.
        has_sibling: is there another deployment of the same group, ready and not sharing this one's quota?
        has_other: is there any other candidate left?
        remaining: seconds to the request's deadline.
        needs: seconds that another try here takes at least, as far as is known: with less left it is not begun.
    """

    failure: Failure
    tries_here: int
    tries: int
    has_sibling: bool
    has_other: bool
    remaining: float
    needs: float = 0.0


class Again(msgspec.Struct, frozen=True):
    """Try the same deployment again after so many seconds."""

    after: float


class Elsewhere(msgspec.Struct, frozen=True):
    """Try the next candidate now."""


class GiveUp(msgspec.Struct, frozen=True):
    """Try nothing more; `why` is for people."""

    why: str


ONCE = (May.ONCE, May.MENDED)
Decision = Again | Elsewhere | GiveUp
ELSEWHERE = Elsewhere()


def decide(situation: Situation, settings: RetrySettings, rng: Dice) -> Decision:
    """Decide what follows a failure.

    Returns:
        `Again(after)`, before the deadline and never earlier than the latest failure's hint; else `Elsewhere` or `GiveUp`.
    """
    if situation.remaining <= 0.0:
        return GiveUp("the deadline has passed")
    if situation.tries >= settings.request_attempts:
        return GiveUp(f"all {settings.request_attempts} attempts of the request are used (`request_attempts`)")
    if stop := _no_more_here(situation, settings):
        return _leave(situation, stop)
    if _rather_elsewhere(situation, settings):
        return ELSEWHERE
    return _wait(situation, settings, rng)


def _leave(situation: Situation, why: str) -> Decision:
    if situation.has_other and situation.failure.rule.elsewhere:
        return ELSEWHERE
    return GiveUp(why)


def _no_more_here(situation: Situation, settings: RetrySettings) -> str:
    """Say why this deployment can't be asked again for this request, "" where it can."""
    failure, here = situation.failure, situation.tries_here
    may = failure.rule.again
    if failure.forever:
        return "asking again can never help"
    if may is May.NEVER:
        return "asking again does not help after this failure"
    if may in ONCE and here > 1:
        return "this failure is worth one more try, and it was made"
    if here >= settings.attempts:
        return f"all {settings.attempts} attempts here are used (`attempts`)"
    return ""


def _rather_elsewhere(situation: Situation, settings: RetrySettings) -> bool:
    """Is there somewhere better to go than to wait here?

    ONCE: the fleet behind it is in trouble, so anywhere else at once. BACKOFF: a blip, so one more try in place first.
    AFTER_HINT: another quota at once, but never a deployment that shares the exhausted one while a short hint is running; and a
    hint is waited out once, for who is refused after it is one of many who wait for the same limit.
    """
    if not situation.has_other or situation.failure.rule.again is May.MENDED:
        return False
    hint, may = situation.failure.retry_after, situation.failure.rule.again
    if hint is not None and hint > settings.wait_hint:
        return True
    if may is May.AFTER_HINT:
        has_waited = situation.tries_here > (situation.failure.kind not in REFUSALS)
        return situation.has_sibling or hint is None or has_waited
    return may is May.ONCE or situation.tries_here > 1


def _wait(situation: Situation, settings: RetrySettings, rng: Dice) -> Decision:
    if situation.failure.rule.again is May.MENDED and not situation.failure.retry_after and situation.needs < situation.remaining:
        return Again(0.0)  # it was no question of time
    hint, left = situation.failure.retry_after or 0.0, situation.remaining - situation.needs
    if hint > settings.max_hint:
        return _leave(situation, f"asked to wait {hint:g} s, longer than `max_hint` ({settings.max_hint:g} s)")
    if hint >= left:
        return _leave(situation, f"asked to wait {hint:g} s, and the deadline is {situation.remaining:.3g} s away")
    after = _after_hint(hint, left, settings, rng) if hint > 0.0 else _backoff(situation, settings, rng)
    if after >= left:
        away = situation.remaining
        return _leave(situation, f"the next try would be {after:.3g} s from now, and the deadline is {away:.3g} s away")
    return Again(after)


def _backoff(situation: Situation, settings: RetrySettings, rng: Dice) -> float:
    base = settings.throttle_base if situation.failure.rule.throttled else settings.base
    return rng.random() * ceiling(base, settings.cap, situation.tries_here - 1)


def ceiling(base: float, cap: float, retries: int) -> float:
    """Return the width in seconds of the range the next backoff is drawn from: `min(cap, base * 2**retries)`.

    Full jitter with the cap applied before the draw, as the AWS SDKs' 2026 retry specification has it.
    """
    doublings = min(max(retries, 0), 64)
    return min(cap, base * float(1 << doublings))


def _after_hint(hint: float, left: float, settings: RetrySettings, rng: Dice) -> float:
    """The hint and a little more, so that all who were told the same moment don't come at once; always before the deadline."""
    spread = min(1.0, max(settings.base, hint / 10.0), (left - hint) / 2.0)
    return hint + rng.random() * spread


class BudgetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What retries may cost in all: each pays from one bucket, success fills it. AWS "standard" of 2026.

    In a total outage at most `capacity // transient_cost` (35) retries are made, then none until something succeeds (S-20).

    Attributes:
        capacity: the full bucket, where it starts.
        transient_cost: the price of a retry after a fault.
        throttle_cost: the price of a retry after a throttle.
        concurrent_share: the most retries at once, as a share of what is under way at the provider; those that wait for a moment
            the provider named are not counted.
        concurrent_least: so many always may be.
    """

    capacity: int = 500
    transient_cost: int = 14
    throttle_cost: int = 5
    concurrent_share: float = 0.2
    concurrent_least: int = 3

    def __post_init__(self) -> None:
        within("capacity", self.capacity, 1, 1_000_000)
        within("transient_cost", self.transient_cost, 1, self.capacity)
        within("throttle_cost", self.throttle_cost, 1, self.capacity)
        within("concurrent_share", self.concurrent_share, 0.0, 1.0)
        within("concurrent_least", self.concurrent_least, 1, 1_000_000)


class RetryBudget:
    """The bucket retries pay from, and the places they take. A first attempt never asks it.

    Attributes:
        left: what is in the bucket.
        under_way: retries that hold a place.
    """

    __slots__ = ("_settings", "left", "under_way")

    def __init__(self, settings: BudgetSettings) -> None:
        self._settings = settings
        self.left = settings.capacity
        self.under_way = 0

    @property
    def share(self) -> float:
        """What is left of the full bucket, from 0 to 1."""
        return self.left / self._settings.capacity

    def change(self, settings: BudgetSettings) -> None:
        """Go on under other settings; what is missing in the bucket stays missing."""
        missing = self._settings.capacity - self.left
        self._settings = settings
        self.left = max(0, settings.capacity - missing)

    def take(self, throttled: bool) -> int:
        """Pay for one retry. Returns what was paid, 0 where the bucket can't pay: then no retry."""
        cost = self._settings.throttle_cost if throttled else self._settings.transient_cost
        if cost > self.left:
            return 0
        self.left -= cost
        return cost

    def refund(self, paid: int) -> None:
        """A request succeeded: give back what its last retry paid, or 1 where its first try succeeded (`paid` 0)."""
        left, capacity = self.left + (paid or 1), self._settings.capacity
        self.left = left if left < capacity else capacity

    def enter(self, under_way: int) -> bool:
        """Take a place among the retries at once; False where all are taken. Each one taken is left by `leave`.

        Args:
            under_way: attempts at the provider now.
        """
        settings = self._settings
        if self.under_way >= max(settings.concurrent_least, int(settings.concurrent_share * under_way)):
            return False
        self.under_way += 1
        return True

    def leave(self) -> None:
        """Give a place back."""
        self.under_way -= 1
