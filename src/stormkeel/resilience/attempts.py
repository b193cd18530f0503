"""Retry around a block: as many blocks as are to be tried, in a loop.

    for attempt in guard.attempts():        # the waits between attempts are here
        with attempt:                       # a failure that is worth another attempt ends here
            ...

Never swallows the last failure, and never hands out another attempt after a success. `async for` goes with `async with`.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from ..errors import SettingsError
from .block import Block
from .turn import LATE, Turn


class Attempt:
    """One attempt of a loop; enter it once."""

    __slots__ = ("_block", "_is_async", "_is_entered", "_is_left")

    def __init__(self, turn: Turn, is_async: bool) -> None:
        self._block = Block(turn)
        self._is_async = is_async
        self._is_entered = self._is_left = False

    @property
    def number(self) -> int:
        """Which attempt this is, from 1, once it has been entered."""
        return self._block.turn.tries

    def __enter__(self) -> Self:
        """Wait for leave. Raises a `RefusalError` where there is none."""
        self._enter(is_async=False)
        self._block.enter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        """Settle; the exception ends here where another attempt follows."""
        self._is_left = True
        return self._block.leave(error)

    async def __aenter__(self) -> Self:
        """Wait for leave while other tasks run."""
        self._enter(is_async=True)
        await self._block.enter_async()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        """Settle; the exception ends here where another attempt follows."""
        self._is_left = True
        return await self._block.leave_async(kind, error, trace)

    def wait(self) -> float | None:
        """Return the seconds until the next attempt, None where there is none.

        Raises:
            SettingsError: it was not entered and left.
        """
        if not self._is_left:
            form = "async with attempt:" if self._is_async else "with attempt:"
            raise SettingsError(f"an attempt was handed out and not used: put the work of each into `{form}`")
        return self._block.wait

    def _enter(self, is_async: bool) -> None:
        if is_async is not self._is_async:
            right = ("async for", "async with") if self._is_async else ("for", "with")
            raise SettingsError(f"attempts of a `{right[0]}` loop are entered by `{right[1]} attempt:`")
        if self._is_entered:
            raise SettingsError("an attempt is entered once: let the loop hand out the next one")
        self._is_entered = True


class Attempts:
    """The attempts of one call, for one loop."""

    __slots__ = ("_latest", "_turn")

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._latest: Attempt | None = None

    def __iter__(self) -> Self:
        """Begin a loop."""
        return self

    def __aiter__(self) -> Self:
        """Begin an `async for` loop."""
        return self

    def __next__(self) -> Attempt:
        """Wait, blocking, until the next attempt is due. Raises the function's own exception if that is after the deadline."""
        wait = self._wait()
        if wait is None:
            raise StopIteration
        try:
            self._turn.policies.gates.clock.wait(threading.Event(), wait)
        except BaseException:
            self._turn.break_off()
            raise
        return self._hand_out(is_async=False)

    async def __anext__(self) -> Attempt:
        """Wait until the next attempt is due, while other tasks run."""
        wait = self._wait()
        if wait is None:
            raise StopAsyncIteration
        try:
            await self._turn.policies.gates.clock.pause(wait)
        except BaseException:
            self._turn.break_off()
            raise
        return self._hand_out(is_async=True)

    def _wait(self) -> float | None:
        return 0.0 if self._latest is None else self._latest.wait()

    def _hand_out(self, is_async: bool) -> Attempt:
        if self._latest is not None and self._turn.is_late:
            raise self._turn.fail(self._turn.complaint(LATE.why))
        self._latest = Attempt(self._turn, is_async)
        return self._latest
