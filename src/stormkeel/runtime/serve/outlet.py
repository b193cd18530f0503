"""The way out of a connection: is there room, who waits for it, and does the client take what is sent to it?

Never writes and never cuts: the connection does.
"""

from __future__ import annotations

import asyncio

HIGH_WATER, LOW_WATER = 32_768, 8_192  # bytes not yet sent, at which there is no room, and again some
ENOUGH = HIGH_WATER - LOW_WATER  # bytes, or all there are, that a client must take within the stall timeout


class Outlet:
    """What is not sent yet.

    Attributes:
        is_full: is there no room?
    """

    __slots__ = ("_held", "_since", "_waiting", "is_full")

    def __init__(self) -> None:
        self.is_full = False
        self._waiting: list[asyncio.Future[None]] = []
        self._held, self._since = 0, 0.0  # bytes that were not sent, and since when it has been about as many

    def wait(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        """Return a future that ends when there is room."""
        room = loop.create_future()
        self._waiting.append(room)
        return room

    def free(self) -> None:
        """Let those go on who wait for room."""
        self.is_full = False
        waiting, self._waiting = self._waiting, []
        for room in waiting:
            if not room.done():
                room.set_result(None)

    def is_stuck(self, unsent: int, now: float, timeout: float) -> bool:
        """Has the client taken too little for so many seconds? To be asked a few times a second; a byte is too little."""
        if not unsent or not self._held - ENOUGH < unsent <= self._held:
            self._held, self._since = unsent, now
            return False
        return now - self._since >= timeout
