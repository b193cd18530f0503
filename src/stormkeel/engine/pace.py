"""The past of a deployment whose quickness counts: its attempts also feed a peak EWMA of its first content.

Only for deployments of routes with `least_latency`; the others keep the plain one, and pay nothing for this.

    an attempt goes out        from then on it is waited for
    a stream's first content   news at that moment, which `stream_trial.py` tells (a stream may go on for minutes)
    an attempt's end           news where the content came only then, or never
"""

from __future__ import annotations

from ..policies.base import Need
from ..policies.latency import PeakLatency
from ..types.failure import Failure, FailureKind
from .fleet import Member, Ticket
from .recent import NOT_ITS_FAULT, Recent

K = FailureKind
WAITED = frozenset({K.CANCELLED, K.DEADLINE})
"""Ends by somebody's patience: of the deployment they say that it was at least so slow."""
SAY_NOTHING = NOT_ITS_FAULT | {K.INTERNAL}
FRESH = 1.0
"""Seconds after which a first content is no news any more at its attempt's end: it was told when it came."""


class Paced(Recent):
    """A deployment's past, and how quick it has been of late."""

    __slots__ = ("pace",)

    def __init__(self) -> None:
        super().__init__()
        self.pace = PeakLatency()

    def add(self, now: float, failure: Failure | None, latency: float, ttft: float | None) -> None:
        """Count one attempt that has ended."""
        super().add(now, failure, latency, ttft)
        if failure is None:
            if ttft is None or latency - ttft < FRESH:
                self.pace.observe(now, latency if ttft is None else ttft)
        elif failure.kind in WAITED:
            if ttft is None:
                self.pace.endure(now, latency)
        elif failure.kind in SAY_NOTHING:
            self.pace.hear()
        else:
            self.pace.fail(now, latency)

    def following(self, old: Recent) -> Recent:
        """Return the past to keep from now on; counts that the old world still adds to are seen here too."""
        if isinstance(old, Paced):
            return old
        for name in Recent.__slots__:
            setattr(self, name, getattr(old, name))
        return self


class PacedMember(Member):
    """A deployment whose quickness counts."""

    __slots__ = ()

    def admit(self, now: float, need: Need, probe: bool = False) -> Ticket | Failure:
        """Ask each gate in order, and note from when on an answer is waited for."""
        ticket = super().admit(now, need, probe)
        if self.pace is not None and isinstance(ticket, Ticket):
            self.pace.ask(now, self.in_flight > 1)
        return ticket
