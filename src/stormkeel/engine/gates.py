"""The gates before an attempt of one deployment: may it pass, and if not, why and until when?

Never chooses who is asked (that is `routing/`). Order is data: `GATES` is what `Member.admit` walks and what `stormkeel explain`
prints. Asked from left to right, the first no undoes the yeses before it; settled from right to left.

    cooling (quota group, credential)  ->  concurrency  ->  rate  ->  breaker
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from ..policies.base import Dice, Need, Verdict
from ..policies.breaker import Breaker
from ..policies.concurrency import ConcurrencyGate
from ..policies.rate import RateGate
from ..types.failure import Failure
from ..types.usage import Usage
from .credentials import Credential
from .quota import Quota

CREDENTIAL_PROBE = 1
"""The ticket of the first gate, where the attempt is the probe of a credential that was set aside."""


class Gates(msgspec.Struct, frozen=True):
    """The gates of one deployment; all but the breaker are shared: `cooling` is its quota group and its credential."""

    cooling: tuple[Quota, Credential]
    breaker: Breaker
    rate: RateGate | None = None
    concurrency: ConcurrencyGate | None = None


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
    """Is the quota group or the credential set aside? A credential that is lets one probe through: then its ticket says so."""

    holds = False  # how a probe ended is told to the credential itself: what it proves depends on the failure

    def __init__(self, quota: Quota, credential: Credential) -> None:
        self._coolings = (quota, credential)  # the credential last: its probe is taken by asking
        self._credential = credential

    def ask(self, now: float, _need: Need, _probe: bool) -> int | Failure:
        leave = 0
        for cooling in self._coolings:
            if cooling.until > now:
                refusal = cooling.refuse(now)
                if refusal is not None:
                    return refusal
                leave = CREDENTIAL_PROBE
        return leave

    def refusal(self, now: float, _need: Need, _probe: bool) -> Failure | None:
        refusals = (cooling.refusal(now) for cooling in self._coolings if cooling.until > now)
        return next((refusal for refusal in refusals if refusal is not None), None)

    def settle(self, ticket: int, verdict: Verdict, used: Usage, now: float, rng: Dice) -> None: ...

    def release(self, ticket: int, now: float) -> None:
        if ticket == CREDENTIAL_PROBE:
            self._credential.quarantine.give_back(now)


class _Places:
    """Is a place free? Its ticket is the place."""

    holds = True

    def __init__(self, places: ConcurrencyGate) -> None:
        self._places = places

    def ask(self, _now: float, _need: Need, _probe: bool) -> int | Failure:
        return self._places.admit() or 1

    def refusal(self, _now: float, _need: Need, _probe: bool) -> Failure | None:
        return self._places.refusal()

    def settle(self, _ticket: int, _verdict: Verdict, _used: Usage, _now: float, _rng: Dice) -> None:
        self._places.settle()

    def release(self, _ticket: int, _now: float) -> None:
        self._places.settle()


class _Rate:
    """Do the request and its tokens fit into the minute? Its ticket is the tokens debited."""

    holds = True

    def __init__(self, rate: RateGate) -> None:
        self._rate = rate

    def ask(self, now: float, need: Need, _probe: bool) -> int | Failure:
        return self._rate.admit(now, need.input, need.output)

    def refusal(self, now: float, need: Need, _probe: bool) -> Failure | None:
        return self._rate.refusal(now, need.input, need.output)

    def settle(self, ticket: int, _verdict: Verdict, used: Usage, now: float, _rng: Dice) -> None:
        rate = self._rate
        read = used.total_input - used.cache_read if rate.frees_cached else used.total_input
        rate.settle(ticket, used.total, now, read, used.total_output)

    def release(self, ticket: int, now: float) -> None:
        self._rate.release(ticket, now)


class _Health:
    """Does the breaker let it through, or may it go as a rare probe? Its ticket is the breaker's generation."""

    holds = True

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker

    def ask(self, now: float, _need: Need, probe: bool) -> int | Failure:
        return self._breaker.admit_probe(now) if probe else self._breaker.admit(now)

    def refusal(self, now: float, _need: Need, probe: bool) -> Failure | None:
        return None if probe and self._breaker.lets_probe(now) else self._breaker.refusal(now)

    def settle(self, ticket: int, verdict: Verdict, _used: Usage, now: float, rng: Dice) -> None:
        self._breaker.settle(ticket, verdict, now, rng)

    def release(self, ticket: int, now: float) -> None:
        self._breaker.release(ticket)


GATES: tuple[tuple[str, Callable[[Gates], Gate | None]], ...] = (
    ("cooling", lambda of: _Aside(*of.cooling)),
    ("concurrency", lambda of: None if of.concurrency is None else _Places(of.concurrency)),
    ("rate", lambda of: None if of.rate is None else _Rate(of.rate)),
    ("breaker", lambda of: _Health(of.breaker)),
)
"""The gates in the order they are asked: a name, and what makes the gate, None where a deployment has none of its kind."""
