"""One flow, two colours: what a guarded call does is a generator of steps; who drives it blocks, or awaits.

Never decides anything: it waits, stands in line and calls, as it is told, and hands back what came of it.

    flow:    admit .. Stand .. Sleep .. Do(0) .. settle .. Sleep .. Do(0) .. settle .. Do(1) -> its end
    driver:             |        |        |                  |        |                  |
                      wait     wait     call               wait     call         call the fallback

Whatever interrupts a step (Ctrl-C, a cancel) closes the flow, whose own `except GeneratorExit` hands everything back (INV-15).
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator
from typing import Any, NoReturn, TypeVar, cast

import msgspec

from .clock import Clock
from .places import Places

T = TypeVar("T")


class Sleep(msgspec.Struct, frozen=True):
    """Let so many seconds go by."""

    seconds: float


class Stand(msgspec.Struct, frozen=True):
    """Stand in line for a place, so many seconds at most. Answered by whether there is one now."""

    places: Places
    seconds: float | None


class Do(msgspec.Struct, frozen=True):
    """Call the guarded function (0) or a fallback (from 1 on), cut off after so many seconds where that can be done.

    Answered by an `Outcome`.
    """

    number: int
    seconds: float | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What came of a call: a value, an exception, or `cut`: the deadline ended it."""

    value: Any = None
    error: Exception | None = None
    cut: bool = False


Step = Sleep | Stand | Do
Flow = Generator[Step, Any, T]


def nothing_to_do(_step: Do) -> NoReturn:
    """Stand for the function in a flow that calls none."""
    raise AssertionError("this flow calls nothing")


def drive(flow: Flow[T], clock: Clock, perform: Callable[[Do], Outcome] = nothing_to_do) -> T:
    """Run a flow to its end, blocking this thread; return what it returns."""
    answer: object = None
    try:
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as end:
                return cast(T, end.value)
            if isinstance(step, Do):
                answer = perform(step)
            elif isinstance(step, Stand):
                answer = _stand(step, clock)
            else:
                answer = clock.wait(threading.Event(), step.seconds)
    finally:
        flow.close()
        answer = None  # an exception in it leads back to this frame: no circle


async def drive_async(flow: Flow[T], clock: Clock, perform: Callable[[Do], Awaitable[Outcome]] = nothing_to_do) -> T:
    """Run a flow to its end, awaiting; return what it returns."""
    answer: object = None
    try:
        while True:
            try:
                step = flow.send(answer)
            except StopIteration as end:
                return cast(T, end.value)
            answer = None
            if isinstance(step, Do):
                answer = await perform(step)
            elif isinstance(step, Stand):
                answer = await _stand_async(step)
            else:
                await clock.pause(step.seconds)
    finally:
        flow.close()
        answer = None  # an exception in it leads back to this frame: no circle


def _stand(step: Stand, clock: Clock) -> bool:
    event = threading.Event()
    if step.places.enter(event):
        return True
    try:
        clock.wait(event, step.seconds)
    except BaseException:
        step.places.abandon(event)
        raise
    return step.places.leave(event)


class _Call:
    """A place in line that wakes a task, from whatever thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.event = asyncio.Event()

    def set(self) -> None:
        """Wake the task. Raises RuntimeError where its loop is closed."""
        self._loop.call_soon_threadsafe(self.event.set)


async def _stand_async(step: Stand) -> bool:
    call = _Call()
    if step.places.enter(call):
        return True
    try:
        async with asyncio.timeout(step.seconds):
            await call.event.wait()
    except TimeoutError:
        pass  # its place may have come in the same turn of the loop
    except BaseException:
        step.places.abandon(call)
        raise
    return step.places.leave(call)
