"""A forecast: what is left of an amount, and when it would be gone if money went on at the rate seen so far.

Never enforces anything: it is arithmetic over what was booked, in integers.
"""

from __future__ import annotations

import msgspec

from ..types.money import NanoDollars

DAY_NS = 86_400 * 10**9
FAR_NS = 36_525 * DAY_NS
"""A hundred years: what is further off than that is not told."""


class Seen(msgspec.Struct, frozen=True):
    """What a forecast rests on.

    Attributes:
        spent: nano-dollars booked.
        begun, now: nanoseconds since the epoch: the span it was spent in.
    """

    spent: NanoDollars
    begun: int
    now: int

    @property
    def elapsed(self) -> int:
        """The span, nanoseconds, at least one."""
        return max(1, self.now - self.begun)

    @property
    def daily(self) -> NanoDollars:
        """Nano-dollars a day."""
        return self.spent * DAY_NS // self.elapsed

    def expected(self, end: int) -> NanoDollars:
        """Return what will have been spent at a later moment."""
        return self.spent + self.spent * max(0, end - self.now) // self.elapsed

    def left(self, limit: NanoDollars) -> NanoDollars:
        """Return what is left of an amount, 0 where it is spent."""
        return max(0, limit - self.spent)

    def reached_at(self, limit: NanoDollars) -> int | None:
        """Return when an amount will be spent, now at the earliest; None where that is never, or not in a hundred years."""
        left = self.left(limit)
        if left and not self.spent:
            return None
        wait = left * self.elapsed // self.spent if left else 0
        return self.now + wait if wait <= FAR_NS else None
