"""A second attempt beside one that is slow to begin: who wins, what it costs, and that nothing is left over."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from random import Random

import pytest
from story_stage import (
    DONE,
    END,
    HEAD,
    USAGE,
    WHOLE_STREAM,
    Bench,
    Reply,
    by,
    frame,
    now,
    play,
    refused,
    streamed,
    text,
    whole,
    whom,
)

from stormkeel.types.failure import FailureKind

K = FailureKind
HOUSES = """
[providers.openai]
credentials = { main = "env:OPENAI_API_KEY" }
[providers.other]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
credentials = { main = "env:OPENAI_API_KEY" }
[routes.fast]
groups = [["openai/gpt-5.4-mini"], ["other/gpt-5.4-mini"]]
"""
AFTER = HOUSES + "hedge = { after = 1.0, share = 0.5 }\n"
"""A second attempt after a second, with a budget that two requests fill."""
LEARNED = HOUSES + "hedge = true\n"
QUICK, OTHER = "openai#main", "other#main"


def slow(seconds: float, *steps) -> Reply:
    """A stream that begins late."""
    return streamed(*(steps or WHOLE_STREAM), delay=seconds)


async def warm(bench: Bench, many: int = 2, stream: bool = True) -> None:
    """Ask a few times, so that the budget can pay for a hedge; nothing of it is counted."""
    for _ in range(many):
        answer = await (bench.stream() if stream else bench.ask())
        assert (answer[0] if stream else answer).failure is None
    bench.transport.sent.clear()
    bench.told.clear()
    bench.house.world.hedging.outcomes.clear()


def outcomes(bench: Bench) -> dict[str, int]:
    """How hedges ended."""
    return {outcome: count for (_, outcome), count in bench.house.world.hedging.outcomes.items()}


def scripted(first, second=None):
    """A script: the first two requests are quick, what comes then is told of each provider."""
    turns = {QUICK: [streamed(*WHOLE_STREAM)] * 2 + [first], OTHER: [second or slow(0.2)]}
    return by(turns)


@pytest.mark.parametrize("stream", [True, False])
def test_the_first_that_brings_content_wins(stream: bool):
    """When the first is silent for the time set, the second answers; model, usage and story are the winner's, the loser is booked once."""

    async def story():
        quick, late = (streamed(*WHOLE_STREAM), slow(20.0)) if stream else (whole(), Reply(delay=20.0, body=whole().body))
        brief = slow(0.2) if stream else Reply(200, whole("second", 7, 3).body, delay=0.2)
        bench = Bench(by({QUICK: [quick, quick, late], OTHER: [brief]}), AFTER.encode())
        await warm(bench, stream=stream)
        started, settled = now(), len(bench.settled)
        answer = (await bench.stream())[0] if stream else await bench.ask()
        assert answer.failure is None
        assert now() - started == pytest.approx(1.2)
        assert bench.whom == [QUICK, OTHER]
        assert [sent.ended for sent in bench.transport.sent] == ["aborted", "read"]
        lost, won = bench.told[-1].attempts
        assert (lost.failure.kind, lost.failure.message) == (K.CANCELLED, "another attempt of the request answered first")
        assert (won.failure, won.provider, answer.member.deployment.provider) == (None, "other", "other")
        assert bench.told[-1].ttft == pytest.approx(1.2)
        booked = {entry.attempt: (entry.outcome, entry.usage_source) for entry in bench.settled[settled:]}
        assert booked == {lost.id: ("cancelled", "estimated"), won.id: ("ok", "provider")}
        assert lost.cost > 0
        assert outcomes(bench) == {"won": 1}

    play(story)


def test_whoever_was_slow_may_still_win():
    """The first one's content, should it come before the second's, is what the client gets, and the second is ended."""

    async def story():
        bench = Bench(scripted(slow(1.5), slow(5.0)), AFTER.encode())
        await warm(bench)
        answer, taken = await bench.stream()
        assert (answer.failure, taken.text, now()) == (None, "one two three", pytest.approx(1.5))
        assert [sent.ended for sent in bench.transport.sent] == ["read", "aborted"]
        assert outcomes(bench) == {"lost": 1}

    play(story)


def test_who_begins_in_time_is_not_hedged():
    """A long stream that began in time stays alone, however long it takes."""

    async def story():
        long = streamed(HEAD, *text("a "), 5.0, *text("b "), 5.0, END, USAGE, DONE, delay=0.5)
        bench = Bench(scripted(long), AFTER.encode())
        await warm(bench)
        assert (await bench.stream())[0].failure is None
        assert (bench.whom, outcomes(bench)) == ([QUICK], {})

    play(story)


@pytest.mark.parametrize(("second", "kind"), [(refused(500), None), (refused(429, "rate_limit_exceeded"), None)])
def test_a_second_that_fails_leaves_the_first_alone(second: Reply, kind):
    """A failed hedge is told and booked, and the first one goes on as if nothing had been."""

    async def story():
        bench = Bench(scripted(slow(3.0), second), AFTER.encode())
        await warm(bench)
        answer, taken = await bench.stream()
        assert (answer.failure, taken.text) == (kind, "one two three")
        assert [attempt.provider for attempt in answer.story.attempts] == ["other", "openai"]
        assert outcomes(bench) == {"failed": 1}

    play(story)


def test_a_first_that_fails_leaves_it_to_the_second():
    """When the first one fails while the second is under way, the second answers, and nothing is tried again."""

    async def story():
        bench = Bench(scripted(Reply(500, delay=1.5, body=refused(500).body), slow(2.0)), AFTER.encode())
        await warm(bench)
        answer, taken = await bench.stream()
        assert (answer.failure, taken.text) == (None, "one two three")
        assert bench.whom == [QUICK, OTHER]
        assert [attempt.id.rpartition(".")[2] for attempt in answer.story.attempts] == ["1", "2"]

    play(story)


def test_both_fail_and_the_rules_go_on():
    """When both failed, the first is tried again by the usual rules, and the second is not asked a third time."""

    async def story():
        first = [streamed(*WHOLE_STREAM)] * 2 + [Reply(500, delay=1.5, body=refused(500).body), streamed(*WHOLE_STREAM)]
        bench = Bench(by({QUICK: first, OTHER: [refused(529)]}), AFTER.encode())
        await warm(bench)
        answer, taken = await bench.stream()
        assert (answer.failure, taken.text) == (None, "one two three")
        assert bench.whom == [QUICK, OTHER, QUICK]

    play(story)


def test_a_client_that_leaves_ends_both():
    """Whoever leaves while two are under way ends both, and both are settled (INV-3, INV-15)."""

    async def story():
        bench = Bench(scripted(slow(20.0), slow(20.0)), AFTER.encode())
        await warm(bench)
        task = asyncio.ensure_future(bench.stream())
        await asyncio.sleep(2.0)
        assert len(bench.transport.sent) == 2
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [sent.ended for sent in bench.transport.sent] == ["aborted"] * 2
        assert [attempt.failure.message for attempt in bench.told[-1].attempts] == ["the caller went away"] * 2

    play(story)


@pytest.mark.parametrize("step", [0.999, 1.0, 1.001, 1.2])
def test_whatever_the_moment_of_leaving(step: float):
    """Leaving just before, at, or after the second one begins or answers leaves nothing over."""

    async def story():
        bench = Bench(scripted(slow(20.0), slow(0.2)), AFTER.encode())
        await warm(bench)
        task = asyncio.ensure_future(bench.stream())
        await asyncio.sleep(step)
        task.cancel()
        await asyncio.wait([task])

    play(story)


def test_one_deadline_over_both():
    """Both are ended at the request's deadline, and the caller is told of it."""

    async def story():
        bench = Bench(scripted(slow(20.0), slow(20.0)), AFTER.encode())
        await warm(bench)
        answer, _ = await bench.stream(timeout=3.0)
        assert (answer.failure.kind, now()) == (K.DEADLINE, pytest.approx(3.0))
        assert len(bench.transport.sent) == 2

    play(story)


@pytest.mark.parametrize(
    ("settings", "body", "why"),
    [
        (HOUSES, {}, {}),
        (LEARNED, {}, {}),
        (AFTER.replace("0.5", "0.001"), {}, {"unpaid": 1}),
        (AFTER.replace(', ["other/gpt-5.4-mini"]', ""), {}, {"nobody": 1}),
        (AFTER + "[policies.retry]\nrequest_attempts = 1\n", {}, {}),
    ],
    ids=["not asked for", "nothing learned", "budget", "alone", "attempts"],
)
def test_no_hedge_without_leave(settings: str, body: dict, why: dict):
    """No second attempt where the route has no hedge, nothing is learned yet, the budget is spent, or nobody else is there."""

    async def story():
        bench = Bench(scripted(slow(5.0)), settings.encode())
        await warm(bench)
        assert (await bench.stream(**body))[0].failure is None
        assert (bench.whom, outcomes(bench)) == ([QUICK], why)

    play(story)


@pytest.mark.parametrize(("store", "asked"), [(True, [QUICK]), (False, [QUICK, OTHER])])
def test_what_a_provider_keeps_is_not_asked_twice(store: bool, asked: list[str]):
    """A request whose answer its provider keeps is never hedged: two would be kept."""

    async def story():
        def choose(request):
            said = {"id": "resp_1", "object": "response", "model": "gpt-5.4-mini", "status": "completed", "created_at": 1,
                    "output": [{"type": "message", "id": "m", "role": "assistant", "status": "completed",
                                "content": [{"type": "output_text", "text": "hi", "annotations": []}]}],
                    "usage": {"input_tokens": 5, "output_tokens": 5, "total_tokens": 10}}  # fmt: skip
            return Reply(200, (json.dumps(said).encode(),), delay=3.0 if whom(request) == QUICK else 0.1)

        bench = Bench(choose, AFTER.encode())
        for number in range(2):
            bench.transport.sent.clear()
            read = bench.house.dialect("openai_responses").read_request(
                json.dumps({"model": "fast", "input": "hi", "store": store}).encode(), f"r{number}"
            )
            assert (await bench.house.answer(read)).failure is None
        assert bench.whom == asked

    play(story)


def test_the_winner_of_another_dialect():
    """A winner may speak another dialect: its headers tell what was lost, as if it had been asked alone."""

    async def story():
        settings = AFTER.replace('["other/gpt-5.4-mini"]', '["anthropic/claude-haiku-4-5"]') + (
            '[providers.anthropic.credentials]\nmain = "env:ANTHROPIC_API_KEY"\n'
        )
        said = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5", "stop_reason": "end_turn",
                "content": [{"type": "text", "text": "hi"}], "usage": {"input_tokens": 5, "output_tokens": 2}}  # fmt: skip
        claude = Reply(200, (json.dumps(said).encode(),), delay=0.1)
        bench = Bench(by({QUICK: [whole(), whole(), Reply(delay=9.0)], "anthropic#main": [claude]}), settings.encode())
        await warm(bench, stream=False)
        answer = await bench.ask(seed=5)
        assert ("x-stormkeel-lossy", "seed") in answer.headers
        assert answer.story.attempts[-1].model == "claude-haiku-4-5"

    play(story)


def test_the_tail_is_cut_for_two_in_a_hundred():
    """One stream in seventy begins after 20 s: the 99th percentile is 20 s alone, below 2 s hedged, for 2 % more of the money."""

    async def story():
        async def run(settings: str) -> tuple[float, float, Bench]:
            rng = Random(7)
            long = [
                *WHOLE_STREAM[:-2],
                frame({}, usage={"prompt_tokens": 40, "completion_tokens": 300, "total_tokens": 340}),
                DONE,
            ]

            def choose(request):
                if whom(request) == QUICK and rng.random() < 1 / 70:
                    return slow(20.0, *long)
                return slow(0.4 + 0.2 * rng.random(), *long)

            bench, waits = Bench(choose, settings.encode()), []
            for _ in range(1500):
                answer, _taken = await bench.stream()
                assert answer.failure is None
                waits.append(answer.story.ttft)
            hedges = sum(entry.amount for entry in bench.settled if entry.outcome != "ok")
            spent = sum(entry.amount for entry in bench.settled)
            return sorted(waits[300:])[int(0.99 * 1200)], hedges / spent, bench

        alone, none, _ = await run(HOUSES)
        tail, share, bench = await run(LEARNED)
        assert (alone, none) == (pytest.approx(20.0, abs=0.7), 0.0)
        assert tail < 2.0
        assert outcomes(bench)["won"] >= 10
        sent = len(bench.transport.sent)
        assert sent - 1500 <= 0.02 * 1500
        assert share <= 0.02

    play(story)


def test_explain_and_metrics_show_hedges():
    """An explanation says when a second attempt would be made, and the metrics how they ended."""

    async def story():
        bench = Bench(scripted(slow(20.0)), LEARNED.encode())
        said = bench.house.explain(bench.request("fast", stream=True)).onwards[-1]
        assert (
            said
            == "hedge: not yet: too few streams of openai/gpt-5.4-mini#main were seen to know what is slow; for at most 2 % of what is spent"
        )
        bench = Bench(scripted(slow(20.0)), AFTER.encode())
        await warm(bench)
        await bench.stream()
        assert bench.house.explain(bench.request("fast", stream=True)).onwards[-1].startswith("hedge: a second attempt after 1 s")
        bench.house.metrics.worlds = bench.house.worlds
        assert b'stormkeel_hedges_total{outcome="won",route="fast"} 1.0' in bench.house.metrics.text()

    play(story)


def test_an_unknown_price_is_paid_in_tokens():
    """Where nobody knows what one of the two costs, the budget counts tokens, and hedges all the same."""

    async def story():
        known = AFTER.replace('base_url = "http://127.0.0.1:9/v1"', 'base_url = "http://127.0.0.1:9/v1"\ncatalog = "groq"')
        bench = Bench(scripted(slow(5.0)), known.encode())
        assert bench.house.world.fleet.members[1].tariff(0) is None
        await warm(bench)
        assert (await bench.stream())[0].failure is None
        assert outcomes(bench) == {"won": 1}

    play(story)


def test_what_costs_nothing_is_hedged_by_its_tokens():
    """Models of one's own whose price is 0 have a budget all the same: a slow hour does not double what they have to do."""

    async def story():
        free = AFTER + '[models."openai/gpt-5.4-mini"]\ninput_price = "0"\noutput_price = "0"\n'
        free += '[models."other/gpt-5.4-mini"]\ninput_price = "0"\noutput_price = "0"\n'
        bench = Bench([slow(2.0)], free.replace("share = 0.5", "share = 0.01").encode())
        assert bench.house.world.fleet.members[0].tariff(0) is not None
        for _ in range(20):
            await bench.stream()
        assert outcomes(bench) == {"unpaid": 20}

    play(story)


def test_a_request_pays_into_the_budget_once():
    """Whoever is sent on from one that is down to the next pays in once: an outage buys no hedges."""

    async def story():
        bench = Bench(by({QUICK: [refused(503)], OTHER: [streamed(*WHOLE_STREAM)]}), AFTER.encode())
        budget = bench.house.world.hedging.budget("fast", "money")
        await bench.stream()
        paid = budget.left
        bench = Bench([streamed(*WHOLE_STREAM)], AFTER.encode())
        await bench.stream()
        assert paid == bench.house.world.hedging.budget("fast", "money").left > 0.0

    play(story)


class Broken(Counter[tuple[str, str]]):
    """A count that can't be written."""

    def __setitem__(self, _key: object, _value: int) -> None:
        raise RuntimeError("broken")


def test_a_fault_of_ours_between_two_attempts_leaves_none_behind():
    """Where something of ours breaks as a second one is thought of, the first is ended and settled with the request (INV-15)."""

    async def story():
        bench = Bench(scripted(slow(5.0)), AFTER.encode())
        await warm(bench)
        bench.house.world.fleet.members[1].breaker._open(bench.house.parts.clock.now(), Random(1))
        bench.house.world.hedging.outcomes = Broken()
        answer, taken = await bench.stream()
        assert answer.failure.kind is K.INTERNAL
        assert [sent.ended for sent in bench.transport.sent] == ["aborted"]
        await asyncio.sleep(10.0)
        assert taken.pieces == []
        assert [str(bench.broken.pop())] == ["broken"]

    play(story)


def test_what_a_hedge_hears_of_the_request_ends_it():
    """A second attempt that hears the request to make no sense speaks for both: nobody is asked once more (INV-11)."""

    async def story():
        bench = Bench(scripted(Reply(500, refused(500).body, delay=3.0), refused(400, "invalid_value")), AFTER.encode())
        await warm(bench)
        answer, _ = await bench.stream()
        assert answer.failure.kind is K.CALLER
        assert [whom(sent.request) for sent in bench.transport.sent] == [QUICK, OTHER]

    play(story)


def test_a_whole_answer_that_lost_is_booked_by_its_time():
    """A loser may have written all the while: it is booked as much as can be written in its time, not by a winner of few words (INV-5)."""

    async def story():
        late = Reply(delay=20.0, body=whole().body)
        bench = Bench(by({QUICK: [whole(), whole(), late], OTHER: [Reply(200, whole("b", 7, 3).body, delay=0.2)]}), AFTER.encode())
        await warm(bench, stream=False)
        await bench.ask()
        lost, _ = bench.told[-1].attempts
        assert lost.usage.total_output >= 250

    play(story)
