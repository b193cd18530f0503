"""What all connections of one listener share: the application, the clock's tick, who is here, and whether we are leaving.

Never listens and never parses.
"""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import Iterator, Sequence
from email.utils import formatdate
from time import monotonic
from typing import NamedTuple, Protocol

from .head import Field
from .settings import ServeSettings
from .turn import AsgiApp, Turn

TICK = 0.5  # seconds between looks at the connections' clocks, at most
CUTS = 10  # connections whose time is up that are dealt with in one turn of the loop
LOOK = 0.01  # seconds between two looks at those who are not listened to


class Clock(enum.Enum):
    """Which deadline a connection is under."""

    FRESH = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()
    NONE = enum.auto()
    IDLE = enum.auto()
    CLOSING = enum.auto()


class Member(Protocol):
    """What the hub asks of a connection."""

    def check(self, now: float) -> bool:
        """Look at the clocks; say whether one of them was up."""
        ...

    def drain(self) -> None:
        """End where nothing is going on."""
        ...

    def abort(self) -> None:
        """Close now."""
        ...

    def listen(self) -> None:
        """Read again."""
        ...


class Whole(NamedTuple):
    """A whole answer, ready to be written."""

    status: int
    headers: Sequence[Field]
    body: bytes


class Bounds(Protocol):
    """What is under way, against what may be (`policies.admission.Admission`); moments are monotonic seconds."""

    def full(self) -> str:
        """Say why a request that comes now can't be taken, "" where it can."""
        ...

    def pause(self, now: float) -> float:
        """Return for how many seconds a client that was refused now is not to be listened to."""
        ...

    def room(self) -> int:
        """Return how many requests could be taken now."""
        ...

    def enter(self, now: float) -> None:
        """Take a request into the line."""
        ...

    def begin(self, now: float) -> None:
        """Take note that the first of the line is being worked on."""
        ...

    def leave(self) -> None:
        """Take note that a request that was begun has ended."""
        ...


class Doorman(Protocol):
    """Who decides which requests are begun; an application brings one as its `doorman`.

    Attributes:
        connections: how many there are; the hub sets it.
    """

    connections: int

    @property
    def bounds(self) -> Bounds:
        """Return what is asked for each request."""
        ...

    def refuse(self, reason: str, method: str, target: bytes) -> Whole | None:
        """Return the answer to a request for which there is no room; None lets it in nevertheless."""
        ...

    def has_place(self) -> bool:
        """Is there a place for the latest of the connections?"""
        ...


class Hub:
    """The shared state of one listener; belongs to one loop.

    Attributes:
        date: the `date` line of now, at most a tick old.
        is_draining: set when we are leaving; every answer then ends its connection.
        tick: seconds between looks at the clocks; a deadline is enforced up to one tick early, so that it is never overrun.
        is_empty: set while leaving, once no connection is open and no application runs.
        a_turn_ended: set while leaving, whenever an application is done with a turn.
        bounds: what may be under way, None for no bounds.
    """

    def __init__(self, app: AsgiApp, settings: ServeSettings) -> None:
        self.loop = asyncio.get_running_loop()
        self.settings = settings
        self.date = b""
        self.is_draining = False
        self.is_empty = asyncio.Event()
        self.a_turn_ended = asyncio.Event()
        self._app = app
        self._doorman: Doorman | None = getattr(app, "doorman", None)
        self.bounds: Bounds | None = None if self._doorman is None else self._doorman.bounds
        self._members: set[Member] = set()
        self._turns: set[Turn] = set()
        spans = (settings.header_deadline, settings.body_deadline, settings.idle_timeout, settings.stall_timeout)
        self.tick = min(TICK, min(spans) / 10)
        self._timer: asyncio.TimerHandle | None = None
        self._unheard: deque[tuple[float, Member]] = deque()  # who is not listened to, and until when; by time

    def sweep(self) -> None:
        """Look at every connection's clocks, now and from now on."""
        self._timer = self.loop.call_later(self.tick, self.sweep)
        self.date = b"date: %b\r\n" % formatdate(usegmt=True).encode("ascii")
        self._look(iter(tuple(self._members)))

    def _look(self, members: Iterator[Member]) -> None:
        """Look at some of them, and at the rest in the next turn of the loop: thousands cut at once then hold up nobody else."""
        now, cut = self.loop.time(), 0
        for member in members:
            if member in self._members and member.check(now):
                cut += 1
                if cut == CUTS:
                    self.loop.call_soon(self._look, members)
                    return

    def rest(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def enter(self, member: Member) -> bool:
        """Take a connection in; False where there is no place for it (it is still to `leave`)."""
        self._members.add(member)
        self.is_empty.clear()  # in the drain delay, connections still come
        if self._doorman is not None:
            self._doorman.connections = len(self._members)
            return self._doorman.has_place()
        return len(self._members) <= self.settings.max_connections

    def leave(self, member: Member) -> None:
        """Let a connection go."""
        self._members.discard(member)
        if self._doorman is not None:
            self._doorman.connections = len(self._members)
        self._note()

    def spurned(self, method: str, target: bytes) -> Whole | None:
        """Return the answer to a request for which there is no room, None where it is to be served."""
        if self.bounds is None or not (reason := self.bounds.full()):
            return None
        assert self._doorman is not None
        answer = self._doorman.refuse(reason, method, target)
        return answer._replace(body=b"") if answer is not None and method == "HEAD" else answer

    def turn_deaf(self, member: Member) -> bool:
        """Say whether a member that was refused is not to be listened to for a while; it is told to `listen` then."""
        assert self.bounds is not None
        now = monotonic()
        span = self.bounds.pause(now)
        if span > 0.0:
            if not self._unheard:
                self.loop.call_later(LOOK, self._hear)
            self._unheard.append((now + span, member))
        return span > 0.0

    def _hear(self) -> None:
        """Listen to those again whose time has come, and to as many as there is room for."""
        assert self.bounds is not None
        now, room = monotonic(), self.bounds.room()
        while self._unheard and (room > 0 or self._unheard[0][0] <= now):
            self._unheard.popleft()[1].listen()
            room -= 1
        if self._unheard:
            self.loop.call_later(LOOK, self._hear)

    def start(self, turn: Turn) -> None:
        """Run the application for a turn."""
        if self.bounds is not None:
            self.bounds.enter(monotonic())
        self._turns.add(turn)
        turn.task = self.loop.create_task(turn.run(self._app))

    def turn_begun(self) -> None:
        """Take note that the application has begun with the oldest turn that waited for it."""
        if self.bounds is not None:
            self.bounds.begin(monotonic())

    def turn_over(self, turn: Turn) -> None:
        """Take note that the application is done with a turn."""
        if self.bounds is not None:
            self.bounds.leave()
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
        """Cancel every application still running; return how many.

        In the next turn of the loop: a task that is cancelled before its first step takes none, and its turn would stay.
        """
        for turn in self._turns:
            if turn.task is not None:
                self.loop.call_soon(turn.task.cancel)
        return len(self._turns)

    def abort(self) -> None:
        """Cut every connection."""
        for member in tuple(self._members):
            member.abort()
