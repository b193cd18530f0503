"""So many a day: counted in half hours over the last 24, because a bucket that fills all day would let twice as many through.

Never early: a half hour is forgotten as a whole, once the last moment in it is a day ago. A provider whose day begins at
midnight may let more through at once then than this does, never less (docs/reliability.md, Rates).
"""

from __future__ import annotations

from .gcra import NANO

SLOT = 1800 * NANO
SLOTS = 48  # a day of them, beside the one under way


class Daily:
    """One limit a day; the same questions as a `Gcra` answers. `at` arguments are nanoseconds."""

    __slots__ = ("_counts", "_limit", "_total", "burst")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: dict[int, int] = {}  # by half hour, oldest first
        self._total = 0
        self.burst = limit

    def excess(self, at: int, units: int) -> int:
        """Return how far units exceed what may pass at a moment: 0 or less means that they pass."""
        return self._now(at) + units - self._limit

    def room(self, at: int) -> int:
        """Return how many units may pass at a moment."""
        return max(0, self._limit - self._now(at))

    def take(self, at: int, units: int) -> None:
        """Debit units, whether they pass or not."""
        self._now(at)
        slot = at // SLOT
        self._counts[slot] = self._counts.get(slot, 0) + units
        self._total += units

    def give_back(self, at: int, units: int) -> None:
        """Refund units, of the latest half hours first."""
        self._now(at)
        for slot in reversed(list(self._counts)):
            back = min(units, self._counts[slot])
            self._counts[slot] -= back
            self._total -= back
            units -= back
            if not units:
                return

    def sink(self, at: int, units: int) -> None:
        """Let no more than so many units pass: what is missing counts as taken now."""
        missing = self.room(at) - units
        if missing > 0:
            self.take(at, missing)

    def taken(self, at: int) -> int:
        """Return how many units were taken within a day."""
        return self._now(at)

    def delay(self, at: int, units: int) -> float:
        """Return the seconds until so many units would pass, 0 where they do."""
        excess, last = self.excess(at, units), 0
        if excess <= 0:
            return 0.0
        for last, count in self._counts.items():  # noqa: B007 - the half hour whose end gives room is what is asked for
            excess -= count
            if excess <= 0:
                break
        return (((last + SLOTS + 1) * SLOT - at) // 1000 + 1) / 1_000_000

    def _now(self, at: int) -> int:
        """Forget what is a day ago, and return what was taken since."""
        oldest = at // SLOT - SLOTS
        while self._counts and (slot := next(iter(self._counts))) < oldest:
            self._total -= self._counts.pop(slot)
        return self._total

    def follow(self, other: Daily, at: int) -> None:
        """Count what another limit has counted."""
        other._now(at)
        self._counts, self._total = dict(other._counts), other._total
