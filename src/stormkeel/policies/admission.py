"""Which requests are begun at all: a server that takes on more than it can do serves nobody.

Never reads a request and never knows a clock: whoever holds the door tells when a request came, was begun and ended, in monotonic
seconds. What is refused is refused before any work was done for it. Rules by docs/reliability.md, Overload, and decision 0014.

    request --full()?--> refused, at once          full: too many under way, or the line is longer than can be begun in time
       '------> enter: it stands in line --> begin: its work has started --> leave

            every line for `interval` took longer than `standing_wait` to work off
    CALM ---------------------------------------------------------------------------> STRAINED
    a line may be `burst_wait` long                                    a line may be `standing_wait` long
         <---------------------------------------------------------------------------
                             `interval` long nobody had to be refused

A refusal costs a fifth of a request. So that a storm of them does not take the time of what is under way, there are only so many
a second, and fewer where the line is long because the processor is slow or somebody else's: a client that was refused beyond them
is not listened to until its turn comes, or until there is room for what it asks.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal

import msgspec

from .base import within

MIB = 1 << 20
USUAL_COST = 0.0002  # seconds a request's beginning takes, before anything was measured
SMOOTHING = 0.1  # weight of a new measure
REFUSALS = 2000.0  # a second, beyond which refused clients are not listened to for a while
PART = 5.0  # of a long line: so many times what a beginning takes lie between two refusals
DEAF = 5.0  # seconds for which a client is not listened to at most, though there is no room all the while
SLACK = 1.0  # seconds by which refusals may be ahead of that rate: a burst is answered
LEAST_CALM = 64  # requests that may always stand in line while all is calm: one slow moment says little

Reason = Literal["", "line", "requests", "bodies", "connections"]
REASONS: tuple[Reason, ...] = ("line", "requests", "bodies", "connections")
"""Why a request is refused: the line is too long, too many are under way, too many bytes of bodies are held, too many clients."""


class AdmissionSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much the gateway takes on at once; beyond it, it refuses at once and says when to come again.

    Attributes:
        connections: the most connections of clients at once.
        requests: the most requests under way at once.
        bodies: bytes of request bodies held together; those that come in one piece of 64 KiB or less do not count, and one alone
            may be as large as `max_body`.
        burst_wait: seconds a request may have to wait until it is begun, where all had been quick.
        standing_wait: the same, where all have waited for longer than this during a whole `interval`.
        interval: seconds over which that is judged.
        retry_after: seconds after which a refused client is told to come again; drawn from this to twice as much, so that not all
            come at once.
    """

    connections: int = 10_000
    requests: int = 5_000
    bodies: int = 512 * MIB
    burst_wait: float = 2.0
    standing_wait: float = 0.25
    interval: float = 1.0
    retry_after: float = 1.0

    def __post_init__(self) -> None:
        within("connections", self.connections, 1, 1_000_000)
        within("requests", self.requests, 1, 1_000_000)
        within("bodies", self.bodies, 1024, 1024 * 1024 * MIB, "bytes")
        within("standing_wait", self.standing_wait, 0.0001, 60.0, "seconds")
        within("burst_wait", self.burst_wait, self.standing_wait, 60.0, "seconds")
        within("interval", self.interval, 0.001, 60.0, "seconds")
        within("retry_after", self.retry_after, 0.0, 3600.0, "seconds")


class Admission:
    """The bounds of one server, and what stands against them now.

    Attributes:
        settings: the bounds.
        under_way: requests that entered and have not left.
        in_line: those of them that were not begun yet.
        held: bytes of bodies held.
        is_strained: has every line been long for a while?
        refused: how many were refused, by reason.
    """

    __slots__ = (
        "_cost", "_entered", "_gap", "_longest", "_next_refusal", "_refused_at", "_since", "_slow_since", "held", "in_line",
        "is_strained", "refused", "settings", "under_way",
    )  # fmt: skip

    def __init__(self, settings: AdmissionSettings) -> None:
        self.under_way = self.in_line = self.held = 0
        self.is_strained = False
        self.refused: Counter[Reason] = Counter()
        self._cost = USUAL_COST
        self._entered = 0  # in the present line, begun or not
        self._since = 0.0  # when the present line began to form
        self._slow_since: float | None = None
        self._refused_at = self._next_refusal = 0.0
        self._gap = 1.0 / REFUSALS  # seconds between two refusals
        self.change(settings)

    def change(self, settings: AdmissionSettings) -> None:
        """Go on with other bounds; what is under way stays, also what is beyond them."""
        self.settings = settings
        self._measure()

    def full(self) -> Reason:
        """Say why a request that comes now can't be taken, "" where it can. Changes nothing."""
        if self.in_line >= self._longest:
            return "line"
        return "requests" if self.under_way >= self.settings.requests else ""

    def refuse(self, reason: Reason, now: float) -> None:
        """Take note that somebody was refused."""
        self.refused[reason] += 1
        self._gap = 1.0 / REFUSALS
        if reason == "line":
            self._refused_at = now
            self._gap = max(self._gap, PART * self._cost)

    def pause(self, now: float) -> float:
        """Return for how many seconds a client that was refused now is not to be listened to."""
        self._next_refusal = min(max(now, self._next_refusal) + self._gap, now + SLACK + DEAF)
        return max(0.0, self._next_refusal - now - SLACK)

    def room(self) -> int:
        """Return how many requests could be taken now."""
        return max(0, min(self._longest - self.in_line, self.settings.requests - self.under_way))

    def enter(self, now: float) -> None:
        """Take a request into the line."""
        if not self.in_line:
            self._since = now
            self._entered = 0
        self.in_line += 1
        self.under_way += 1
        self._entered += 1

    def begin(self, now: float) -> None:
        """Take note that the first of the line is being worked on."""
        self.in_line -= 1
        if not self.in_line:
            self._worked_off(now)

    def leave(self) -> None:
        """Take note that a request that was begun has ended."""
        self.under_way -= 1

    def hold(self, size: int) -> bool:
        """Hold so many more bytes of a body; False, and nothing is held, where there is no room. The only one always has room."""
        if self.held and self.held + size > self.settings.bodies:
            return False
        self.held += size
        return True

    def drop(self, size: int) -> None:
        """Hold so many bytes no longer."""
        self.held -= size

    def _worked_off(self, now: float) -> None:
        """Learn from a line that has been worked off: what one costs, and whether all is well."""
        span = max(0.0, now - self._since)
        self._cost += SMOOTHING * (min(span / self._entered, 4 * self._cost) - self._cost)
        if span <= self.settings.standing_wait:
            self._slow_since = None
            if self.is_strained and now - self._refused_at > self.settings.interval:
                self.is_strained = False
        elif self._slow_since is None:
            self._slow_since = now
        elif now - self._slow_since >= self.settings.interval:
            self.is_strained = True
        self._measure()

    def _measure(self) -> None:
        wait, least = (self.settings.standing_wait, 1) if self.is_strained else (self.settings.burst_wait, LEAST_CALM)
        self._longest = max(least, int(wait / max(self._cost, 1e-9)))
