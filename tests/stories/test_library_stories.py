"""The library's own face over the engine: a stream's pieces, its completion, and how it ends when it breaks or is left."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from story_stage import (
    ALONE,
    DONE,
    END,
    HEAD,
    USAGE,
    WHOLE_STREAM,
    Bench,
    Reply,
    error_frame,
    frame,
    now,
    play,
    refused,
    streamed,
    text,
    whole,
)

from stormkeel.client.face import AsyncClient, Stream
from stormkeel.engine.ports import WireFault
from stormkeel.errors import DeadlineError, RateLimitedError, StormkeelError, StreamBrokenError, UpstreamError
from stormkeel.types.events import fold
from stormkeel.types.response import Finish
from stormkeel.types.usage import Usage


def client_of(bench: Bench) -> AsyncClient:
    """The client itself, in a house of the stage's instead of one of its own."""
    client = AsyncClient(default_model="fast")
    client._house, client._loop = bench.house, asyncio.get_running_loop()
    return client


async def said(stream: Stream) -> list[str]:
    """All pieces of a stream."""
    return [piece async for piece in stream]


def test_a_whole_answer():
    """`complete` returns the text, who said it, what it cost and what was tried."""

    async def story():
        bench = Bench([refused(500), whole("hello")], ALONE)
        done = await client_of(bench).complete("hi", task="greet")
        assert (done.text, done.provider, done.finish, done.usage) == ("hello", "openai", Finish.STOP, Usage(input=10, output=5))
        assert done.cost == Decimal("0.00003")
        assert [attempt.failure is None for attempt in done.attempts] == [False, True]
        assert bench.reserved[0].task == "greet"

    play(story)


def test_an_error_is_raised_by_its_class():
    """A failure becomes the exception of its kind, with what was tried and the hint when to come back."""

    async def story():
        bench = Bench([refused(429, headers=(("retry-after", "60"),))], ALONE)
        with pytest.raises(RateLimitedError) as caught:
            await client_of(bench).complete("hi", timeout=5.0)
        assert caught.value.retry_after == 60.0
        assert len(caught.value.attempts) == 1
        assert caught.value.request_id == bench.told[0].request.id

    play(story)


def test_a_stream_folds_into_its_completion():
    """The pieces of a stream joined are the completion's text, and its events fold into the model and usage the provider told."""

    async def story():
        bench = Bench([streamed(*WHOLE_STREAM)], ALONE)
        stream = client_of(bench).stream("hi")
        pieces = await said(stream)
        assert pieces == ["one ", "two ", "three"]
        done = stream.completion
        assert (done.text, done.model, done.finish) == ("one two three", "gpt-5.4-mini", Finish.STOP)
        assert done.usage == Usage(input=10, output=5)
        reader = bench.house.dialect("openai_chat").read_events()
        folded = fold(reader.feed(b"".join(WHOLE_STREAM)))
        assert (folded.text, folded.usage, folded.model) == (done.text, done.usage, done.model)

    play(story)


@pytest.mark.parametrize("pause", [0.0, 0.01, 2.0])
@pytest.mark.parametrize("count", [1, 14, 15, 16, 17, 18, 40, 200])
def test_a_reader_slower_than_its_provider(count, pause):
    """A reader that takes its time gets every piece and the end, however many pieces wait for it."""

    async def story():
        bench = Bench([streamed(HEAD, *text(*("w" for _ in range(count))), END, DONE)], ALONE)
        stream, pieces = client_of(bench).stream("hi"), []
        async for piece in stream:
            pieces.append(piece)
            await asyncio.sleep(pause)
        assert len(pieces) == count
        assert stream.completion.text == "w" * count

    play(story)


@pytest.mark.parametrize("is_slow", [False, True])
@pytest.mark.parametrize("end", [WireFault("body", "reset"), b"", error_frame("server_is_overloaded"), b"data: {broken\n\n"])
def test_a_broken_stream_keeps_its_pieces(end, is_slow):
    """A stream that breaks raises with all that had come, whatever broke it, and has no completion (INV-9)."""

    async def story():
        bench = Bench([streamed(HEAD, *text(*("w" for _ in range(30))), end)], ALONE)
        stream = client_of(bench).stream("hi")
        with pytest.raises(StreamBrokenError) as caught:
            async for _piece in stream:
                await asyncio.sleep(1.0 if is_slow else 0.0)
        assert caught.value.partial == "w" * 30
        with pytest.raises(StormkeelError, match="not ended"):
            stream.completion  # noqa: B018 - reading it is the test

    play(story)


def test_a_stream_that_never_began_raises_its_own_kind():
    """A stream that failed before its first content raises what a whole answer would."""

    async def story():
        bench = Bench([refused(500)], ALONE)
        with pytest.raises(UpstreamError):
            await said(client_of(bench).stream("hi"))
        with pytest.raises(DeadlineError):
            await said(client_of(Bench([Reply(delay=1e6)], ALONE)).stream("hi", timeout=3.0))
        assert now() < 4.0

    play(story)


def test_a_stream_left_early_is_cancelled_upstream():
    """Leaving a stream by `async with` or `aclose` ends it upstream at once, and what it cost is booked."""

    async def story():
        bench = Bench([streamed(HEAD, *text("one ", "two "), 1e6)], ALONE)
        client = client_of(bench)
        async with client.stream("hi") as stream:
            async for _piece in stream:
                break
        assert now() == 0.0
        assert bench.outcomes == [("cancelled", "estimated")]
        assert bench.transport.sent[0].ended == "aborted"
        assert stream.text.startswith("one ")

    play(story)


def test_a_reader_that_stops_reading_is_cut():
    """A reader that takes nothing for 60 s while the provider goes on is cut, and told so when it reads on."""

    async def story():
        bench = Bench([streamed(HEAD, *text(*("w" for _ in range(100))), END, USAGE, DONE)], ALONE)
        stream = client_of(bench).stream("hi")
        with pytest.raises(StormkeelError):
            async for _piece in stream:
                await asyncio.sleep(1000.0)
        assert bench.outcomes == [("cancelled", "estimated")]

    play(story)


def test_each_token_is_told():
    """`on_token` is called with each piece, in order, before it is yielded."""

    async def story():
        heard: list[str] = []
        stream = client_of(Bench([streamed(*WHOLE_STREAM)], ALONE)).stream("hi", on_token=heard.append)
        assert (await stream.until_done()).text == "one two three"
        assert heard == ["one ", "two ", "three"]

    play(story)


def test_a_refusal_is_read_as_one():
    """A model's refusal comes as text, and the completion says that it was one."""

    async def story():
        bench = Bench([streamed(HEAD, frame({"refusal": "I can't."}), END, DONE)], ALONE)
        done = await client_of(bench).stream("hi").until_done()
        assert (done.text, done.finish) == ("I can't.", Finish.REFUSAL)

    play(story)


@pytest.mark.parametrize("ahead", [15, 16, 17, 18])
def test_last_frames_outlive_the_clock_of_a_slow_reader(ahead):
    """A reader who is behind when the time is over while the last frames are handed over still gets all of them, or an error:
    never a completion that lacks its end (INV-9)."""

    async def story():
        words = [f"{number} " for number in range(ahead)]
        bench = Bench([streamed(HEAD, *text(*words), text("end")[0] + END + USAGE + DONE)], ALONE)
        stream = client_of(bench).stream("hi", timeout=5.0)
        pieces = []
        try:
            async for piece in stream:
                pieces.append(piece)
                if len(pieces) == 1:
                    await asyncio.sleep(10.0)
        except StreamBrokenError:
            assert bench.outcomes[0][0] == "deadline"
        else:
            assert "".join(pieces) == stream.completion.text == "".join(words) + "end"

    play(story)
