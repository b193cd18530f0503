"""The one deadline of a request: an outcome in time, wherever the provider hangs, and no work after it (S-26, INV-10)."""

from __future__ import annotations

import asyncio

import pytest
from story_stage import ALONE, DONE, END, FALL, HEAD, TWO, Bench, Reply, Taken, frame, now, play, refused, streamed, text, whole

from stormkeel.types.failure import FailureKind
from stormkeel.types.request import Options

K = FailureKind
LONG = 100_000.0
DRIP = [piece for byte in b"".join([HEAD, *text("one ", "two ")]) for piece in (bytes([byte]), 2.0)]
WHERE = {
    "connect": Reply(delay=LONG),
    "head": Reply(delay=LONG),
    "first token": streamed(HEAD, LONG),
    "mid-stream": streamed(HEAD, *text("one "), LONG, END, DONE),
    "drip": streamed(*DRIP),
}


@pytest.mark.parametrize("where", WHERE)
def test_a_streamed_request_ends_in_time(where):
    """Whatever a provider does with a stream, its caller has an outcome at 3.0 s, and the exchange is cut (S-26)."""

    async def story():
        bench = Bench([WHERE[where]], ALONE)
        answer, taken = await bench.stream(timeout=3.0)
        assert now() == pytest.approx(3.0, abs=1e-9)
        assert answer.failure.kind is K.DEADLINE
        assert len(bench.transport.sent) == 1
        assert bench.transport.sent[0].ended == "aborted"
        assert taken.text == ("one " if where == "mid-stream" else "")
        assert bench.settled[0].outcome == "deadline"
        assert (bench.settled[0].amount or 0) > 0  # sent, so perhaps billed (INV-5)

    play(story)


@pytest.mark.parametrize("steps", [(LONG,), (b'{"id": ', LONG)], ids=["nothing", "half a body"])
@pytest.mark.parametrize("delay", [0.0, LONG])
def test_a_whole_request_ends_in_time(steps, delay):
    """A provider that hangs before or inside a whole answer costs its caller 3.0 s and not more (S-26)."""

    async def story():
        bench = Bench([Reply(200, steps, delay=delay)], FALL)
        answer = await bench.ask(timeout=3.0)
        assert now() == pytest.approx(3.0, abs=1e-9)
        assert answer.failure.kind is K.DEADLINE
        assert len(bench.transport.sent) == 1

    play(story)


@pytest.mark.parametrize("is_stream", [False, True])
def test_the_deadline_holds_over_all_attempts(is_stream):
    """Retries, waits and fallbacks share one deadline: the third attempt gets what the first two have left (INV-10)."""

    async def story():
        clocks = b"[policies.clocks]\nfirst_content = 2.0\nanswer = 2.0\n"
        bench = Bench([Reply(delay=LONG)], FALL + clocks)
        answer = (await bench.stream(timeout=3.0))[0] if is_stream else await bench.ask(timeout=3.0)
        assert now() == pytest.approx(3.0, abs=1e-9)
        assert bench.times == [0.0, 2.0]
        assert [attempt.failure.kind for attempt in answer.story.attempts] == [K.SILENT, K.DEADLINE]

    play(story)


def test_nothing_starts_after_the_deadline():
    """A provider that fails slowly is never asked again past the deadline, whatever the dice say (INV-10)."""

    async def story():
        for seed in range(30):
            bench = Bench([refused(500, headers=(("x-request-id", "x"),)), Reply(500, (b"{}",), delay=0.97)], ALONE, seed=seed)
            start = now()
            await bench.ask(timeout=1.0)
            assert now() - start <= 1.0 + 1e-9
            assert all(at - start < 1.0 for at in bench.times)

    play(story)


def test_the_timeout_can_not_exceed_the_settings():
    """A caller may shorten the route's own time, not lengthen it."""

    async def story():
        bench = Bench([Reply(delay=LONG)], ALONE + b"[policies.clocks]\ntotal = 4.0\n")
        await bench.ask(timeout=50.0)
        assert now() == pytest.approx(4.0)

    play(story)


def test_without_a_timeout_the_settings_hold():
    """A request that names no timeout ends after 600 s at the latest, here while it waits for the fallback's answer."""

    async def story():
        bench = Bench([Reply(delay=LONG)], TWO + b"[policies.clocks]\nanswer = 500.0\n")
        answer = await bench.ask()
        assert now() == pytest.approx(600.0)
        assert [attempt.failure.kind for attempt in answer.story.attempts] == [K.SILENT, K.DEADLINE]

    play(story)


def test_a_prompt_answer_needs_no_clock():
    """An answer that comes in time leaves no clock behind that bites later."""

    async def story():
        bench = Bench([whole()], ALONE)
        request = bench.house.dialect("openai_chat").read_request(bench.request("fast").raw, "r1", options=Options(timeout=0.001))
        answer = await bench.house.answer(request)
        assert answer.failure is None

    play(story)


def test_a_stream_may_last_as_long_as_it_speaks():
    """A stream that keeps speaking is cut by nothing but its deadline: 20 s between two tokens are well within the idle time."""

    async def story():
        steps = [piece for word in text(*"abcdefghij") for piece in (word, 20.0)]
        bench = Bench([streamed(HEAD, *steps, END, DONE)], ALONE)
        answer, taken = await bench.stream()
        assert answer.failure is None
        assert taken.text == "abcdefghij"
        assert now() == pytest.approx(200.0)

    play(story)


@pytest.mark.parametrize("pings", [False, True])
def test_a_stream_that_falls_silent(pings):
    """A stream that says nothing for 30 s after its first content has stalled; keep-alives alone hold it for 120 s."""

    async def story():
        silence = [piece for _ in range(1000) for piece in (10.0, b": ping\n\n")] if pings else [LONG]
        bench = Bench([streamed(HEAD, *text("one "), *silence)], FALL)
        answer, taken = await bench.stream()
        assert now() == pytest.approx(120.0 if pings else 30.0)
        assert (answer.failure.kind, answer.story.committed) == (K.STALLED, True)
        assert taken.text == "one "
        assert len(bench.transport.sent) == 1

    play(story)


def test_pings_do_not_stand_for_content():
    """Keep-alives before the first content don't move the clock: the fallback is asked after 30 s all the same."""

    async def story():
        pings = [piece for _ in range(1000) for piece in (1.0, b": ping\n\n")]
        bench = Bench([streamed(HEAD, *pings), streamed(HEAD, *text("hi"), END, DONE)], FALL)
        answer, taken = await bench.stream(out=Taken())
        assert answer.failure is None
        assert bench.times == [0.0, 30.0]
        assert taken.text == "hi"

    play(story)


def test_a_clock_in_a_task_that_outlived_a_cancel():
    """In a task that was cancelled once and went on, a clock that runs out is a failure as ever, not a cancel nobody made."""

    async def story():
        bench = Bench([Reply(delay=LONG)], ALONE)

        async def goes_on():
            try:
                await asyncio.sleep(LONG)
            except asyncio.CancelledError:
                return await bench.ask(timeout=1.0)

        task = asyncio.ensure_future(goes_on())
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.wait((task,))
        assert not task.cancelled()
        assert task.result().failure.kind is K.DEADLINE

    play(story)


def test_sound_is_content():
    """A stream that sends sound, a piece every ten seconds for minutes, is not taken for one that only pings."""

    async def story():
        sound = [step for _ in range(20) for step in (frame({"audio": {"id": "a", "data": "AAAA"}}), 10.0)]
        answer, taken = await Bench([streamed(HEAD, *sound, END, DONE)], ALONE).stream()
        assert answer.failure is None
        assert taken.body.endswith(DONE)

    play(story)


def test_a_loop_that_is_late_sends_nothing_more():
    """Where a wait ends only after the deadline, because the loop was busy or the machine slept, nothing more is sent (INV-10)."""

    async def story():
        bench = Bench([refused(500), whole()], ALONE)
        loop = asyncio.get_running_loop()

        def oversleep():
            loop._jump.clock += 3.0

        loop.call_later(0.0001, oversleep)
        answer = await bench.ask(timeout=1.0)
        assert bench.times == [0.0]
        assert answer.failure.kind is K.SERVER

    play(story)
