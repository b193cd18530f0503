"""What a turn at a full limit is worth, to the moment; and what the story says of it afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace
from story_stage import Bench, Reply, by, now, play, refused, whole

from stormkeel.engine.hold import Extent
from stormkeel.engine.line import Answer
from stormkeel.engine.run import Run
from stormkeel.engine.trial import Trial
from stormkeel.engine.turns import is_full
from stormkeel.policies.base import Need
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.wire import Headers

K = FailureKind
START = 1000.0


def waits(seconds: float) -> Headers:
    """A provider's hint."""
    return (("retry-after", f"{seconds:g}"),)


def told_to_wait(seconds: float) -> Reply:
    """A throttle with a hint."""
    return refused(429, "rate_limit_exceeded", headers=waits(seconds))


def one(limits: str = "", more: str = "") -> bytes:
    """One deployment with these limits."""
    return f"""
    [providers.openai]
    limits = {{ {limits} }}
    credentials = {{ main = "env:OPENAI_API_KEY" }}
    [routes.fast]
    groups = [["openai/gpt-5.4-mini"]]
    {more}
    """.encode()


def two(first: str = "", second: str = "") -> bytes:
    """Two deployments in order, each with limits."""
    return f"""
    [providers.openai.credentials]
    main = "env:OPENAI_API_KEY"
    [providers.backup]
    kind = "compatible"
    base_url = "http://127.0.0.1:9/v1"
    [routes.fast]
    groups = [[{{ provider = "openai", model = "gpt-5.4-mini"{first} }}], [{{ provider = "backup", model = "m"{second} }}]]
    """.encode()


async def ask(bench: Bench, wait: float | None = None, timeout: float | None = None, key: str = "") -> Answer:
    """Ask with a patience of one's own."""
    request = bench.request("fast", timeout)
    return await bench.house.answer(replace(request, options=replace(request.options, queue_wait=wait, key=key)))


def failure_of(answer: Answer) -> Failure:
    """Why it failed."""
    assert answer.failure is not None
    return answer.failure


def held(seconds: float) -> Reply:
    """An answer that takes so long."""
    return Reply(200, whole().body, delay=seconds)


# -- a provider's pause ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pause", "queued"), [(0.5, 0.4), (5.0, 4.9), (300.0, 299.9)], ids=["short", "usual", "the longest that is waited out"]
)
def test_a_pause_is_waited_out_whatever_a_turn_is_worth(pause: float, queued: float) -> None:
    """The wait that a provider asks for comes on top of what the turn is worth, up to the longest hint that is waited out."""

    async def story() -> None:
        await asyncio.sleep(START)
        bench = Bench([told_to_wait(pause), whole()], one())
        first = asyncio.ensure_future(ask(bench))
        await asyncio.sleep(0.1)
        second = await ask(bench, wait=0.0 if pause > 1.0 else 0.25)
        assert (second.failure, round(second.story.queued, 3)) == (None, queued)
        await first

    play(story)


def test_a_longer_pause_than_any_that_is_waited_out_is_told_at_once() -> None:
    """With the time to come back."""

    async def story() -> None:
        bench = Bench([told_to_wait(20.0), whole()], one(more="[policies.retry]\nmax_hint = 10.0"))
        assert failure_of(await ask(bench)).kind is K.RATE_LIMIT
        await asyncio.sleep(5.0)
        second = await ask(bench, wait=60.0)
        assert (failure_of(second).kind, failure_of(second).retry_after, second.story.queued) == (K.COOLING, 15.0, 0.0)
        await asyncio.sleep(5.0)
        assert (await ask(bench, wait=60.0)).failure is None

    play(story)


def test_a_pause_that_is_made_longer_is_waited_for_a_second_more() -> None:
    """Who would have been next gives up a second after the moment that was told first."""

    async def story() -> None:
        await asyncio.sleep(START)
        bench = Bench([told_to_wait(4.0), told_to_wait(30.0), whole()], one(more="[policies.retry]\nattempts = 1"))
        assert failure_of(await ask(bench, timeout=2.0)).kind is K.RATE_LIMIT
        await asyncio.sleep(1.0)
        first, second = await asyncio.gather(ask(bench, wait=0.0, key="a"), ask(bench, wait=0.0, key="b"))
        assert (failure_of(first).kind, first.story.latency) == (K.RATE_LIMIT, pytest.approx(3.0))
        assert (failure_of(second).kind, second.story.latency) == (K.COOLING, pytest.approx(4.0))
        assert failure_of(second).retry_after == pytest.approx(29.0)

    play(story)


# -- a deadline --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("timeout", "latency"), [(3.0, 3.0), (7.0, 6.0)])
def test_no_turn_is_waited_for_past_the_deadline(timeout: float, latency: float) -> None:
    """Until then and no longer, however much it is worth."""

    async def story() -> None:
        await asyncio.sleep(START)
        bench = Bench([held(6.0), whole()], one("concurrency = 1"))
        first = asyncio.ensure_future(ask(bench))
        await asyncio.sleep(0.0)
        second = await ask(bench, wait=60.0, timeout=timeout)
        assert ((second.failure is None), second.story.latency) == (timeout > 6.0, latency)
        await first

    play(story)


def test_a_turn_at_the_very_deadline_is_not_waited_for() -> None:
    """There would be no time left to be answered in."""

    async def story() -> None:
        await asyncio.sleep(START)
        bench = Bench([told_to_wait(8.0), whole()], one())
        first = asyncio.ensure_future(ask(bench))
        await asyncio.sleep(1.0)
        second = await ask(bench, wait=60.0, timeout=7.0)
        assert (failure_of(second).kind, second.story.latency) == (K.COOLING, 0.0)
        await first

    play(story)


# -- what the story says -----------------------------------------------------------------------------------------------


def shown(answer: Answer) -> list[tuple[str, Any]]:
    """Each attempt of a story: whom, and why it failed."""
    return [(each.deployment.partition("/")[0], each.failure and each.failure.kind) for each in answer.story.attempts]


def test_the_one_that_is_called_is_told_once_and_the_others_as_they_were() -> None:
    """Its refusal is taken out, for what comes next stands for it; those of the others stay."""

    async def story() -> None:
        bench = Bench(by({"openai#main": [held(4.0)], "127.0.0.1:9": [held(9.0)]}), two(", concurrency = 1", ", concurrency = 1"))
        held_up = [asyncio.ensure_future(ask(bench, wait=0.0)) for _ in range(2)]
        await asyncio.sleep(0.0)
        third = await ask(bench, wait=30.0)
        assert (third.story.queued, shown(third)) == (4.0, [("backup", K.CONCURRENCY_REACHED), ("openai", None)])
        await asyncio.gather(*held_up)

    play(story)


def test_the_last_one_called_is_taken_out_behind_those_before_it() -> None:
    """Whichever of the two it was."""

    async def story() -> None:
        bench = Bench(by({"openai#main": [held(9.0)], "127.0.0.1:9": [held(4.0)]}), two(", concurrency = 1", ", concurrency = 1"))
        held_up = [asyncio.ensure_future(ask(bench, wait=0.0)) for _ in range(2)]
        await asyncio.sleep(0.0)
        third = await ask(bench, wait=30.0)
        assert (third.story.queued, shown(third)) == (4.0, [("openai", K.CONCURRENCY_REACHED), ("backup", None)])
        await asyncio.gather(*held_up)

    play(story)


def test_a_second_turn_is_waited_for_after_the_first_came_to_nothing() -> None:
    """The waits are added up; the refusal before an attempt that was made stays, and the other one is taken out by its turn."""

    async def story() -> None:
        await asyncio.sleep(START)
        once = b"[policies.retry]\nattempts = 1\n[routes.fast]"
        bench = Bench(
            by({"openai#main": [held(2.0), refused(500)], "127.0.0.1:9": [held(5.0), whole()]}),
            two(", concurrency = 1", ", concurrency = 1").replace(b"[routes.fast]", once),
        )
        held_up = [asyncio.ensure_future(ask(bench, wait=0.0)) for _ in range(2)]
        await asyncio.sleep(0.0)
        third = await ask(bench, wait=30.0)
        assert (third.failure, third.story.queued, third.story.latency) == (None, 5.0, 5.0)
        assert shown(third) == [("backup", K.CONCURRENCY_REACHED), ("openai", K.SERVER), ("backup", None)]
        await asyncio.gather(*held_up)

    play(story)


def test_who_gives_up_is_told_how_long_each_would_have_been() -> None:
    """Of each candidate: about how long attempts take there, by how many wait and how many places there are; an older hint stays
    where it is longer.
    """

    async def story() -> None:
        bench = Bench(by({"openai#main": [held(8.0)], "127.0.0.1:9": [held(30.0)]}), two(", concurrency = 2", ", concurrency = 1"))
        await ask(bench)
        held_up = [asyncio.ensure_future(ask(bench, wait=0.0)) for _ in range(3)]
        await asyncio.sleep(0.0)
        late = await ask(bench, wait=0.5)
        assert now() == 8.5
        assert [(each.deployment, each.failure and each.failure.retry_after) for each in late.story.attempts] == [
            ("openai/gpt-5.4-mini#main", pytest.approx(4.0)), ("backup/m", pytest.approx(1.0)),
        ]  # fmt: skip
        waiting = [asyncio.ensure_future(ask(bench, wait=3.0)) for _ in range(3)]
        await asyncio.sleep(0.0)
        crowded = await ask(bench, wait=0.5)
        assert [each.failure and each.failure.retry_after for each in crowded.story.attempts] == [
            pytest.approx(16.0), pytest.approx(4.0),
        ]  # fmt: skip
        await asyncio.gather(*held_up, *waiting)

    play(story)


def test_a_request_that_costs_a_provider_something_waits_as_long_as_for_a_hint() -> None:
    """Once an attempt was made its turn is worth five seconds at least, which is more than a newcomer's."""

    async def story() -> None:
        await asyncio.sleep(START)
        bench = Bench(
            by({"openai#main": [held(4.0), whole()], "127.0.0.1:9": [refused(401, "invalid_api_key")]}), two(", concurrency = 1")
        )
        first = asyncio.ensure_future(ask(bench))
        await asyncio.sleep(0.0)
        second = await ask(bench)
        assert (second.failure, second.story.queued, shown(second)) == (
            None, 4.0, [("openai", K.CONCURRENCY_REACHED), ("backup", K.CREDENTIAL), ("openai", None)],
        )  # fmt: skip
        await first

    play(story)


@pytest.mark.parametrize(("takes", "answered"), [(4.9, True), (5.1, False)])
def test_and_no_longer_than_that(takes: float, *, answered: bool) -> None:
    """Five seconds, where nothing says more."""

    async def story() -> None:
        await asyncio.sleep(START)
        bench = Bench(
            by({"openai#main": [held(takes), whole()], "127.0.0.1:9": [refused(401, "invalid_api_key")]}), two(", concurrency = 1")
        )
        first = asyncio.ensure_future(ask(bench))
        await asyncio.sleep(0.0)
        second = await ask(bench)
        assert (second.failure is None) is answered
        assert second.story.latency == pytest.approx(min(takes, 5.0))
        await first

    play(story)


REACHED = Failure(K.RATE_REACHED, "full")


@pytest.mark.parametrize(
    ("failure", "made", "turned", "full"),
    [
        (REACHED, False, None, True),
        (Failure(K.CONCURRENCY_REACHED, "full"), False, None, True),
        (Failure(K.COOLING, "resting"), False, None, True),
        (Failure(K.COOLING, "gone", forever=True), False, None, False),
        (Failure(K.BREAKER_OPEN, "ill"), False, None, False),
        (Failure(K.SERVER, "no"), True, None, False),
        (Failure(K.COOLING, "resting"), True, None, False),
        (REACHED, False, (0, START), False),
        (REACHED, False, (1, START), True),
        (REACHED, False, (0, START - 1.0), True),
        (None, False, None, False),
    ],
)
def test_who_is_waited_for(failure: Failure | None, made: bool, turned: tuple[int, float] | None, full: bool) -> None:
    """Whose limits time undoes, that was not asked, and that has not called in this very moment."""

    async def story() -> None:
        await asyncio.sleep(START)
        bench = Bench([], one())
        run = Run(bench.request("fast"), bench.house.world, None)
        trial = Trial(run, bench.house.world.fleet.members[0])
        trial.extent = Extent(Need(7, 2), (9, 9), True)
        trial.failure, trial.made, run.turned = failure, made, turned
        assert is_full(run, trial) is full
        assert [(each.member, each.need, each.failure) for each in run.full.values()] == [(trial.member, Need(7, 2), failure)] * full
        assert set(run.full) <= {trial.member.index}

    play(story)
