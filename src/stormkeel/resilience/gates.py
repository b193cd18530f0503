"""May this attempt pass? The breaker, the places and the rate of a guard, asked in one order and settled in reverse.

Never calls anything. Unlike the engine's, these gates let who asks wait, up to the deadline: there is nobody else to ask.

    deadline -> breaker ready? -> a place -> the rate's turn -> breaker -> deadline      the first no undoes the yeses before it

The breaker is looked at first, so that nobody waits in vain, and asked last, so that a probe's leave is not held while waiting.
"""

from __future__ import annotations

import math

import msgspec

from ..policies.base import Verdict
from ..types.failure import Failure, FailureKind
from .breaker import CircuitBreaker, Leave, Moved
from .clock import Clock
from .limiter import RateLimiter
from .places import Places
from .steps import Flow, Stand

K = FailureKind


class Ticket:
    """Leave to try, with what must be handed back, once."""

    __slots__ = ("leave", "place", "units")

    def __init__(self) -> None:
        self.place = False
        self.units = 0
        self.leave: Leave | None = None


class Gates(msgspec.Struct, frozen=True):
    """The gates of a guard; what is None lets everybody pass."""

    clock: Clock
    breaker: CircuitBreaker | None = None
    rate: RateLimiter | None = None
    places: Places | None = None

    def admit(self, deadline: float) -> Flow[Ticket | Failure]:
        """Ask each gate, waiting up to a deadline (monotonic seconds, infinite for none)."""
        ticket = Ticket()
        try:
            failure = yield from self._ask(ticket, deadline)
        except BaseException:
            self.release(ticket)
            raise
        if failure is None:
            return ticket
        self.release(ticket)
        return failure

    def release(self, ticket: Ticket) -> None:
        """Undo an admission after which nothing was called."""
        if ticket.units and self.rate is not None:
            self.rate.give_back(ticket.units)
        self.settle(ticket, Verdict.IGNORED)

    def settle(self, ticket: Ticket, verdict: Verdict) -> Moved:
        """Hand a ticket back with what the attempt says about health; says whether the breaker opened or closed by it."""
        moved: Moved = ""
        if ticket.leave is not None and self.breaker is not None:
            moved = self.breaker.settle(ticket.leave, verdict)
        if ticket.place and self.places is not None:
            self.places.settle()
        return moved

    def timeout(self, deadline: float) -> float | None:
        """Return the seconds left, never negative; None where there is no deadline."""
        return None if deadline == math.inf else max(0.0, deadline - self.clock.now())

    def _ask(self, ticket: Ticket, deadline: float) -> Flow[Failure | None]:
        refusal = self._late(deadline) or self._shut()
        if refusal is not None:
            return refusal
        if self.places is not None:
            ticket.place = yield Stand(self.places, self.timeout(deadline))
            if not ticket.place:
                return self._full(self.places)
        if self.rate is not None:
            refusal = yield from self.rate.turn(1, self.timeout(deadline))
            if refusal is not None:
                return refusal
            ticket.units = 1
        return self._try_breaker(ticket) or self._late(deadline)

    def _shut(self) -> Failure | None:
        """Why nobody should wait: the breaker is open."""
        return None if self.breaker is None else self.breaker.refusal()

    def _try_breaker(self, ticket: Ticket) -> Failure | None:
        leave = None if self.breaker is None else self.breaker.admit()
        if isinstance(leave, Failure):
            return leave
        ticket.leave = leave
        return None

    def _late(self, deadline: float) -> Failure | None:
        return Failure(K.DEADLINE, "its deadline had passed") if self.clock.now() >= deadline else None

    def _full(self, places: Places) -> Failure:
        return Failure(K.CONCURRENCY_REACHED, f"all {places.limit} places were taken up to the deadline: raise `concurrency`")
