"""How many attempts may be under way at once.

Never queues: a full gate refuses at once, and whoever asked goes elsewhere.
"""

from __future__ import annotations

from ..types.failure import Failure, FailureKind

MOST = 1_000_000


class ConcurrencyGate:
    """Lets at most `limit` attempts through at a time. Each `admit` that returns None is paid back by one `settle`."""

    __slots__ = ("_whole", "in_flight", "limit", "share")

    def __init__(self, limit: int) -> None:
        self.share = 1.0  # of the limit, after throttles
        self.change(limit)
        self.in_flight = 0

    def change(self, limit: int) -> None:
        """Go on with another limit; places taken stay taken, also those beyond it."""
        if not 1 <= limit <= MOST:
            raise ValueError(f"`concurrency` is {limit}: give a whole number from 1 to {MOST}")
        self._whole = limit
        self.scale(self.share)

    def scale(self, share: float) -> None:
        """Let only a share of the limit through, one at least."""
        self.share = share
        self.limit = max(1, int(self._whole * share + 1e-9))

    def admit(self) -> Failure | None:
        """Take a place, or say that all are taken."""
        if self.in_flight < self.limit:
            self.in_flight += 1
            return None
        return self.refusal()

    def refusal(self) -> Failure | None:
        """Say why `admit` would refuse, None where a place is free. Changes nothing."""
        if self.in_flight < self.limit:
            return None
        return Failure(
            FailureKind.CONCURRENCY_REACHED,
            f"all {self.limit} places are taken: raise `concurrency`, or add a deployment to the route",
        )

    def settle(self) -> None:
        """Give the place back."""
        self.in_flight -= 1
