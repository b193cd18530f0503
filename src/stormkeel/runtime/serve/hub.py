"""What all connections of one listener share: the application, the clock's tick, who is here, and whether we are leaving.

Never listens and never parses.
"""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from typing import Protocol

from .settings import ServeSettings
from .turn import AsgiApp, Turn

TICK = 0.5  # seconds between looks at the connections' clocks, at most


class Member(Protocol):
    """What the hub asks of a connection."""

    def check(self, now: float) -> None:
        """Look at the clocks."""
        ...

    def drain(self) -> None:
        """End where nothing is going on."""
        ...

    def abort(self) -> None:
        """Close now."""
        ...


class Hub:
    """The shared state of one listener; belongs to one loop.

    Attributes:
        date: the `date` line of now, at most a tick old.
        is_draining: set when we are leaving; every answer then ends its connection.
        tick: seconds between looks at the clocks; a deadline is enforced up to one tick early, so that it is never overrun.
        is_empty: set while leaving, once no connection is open and no application runs.
        a_turn_ended: set while leaving, whenever an application is done with a turn.
    """

    def __init__(self, app: AsgiApp, settings: ServeSettings) -> None:
        self.loop = asyncio.get_running_loop()
        self.settings = settings
        self.date = b""
        self.is_draining = False
        self.is_empty = asyncio.Event()
        self.a_turn_ended = asyncio.Event()
        self._app = app
        self._members: set[Member] = set()
        self._turns: set[Turn] = set()
        spans = (settings.header_deadline, settings.body_deadline, settings.idle_timeout, settings.stall_timeout)
        self.tick = min(TICK, min(spans) / 10)
        self._timer: asyncio.TimerHandle | None = None

    def sweep(self) -> None:
        """Look at every connection's clocks, now and from now on."""
        self._timer = self.loop.call_later(self.tick, self.sweep)
        self.date = b"date: %b\r\n" % formatdate(usegmt=True).encode("ascii")
        now = self.loop.time()
        for member in tuple(self._members):
            member.check(now)

    def rest(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def enter(self, member: Member) -> bool:
        """Take a connection in; False where there is no place for it (it is still to `leave`)."""
        self._members.add(member)
        self.is_empty.clear()  # in the drain delay, connections still come
        return len(self._members) <= self.settings.max_connections

    def leave(self, member: Member) -> None:
        """Let a connection go."""
        self._members.discard(member)
        self._note()

    def start(self, turn: Turn) -> None:
        """Run the application for a turn."""
        self._turns.add(turn)
        turn.task = self.loop.create_task(turn.run(self._app))

    def turn_over(self, turn: Turn) -> None:
        """Take note that the application is done with a turn."""
        self._turns.discard(turn)
        if self.is_draining:
            self.a_turn_ended.set()
            self._note()

    @property
    def is_busy(self) -> bool:
        """Is any application at work on a turn?"""
        return bool(self._turns)

    def _note(self) -> None:
        if self.is_draining and not self._members and not self._turns:
            self.is_empty.set()

    def drain(self) -> None:
        """End every connection on which nothing is going on."""
        self.is_draining = True
        for member in tuple(self._members):
            member.drain()
        self._note()

    def cancel(self) -> int:
        """Cancel every application still running; return how many."""
        for turn in self._turns:
            if turn.task is not None:
                turn.task.cancel()
        return len(self._turns)

    def abort(self) -> None:
        """Cut every connection."""
        for member in tuple(self._members):
            member.abort()
