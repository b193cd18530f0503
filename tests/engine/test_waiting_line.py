"""The line before full limits: who is called, when, and how many after a provider's pause."""

from __future__ import annotations

import asyncio

import pytest

from stormkeel.engine.waiting import STEP, Line, Waiter
from stormkeel.policies.base import Need
from stormkeel.policies.queue import QueueSettings
from stormkeel.testing import VirtualClock, run_virtual
from stormkeel.types.failure import Failure, FailureKind

WIDE = QueueSettings()


class Limits:
    """Limits that are full until a moment, with the words of one kind."""

    keeps_room = False

    def __init__(self, until=0.0, kind=FailureKind.COOLING):
        self.until, self.kind, self.forever = until, kind, False

    def full(self, now, need):
        """Full until then, whatever is needed."""
        left = self.until - now
        return Failure(self.kind, "full", retry_after=left, forever=self.forever) if left > 0.0 else None

    def delay(self, now, requests, tokens):
        """A second for each request, a millisecond for each token."""
        return requests + tokens / 1000


async def called_at(line, count, until=1000.0):
    """The moments at which so many waiters are called, each asked at once; -1 for who is not called in time."""
    loop = asyncio.get_running_loop()

    async def one(number):
        own = await Waiter(f"c{number}", 0, Need(10), 1).wait([line], WIDE, until)
        if own is not None:
            own.over()
        return round(loop.time(), 3) if own is not None else -1

    return await asyncio.gather(*(one(number) for number in range(count)))


def lined(limits):
    """A line before limits, on the loop's clock."""
    line = Line(limits)
    line.use(VirtualClock(asyncio.get_running_loop()))
    return line


def test_after_a_pause_one_is_called_then_two_then_four():
    """Twice as many in each step as in the one before, for nobody knows how many the provider takes."""

    async def story():
        line = lined(Limits(until=10.0))
        times = await called_at(line, 12)
        steps = [round((at - 10.0) / STEP) for at in times]
        assert steps == [0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3]
        assert not line.is_busy and len(line.queue) == 0

    run_virtual(story())


def test_room_that_comes_back_by_itself_is_for_all_at_once():
    """Where no provider asked for the pause, all who fit are called as soon as there is room."""

    async def story():
        times = await called_at(lined(Limits(until=10.0, kind=FailureKind.RATE_REACHED)), 5)
        assert times == [10.0] * 5

    run_virtual(story())


def test_whoever_is_not_called_in_time_leaves():
    """At its moment, without anybody's turn; the line is as if it had not been there."""

    async def story():
        line = lined(Limits(until=10.0))
        assert await called_at(line, 2, until=3.0) == [-1, -1]
        assert asyncio.get_running_loop().time() == 3.0
        assert len(line.queue) == 0

    run_virtual(story())


def test_what_no_time_undoes_is_called_to_hear_it():
    """A refusal for ever keeps nobody waiting."""

    async def story():
        limits = Limits(until=10.0)
        limits.forever = True
        assert await called_at(lined(limits), 2) == [0.0, 0.0]

    run_virtual(story())


def test_one_is_called_at_a_time():
    """Nobody else is, until the one who was called has been asked."""

    async def story():
        line = lined(Limits())
        first, second = Waiter("a", 0, Need(1), 1), Waiter("b", 0, Need(1), 1)
        assert await first.wait([line], WIDE, 9.0) is line
        waiting = asyncio.ensure_future(second.wait([line], WIDE, 9.0))
        await asyncio.sleep(1.0)
        assert not waiting.done() and line.is_busy
        line.over()
        assert await waiting is line
        line.over()
        assert not line.is_busy

    run_virtual(story())


def test_a_newcomers_wait_counts_those_before_it_and_itself():
    """By the limits' pace, and at least a provider's pause."""

    async def story():
        limits = Limits(until=50.0)
        line = lined(limits)
        ahead = asyncio.ensure_future(Waiter("a", 0, Need(500), 1).wait([line], WIDE, 60.0))
        await asyncio.sleep(0)
        newcomer = Waiter("b", 0, Need(1000), 1)
        assert line.estimate(newcomer) == 50.0
        limits.until = 0.0
        assert line.estimate(newcomer) == pytest.approx(2 + 1.5)
        limits.until = 1.0
        assert line.estimate(newcomer) == pytest.approx(3.5)
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)

    run_virtual(story())


def test_a_waiter_in_two_lines_is_called_by_one():
    """By the first that has room, and it leaves the other."""

    async def story():
        closed, opened = lined(Limits(until=99.0)), lined(Limits(until=2.0, kind=FailureKind.CONCURRENCY_REACHED))
        assert await Waiter("a", 0, Need(1), 1).wait([closed, opened], WIDE, 50.0) is opened
        assert asyncio.get_running_loop().time() == 2.0
        opened.over()
        assert (len(closed.queue), len(opened.queue)) == (0, 0)

    run_virtual(story())
