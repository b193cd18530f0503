"""What a hedge is booked as, learned from and paid with, by numbers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from story_stage import DONE, END, HEAD, USAGE, WHOLE_STREAM, Bench, Reply, by, play, refused, streamed, text, whole
from test_hedging import AFTER, OTHER, QUICK, outcomes, warm

from stormkeel.engine.hedge import LOST, QUICKEST
from stormkeel.engine.hedging import Unit
from stormkeel.ledger.estimate import UNSEEN_TOKENS, input_estimate
from stormkeel.types.attempt import Story
from stormkeel.types.failure import Failure, FailureKind

K = FailureKind
START = 500.0


def raced(late: Reply, second: Reply, *, stream: bool = False, settings: str = AFTER, seconds: float | None = None, **body: Any) -> tuple[Bench, Story]:
    """The story of a request after two that were quick: the first one answers so, the second so; its caller may leave."""
    kept: list[Any] = []

    async def story() -> None:
        await asyncio.sleep(START)
        quick = streamed(*WHOLE_STREAM) if stream else whole()
        bench = Bench(by({QUICK: [quick, quick, late], OTHER: [second]}), settings.encode())
        for _ in range(2):
            await (bench.stream(**body) if stream else bench.ask(**body))
        bench.transport.sent.clear()
        await asyncio.sleep(START)
        ask = bench.stream(**body) if stream else bench.ask(**body)
        task = asyncio.ensure_future(ask)
        if seconds is not None:
            await asyncio.sleep(seconds)
            task.cancel()
        await asyncio.wait({task})
        kept.extend((bench, bench.told[-1]))

    play(story)
    return kept[0], kept[1]


@pytest.mark.parametrize(
    ("lasts", "prompt", "completion", "output"),
    [(0.5, 7, 3, 375), (0.5, 7, 400, 800), (0.5, 80, 3, 375), (2.0, 7, 3, 3 * QUICKEST)],
)
def test_the_loser_of_two_whole_answers_is_booked_by_its_time_or_twice_the_winner(lasts: float, prompt: int, completion: int, output: int) -> None:
    """Whichever is more, and what may have been written beyond; its input by the winner's or by our estimate, whichever is more."""
    bench, story = raced(
        Reply(delay=50.0, body=whole().body), Reply(200, whole("b", prompt, completion).body, delay=lasts), max_tokens=5000
    )
    lost, won = story.attempts
    assert (lost.failure, lost.latency, lost.ttft) == (Failure(K.CANCELLED, LOST), pytest.approx(1.0 + lasts), None)
    assert lost.usage is not None
    raw = story.request.raw
    assert (lost.usage.input, lost.usage.output) == (max(prompt, input_estimate(raw)), output + UNSEEN_TOKENS)
    assert lost.cost == lost.usage.input * 750 + lost.usage.output * 4500
    assert (won.latency, won.ttft, won.cost) == (pytest.approx(lasts), pytest.approx(lasts), prompt * 750 + completion * 4500)
    assert (story.latency, story.ttft) == (pytest.approx(1.0 + lasts), pytest.approx(1.0 + lasts))
    assert [one.id.rpartition(".")[2] for one in story.attempts] == ["1", "2"]
    assert won.started - lost.started == 1_000_000_000
    assert outcomes(bench) == {"won": 1}


def test_the_loser_of_two_streams_is_booked_by_its_time() -> None:
    """The winner has not said yet what it took when the other one is ended."""
    _, story = raced(streamed(*WHOLE_STREAM, delay=50.0), streamed(HEAD, 0.5, *text("a"), 3.0, END, USAGE, DONE), stream=True, max_tokens=5000)
    lost, won = story.attempts
    assert lost.usage is not None
    assert (lost.usage.input, lost.usage.output) == (input_estimate(story.request.raw), 375 + UNSEEN_TOKENS)
    assert (story.ttft, story.latency, story.committed) == (pytest.approx(1.5), pytest.approx(4.5), True)
    assert (won.ttft, won.latency, lost.latency) == (pytest.approx(0.5), pytest.approx(3.5), pytest.approx(1.5))


def test_a_winner_that_came_first_is_told_last() -> None:
    """Its own moments are the story's; the second one's attempt stands before it."""
    _, story = raced(Reply(200, whole().body, delay=1.5), Reply(200, whole().body, delay=9.0))
    lost, won = story.attempts
    assert [(one.provider, one.id.rpartition(".")[2]) for one in story.attempts] == [("other", "2"), ("openai", "1")]
    assert (lost.failure, lost.latency) == (Failure(K.CANCELLED, LOST), pytest.approx(0.5))
    assert (won.failure, won.latency, story.ttft) == (None, pytest.approx(1.5), pytest.approx(1.5))


@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.1, 3.0])
def test_whoever_leaves_leaves_nothing_open(seconds: float) -> None:
    """Before the second one, as it begins, and beside it: each attempt that was made is told once, and booked."""
    bench, story = raced(Reply(200, whole().body, delay=9.0), Reply(200, whole().body, delay=9.0), seconds=seconds)
    made = 1 if seconds < 1.0 else len(story.attempts)
    assert len(story.attempts) == made
    assert {one.failure.kind for one in story.attempts if one.failure} == {K.CANCELLED}
    assert story.failure == Failure(K.CANCELLED, "the caller went away")
    assert all(one.failure is None or one.failure.message == "the caller went away" for one in story.attempts)
    assert len(bench.settled) == 2 + made


def test_a_second_one_needs_two_tries_more() -> None:
    """Both count as tries of the request: where only one is left nobody is asked beside it."""
    for most, whom in ((1, [QUICK]), (2, [QUICK, OTHER])):
        settings = f"{AFTER}\n[policies.retry]\nrequest_attempts = {most}\n"
        bench, _ = raced(Reply(200, whole().body, delay=3.0), Reply(200, whole().body, delay=9.0), settings=settings)
        assert bench.whom == whom
        assert outcomes(bench) == ({} if most == 1 else {"lost": 1})


def test_who_failed_beside_a_first_one_that_failed_is_not_asked_again() -> None:
    """And who was refused by us costs the budget nothing."""
    bench, story = raced(Reply(500, (b"{}",), delay=2.0), refused(500), settings=AFTER + "[policies.retry]\nattempts = 1\n")
    assert (bench.whom, [one.provider for one in story.attempts]) == ([QUICK, OTHER], ["other", "openai"])
    assert outcomes(bench) == {"failed": 1}


def test_a_budget_pays_for_no_more_than_its_share() -> None:
    """Of two requests' costs a half each is one hedge; the next one has to wait for more."""

    async def story() -> None:
        late, brief = Reply(200, whole().body, delay=2.0), Reply(200, whole().body, delay=0.2)
        bench = Bench(by({QUICK: [whole(), whole(), late], OTHER: [brief]}), AFTER.encode())
        await warm(bench, stream=False)
        for _ in range(4):
            assert (await bench.ask()).failure is None
        assert outcomes(bench) == {"won": 3, "unpaid": 1}

    play(story)


UNPRICED = AFTER.replace('[providers.openai]', '[providers.openai]\nkind = "compatible"\nbase_url = "http://127.0.0.1:8/v1"')


@pytest.mark.parametrize(
    ("settings", "empty", "outcome"),
    [(AFTER, "money", "unpaid"), (AFTER, "tokens", "won"), (UNPRICED, "money", "won"), (UNPRICED, "tokens", "unpaid")],
)
def test_money_pays_where_both_prices_are_known_and_tokens_else(settings: str, empty: Unit, outcome: str) -> None:
    """A budget of the other unit neither pays nor refuses."""

    async def story() -> None:
        late, brief = Reply(200, whole().body, delay=2.0), Reply(200, whole().body, delay=0.2)
        bench = Bench(by({QUICK: [whole(), whole(), late], OTHER: [brief]}), settings.encode())
        await warm(bench, stream=False)
        bench.house.world.hedging.budget("fast", empty).left = -1e15
        assert (await bench.ask()).failure is None
        assert outcomes(bench) == {outcome: 1}

    play(story)


@pytest.mark.parametrize(("timeout", "whom"), [(1.0, [QUICK]), (1.5, [QUICK, OTHER])])
def test_no_second_one_begins_when_time_is_over(timeout: float, whom: list[str]) -> None:
    """Not at the very moment of the deadline either (INV-10)."""
    late = Reply(200, whole().body, delay=9.0)
    bench, story = raced(late, late, timeout=timeout)
    assert (bench.whom, story.latency) == (whom, pytest.approx(timeout))
    assert {one.failure.kind for one in story.attempts if one.failure} == {K.DEADLINE}


@pytest.mark.parametrize(
    ("first", "is_learned"),
    [
        (Reply(200, whole().body, delay=50.0), True),
        (Reply(500, (b"{}",), delay=5.0), False),
        (Reply(400, (b"{}",), delay=5.0), False),
    ],
    ids=["given up", "failed", "wrong"],
)
def test_a_wait_that_was_given_up_is_learned_and_a_failure_is_not(first: Reply, is_learned: bool) -> None:
    """Of the deployment that was waited for: it was at least so slow. A failure says nothing of when content would have come."""

    async def story() -> None:
        settings = AFTER + "[policies.retry]\nattempts = 1\n"
        second = Reply(200, whole().body, delay=0.5 if is_learned else 20.0)
        bench = Bench(by({QUICK: [*[whole()] * 30, first], OTHER: [second]}), settings.encode())
        await warm(bench, 30, stream=False)
        waits = bench.house.world.hedging.waits("openai/gpt-5.4-mini#main", False)
        before = waits.total
        await bench.ask()
        assert (waits.total - before, len(bench.transport.sent)) == (1.0 if is_learned else 0.0, 2)

    play(story)


def test_a_second_one_that_was_refused_by_us_is_no_part_of_the_story() -> None:
    """Nothing was sent, and the first one answers."""
    settings = AFTER.replace('groups = [["openai/gpt-5.4-mini"], ["other/gpt-5.4-mini"]]',
                             'groups = [["openai/gpt-5.4-mini"], [{ provider = "other", model = "gpt-5.4-mini", tpm = 10 }]]')  # fmt: skip
    bench, story = raced(Reply(200, whole().body, delay=3.0), whole(), settings=settings)
    assert ([one.provider for one in story.attempts], bench.whom) == (["openai"], [QUICK])
    assert outcomes(bench) == {"refused": 1}
