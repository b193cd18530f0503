"""One timer for one attempt, moved lazily: setting a new moment is two assignments, not a new timer.

Never decides what a silence means: whoever sets the moment names the kind of failure it would be.
"""

from __future__ import annotations

import asyncio
from typing import Any

from ..types.failure import FailureKind


class Watchdog:
    """Cancels its task when the moment last set has passed.

    The task tells a bite from somebody else's cancel by `bitten`, and takes the cancel back with `calm()`.
    """

    __slots__ = ("_asked", "_at", "_handle", "_loop", "_task", "bitten", "kind")

    def __init__(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
        self._loop = loop
        self._task = task
        self._asked = task.cancelling()  # cancels the task has lived through before: not obeyed, and none of ours
        self._handle: asyncio.TimerHandle | None = None
        self._at = 0.0
        self.kind = FailureKind.DEADLINE
        self.bitten = False

    def watch(self, at: float, kind: FailureKind) -> None:
        """Bite at a moment of the loop's clock (seconds), and call it this kind of failure."""
        self._at = at
        self.kind = kind
        handle = self._handle
        if handle is None:
            self._handle = self._loop.call_at(at, self._look)
        elif at < handle.when():
            handle.cancel()
            self._handle = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        if self._loop.time() < self._at:  # it was moved on since this timer was set
            self._handle = self._loop.call_at(self._at, self._look)
            return
        self._handle = None
        self.bitten = True
        self._task.cancel()

    def stop(self) -> None:
        """Watch no longer."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def calm(self) -> bool:
        """Take the bite's cancel back; False if somebody else cancelled the task as well, who then must be obeyed."""
        return self._task.uncancel() <= self._asked
