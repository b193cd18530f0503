"""The real clocks: the running loop's monotonic one and the wall's.

Never asked by policies or codecs: they are told the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class LoopClock:
    """The clock of one event loop (`engine.ports.Clock`)."""

    __slots__ = ("now", "wall")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now: Callable[[], float] = loop.time
        self.wall: Callable[[], int] = time.time_ns
