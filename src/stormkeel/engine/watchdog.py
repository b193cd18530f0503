"""Watchdogs: who cancels an attempt when the moment last set for it has passed. One timer for all attempts, moved lazily.

Never decides what a silence means: whoever sets the moment names the kind of failure it would be. Setting a moment is two
assignments, and nearly every attempt ends before its own: a timer each would cost more than all the policies together.

    attempts   a bites at 600.0, b at 600.3, c at 600.1
    timer      stands at 600.0; looks: who is due is bitten, and it stands at the earliest of those who are left
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any

from ..types.failure import FailureKind


class Kennel:
    """The watchdogs of one world, in its loop.

    Attributes:
        dogs: those on watch.
        at: the moment of the loop's clock (seconds) at which they are looked at next.
    """

    __slots__ = ("_handle", "at", "dogs")

    def __init__(self) -> None:
        self.dogs: dict[Watchdog, None] = {}  # a set would bite in the order of addresses, which no seed gives (INV-26)
        self.at = inf
        self._handle: asyncio.TimerHandle | None = None

    def wake(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        """Look at a moment earlier than planned."""
        if self._handle is not None:
            self._handle.cancel()
        self.at = at
        self._handle = loop.call_at(at, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._handle = None
        now = loop.time()
        for dog in [dog for dog in self.dogs if dog.at <= now]:
            dog.bite()
        self.at = min((dog.at for dog in self.dogs), default=inf)
        if self.at < inf:
            self.wake(loop, self.at)


class Watchdog:
    """Cancels its task when the moment last set has passed.

    The task tells a bite from somebody else's cancel by `bitten`, and takes the cancel back with `calm()`.

    Attributes:
        at: the moment it bites.
        kind: what kind of failure that is.
        bitten: has it?
    """

    __slots__ = ("_asked", "_kennel", "_loop", "_task", "at", "bitten", "kind")

    def __init__(self, kennel: Kennel, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
        self._kennel = kennel
        self._loop = loop
        self._task = task
        self._asked = task.cancelling()  # cancels the task has lived through before: not obeyed, and none of ours
        self.at = inf
        self.kind = FailureKind.DEADLINE
        self.bitten = False
        kennel.dogs[self] = None

    def watch(self, at: float, kind: FailureKind) -> None:
        """Bite at a moment of the loop's clock (seconds), and call it this kind of failure."""
        self.at = at
        self.kind = kind
        if at < self._kennel.at:
            self._kennel.wake(self._loop, at)

    def bite(self) -> None:
        """Cancel the task; once for each moment set."""
        self.at = inf
        self.bitten = True
        self._task.cancel()

    def stop(self) -> None:
        """Watch no longer."""
        self._kennel.dogs.pop(self, None)

    def calm(self) -> bool:
        """Take the bite's cancel back; False if somebody else cancelled the task as well, who then must be obeyed."""
        return self._task.uncancel() <= self._asked
