"""Outcomes of the last while, counted in six buckets of time.

Never keeps single outcomes: a bucket is forgotten as a whole, so it looks back over five sixths of its time or a little more.
"""

from __future__ import annotations

BUCKETS = 6


class Window:
    """Counts of good outcomes and faults. A clock that jumps by a whole window, either way, empties it."""

    __slots__ = ("_bucket", "_faults", "_good", "_number")

    def __init__(self, seconds: float) -> None:
        self._bucket = seconds / BUCKETS
        self._number = 0
        self._good = [0] * BUCKETS
        self._faults = [0] * BUCKETS

    def add(self, now: float, fault: bool) -> None:
        """Count one outcome at a moment (monotonic seconds)."""
        number = int(now // self._bucket)
        if number != self._number:
            self._turn_to(number)
        counts = self._faults if fault else self._good
        counts[number % BUCKETS] += 1

    def totals(self) -> tuple[int, int]:
        """Return how many outcomes there are as of the latest one, and how many of them are faults."""
        faults = sum(self._faults)
        return sum(self._good) + faults, faults

    def clear(self, now: float) -> None:
        """Forget everything."""
        self._good = [0] * BUCKETS
        self._faults = [0] * BUCKETS
        self._number = int(now // self._bucket)

    def _turn_to(self, number: int) -> None:
        steps = number - self._number
        if -BUCKETS < steps < 0:
            return  # a little late, and its bucket is still here
        if 0 < steps < BUCKETS:
            for passed in range(self._number + 1, number + 1):
                self._good[passed % BUCKETS] = self._faults[passed % BUCKETS] = 0
        else:
            self._good = [0] * BUCKETS
            self._faults = [0] * BUCKETS
        self._number = number
