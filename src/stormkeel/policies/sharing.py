"""Places that several callers share: the last of them are kept for others, as long as there are any.

Never takes a place away: answers go on as long as they take, so a caller who had all of them would make everybody wait for that
(INV-23). Alone, a caller may have all.

    one of eight places is kept  <-  another caller has asked within a minute
"""

from __future__ import annotations

from ..types.failure import Failure, FailureKind
from .concurrency import ConcurrencyGate

PART = 8  # of so many places one is kept for others
FRESH = 60.0  # seconds after which a caller who asked is forgotten


class SharedPlaces(ConcurrencyGate):
    """How many attempts may be under way at once, whoever's. A place is handed back by its number."""

    __slots__ = ("_counts", "_held", "_latest", "_other")

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._held: dict[int, str] = {}  # by number: whose
        self._counts: dict[str, int] = {}
        self._latest: tuple[str, float] | None = None  # who asked last, and when
        self._other: tuple[str, float] | None = None  # who else asked last

    def note(self, caller: str, now: float) -> None:
        """Take note that a caller asks."""
        if self._latest is None or self._latest[0] != caller:
            self._other = self._latest
        self._latest = caller, now

    def take(self, caller: str, now: float) -> int | Failure:
        """Take a place for a caller: its number, or why there is none for it."""
        latest = self._latest
        if latest is not None and latest[0] != caller:
            self._other = latest
        self._latest = caller, now
        has = self._counts.get(caller, 0)
        if self.in_flight >= self.limit or has >= self.limit - self.limit // PART:
            refusal = self.refusal_for(caller, now)
            if refusal is not None:
                return refusal
        number = next(reversed(self._held), 0) + 1
        self._held[number] = caller
        self._counts[caller] = has + 1
        self.in_flight += 1
        return number

    def refusal_for(self, caller: str, now: float) -> Failure | None:
        """Say why `take` would refuse. Changes nothing."""
        kept = self.limit // PART
        if self.in_flight >= self.limit or not kept or self._counts.get(caller, 0) < self.limit - kept:
            return self.refusal()
        if not self._has_other(caller, now):
            return None
        words = f"{self.limit - kept} of {self.limit} places are this caller's, the others are kept for others (`concurrency`)"
        return Failure(FailureKind.CONCURRENCY_REACHED, words)

    def _has_other(self, caller: str, now: float) -> bool:
        """Has anybody else asked of late?"""
        others = (seen for seen in (self._latest, self._other) if seen is not None and seen[0] != caller)
        return any(now - at < FRESH for _, at in others)

    def give_back(self, number: int) -> None:
        """Give a place back."""
        caller = self._held.pop(number)
        self._counts[caller] -= 1
        if not self._counts[caller]:
            del self._counts[caller]
        self.in_flight -= 1
