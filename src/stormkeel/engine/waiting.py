"""Waiting at full limits: one line for each quota group, and whoever can be served is called, one after another.

Never debits anything and never decides who is next (`policies/queue.py`) or how long a wait is worth (`turns.py`). A request
waits in the lines of all its candidates whose limits are full, the others having failed; it does not come back to those.

    refused as full ──> join ──> called: it is asked again, and nobody else is let through in between
                          |        the line looks again when room comes back (an attempt ends) and when it must (one timer)
                          '──> time is over, the queue is full, the caller is gone: it leaves, and what it heard last stands

Between the call and the gates nobody may overtake: newcomers find somebody waiting, and are refused as full themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from ..policies.base import Need
from ..policies.queue import FairQueue, QueueSettings
from ..types.failure import Failure, FailureKind
from .ports import Clock

K = FailureKind
FULL = frozenset({K.RATE_REACHED, K.CONCURRENCY_REACHED, K.COOLING})
"""Refusals that time undoes, where they are not for ever."""
STEP = 0.05  # seconds; after a provider's pause twice as many are called in each step as in the one before


class Limits(Protocol):
    """What a line stands before."""

    until: float

    @property
    def keeps_room(self) -> bool:
        """Is there room that is kept for others than those who have much already?"""
        ...

    def full(self, now: float, need: Need) -> Failure | None:
        """Say why an attempt would be refused, None where it would pass. Changes nothing."""
        ...

    def delay(self, now: float, requests: int, tokens: int) -> float:
        """Return the seconds until so many requests with so many tokens in all would have passed."""
        ...


class Waiter:
    """A request that waits.

    Attributes:
        caller, priority, tokens, size: as `policies/queue.py` shares by them.
        called: the line that called it; False once it must go.
    """

    __slots__ = ("_lines", "called", "caller", "need", "priority", "size", "tokens")

    def __init__(self, caller: str, priority: int, need: Need, size: int) -> None:
        self.caller = caller
        self.priority = priority
        self.need = need
        self.tokens = need.tokens
        self.size = size
        self.called: asyncio.Future[Line | None]
        self._lines: list[Line] = []

    async def wait(self, lines: Iterable[Line], settings: QueueSettings, until: float) -> Line | None:
        """Wait to be called, until a moment (monotonic seconds); returns the line that did, None for nobody."""
        loop = asyncio.get_running_loop()
        self.called = loop.create_future()
        timer = loop.call_at(until, self.go)
        line: Line | None = None
        try:
            for one in lines:
                if self.called.done():
                    break
                self._lines.append(one)
                one.join(self, settings)
            line = await self.called
        finally:
            timer.cancel()
            self._leave()
            if line is None and self.called.done() and not self.called.cancelled() and (late := self.called.result()):
                late.over()  # called, and gone in the same moment
        return line

    def go(self) -> None:
        """Stop waiting."""
        if not self.called.done():
            self.called.set_result(None)
            self._leave()

    def call(self, line: Line) -> bool:
        """Tell it that it is its turn; False where it is gone already."""
        if self.called.done():
            return False
        self.called.set_result(line)
        self._leave()
        return True

    def _leave(self) -> None:
        lines, self._lines = self._lines, []
        for line in lines:
            line.leave(self)


class Line:
    """Those who wait at one quota group's limits.

    Attributes:
        is_busy: does anybody wait, or has been called and not been asked yet? Then whoever comes waits as well.
        is_open: is the one who was called being asked right now?
    """

    __slots__ = (
        "_at", "_called", "_clock", "_limits", "_recovering", "_released", "_step", "_timer", "is_busy", "is_open", "queue",
    )  # fmt: skip

    def __init__(self, limits: Limits) -> None:
        self.is_busy = self.is_open = False
        self.queue: FairQueue[Waiter] = FairQueue()
        self._limits = limits
        self._clock: Clock
        self._called = False
        self._timer: asyncio.TimerHandle | None = None
        self._recovering = False
        self._step, self._released, self._at = 0, 0, 0.0

    def use(self, clock: Clock) -> None:
        """Tell the time by a clock; all worlds of a house have the same."""
        self._clock = clock

    def estimate(self, waiter: Waiter) -> float:
        """Return about how many seconds somebody who came now would wait, as far as rates and a provider's pause tell."""
        now = self._clock.now()
        requests, tokens = self.queue.ahead(waiter)
        pause = max(0.0, self._limits.until - now)
        return max(pause, self._limits.delay(now, requests + 1, tokens + waiter.tokens))

    def join(self, waiter: Waiter, settings: QueueSettings) -> None:
        """Let somebody wait."""
        for gone in self.queue.join(waiter, settings):
            gone.go()
        self.look()

    def leave(self, waiter: Waiter) -> None:
        """Let somebody go who was not called here; whoever is next may be served sooner."""
        self.queue.leave(waiter)
        self.look()

    def over(self) -> None:
        """The one who was called has been asked, or is gone."""
        self._called = self.is_open = False
        self.look()

    def look(self) -> None:
        """Call whoever is next, if the limits have room; else look again when they may."""
        if self._called:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (head := self.queue.first()) is not None:
            self.is_busy = True
            now = self._clock.now()
            head, refusal = self._next(head, now)
            if refusal is not None and not refusal.forever:  # what no time undoes it hears when it is asked, and makes room
                self._recovering |= refusal.kind is K.COOLING
                if refusal.retry_after is not None:
                    self._look_at(now + refusal.retry_after)
                return
            if not self._may_call(now):
                self._look_at(self._at)
                return
            self._called = True
            if self.queue.take(head).call(self):
                return
            self._called = False
        self.is_busy = self._recovering = False

    def _next(self, head: Waiter, now: float) -> tuple[Waiter, Failure | None]:
        """Return who is next, and why it must wait; another caller where room is kept for those who have little."""
        refusal = self._limits.full(now, head.need)
        if refusal is not None and self._limits.keeps_room and (other := self.queue.first_but(head.caller)):
            return other, self._limits.full(now, other.need)
        return head, refusal

    def _may_call(self, now: float) -> bool:
        """After a provider's pause nobody knows how many it takes: one is called, then two, then four."""
        if not self._recovering:
            return True
        if now >= self._at:
            self._step = min(2 * self._step, 1 << 20) if self._at and now < self._at + 1.0 else 1
            self._at, self._released = now + STEP, 0
        self._released += 1
        return self._released <= self._step

    def _look_at(self, at: float) -> None:
        self._timer = asyncio.get_running_loop().call_at(at, self.look)
