"""The gates before an attempt of one deployment: may it pass, and if not, why and until when?

Never chooses who is asked (that is `routing/`). Order is data: `GATES` is what `Member.admit` walks and what `stormkeel explain`
prints. Asked from left to right, the first no undoes the yeses before it; settled from right to left.

    cooling (quota group, model, credential)  ->  concurrency  ->  rate  ->  breaker (its own, its region's, its credential's)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from ..policies.base import Dice, Need, Verdict
from ..policies.breaker import CLOSED, OPEN, Breaker
from ..policies.rate import RateGate
from ..policies.sharing import SharedPlaces
from ..types.failure import Failure, FailureKind
from ..types.usage import Usage
from .cooling import Cooling
from .credentials import Credential
from .quota import Alone, Quota
from .scopes import Circle
from .waiting import Line

K = FailureKind
CREDENTIAL_PROBE = 1
"""The ticket of the first gate, where the attempt is the probe of a credential that was set aside."""
PROBED = frozenset({FailureKind.BREAKER_OPEN, FailureKind.MODEL_UNAVAILABLE})
"""Refusals of gates that the last one left is asked in spite of."""
PLACE = 40  # bits of a breaker's ticket: a generation a microsecond for twelve days
MASK = (1 << PLACE) - 1


class Gates(msgspec.Struct, frozen=True):
    """The gates of one deployment; all but its own breaker are shared: `cooling` is its quota group and its credential, `circle`
    has the breakers of its region and its credential, `alone` is its model's where the quota group is several models'."""

    cooling: tuple[Quota, Credential]
    breaker: Breaker
    circle: Circle
    rate: RateGate | None = None
    concurrency: SharedPlaces | None = None
    alone: Alone | None = None


class Gate(Protocol):
    """One question before an attempt. Moments are monotonic seconds; a ticket is a number that only its gate understands.

    Attributes:
        holds: is there anything to settle? A gate that only looks is not told how an attempt ended.
    """

    holds: bool

    def ask(self, now: float, need: Need, probe: bool) -> int | Failure:
        """Ask for leave: a ticket, or why not.

        Args:
            now: the moment.
            need: what the attempt is expected to take.
            probe: is it the last candidate left?
        """
        ...

    def refusal(self, now: float, need: Need, probe: bool) -> Failure | None:
        """Say why `ask` would refuse, None where it would give a ticket. Changes nothing."""
        ...

    def settle(self, ticket: int, verdict: Verdict, used: Usage, now: float, rng: Dice) -> None:
        """Hand the ticket of an attempt back, once: its true tokens, and what it says about health."""
        ...

    def release(self, ticket: int, now: float) -> None:
        """Hand a ticket back of which nothing was sent."""
        ...


class _Aside:
    """Is the quota group, the model or the credential set aside? The last lets one probe through: then its ticket says so."""

    holds = False  # how a probe ended is told to the credential itself: what it proves depends on the failure

    def __init__(self, quota: Quota, credential: Credential, alone: Alone | None) -> None:
        self._coolings: tuple[Cooling, ...] = (quota, credential) if alone is None else (quota, alone, credential)
        self._model = alone or quota
        self._credential = credential  # the last of all: its probe is taken by asking

    def ask(self, now: float, _need: Need, probe: bool) -> int | Failure:
        leave = 0
        for cooling in self._coolings:
            if cooling.until > now and not (probe and cooling is self._model and self._model.is_missing):
                refusal = cooling.refuse(now)
                if refusal is not None:
                    return refusal
                leave = CREDENTIAL_PROBE
        return leave

    def refusal(self, now: float, _need: Need, probe: bool) -> Failure | None:
        spared = self._model if probe and self._model.is_missing else None
        refusals = (cooling.refusal(now) for cooling in self._coolings if cooling.until > now and cooling is not spared)
        return next((refusal for refusal in refusals if refusal is not None), None)

    def settle(self, ticket: int, verdict: Verdict, used: Usage, now: float, rng: Dice) -> None: ...

    def release(self, ticket: int, now: float) -> None:
        if ticket == CREDENTIAL_PROBE:
            self._credential.quarantine.give_back(now)


class _Places:
    """Is a place free, and does nobody wait for one? Its ticket is the place."""

    holds = True

    def __init__(self, places: SharedPlaces, quota: Quota) -> None:
        self._places = places
        self._quota = quota
        self._line = quota.line

    def ask(self, now: float, need: Need, _probe: bool) -> int | Failure:
        line = self._line
        if self._places.share < 1.0:
            self._quota.ease(now)
        if line.is_busy and not line.is_open:
            self._places.note(need.caller, now)
            return _behind(line, K.CONCURRENCY_REACHED)
        return self._places.take(need.caller, now)

    def refusal(self, now: float, need: Need, _probe: bool) -> Failure | None:
        line = self._line
        if line.is_busy and not line.is_open:
            return _behind(line, K.CONCURRENCY_REACHED)
        return self._places.refusal_for(need.caller, now)

    def settle(self, ticket: int, _verdict: Verdict, _used: Usage, _now: float, _rng: Dice) -> None:
        self._places.give_back(ticket)
        if self._line.is_busy:
            self._line.look()

    def release(self, ticket: int, _now: float) -> None:
        self._places.give_back(ticket)
        if self._line.is_busy:
            self._line.look()


class _Rate:
    """Do the request and its tokens fit into the limits, and does nobody wait for that? Its ticket is what was debited."""

    holds = True

    def __init__(self, quota: Quota) -> None:
        self._rate = quota.rate
        self._quota = quota
        self._line = quota.line

    def ask(self, now: float, need: Need, _probe: bool) -> int | Failure:
        line = self._line
        if self._rate.share < 1.0:
            self._quota.ease(now)
        if line.is_busy and not line.is_open:
            return self._late(now, need)
        return self._rate.admit(now, need.input, need.output)

    def refusal(self, now: float, need: Need, _probe: bool) -> Failure | None:
        line = self._line
        return self._late(now, need) if line.is_busy and not line.is_open else self._rate.refusal(now, need.input, need.output)

    def _late(self, now: float, need: Need) -> Failure:
        said = self._rate.refusal(now, need.input, need.output)
        return said if said is not None and said.forever else _behind(self._line, K.RATE_REACHED)

    def settle(self, ticket: int, _verdict: Verdict, used: Usage, now: float, _rng: Dice) -> None:
        rate, read, written = self._rate, used.total_input, used.total_output
        rate.settle(ticket, read + written, now, read - used.cache_read if rate.frees_cached else read, written)
        if self._line.is_busy:
            self._line.look()

    def release(self, ticket: int, now: float) -> None:
        self._rate.release(ticket, now)
        if self._line.is_busy:
            self._line.look()


def rate_gate(quota: Quota) -> Gate:
    """Return the gate of a quota group's rates."""
    return _Rate(quota)


def _behind(line: Line, kind: FailureKind) -> Failure:
    count = max(1, len(line.queue))
    return Failure(kind, f"our own limit is reached, and {count} request{'s wait' if count > 1 else ' waits'} for room already")


class Health:
    """Do the breakers let it through, its own and those of what it shares, or may it go as a rare probe?

    Its ticket is the breaker's, and above it those of the shared breakers that were not closed.
    """

    holds = True

    def __init__(self, breaker: Breaker, circle: Circle) -> None:
        self._breaker = breaker
        self._circle = circle
        self.scopes = circle.scopes

    def ask(self, now: float, _need: Need, probe: bool) -> int | Failure:
        """Ask each breaker for leave."""
        leave = self._breaker.admit_probe(now) if probe else self._breaker.admit(now)
        for scope in self.scopes:
            if scope.state is not CLOSED:
                return leave if isinstance(leave, Failure) else self._ask_scopes(leave, now, probe)
        return leave

    def _ask_scopes(self, leave: int, now: float, probe: bool) -> int | Failure:
        for place, scope in enumerate(self.scopes, 1):
            if scope.state is CLOSED:
                continue
            more = scope.admit_probe(now) if probe else scope.admit(now)
            if isinstance(more, Failure):
                self.release(leave, now)
                return more
            leave += more << (PLACE * place)
        return leave

    def refusal(self, now: float, _need: Need, probe: bool) -> Failure | None:
        """Say why `ask` would refuse. Changes nothing."""
        for breaker in (self._breaker, *self.scopes):
            if not (probe and breaker.lets_probe(now)) and (refusal := breaker.refusal(now)) is not None:
                return refusal
        return None

    def begin(self, ticket: int, seconds: float, now: float, rng: Dice) -> None:
        """Say after how many seconds a stream's first content came."""
        breaker = self._breaker
        was = breaker.state
        breaker.begin(ticket & MASK, seconds, now, rng)
        if breaker.state is OPEN is not was:
            self._circle.opened(now, rng)

    def settle(self, ticket: int, verdict: Verdict, _used: Usage, now: float, rng: Dice) -> None:
        """Tell each breaker how the attempt ended."""
        breaker = self._breaker
        if ticket > MASK:
            for scope, leave in self._parts(ticket):
                scope.settle(leave, verdict, now, rng)
            ticket &= MASK
        was = breaker.state
        breaker.settle(ticket, verdict, now, rng)
        if breaker.state is OPEN is not was:
            self._circle.opened(now, rng)

    def release(self, ticket: int, now: float) -> None:
        """Hand each breaker's part back."""
        for scope, leave in self._parts(ticket):
            scope.release(leave)
        self._breaker.release(ticket & MASK)

    def _parts(self, ticket: int) -> list[tuple[Breaker, int]]:
        """The shared breakers that gave a part of a ticket, with that."""
        parts = ((scope, (ticket >> (PLACE * place)) & MASK) for place, scope in enumerate(self.scopes, 1))
        return [(scope, part) for scope, part in parts if part]


GATES: tuple[tuple[str, Callable[[Gates], Gate | None]], ...] = (
    ("cooling", lambda of: _Aside(*of.cooling, of.alone)),
    ("concurrency", lambda of: None if of.concurrency is None else _Places(of.concurrency, of.cooling[0])),
    ("rate", lambda of: None if of.rate is None else _Rate(of.cooling[0])),
    ("breaker", lambda of: Health(of.breaker, of.circle)),
)
"""The gates in the order they are asked: a name, and what makes the gate, None where a deployment has none of its kind."""
