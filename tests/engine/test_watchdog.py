"""Watchdogs: each bites at the moment last set for it, and all of them by one timer."""

import asyncio

from stormkeel.engine.watchdog import Kennel, Watchdog
from stormkeel.testing import run_virtual
from stormkeel.types.failure import FailureKind

K = FailureKind


async def watched(kennel: Kennel, *moments: tuple[float, float], lasts: float = 1e6) -> tuple[float, FailureKind | None]:
    """Work for a while, and at each moment (after so many seconds) set the next bite; say when it ended, and of what."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    dog = Watchdog(kennel, loop, task)
    try:
        for after, at in moments:
            await asyncio.sleep(after)
            dog.watch(at, K.SILENT)
        await asyncio.sleep(lasts)
    except asyncio.CancelledError:
        assert dog.bitten and dog.calm()
        return round(loop.time(), 6), dog.kind
    finally:
        dog.stop()
    return round(loop.time(), 6), None


def together(*attempts: tuple[tuple[float, float], ...], lasts: float = 1e6) -> list[tuple[float, FailureKind | None]]:
    """Run attempts side by side from the moment 0, each with its (after, bite at)."""

    async def main() -> list[tuple[float, FailureKind | None]]:
        kennel = Kennel()
        ends = await asyncio.gather(*(watched(kennel, *moments, lasts=lasts) for moments in attempts))
        assert not kennel.dogs
        return ends

    return run_virtual(main())


def test_each_bites_at_its_own_moment():
    """Whatever the order in which they are set, each attempt is cancelled at its own moment."""
    assert together(((0, 30.0),), ((0, 10.0),), ((0, 20.0),)) == [(30.0, K.SILENT), (10.0, K.SILENT), (20.0, K.SILENT)]


def test_a_moved_moment_is_the_one_that_counts():
    """A moment put off bites later, and one drawn nearer bites earlier."""
    assert together(((0, 10.0), (5, 25.0)), ((0, 50.0), (5, 7.0))) == [(25.0, K.SILENT), (7.0, K.SILENT)]


def test_who_ends_in_time_is_left_alone():
    """An attempt that ends before its moment is not cancelled, and its end leaves the others watched."""
    assert together(((0, 10.0),), lasts=3.0) == [(3.0, None)]
    assert together(((0, 1.0),), ((0, 9.0),), lasts=5.0) == [(1.0, K.SILENT), (5.0, None)]


def test_a_moment_that_has_passed_bites_at_once():
    """A moment that is over when it is set bites in the next turn of the loop."""
    assert together(((2, 1.0),)) == [(2.0, K.SILENT)]


def test_many_watchdogs_need_one_timer():
    """However many attempts there are, no more than one timer is set for them."""

    async def main() -> int:
        kennel, loop, task = Kennel(), asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        timers = 0
        for number in range(100):
            before = kennel.at
            Watchdog(kennel, loop, task).watch(600.0 + number, K.SILENT)
            timers += kennel.at != before
        return timers

    assert run_virtual(main()) == 1


def test_somebody_elses_cancel_is_obeyed():
    """Where the caller goes away at the moment of the bite, the attempt may not take the cancel back."""

    async def main() -> bool:
        kennel, loop = Kennel(), asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        dog = Watchdog(kennel, loop, task)
        dog.bite()
        task.cancel()
        try:
            await asyncio.sleep(1.0)
        except asyncio.CancelledError:
            calmed = dog.calm()
            task.uncancel()
            return calmed
        return True

    assert not run_virtual(main())
