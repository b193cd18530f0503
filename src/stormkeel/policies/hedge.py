"""Hedging: when a second attempt goes out beside the first, and what that may cost. "The Tail at Scale" (Dean and Barroso, 2013).

Never sends and never chooses whom. Off unless a route asks for it: a hedge buys a second prompt.

    attempt goes out ── first content ──> nothing more
                     '─ none after the learned percentile, or after so many seconds
                            '─ the budget can pay for a second one? ── no ──> wait on
                                                                     '─ yes ─> a second one beside it; the first content wins
"""

from __future__ import annotations

from math import log

import msgspec

from .base import within

LEAST = 0.001  # seconds; what is quicker counts as this
STEP = 1.05  # each bucket reaches so many times as far as the one before: a percentile is off by a twentieth at most
BUCKETS = 283  # to 943 s, beyond any clock of an attempt
KEPT = 500.0
"""Values after which all count half: so old news fade, and a change shows within a few hundred requests."""
ENOUGH = 20
"""Values before which a percentile says nothing: nothing is hedged by it."""
ROOM = 10
"""Hedges of the present kind that the budget may save up; gRPC's bucket for retries holds as many (A6)."""


class HedgeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a second attempt is made beside one that is slow to begin, and how much that may add. As `true`: with these defaults.

    Attributes:
        after: seconds without content after which a second attempt goes out; left out, what `percentile` comes to.
        percentile: of the waits for the first content of that deployment, streams and whole answers apart, learned from 20 of
            them on; a later one where `share` could not pay for so many, as the 98th for 0.02.
        share: how much hedges may cost at most, of what the requests of the route are expected to cost.
    """

    after: float | None = None
    percentile: float = 95.0
    share: float = 0.02

    def __post_init__(self) -> None:
        if self.after is not None:
            within("after", self.after, LEAST, 600.0, "seconds")
        within("percentile", self.percentile, 50.0, 99.9, "percent")
        within("share", self.share, 0.001, 0.5)


class Waits:
    """How long the first content has been waited for of late: a histogram of even steps on a logarithmic scale that forgets."""

    __slots__ = ("_counts", "total")

    def __init__(self) -> None:
        self._counts = [0.0] * BUCKETS
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one wait; one that was given up counts as long as it was, which is no less than it would have been."""
        self._counts[_bucket(seconds)] += 1.0
        self.total += 1.0
        if self.total >= KEPT:
            self._counts = [count / 2.0 for count in self._counts]
            self.total /= 2.0

    def percentile(self, percent: float) -> float | None:
        """Return the seconds within which so many of a hundred came, None while there are too few."""
        if self.total < ENOUGH:
            return None
        left = self.total * percent / 100.0
        for place, count in enumerate(self._counts):
            left -= count
            if left <= 1e-9:
                return LEAST * STEP**place
        return LEAST * STEP ** (BUCKETS - 1)


def _bucket(seconds: float) -> int:
    if seconds <= LEAST:
        return 0
    return min(BUCKETS - 1, int(log(seconds / LEAST) / log(STEP) + 1.0 - 1e-9))


def moment(settings: HedgeSettings, waits: Waits) -> float | None:
    """Return after how many seconds a second attempt may go out, None where nobody knows yet.

    No earlier than the share can pay for: what is spent on the one of twenty that is a little late is not there for the one of a
    hundred that hangs.
    """
    if settings.after is not None:
        return settings.after
    return waits.percentile(max(settings.percentile, 100.0 - 100.0 * settings.share))


class HedgeBudget:
    """What hedges may cost: each request pays a share of what it is expected to cost in, each hedge takes its own out.

    It begins empty, so that hedges never come to more than their share of what was asked before. Amounts are of any one unit.
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = 0.0

    def pay_in(self, expected: float, share: float) -> None:
        """Take a request's share in; it saves up for a few hedges like it at most, lest a quiet day pays for a storm."""
        self.left = min(self.left + expected * share, max(self.left, ROOM * expected))

    def take(self, expected: float) -> bool:
        """Pay for one hedge; False where that is more than is left."""
        if expected > self.left:
            return False
        self.left -= expected
        return True

    def give_back(self, expected: float) -> None:
        """Return what was taken for a hedge that was never sent."""
        self.left += expected
