"""Callers that go away, and callers that take their time: cancelled upstream, settled once, every permit handed back."""

from __future__ import annotations

import asyncio

import pytest
from story_stage import ALONE, DONE, END, FALL, HEAD, WHOLE_STREAM, Bench, Reply, Taken, now, play, refused, streamed, text

from stormkeel.types.failure import FailureKind

K = FailureKind
LONG = 100_000.0
PHASES = {
    "before the head": (Reply(delay=LONG), 1.0, "reserved"),
    "after the head": (streamed(HEAD, LONG), 1.0, "estimated"),
    "after content": (streamed(HEAD, *text("one ", "two "), LONG), 1.0, "estimated"),
    "after the finish": (streamed(HEAD, *text("one "), END, LONG), 1.0, "estimated"),
    "in keep-alives": (Reply(delay=LONG), 25.0, "reserved"),
}


@pytest.mark.parametrize("phase", PHASES)
def test_a_stream_s_caller_leaves(phase):
    """A caller that leaves ends the exchange upstream at that moment; the attempt is charged, once (S-7, INV-5)."""

    async def story():
        reply, moment, source = PHASES[phase]
        bench = Bench([reply], FALL)
        task = asyncio.ensure_future(bench.stream())
        await asyncio.sleep(moment)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert now() == moment
        assert bench.transport.sent[0].ended == "aborted"
        assert bench.outcomes == [("cancelled", source)]
        assert 0 < bench.settled[0].amount <= bench.reserved[0].amount
        assert [story.failure.kind for story in bench.told] == [K.CANCELLED]

    play(story)


@pytest.mark.parametrize("reply", [Reply(delay=LONG), Reply(200, (b"{", LONG))], ids=["before the head", "in the body"])
def test_a_whole_request_s_caller_leaves(reply):
    """The same without a stream: what was under way is charged as reserved, since nobody knows (INV-5)."""

    async def story():
        bench = Bench([reply], FALL)
        task = asyncio.ensure_future(bench.ask())
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bench.outcomes == [("cancelled", "reserved")]
        assert bench.transport.sent[0].ended == "aborted"

    play(story)


def test_a_caller_leaves_between_two_tries():
    """A caller that leaves while a retry is being waited for is charged nothing more, and nothing more is sent."""

    async def story():
        bench = Bench([refused(429, headers=(("retry-after", "20"),))], ALONE)
        task = asyncio.ensure_future(bench.ask())
        await asyncio.sleep(5.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(bench.transport.sent) == 1
        assert bench.outcomes == [("rate_limit", "none")]
        assert len(bench.told) == 1

    play(story)


def test_a_caller_that_leaves_twice():
    """A second cancel while the first is being settled changes nothing: the request is counted out and its story told."""

    async def story():
        class Stuck(Taken):
            async def write(self, data):
                await asyncio.sleep(LONG)

        bench = Bench([Reply(delay=LONG)], ALONE)
        task = asyncio.ensure_future(bench.stream(out=Stuck()))
        await asyncio.sleep(12.0)
        for _ in range(4):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait((task,))
        assert bench.house.world.active == 0
        assert len(bench.told) == 1

    play(story)


@pytest.mark.parametrize("writes", range(5))
def test_an_output_that_is_gone(writes):
    """A client found gone at any write ends the attempt as cancelled, without a retry and without a fault of the provider's."""

    async def story():
        bench = Bench([streamed(*WHOLE_STREAM)], FALL)
        answer, taken = await bench.stream(out=Taken(leaves_after=writes))
        assert len(taken.pieces) == writes
        assert len(bench.transport.sent) == 1
        member = bench.house.world.fleet.members[0]
        assert member.breaker.state.value == "closed"
        if writes < 4:
            assert answer.failure.kind is K.CANCELLED
            assert bench.outcomes == [("cancelled", "estimated")]
        assert (bench.settled[0].amount or 0) > 0

    play(story)


def test_500_callers_that_leave_before_the_usage():
    """Whoever reads every delta and leaves before the usage frame pays for it all the same, each of 500 times (S-7)."""

    async def story():
        words = text(*("word " for _ in range(20)))
        bench = Bench([streamed(HEAD, *words, END, 5.0, DONE)], ALONE)

        async def one() -> None:
            task = asyncio.ensure_future(bench.stream())
            await asyncio.sleep(1.0)
            task.cancel()
            await asyncio.wait((task,))

        await asyncio.gather(*(one() for _ in range(500)))
        assert len(bench.settled) == 500
        bill = 10 * 750 + 20 * 4500  # what the provider would charge: 10 tokens in, 20 out
        assert all(entry.amount >= bill for entry in bench.settled)

    play(story)


def test_cancels_do_not_open_a_breaker():
    """A hundred callers that leave say nothing about the provider's health."""

    async def story():
        bench = Bench([Reply(delay=LONG)], ALONE)
        for _ in range(100):
            task = asyncio.ensure_future(bench.ask())
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.wait((task,))
        assert bench.house.world.fleet.members[0].breaker.state.value == "closed"

    play(story)


# -- slow callers -------------------------------------------------------------------------------------------------------


def test_a_slow_caller_is_waited_for():
    """A client that takes 40 s for each piece gets them all; the provider is not read ahead of it."""

    async def story():
        bench = Bench([streamed(*WHOLE_STREAM)], ALONE)
        answer, taken = await bench.stream(out=Taken(takes=40.0))
        assert answer.failure is None
        assert taken.text == "one two three"
        assert now() == 40.0 * len(taken.pieces)

    play(story)


def test_a_caller_that_takes_nothing_is_cut():
    """A client that takes no byte for 60 s is cut off, and the attempt is charged (S-29)."""

    async def story():
        bench = Bench([streamed(*WHOLE_STREAM[:4])], FALL)
        answer, _taken = await bench.stream(out=Taken(takes=61.0))
        assert now() == 60.0
        assert answer.failure.kind is K.CANCELLED
        assert bench.outcomes == [("cancelled", "estimated")]
        assert bench.house.world.fleet.members[0].breaker.state.value == "closed"
        assert len(bench.transport.sent) == 1

    play(story)


def test_a_caller_that_takes_nothing_of_the_end_is_cut():
    """A client that takes no byte of a stream's last frames is cut off too, though the answer was whole and is booked so."""

    async def story():
        class Tired(Taken):
            async def write(self, data):
                await asyncio.sleep(LONG if b"[DONE]" in data else 0.0)
                await super().write(data)

        bench = Bench([streamed(*WHOLE_STREAM)], ALONE)
        answer, taken = await bench.stream(out=Tired())
        assert now() == 60.0
        assert b"[DONE]" not in taken.body
        assert bench.outcomes == [("ok", "provider")]
        assert answer.story.attempts[0].failure is None

    play(story)
