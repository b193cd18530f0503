"""GCRA: one limit, exact, one number of state.

Never waits and never knows what its units are. Formulas by docs/reliability.md, Rates. Inside, time is integer nanoseconds times
the limit, so that no rate needs a fraction:

    each unit moves the arrival time TAT on by `period`;
    n units pass at `now` if max(TAT, now * limit) + n * period - now * limit <= burst * period
"""

from __future__ import annotations

NANO = 1_000_000_000
MICRO = 1000  # nanoseconds


class Gcra:
    """One limit: `limit` units a `period`, `burst` of them at once. Exact in integers; `at` arguments are `moment(now)`."""

    __slots__ = ("_arrival", "_limit", "_period", "_tolerance", "burst")

    def __init__(self, limit: int, period: float, burst: int) -> None:
        """Take a limit in units, a period in seconds, a burst in units."""
        self._limit = limit
        self._period = round(period * NANO)
        self._tolerance = burst * self._period
        self._arrival = 0
        self.burst = burst

    def excess(self, at: int, units: int) -> int:
        """Return how far units exceed what may pass at a moment: 0 or less means that they pass. Changes nothing."""
        arrival, now = self._arrival, at * self._limit
        return (arrival - now if arrival > now else 0) + units * self._period - self._tolerance

    def room(self, at: int) -> int:
        """Return how many units may pass at a moment, 0 where there is a debt. Changes nothing."""
        return max(0, -self.excess(at, 0) // self._period)

    def admit(self, at: int, units: int) -> bool:
        """Debit units if they may pass, and say whether they did."""
        arrival, now = self._arrival, at * self._limit
        arrival = (arrival if arrival > now else now) + units * self._period
        if arrival - now > self._tolerance:
            return False
        self._arrival = arrival
        return True

    def take(self, at: int, units: int) -> None:
        """Debit units, whether they pass or not."""
        arrival, now = self._arrival, at * self._limit
        self._arrival = (arrival if arrival > now else now) + units * self._period

    def give_back(self, at: int, units: int) -> None:
        """Refund units; a full bucket stays full."""
        arrival, now = self._arrival, at * self._limit
        if arrival > now:
            arrival -= units * self._period
            self._arrival = arrival if arrival > now else now

    def follow(self, other: Gcra, at: int) -> None:
        """Owe what another limit is owed: as many units as it had taken and not yet earned back."""
        owed = other._arrival - at * other._limit
        if owed > 0:  # units times the period, which is the same for both
            self._arrival = at * self._limit + owed * self._period // other._period

    def keep_pace(self, other: Gcra, at: int) -> None:
        """Owe as much time as another limit: the same share of this one is left as was of that."""
        owed = other._arrival - at * other._limit
        if owed > 0:
            self._arrival = at * self._limit + owed * self._limit // other._limit

    def sink(self, at: int, units: int) -> None:
        """Let no more than so many units pass at a moment: a bucket that holds less stays as it is."""
        arrival = at * self._limit + self._tolerance - units * self._period
        self._arrival = max(self._arrival, arrival)

    def taken(self, at: int) -> int:
        """Return how many units it had taken and not yet earned back."""
        return max(0, -((at * self._limit - self._arrival) // self._period))

    def delay(self, at: int, units: int) -> float:
        """Return the seconds until so many units would pass, 0 where they do; a moment late, never early."""
        excess = self.excess(at, units)
        return self.wait(excess) if excess > 0 else 0.0

    def wait(self, excess: int) -> float:
        """Return the seconds until an excess is gone, rounded up to the next microsecond and one more, against float clocks."""
        return (-(-excess // (self._limit * MICRO)) + 1) / 1_000_000


def moment(now: float) -> int:
    """Return monotonic seconds as integer nanoseconds."""
    return int(now * NANO)
