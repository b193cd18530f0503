"""Cooling: a quota group or a credential that is set aside until a moment, and why.

Never decides for how long: the policies do.
"""

from __future__ import annotations

from ..types.failure import Failure, FailureKind


class Cooling:
    """Something several deployments share that is set aside for a while.

    Attributes:
        name: as people read it, as in `quota group "openai#main/gpt-5.4-mini"`.
        until: monotonic seconds; nothing is sent before.
        waits: may a request wait for it (a rate limit's pause), as it should not for an empty account?
        why: for people.
    """

    __slots__ = ("name", "until", "waits", "why")

    def __init__(self, name: str) -> None:
        self.name = name
        self.until = 0.0
        self.waits = False
        self.why = ""

    def park(self, until: float, why: str, waits: bool = False) -> None:
        """Set aside until a moment (monotonic seconds); a longer time already set stays."""
        if until > self.until:
            self.until = until
            self.why = why
            self.waits = waits

    def is_due(self, now: float) -> bool:
        """Would `refuse` let one attempt through although its time is not over?"""
        return False

    def refuse(self, now: float) -> Failure | None:
        """Say that it is set aside, why, and for how long; None where this one attempt may pass."""
        return self.refusal(now)

    def refusal(self, now: float) -> Failure | None:
        """Say what `refuse` would. Changes nothing."""
        left = self.until - now
        return Failure(
            FailureKind.COOLING,
            f"{self.name} is set aside for {left:.1f} s more: {self.why}",
            retry_after=left,
            forever=not self.waits,
        )
