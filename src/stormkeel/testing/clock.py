"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it.

Never sleeps for real, so an hour of timers takes milliseconds; a program that would wait for ever is told so at once.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

EPOCH = 1_795_000_000  # the virtual wall clock starts here, seconds since 1970 (November 2026)


class _Jump(selectors.DefaultSelector):
    """A selector that moves the clock forward where it would have waited."""

    clock = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("nothing is left to wait for: this program would hang")
        if timeout > 0:
            self.clock += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time; its clock starts at 0."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._jump.clock


class VirtualClock:
    """Both clocks of the engine in virtual time (`engine.ports.Clock`)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        """Return the loop's virtual seconds."""
        return self._loop.time()

    def wall(self) -> int:
        """Return nanoseconds since the epoch, from a fixed start."""
        return EPOCH * 1_000_000_000 + int(self._loop.time() * 1e9)


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time and return its result."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
