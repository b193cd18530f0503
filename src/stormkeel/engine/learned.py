"""What a provider's answers tell of its limits, and what follows for its quota group: never more than it says is sent.

Never believes that more is left than we counted, nor a header that is older than the limit's latest refill. Cheap on the way: the
headers of every so many answers are looked at, of each where little is left, and of refusals always.

    amount    a limit where none was set, or a lower one than was set           kept when its share gets low
    left      no more than that, and what has come back since (a fiftieth is kept in hand for others of the same account)
    left 0    the group waits until the reset (INV-12); nobody is sent before (S-19)
"""

from __future__ import annotations

from collections.abc import Mapping

from ..providers.hints import MOST
from ..providers.limits import Told, told, violated
from ..types.wire import Headers
from .ports import Clock
from .quota import Quota

SILENT = 64  # answers between two looks at those that tell nothing
OFTEN = 8  # looks, at least, before what is left would be used up
MOST_SKIPPED = 32
LOW = 0.5  # the share of a limit below which it is counted by
IN_HAND = 50  # the part of a limit that is left to others: at the very last one a provider would make us wait for all of it
SHORTEST = 1.0  # seconds to wait where nothing is left and no reset was told


class Learned:
    """What is learned of one quota group.

    Attributes:
        skip: answers that need not be looked at.
    """

    __slots__ = ("_meant", "_quota", "skip")

    def __init__(self, quota: Quota, meant: Mapping[str, str]) -> None:
        self.skip = 0
        self._quota = quota
        self._meant = meant

    def tell(self, headers: Headers, asked: float, clock: Clock) -> None:
        """Take an answer's headers.

        Args:
            headers: lower-case names.
            asked: when it was asked for, monotonic seconds: what it says is as old as that at most.
            clock: the time.
        """
        rows = told(headers, clock.wall() / 1e9, self._meant)
        if not rows:
            self.skip = SILENT
            return
        now = clock.now()
        self.skip = min(self._take(row, now - asked, now) for row in rows)

    def tell_of(self, body: bytes, now: float) -> None:
        """Take a refusal's body."""
        rows = violated(body)
        for row in rows:
            if row.amount is not None:
                self._quota.rate.learn(row.name, row.amount, now)
        if rows:
            self._quota.arm()

    def _take(self, row: Told, age: float, now: float) -> int:
        """Let what is said of one limit hold; returns how many answers need not be looked at."""
        quota, left = self._quota, row.left
        if row.amount is not None:
            quota.rate.learn(row.name, row.amount, now)
        if left is None:
            return MOST_SKIPPED
        if row.reset is not None and 0.0 < row.reset <= age:
            return 0  # it was all there again since
        if left == 0:
            reset = min(row.reset or SHORTEST, MOST)
            quota.park(now + reset, f"the provider says that nothing is left ({row.name})", waits=True)
        elif row.amount and row.reset:
            left = min(row.amount, left + int((row.amount - left) * age / row.reset))
        quota.rate.sink(row.name, left - (row.amount or 0) // IN_HAND, now)
        share = left / row.amount if row.amount else 0.0
        if share < LOW:
            quota.arm()
        return 0 if share < LOW / OFTEN else min(MOST_SKIPPED, left // OFTEN)
