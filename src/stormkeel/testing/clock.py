"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it.

Never sleeps for real, so an hour of timers takes milliseconds; a program that would wait for ever is told so at once.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

EPOCH = 1_795_000_000  # the virtual wall clock starts here, seconds since 1970 (November 2026)


MOST_TURNS = 200_000
"""Turns of the loop at one moment after which nobody believes that it will ever wait."""


class _Jump(selectors.DefaultSelector):
    """A selector that moves the clock forward where it would have waited."""

    clock = 0.0
    turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("nothing is left to wait for: this program would hang")
        if timeout > 0:
            self.clock += timeout
            self.turns = 0
        self.turns += 1
        if self.turns > MOST_TURNS:
            raise RuntimeError(f"{MOST_TURNS} turns of the loop at {self.clock:.3f} s: this program would spin")
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


class ManualClock:
    """Time and chance for guards, limiters and breakers under test (`resilience.Clock`).

    In a thread, a wait moves it forward at once. In a virtual loop it is the loop's own time, so `asyncio.timeout` agrees.

    Args:
        seed: of its dice.
    """

    def __init__(self, seed: int = 0) -> None:
        self.rng = Random(seed)  # noqa: S311 - dice that fall the same way each time
        self._at = 0.0
        self._lock = threading.Lock()

    def now(self) -> float:
        """Return virtual seconds."""
        loop = _running()
        return self._at if loop is None else loop.time()

    def wall(self) -> int:
        """Return nanoseconds since the epoch, from a fixed start."""
        return EPOCH * 1_000_000_000 + int(self.now() * 1e9)

    def advance(self, seconds: float) -> None:
        """Move it forward."""
        with self._lock:
            self._at += seconds

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        """Wait for an event where there is no end to it, else move forward by the span."""
        if seconds is None:
            return event.wait()
        until = self._at + seconds
        if not event.is_set():
            with self._lock:
                self._at = max(self._at, until)
        return event.is_set()

    async def pause(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(seconds)


def _running() -> VirtualLoop | None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    return loop if isinstance(loop, VirtualLoop) else None
