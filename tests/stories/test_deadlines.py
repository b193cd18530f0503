"""The one deadline of a request: an outcome in time, wherever the provider hangs, and no work after it (S-26, INV-10)."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from msgspec import structs
from story_stage import (
    ALONE,
    DONE,
    END,
    FALL,
    HEAD,
    TWO,
    WHOLE_STREAM,
    Bench,
    Reply,
    Taken,
    frame,
    now,
    play,
    refused,
    streamed,
    text,
    whole,
)

from stormkeel.types.failure import FailureKind
from stormkeel.types.request import Options

K = FailureKind
LONG = 100_000.0


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


def test_waiting_for_a_place_among_the_retries_leaves_less_for_the_wait():
    """A pause that no longer fits once a place for the retry was waited for is not begun: many retry at once, none is late (INV-10)."""

    async def story():
        bench = Bench([refused(429)], ALONE + b"[policies.budget]\nconcurrent_least = 1\n")

        async def ask(timeout: float) -> float:
            start = now()
            await bench.ask(timeout=timeout)
            return now() - start - timeout

        late = await asyncio.gather(*(ask(1.0 + number / 10) for number in range(30)))
        assert max(late) <= 1e-9

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


class SlowHead(Taken):
    """A client that takes long over the head."""

    async def start(self, headers):
        """Take the head, slowly."""
        await asyncio.sleep(5.0)
        await super().start(headers)


@pytest.mark.parametrize("settings", [FALL, FALL + b'commit = "complete"\n'], ids=["at once", "held to its end"])
def test_a_whole_answer_that_could_not_be_handed_out(settings):
    """An answer whose last frames are still here at the deadline is booked as it was, and never told as whole (INV-9)."""

    async def story():
        bench = Bench([streamed(b"".join(WHOLE_STREAM))], settings)
        answer, taken = await bench.stream(timeout=3.0, out=SlowHead())
        assert now() == pytest.approx(3.0, abs=1e-9)
        assert answer.failure is not None
        assert answer.failure.kind is K.DEADLINE
        assert taken.body == b""
        assert len(bench.transport.sent) == 1
        assert bench.outcomes == [("ok", "provider")]

    play(story)


def test_a_client_slow_at_the_head_is_no_fault_of_the_provider():
    """Who takes a minute over the head of a stream is left, and nobody is blamed for a silence."""

    class Slower(Taken):
        async def start(self, headers):
            await asyncio.sleep(1000.0)

    async def story():
        bench = Bench([streamed(HEAD, *text("one "), 1.0, *text("two "), END, DONE)], ALONE)
        answer, _ = await bench.stream(out=Slower())
        assert now() == pytest.approx(60.0, abs=1e-9)
        assert answer.failure.kind is K.CANCELLED
        assert bench.outcomes == [("cancelled", "estimated")]

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


# -- clocks that know what is asked ----------------------------------------------------------------------------------------

REASONS = ALONE.replace(b"gpt-5.4-mini", b"o3")


@pytest.mark.parametrize(
    ("settings", "fields", "span"),
    [
        (ALONE, {}, 30.0),
        (ALONE, {"reasoning_effort": "high"}, 90.0),
        (REASONS, {}, 90.0),
        (REASONS, {"reasoning_effort": "minimal"}, 30.0),
        (ALONE + b"[policies.clocks]\nreasoning = 1\n", {"reasoning_effort": "high"}, 30.0),
        (ALONE + b"[policies.clocks]\nfirst_content = 10\nreasoning = 2\n", {"reasoning_effort": "low"}, 20.0),
    ],
)
def test_a_reasoning_model_is_given_more_time(settings, fields, span):
    """A model that reasons, by its own way or because it is asked to, may be silent three times as long."""

    async def story():
        bench = Bench([streamed(HEAD, LONG)], settings)
        answer, _ = await bench.stream(**fields)
        assert answer.failure.kind is K.SILENT
        assert now() == pytest.approx(span)
        assert f"{span:g} s" in answer.failure.message

    play(story)


def test_a_long_input_is_given_more_time():
    """Reading some 100,000 tokens takes time: ten seconds more at least, for a stream and for an answer in one piece alike."""

    async def story():
        long = [{"role": "user", "content": "word " * 100_000}]
        bench = Bench([streamed(HEAD, LONG), Reply(delay=LONG)], ALONE)
        await bench.stream(messages=long)
        stream = now()
        assert 40.0 <= stream <= 60.0
        await bench.ask(messages=long)
        assert now() - stream == pytest.approx(stream + 90.0)

    play(story)


PLAIN = ALONE.replace(b"gpt-5.4-mini", b"gpt-4o")


@pytest.mark.parametrize(("tokens", "more"), [(9_999, 0.0), (10_000, 1.0), (19_999, 1.0), (20_000, 2.0)])
def test_an_input_is_long_from_ten_thousand_tokens_on(tokens, more):
    """A model that does not reason has a second more for every whole ten thousand, not for one token less."""

    async def story():
        for stream, span in ((True, 30.0), (False, 120.0)):
            bench = Bench([streamed(HEAD, LONG) if stream else Reply(delay=LONG)], PLAIN)
            bare = len(bench.request("fast", messages=[{"role": "user", "content": ""}], **({"stream": True} if stream else {})).raw)
            messages = [{"role": "user", "content": "x" * (2 * (tokens - 1) - bare)}]
            start = now()
            answer = (await bench.stream(messages=messages))[0] if stream else await bench.ask(messages=messages)
            assert bench.reserved[0].input_bound // 2 + 1 == tokens  # of text alone every byte is counted
            assert answer.failure.kind is K.SILENT
            assert now() - start == pytest.approx(span + more)

    play(story)


def test_a_fallback_that_can_not_answer_in_time_is_not_asked():
    """With less left than half of its answers take to begin, a deployment is not asked in vain; the reason told is the first one's."""

    async def story():
        bench = Bench(lambda _request: streamed(b"".join(WHOLE_STREAM), delay=4.0), FALL)
        for _ in range(12):
            await bench.stream(model="other/gpt-5.4-mini")
        sent, start = len(bench.transport.sent), now()
        bench.transport._choose = lambda _request: Reply(500, refused(500).body, delay=1.0)
        answer, _ = await bench.stream(timeout=4.5)
        assert now() - start < 4.5
        assert {sent.request.url.split("/")[2] for sent in bench.transport.sent[sent:]} == {"api.openai.com"}
        assert answer.failure.kind is K.SERVER
        start = now()
        await bench.stream(timeout=30.0)
        assert bench.transport.sent[-1].request.url.startswith("http://127.0.0.1:9/")

    play(story)


def test_a_first_attempt_is_made_with_whatever_time_is_left():
    """Where those before were refused by us alone, the next one is asked, however little time is left for it."""

    full = FALL.replace(b'["openai/gpt-5.4-mini"]', b'[{ provider = "openai", model = "gpt-5.4-mini", rpm = 1 }]')

    async def story():
        bench = Bench(lambda _request: streamed(b"".join(WHOLE_STREAM), delay=4.0), full)
        for _ in range(12):
            await bench.stream(model="other/gpt-5.4-mini")
        await bench.stream()
        sent = len(bench.transport.sent)
        bench.transport._choose = lambda _request: streamed(b"".join(WHOLE_STREAM), delay=1.0)
        answer, taken = await bench.stream(timeout=3.0)
        assert [one.request.url.split("/")[2] for one in bench.transport.sent[sent:]] == ["127.0.0.1:9"]
        assert answer.failure is None
        assert taken.text == "one two three"

    play(story)


# -- the client's own patience --------------------------------------------------------------------------------------------


def patient(bench, seconds, stream=False):
    """A request of a client that hangs up after some seconds of silence."""
    return structs.replace(bench.request("fast", stream=stream), options=Options(patience=seconds))


def test_a_client_that_bears_little_silence_is_answered_before():
    """An answer in one piece is silent until it is whole: it ends when the client's own clock is about to."""

    async def story():
        bench = Bench([Reply(delay=LONG)], ALONE)
        answer = await bench.house.answer(patient(bench, 20.0))
        assert now() == pytest.approx(20.0)
        assert answer.failure.kind is K.DEADLINE

    play(story)


def test_a_stream_is_kept_alive_for_a_client_that_bears_little_silence():
    """A stream may take longer than the client bears silence: it is kept alive twice in that time, and never cut for it."""

    async def story():
        bench = Bench([streamed(HEAD, 25.0, *text("one "), 25.0, END, DONE)], ALONE)
        taken = Taken()
        answer = await bench.house.answer(patient(bench, 4.0, stream=True), taken)
        assert answer.failure is None
        assert taken.text == "one "
        early = [0.0, *(at for at in taken.times if at <= 25.0)]
        assert max(later - sooner for sooner, later in pairwise(early)) <= 2.0

    play(story)


def test_an_sdks_usual_ten_minutes_shorten_nothing():
    """A stream that goes on for more than the ten minutes that SDKs name by themselves is not cut by them."""

    async def story():
        slow = [piece for _ in range(40) for piece in (*text("word "), 20.0)]
        bench = Bench([streamed(HEAD, *slow, END, DONE)], ALONE + b"[policies.clocks]\ntotal = 1800\n")
        taken = Taken()
        answer = await bench.house.answer(patient(bench, 599.5, stream=True), taken)
        assert answer.failure is None
        assert now() == pytest.approx(800.0)

    play(story)
