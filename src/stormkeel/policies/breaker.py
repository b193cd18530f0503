"""The circuit breaker of one deployment: stop asking who is down, and notice soon when it is up again.

Never retries and never waits; a caller's mistake, a throttle or a cancel is not a fault (that is `types.failure.RULES`). Rules by
docs/reliability.md, Breakers; ticket generations as in gobreaker, the return of an ignorable probe's permit as in Finagle.

                  5 faults in a row, or half of at least 20 in 60 s,
                  or 80 % of the latest 20 first contents late
    +--------+ ------------------------------------------------------------> +--------+
    | CLOSED |                                                               |  OPEN  |
    +--------+ <-- the last step's OKs -- +-----------+ <- its time is up,   +--------+
                                          | HALF_OPEN |    or a rare probe OK
               steps: 1, 3, 10 probes out +-----------+ -- a fault: OPEN, twice as long

A ticket is the generation it was given in; a change of state starts a new one, and an outcome of an older generation changes
nothing (INV-13). A first content is late beyond a multiple of what is usual there. A cancelled probe makes room for the next, and
one that stays out for `lease` seconds no longer blocks it, so neither a lost ticket nor a stream of ten minutes keeps the breaker
half open. A clock that jumps back delays a probe by at most one span.

Where too many are out already (`spared`), or nobody else is left (`admit_probe`), it goes on with a bounded part of its traffic:
one probe a second, and three attempts for each that was answered, none of them later than a window after the last answer; and
all of it, where it answers late but answers.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

import msgspec

from ..types.failure import Failure, FailureKind
from .base import Dice, Verdict, within
from .usual import Usual
from .window import Window

BEYOND = 0
"""The ticket of an attempt beyond what its state allows: it earns more of them, and moves no state."""
EARNED = 3
"""Attempts beyond that one answer earns: who answers a third of them keeps them coming (as Google's adaptive throttling does)."""
MOST_EARNED = 100


class BreakerSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When to open, and for how long.

    Attributes:
        consecutive: faults in a row that open it.
        share: the share of faults in the window that opens it, once there are `least` outcomes.
        least: outcomes in the window below which the share says nothing.
        window: seconds the share looks back, in six buckets, and for which an answer earns further attempts.
        open_time: seconds it first stays open, drawn from half of it to all of it; doubles with each failed revival.
        open_cap: seconds beyond which it doesn't double.
        permits: how many probes may be out at each step of being half open; as many must succeed to go on.
        lease: seconds after which a probe that is still out no longer blocks the next.
        probe_every: seconds between the rare probes where this is the last candidate left (`admit_probe`).
        slow_share: the share of the latest `least` first contents of streams in the window that open it by being late.
        slow_times: how many times the usual one a late first content takes; 0 where `slow_after` alone says it.
        slow_after: seconds up to which none is late; what a long input takes is taken off before.
        max_ejected: the largest share of a route's group whose breakers may be open at once; one always may. Who would be more
            is sent a bounded part of its traffic.
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
    slow_share: float = 0.8
    slow_times: float = 5.0
    slow_after: float = 2.0
    max_ejected: float = 0.5

    def __post_init__(self) -> None:
        within("consecutive", self.consecutive, 1, 10_000)
        within("share", self.share, 0.01, 1.0)
        within("least", self.least, 1, 1_000_000)
        within("window", self.window, 1.0, 3600.0, "seconds")
        within("open_time", self.open_time, 0.01, 3600.0, "seconds")
        within("open_cap", self.open_cap, self.open_time, 3600.0, "seconds")
        within("lease", self.lease, 0.01, 3600.0, "seconds")
        within("probe_every", self.probe_every, 0.01, 3600.0, "seconds")
        within("slow_share", self.slow_share, 0.01, 1.0)
        within("slow_times", self.slow_times, 0.0, 1000.0)
        within("slow_after", self.slow_after, 0.01, 86_400.0, "seconds")
        within("max_ejected", self.max_ejected, 0.0, 1.0)
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
    """One breaker. Moments are monotonic seconds; each ticket is settled once.

    Attributes:
        state: where it stands.
        usual: what a first content usually takes.
        good_at: when an attempt was last answered.
        ill_since: when the latest row of faults began.
        opened_at: when it was closed last.
        is_slow: was it opened for being slow? Then it answers all the same.
        spared: may it not take its deployment out, because too many are? Whoever knows the others sets it as it opens.
    """

    __slots__ = (
        "_earned", "_faults_in_a_row", "_generation", "_late", "_out", "_pace", "_probe_at", "_revivals", "_settings", "_span",
        "_step", "_successes", "_until", "_window", "good_at", "ill_since", "is_slow", "opened_at", "spared", "state", "usual",
    )  # fmt: skip

    def __init__(self, settings: BreakerSettings) -> None:
        self._settings = settings
        self.state = CLOSED
        self._generation = 1
        self._window = Window(settings.window)
        self._pace: deque[tuple[float, bool]] = deque(maxlen=settings.least)  # first contents: when, and were they late?
        self._late = 0  # first contents of probes of this step
        self._earned = 0  # attempts beyond
        self.usual = Usual()
        self.good_at = self.ill_since = self.opened_at = float("-inf")
        self.is_slow = self.spared = False
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
        self._pace = deque(self._pace, settings.least)
        self._step = min(self._step, len(settings.permits) - 1)

    def admit(self, now: float) -> int | Failure:
        """Ask for leave to try. Returns a ticket, or why not and for how long."""
        if self.state is CLOSED:
            return self._generation
        return self.admit_probe(now) if self.spared else self._admit_unwell(now)

    def _admit_unwell(self, now: float) -> int | Failure:
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
        Between two of them those pass that answers have earned, or all, where it is only slow.
        """
        leave = self._generation if self.state is CLOSED else self._admit_unwell(now)
        if type(leave) is int:
            return leave
        next_at = now + self._settings.probe_every
        if self._probe_at <= now:
            self._probe_at = next_at
            self._out += 1
            return self._generation
        self._probe_at = min(self._probe_at, next_at)  # further away only where the clock went back
        if self.is_slow:
            return BEYOND
        if not self._has_earned(now):
            return leave
        self._earned -= 1
        return BEYOND

    def settle(self, ticket: int, verdict: Verdict, now: float, rng: Dice) -> None:
        """Hand a ticket back with what the attempt says about health; `rng` draws the open time."""
        if verdict is OK:
            if now - self.good_at > self._settings.window:
                self._earned = 0  # by answers of which nobody knows any more what they say
            self.good_at = now
        if ticket != self._generation:
            if ticket == BEYOND and self.state is not CLOSED:
                self._settle_beyond(verdict)
        elif self.state is CLOSED:
            self._settle_closed(verdict, now, rng)
        elif self.state is HALF_OPEN:
            self._settle_half_open(verdict, now, rng)
        elif verdict is OK:  # only a rare probe holds a ticket of an open generation
            self._settle_rare(now, rng)

    def begin(self, ticket: int, seconds: float, now: float, rng: Dice) -> None:
        """Say that a stream's first content has come, and after how long, less what its input's length takes."""
        settings, median = self._settings, self.usual.median
        usual = 0.0 if not settings.slow_times else float("inf") if median is None else settings.slow_times * median
        is_late = seconds > settings.slow_after and seconds > usual
        self.usual.add(seconds)
        if ticket != self._generation:
            return
        if self.state is not CLOSED:
            self._late += is_late
            return
        self._pace.append((now, is_late))
        if is_late and self._begins_late(now):
            self.ill_since = now
            self._open(now, rng, is_slow=True)

    def release(self, ticket: int) -> None:
        """Hand back a ticket of which nothing was sent."""
        if ticket == BEYOND:
            self._earned = min(self._earned + 1, MOST_EARNED)
        elif ticket == self._generation and self.state is HALF_OPEN:
            self._out -= 1

    def refusal(self, now: float) -> Failure | None:
        """Say why `admit` would refuse, None where it would give a ticket. Changes nothing."""
        if self.state is CLOSED or (self.spared and self.lets_probe(now)):
            return None
        return self._why_not(min(self._until - now, self._span))

    def lets_probe(self, now: float) -> bool:
        """Would `admit_probe` let an attempt through where the state does not? Changes nothing."""
        return self._probe_at <= now or self.is_slow or self._has_earned(now)

    def is_ready(self, now: float) -> bool:
        """Would `admit` give a ticket?"""
        if self.state is CLOSED or self._left(now) <= 0.0 or (self.spared and self.lets_probe(now)):
            return True
        return self.state is HALF_OPEN and self._out < self._settings.permits[self._step]

    @property
    def retry_at(self) -> float | None:
        """The moment it will next give a ticket for certain, None where it is closed."""
        return None if self.state is CLOSED else self._until

    def _why_not(self, left: float) -> Failure | None:
        """Why no ticket is given with so many seconds left, None where one is; not asked where it is closed."""
        is_passable = self.state is HALF_OPEN and self._out < self._settings.permits[self._step]
        return None if left <= 0.0 or is_passable else self._refuse(left)

    def _refuse(self, left: float) -> Failure:
        why = "half open and its probes are out" if self.state is HALF_OPEN else "open, as its answers begin late"
        if self.state is OPEN and not self.is_slow:
            why = "open after faults"
        left = max(left, 0.0)
        return Failure(FailureKind.BREAKER_OPEN, f"the breaker is {why}: refused by us for {left:.1f} s more", retry_after=left)

    def _settle_closed(self, verdict: Verdict, now: float, rng: Dice) -> None:
        if verdict is OK:
            self._faults_in_a_row = 0
            self._window.add(now, fault=False)
        elif verdict is FAULT:
            if not self._faults_in_a_row:
                self.ill_since = now
            self._faults_in_a_row += 1
            self._window.add(now, fault=True)
            if self._faults_in_a_row >= self._settings.consecutive or self._is_sick():
                self._open(now, rng)

    def _is_sick(self) -> bool:
        outcomes, faults = self._window.totals()
        return outcomes >= self._settings.least and faults >= self._settings.share * outcomes

    def _begins_late(self, now: float) -> bool:
        """Are enough of the latest first contents late? Older ones are not asked: they would hide it for a minute."""
        settings = self._settings
        lately = [is_late for at, is_late in self._pace if abs(now - at) <= settings.window]
        return len(lately) >= settings.least and sum(lately) >= settings.slow_share * len(lately)

    def _settle_half_open(self, verdict: Verdict, now: float, rng: Dice) -> None:
        self._out -= 1
        if verdict is OK:
            self._earn()
            self._succeed(now, rng)
        elif verdict is FAULT:
            self._revivals += 1
            self._open(now, rng)

    def _settle_rare(self, now: float, rng: Dice) -> None:
        """A rare probe was answered; one that began late says no more than was known, where it is open for that."""
        self._earn()
        late, self._late = self._late, 0
        if not (late and self.is_slow):
            self._move(HALF_OPEN)
            self._succeed(now, rng)

    def _settle_beyond(self, verdict: Verdict) -> None:
        """An attempt beyond has ended: it earns others, or a row of faults ends what a slow one is allowed."""
        if verdict is OK:
            self._faults_in_a_row = 0
            self._earn()
        elif verdict is FAULT:
            self._faults_in_a_row += 1
            if self._faults_in_a_row >= self._settings.consecutive:
                self.is_slow = False

    def _has_earned(self, now: float) -> bool:
        return self._earned > 0 and now - self.good_at <= self._settings.window

    def _earn(self) -> None:
        self._earned = min(self._earned + EARNED, MOST_EARNED)

    def _open(self, now: float, rng: Dice, is_slow: bool = False) -> None:
        if self.state is CLOSED:
            self._earned, self.opened_at = 0, now
        if is_slow:
            self._faults_in_a_row = 0
        self.is_slow = is_slow
        doubled = self._settings.open_time * float(1 << min(self._revivals, 30))
        longest = min(self._settings.open_cap, doubled)
        self._move(OPEN)
        self._arm(now, longest * (1.0 + rng.random()) / 2.0)

    def _succeed(self, now: float, rng: Dice) -> None:
        permits = self._settings.permits
        self._successes += 1
        if self._successes < permits[self._step]:
            return
        if self._late >= self._settings.slow_share * self._successes:
            self._revivals += 1
            self._open(now, rng, is_slow=True)
        elif self._step + 1 < len(permits):
            self._step += 1
            self._successes = self._late = 0
        else:
            self._close(now)

    def _close(self, now: float) -> None:
        self._move(CLOSED)
        self._revivals = 0
        self._faults_in_a_row = 0
        self.is_slow = self.spared = False
        self._window.clear(now)
        self._pace.clear()

    def _move(self, state: State) -> None:
        self.state = state
        self._generation += 1
        self._step = self._out = self._successes = self._late = 0

    def _arm(self, now: float, span: float) -> None:
        self._span = span
        self._until = now + span

    def _left(self, now: float) -> float:
        """Seconds until `_until`; more than were ever set means that the clock went back: then they start anew."""
        if self._until - now > self._span:
            self._until = now + self._span
        return self._until - now
