"""Time and chance as guards use them: the port, and the real one.

Never jumps: moments are monotonic seconds, on the scale of the event loops. `wall` is read for dates in Retry-After only.
"""

from __future__ import annotations

import asyncio
import threading
import time
from random import Random
from typing import Protocol

from ..policies.base import Dice


class Clock(Protocol):
    """What guards, limiters and breakers ask of the world; `stormkeel.testing.ManualClock` is one that does not wait.

    Attributes:
        rng: draws backoffs and open times.
    """

    rng: Dice

    def now(self) -> float:
        """Return monotonic seconds."""
        ...

    def wall(self) -> int:
        """Return nanoseconds since the epoch."""
        ...

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        """Block this thread until an event is set or a span is over, None for no end. Returns whether it was set."""
        ...

    async def pause(self, seconds: float) -> None:
        """Let a span go by while other tasks run."""
        ...


class RealClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self.rng: Dice = Random()  # noqa: S311 - spreads waits, guards no secret

    def __repr__(self) -> str:
        return "the machine's"

    def now(self) -> float:
        """Return monotonic seconds, on the scale of `loop.time()`."""
        return time.monotonic()

    def wall(self) -> int:
        """Return nanoseconds since the epoch."""
        return time.time_ns()

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        """Block this thread until an event is set or a span is over."""
        return event.wait(seconds)

    async def pause(self, seconds: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(seconds)


REAL: Clock = RealClock()
"""The clock of everything that is given no other."""
