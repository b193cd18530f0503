"""Many prompts: order, bounds, errors, progress, and what is left when it is cancelled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from asking_stage import answered, client_of
from hypothesis import given, settings
from hypothesis import strategies as st
from story_stage import ALONE, Bench, Reply, now, play, refused

from stormkeel.client.ask import Ask
from stormkeel.client.completion import Completion
from stormkeel.errors import InvalidRequestError, RateLimitedError, StormkeelError, UpstreamError
from stormkeel.types.content import Message
from stormkeel.types.wire import HttpRequest

HOPELESS = refused(400, "context_length_exceeded", "invalid_request_error")


def echo(request: HttpRequest, delay: float = 0.0) -> Reply:
    """An answer that says what was asked."""
    body = json.loads(request.body)
    reply = answered(body["messages"][-1]["content"])
    return Reply(reply.status, reply.body, reply.headers, delay)


def test_answers_in_order():
    """Answers stand in their prompts' order, whichever came first; texts, messages and wishes of their own mix."""

    async def story():
        bench = Bench(lambda request: echo(request, 3.0 if b"one" in request.body else 1.0), ALONE)
        prompts = ["one", [Message("user", "two")], Ask("three", task="other", max_tokens=7)]
        done = await client_of(bench).complete_many(prompts, task="usual", max_tokens=9)
        assert [one.text for one in done] == ["one", "two", "three"]
        assert sorted(entry.task for entry in bench.reserved) == ["other", "usual", "usual"]
        limits = sorted(json.loads(sent.request.body)["max_completion_tokens"] for sent in bench.transport.sent)
        assert (limits, now()) == ([7, 9, 9], 3.0)

    play(story)


@settings(max_examples=60, deadline=None)
@given(
    delays=st.lists(st.floats(0.0, 9.0), max_size=30),
    concurrency=st.integers(1, 9),
    failing=st.sets(st.integers(0, 29)),
)
def test_nothing_is_lost_or_out_of_bounds(delays: list[float], concurrency: int, failing: set[int]):
    """For any delays and failures: every prompt has its answer or its error in its place, and no more than so many are under
    way."""

    async def story():
        under_way = []

        def script(request: HttpRequest) -> Reply:
            number = int(json.loads(request.body)["messages"][-1]["content"])
            under_way.append(bench.house.setup.world.active)
            return HOPELESS if number in failing else echo(request, delays[number])

        bench = Bench(script, ALONE)
        prompts = (str(number) for number in range(len(delays)))
        done = await client_of(bench).complete_many(prompts, concurrency=concurrency)
        told = [number if isinstance(one, StormkeelError) else int(one.text) for number, one in enumerate(done)]
        assert told == list(range(len(delays)))
        assert {number for number, one in enumerate(done) if isinstance(one, StormkeelError)} == {
            number for number in failing if number < len(delays)
        }
        assert max(under_way, default=0) <= concurrency

    play(story)


@settings(max_examples=60, deadline=None)
@given(delays=st.lists(st.floats(0.1, 9.0), min_size=1, max_size=20), concurrency=st.integers(1, 9), at=st.floats(0.0, 20.0))
def test_cancelled_at_any_moment(delays: list[float], concurrency: int, at: float):
    """Cancelled at any moment it ends with everything settled: the stage's audit finds nothing left over (INV-3, INV-15)."""

    async def story():
        bench = Bench(lambda request: echo(request, delays[int(json.loads(request.body)["messages"][-1]["content"])]), ALONE)
        work = client_of(bench).complete_many([str(number) for number in range(len(delays))], concurrency=concurrency)
        task = asyncio.ensure_future(work)
        await asyncio.sleep(at)
        task.cancel()
        try:
            done = await task
            assert [one.text for one in done if isinstance(one, Completion)] == [str(number) for number in range(len(delays))]
        except asyncio.CancelledError:
            assert bench.house.setup.world.active == 0

    play(story)


def test_prompts_are_read_only_as_far_as_can_be_asked():
    """A generator is pulled no further than there is room."""

    async def story():
        bench, pulled = Bench(lambda request: echo(request, 1.0), ALONE), []

        def prompts() -> Iterator[str]:
            for number in range(50):
                pulled.append(number)
                yield str(number)

        task = asyncio.ensure_future(client_of(bench).complete_many(prompts(), concurrency=4))
        await asyncio.sleep(0.5)
        assert len(pulled) <= 5
        assert len(await task) == 50

    play(story)


def test_prompts_from_an_asynchronous_source():
    """An asynchronous iterable is read as well."""

    async def prompts():
        for number in range(3):
            await asyncio.sleep(1.0)
            yield str(number)

    async def story():
        done = await client_of(Bench(echo, ALONE)).complete_many(prompts())
        assert [one.text for one in done] == ["0", "1", "2"]

    play(story)


def test_errors_stand_in_their_place():
    """One prompt's failure is returned in its place, and the others are answered."""

    async def story():
        bench = Bench(lambda request: HOPELESS if b"bad" in request.body else echo(request), ALONE)
        done = await client_of(bench).complete_many(["a", "bad", "c"])
        assert [str(one) if isinstance(one, Completion) else type(one).__name__ for one in done] == [
            "a", "ContextTooLongError", "c",
        ]  # fmt: skip

    play(story)


def test_the_first_error_ends_it():
    """`on_error="raise"` raises the first failure, cancels what is under way and asks nothing more."""

    async def story():
        bench = Bench(lambda request: refused(400) if b"bad" in request.body else echo(request, 100.0), ALONE)
        with pytest.raises(StormkeelError):
            await client_of(bench).complete_many(["a", "bad", *"cdefgh"], concurrency=2, on_error="raise")
        assert len(bench.transport.sent) <= 3
        assert now() < 1.0

    play(story)


def test_progress_is_told():
    """A function is told how many are done, in rising numbers, up to all of them; how many there are where that is known."""

    async def story():
        told: list[tuple[int, int | None]] = []
        client = client_of(Bench(lambda request: echo(request, 1.0), ALONE))
        await client.complete_many(["a", "b", "c"], concurrency=1, progress=lambda done, total: told.append((done, total)))
        assert [done for done, _ in told] == sorted({done for done, _ in told})
        assert told[-1] == (3, 3)
        await client.complete_many(iter(["a"]), progress=lambda done, total: told.append((done, total)))
        assert told[-1] == (1, None)

    play(story)


def test_progress_without_a_terminal(capsys: pytest.CaptureFixture[str]):
    """`progress=True` draws nothing where nobody looks at a terminal."""

    async def story():
        await client_of(Bench(echo, ALONE)).complete_many(["a"], progress=True)

    play(story)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "wrong", [{"concurrency": 0}, {"concurrency": 2.5}, {"on_error": "ignore"}, {"prompts": [7]}, {"temperature": -1}]
)
def test_wrong_wishes(wrong):
    """What can't be meant is said before anything is sent."""

    async def story():
        bench = Bench(echo, ALONE)
        with pytest.raises(InvalidRequestError):
            done = await client_of(bench).complete_many(**({"prompts": ["a"]} | wrong))
            raise next(one for one in done if isinstance(one, StormkeelError))
        assert bench.transport.sent == []

    play(story)


def test_every_other_wish_holds_for_all():
    """A fallback prompt works for each of many."""

    async def story():
        bench = Bench(lambda request: HOPELESS if b"long" in request.body else echo(request), ALONE)
        done = await client_of(bench).complete_many(["long", "ok"], fallback="short")
        assert [(one.text, one.fell_back) for one in done] == [("short", True), ("ok", False)]

    play(story)


def test_limits_reached_are_returned():
    """A provider's limit is an error like others, with its hint."""

    async def story():
        bench = Bench([refused(429, headers=(("retry-after", "200"),))], ALONE)
        (one,) = await client_of(bench).complete_many(["a"], timeout=5.0)
        assert isinstance(one, RateLimitedError | UpstreamError)
        assert one.retry_after == 200.0

    play(story)
