"""The circuit breaker of one deployment: stop asking who is down, and notice soon when it is up again.

Never retries and never waits; a caller's mistake, a throttle or a cancel is not a fault (that is `types.failure.RULES`). Rules by
docs/reliability.md, Breakers; ticket generations as in gobreaker, the return of an ignorable probe's permit as in Finagle.

                  5 faults in a row, or half of at least 20 in 60 s
    +--------+ ------------------------------------------------------------> +--------+
    | CLOSED |                                                               |  OPEN  |
    +--------+ <-- the last step's OKs -- +-----------+ <- its time is up,   +--------+
                                          | HALF_OPEN |    or a rare probe OK
               steps: 1, 3, 10 probes out +-----------+ -- a fault: OPEN, twice as long

A ticket is the generation it was given in; a change of state starts a new one, and an outcome of an older generation changes
nothing (INV-13). A cancelled probe makes room for the next, and one that stays out for `lease` seconds no longer blocks it, so
neither a lost ticket nor a stream of ten minutes keeps the breaker half open. A clock that jumps back delays a probe by at most
one span.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from ..types.failure import Failure, FailureKind
from .base import Dice, Verdict, within
from .window import Window


class BreakerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to open, and for how long.

    Attributes:
        consecutive: faults in a row that open it.
        share: the share of faults in the window that opens it, once there are `least` outcomes.
        least: outcomes in the window below which the share says nothing.
        window: seconds the share looks back, in six buckets.
        open_time: seconds it first stays open, drawn from half of it to all of it; doubles with each failed revival.
        open_cap: seconds beyond which it doesn't double.
        permits: how many probes may be out at each step of being half open; as many must succeed to go on.
        lease: seconds after which a probe that is still out no longer blocks the next.
        probe_every: seconds between the rare probes where this is the last candidate left (`admit_probe`).
    """

    consecutive: int = 5
    share: float = 0.5
    least: int = 20
    window: float = 60.0
    open_time: float = 5.0
    open_cap: float = 15.0
    permits: tuple[int, ...] = (1, 3, 10)
    lease: float = 15.0
    probe_every: float = 1.0

    def __post_init__(self) -> None:
        within("consecutive", self.consecutive, 1, 10_000)
        within("share", self.share, 0.01, 1.0)
        within("least", self.least, 1, 1_000_000)
        within("window", self.window, 1.0, 3600.0, "seconds")
        within("open_time", self.open_time, 0.01, 3600.0, "seconds")
        within("open_cap", self.open_cap, self.open_time, 3600.0, "seconds")
        within("lease", self.lease, 0.01, 3600.0, "seconds")
        within("probe_every", self.probe_every, 0.01, 3600.0, "seconds")
        within("number of permits", len(self.permits), 1, 10, "steps")
        for permits in self.permits:
            within("permits", permits, 1, 1000, "probes a step")


class State(Enum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


# looked up once: member access of an Enum costs as much as the rest of the usual path
CLOSED, OPEN, HALF_OPEN = State.CLOSED, State.OPEN, State.HALF_OPEN
OK, FAULT = Verdict.OK, Verdict.FAULT


class Breaker:
    """One breaker. Moments are monotonic seconds; each ticket is settled once."""

    __slots__ = (
        "_faults_in_a_row", "_generation", "_out", "_probe_at", "_revivals", "_settings", "_span", "_step", "_successes",
        "_until", "_window", "state",
    )  # fmt: skip

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self.state = CLOSED
        self._generation = 1
        self._window = Window(settings.window)
        self._faults_in_a_row = 0
        self._revivals = 0  # failed ones since it was last closed
        self._span = 0.0  # seconds until `_until` when it was set
        self._until = 0.0  # OPEN: when probes begin; HALF_OPEN: when the lease of the newest probe ends
        self._probe_at = float("-inf")  # when the next rare probe may go
        self._step = 0
        self._out = 0  # half-open tickets not yet settled
        self._successes = 0

    def change(self, settings: BreakerSettings) -> None:
        """Go on under other settings. What was seen stays seen; only a window of another length begins anew."""
        if settings.window != self._settings.window:
            self._window = Window(settings.window)
        self._settings = settings
        self._step = min(self._step, len(settings.permits) - 1)

    def admit(self, now: float) -> int | Failure:
        """Ask for leave to try. Returns a ticket, or why not and for how long."""
        if self.state is CLOSED:
            return self._generation
        refusal = self._why_not(self._left(now))
        if refusal is not None:
            return refusal
        if self.state is OPEN:
            self._move(HALF_OPEN)
        self._out += 1
        self._arm(now, self._settings.lease)
        return self._generation

    def admit_probe(self, now: float) -> int | Failure:
        """Ask as the last candidate left: where `admit` would refuse, one try every `probe_every` seconds is let through (S-24).

        A wrong breaker so never black-holes traffic. A rare probe's fault doesn't lengthen the open time; its success half-opens.
        """
        leave = self.admit(now)
        if type(leave) is int:
            return leave
        next_at = now + self._settings.probe_every
        if self._probe_at > now:
            self._probe_at = min(self._probe_at, next_at)  # further away only where the clock went back
            return leave
        self._probe_at = next_at
        self._out += 1
        return self._generation

    def settle(self, ticket: int, verdict: Verdict, now: float, rng: Dice) -> None:
        """Hand a ticket back with what the attempt says about health; `rng` draws the open time."""
        if ticket != self._generation:
            return
        if self.state is CLOSED:
            self._settle_closed(verdict, now, rng)
        elif self.state is HALF_OPEN:
            self._settle_half_open(verdict, now, rng)
        elif verdict is OK:  # only a rare probe holds a ticket of an open generation
            self._move(HALF_OPEN)
            self._succeed(now)

    def release(self, ticket: int) -> None:
        """Hand back a ticket of which nothing was sent."""
        if ticket == self._generation and self.state is HALF_OPEN:
            self._out -= 1

    def refusal(self, now: float) -> Failure | None:
        """Say why `admit` would refuse, None where it would give a ticket. Changes nothing."""
        return None if self.state is CLOSED else self._why_not(min(self._until - now, self._span))

    def lets_probe(self, now: float) -> bool:
        """Would `admit_probe` let a rare probe through where `admit` refuses? Changes nothing."""
        return self._probe_at <= now

    def is_ready(self, now: float) -> bool:
        """Would `admit` give a ticket?"""
        return self.state is CLOSED or self._left(now) <= 0.0 or (
            self.state is HALF_OPEN and self._out < self._settings.permits[self._step]
        )

    @property
    def retry_at(self) -> float | None:
        """The moment it will next give a ticket for certain, None where it is closed."""
        return None if self.state is CLOSED else self._until

    def _why_not(self, left: float) -> Failure | None:
        """Why no ticket is given with so many seconds left, None where one is; not asked where it is closed."""
        if left <= 0.0:
            return None
        if self.state is OPEN:
            return _refuse("the breaker is open after faults", left)
        if self._out >= self._settings.permits[self._step]:
            return _refuse("the breaker is half open and its probes are out", left)
        return None

    def _settle_closed(self, verdict: Verdict, now: float, rng: Dice) -> None:
        if verdict is OK:
            self._faults_in_a_row = 0
            self._window.add(now, fault=False)
        elif verdict is FAULT:
            self._faults_in_a_row += 1
            self._window.add(now, fault=True)
            if self._faults_in_a_row >= self._settings.consecutive or self._is_sick():
                self._open(now, rng)

    def _settle_half_open(self, verdict: Verdict, now: float, rng: Dice) -> None:
        self._out -= 1
        if verdict is OK:
            self._succeed(now)
        elif verdict is FAULT:
            self._revivals += 1
            self._open(now, rng)

    def _is_sick(self) -> bool:
        outcomes, faults = self._window.totals()
        return outcomes >= self._settings.least and faults >= self._settings.share * outcomes

    def _open(self, now: float, rng: Dice) -> None:
        doubled = self._settings.open_time * float(1 << min(self._revivals, 30))
        longest = min(self._settings.open_cap, doubled)
        self._move(OPEN)
        self._arm(now, longest * (1.0 + rng.random()) / 2.0)

    def _succeed(self, now: float) -> None:
        permits = self._settings.permits
        self._successes += 1
        if self._successes < permits[self._step]:
            return
        if self._step + 1 < len(permits):
            self._step += 1
            self._successes = 0
            return
        self._move(CLOSED)
        self._revivals = 0
        self._faults_in_a_row = 0
        self._window.clear(now)

    def _move(self, state: State) -> None:
        self.state = state
        self._generation += 1
        self._step = self._out = self._successes = 0

    def _arm(self, now: float, span: float) -> None:
        self._span = span
        self._until = now + span

    def _left(self, now: float) -> float:
        """Seconds until `_until`; more than were ever set means that the clock went back: then they start anew."""
        if self._until - now > self._span:
            self._until = now + self._span
        return self._until - now


def _refuse(why: str, left: float) -> Failure:
    return Failure(FailureKind.BREAKER_OPEN, f"{why}: refused by us for {max(left, 0.0):.1f} s more", retry_after=max(left, 0.0))
