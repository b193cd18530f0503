"""What is tried again, when, and how often: in place, and with a hint when to come back."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from email.utils import formatdate

import pytest
from story_stage import (
    ALONE,
    FALL,
    HEAD,
    KEYS,
    TWO,
    WHOLE_STREAM,
    Bench,
    Reply,
    by,
    now,
    play,
    refused,
    streamed,
    whole,
)

from stormkeel.engine.ports import WireFault
from stormkeel.testing.clock import EPOCH
from stormkeel.types.failure import FailureKind

K = FailureKind


def kinds(answer) -> list[FailureKind | None]:
    """What each attempt of an answer failed with."""
    return [attempt.failure and attempt.failure.kind for attempt in answer.story.attempts]


def test_a_500_is_tried_again_in_place():
    """One 500 is retried at the same deployment after a short backoff, and costs nothing."""

    async def story():
        bench = Bench([refused(500), whole()])
        answer = await bench.ask()
        assert answer.failure is None
        assert bench.whom == ["openai#main", "openai#main"]
        assert bench.outcomes == [("server", "none"), ("ok", "provider")]
        assert 0 < bench.times[1] <= 0.05

    play(story)


def test_a_second_500_goes_elsewhere():
    """A deployment that fails twice in a row for a request is left for the next one at once."""

    async def story():
        bench = Bench(by({"openai#main": [refused(500)], "127.0.0.1:9": [whole("from backup")]}))
        answer = await bench.ask()
        assert b"from backup" in answer.response.body
        assert bench.whom == ["openai#main", "openai#main", "127.0.0.1:9"]

    play(story)


def test_attempts_are_capped():
    """A deployment is asked three times for a request, and a request asks five times in all (INV-11)."""

    async def story():
        alone = Bench([refused(500)], ALONE)
        answer = await alone.ask()
        assert len(alone.transport.sent) == 3
        assert answer.failure.kind is K.SERVER
        both = Bench([refused(500)], TWO)
        await both.ask()
        assert both.whom == ["openai#main"] * 2 + ["127.0.0.1:9"] * 3
        narrow = Bench([refused(500)], TWO + b"[policies.retry]\nrequest_attempts = 2\n")
        await narrow.ask()
        assert len(narrow.transport.sent) == 2

    play(story)


def test_refused_connections_are_tries():
    """A connection that is refused is a try like any other: it counts, it is paid for, and the second one goes elsewhere (INV-11)."""

    async def story():
        refusal = Reply(fault=WireFault("connect", "refused"))
        both = Bench(by({"openai#main": [refusal], "other#main": [whole()]}), FALL)
        assert (await both.ask()).failure is None
        assert both.whom == ["openai#main", "openai#main", "other#main"]
        alone = Bench([refusal], ALONE)
        answer = await alone.ask()
        assert len(alone.transport.sent) == 3
        assert alone.house.world.budgets["openai"].left == 500 - 2 * 14
        assert "refused by us" not in answer.failure.message
        assert "3 attempts" in answer.failure.message

    play(story)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "headers",
    [
        (("retry-after", "2"),),
        (("retry-after", formatdate(EPOCH + 2, usegmt=True)),),
        (("retry-after-ms", "2000"),),
        (("retry-after-ms", "2000"), ("retry-after", "1")),
        (("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "2s")),
    ],
    ids=["seconds", "date", "ms", "ms-first", "reset"],
)
def test_a_hint_is_waited_out(headers, seed):
    """A 429 that says when to come back is waited out where nobody else can be asked, never early and not much longer (INV-12)."""

    async def story():
        bench = Bench([refused(429, "rate_limit_exceeded", headers=headers), whole()], ALONE, seed=seed)
        answer = await bench.ask()
        assert answer.failure is None
        assert bench.times[0] == 0.0
        assert 2.0 <= bench.times[1] <= 2.3

    play(story)


def test_nobody_comes_early():
    """While a quota is paused every request keeps away from it, also those that were not refused themselves (INV-12)."""

    async def story():
        bench = Bench([refused(429, headers=(("retry-after", "2"),)), whole()], ALONE)
        first = asyncio.ensure_future(bench.ask())
        await asyncio.sleep(0.5)
        others = await asyncio.gather(*(bench.ask() for _ in range(20)))
        assert (await first).failure is None
        assert all(answer.failure is None for answer in others)
        assert min(bench.times[1:]) >= 2.0
        assert max(Counter(bench.times[1:]).values()) <= 8  # and they don't come all at once

    play(story)


def test_the_latest_hint_counts():
    """A second 429 with another hint is waited out by its own hint, not by the first one's."""

    async def story():
        hints = [refused(429, headers=(("retry-after", str(seconds)),)) for seconds in (1, 4)]
        bench = Bench([*hints, whole()], ALONE)
        assert (await bench.ask()).failure is None
        first, second, third = bench.times
        assert second - first >= 1
        assert 4 <= third - second <= 4.5

    play(story)


def test_a_sibling_of_another_quota_is_asked_at_once():
    """A 429 of one credential sends the request to the next one without a wait, and later requests keep away from the first."""

    async def story():
        bench = Bench(
            by({"openai#second": [refused(429, headers=(("retry-after", "3"),)), whole()], "openai#main": [whole()]}), KEYS
        )
        await bench.ask()
        assert bench.whom == ["openai#second", "openai#main"]
        assert bench.times == [0.0, 0.0]
        for _ in range(4):
            await bench.ask()
        assert bench.whom[2:] == ["openai#main"] * 4
        await asyncio.sleep(3.1)
        await asyncio.gather(*(bench.ask() for _ in range(2)))
        assert "openai#second" in bench.whom[6:]

    play(story)


def test_siblings_of_one_quota_wait_together():
    """Credentials of one organisation share its limit: after a 429 of one the other is not asked (docs/reliability.md, Rates)."""

    async def story():
        shared = KEYS.replace(b'main = "env:OPENAI_API_KEY"', b'main = { ref = "env:OPENAI_API_KEY", quota = "org" }')
        shared = shared.replace(b'second = "env:OPENAI_API_KEY_2"', b'second = { ref = "env:OPENAI_API_KEY_2", quota = "org" }')
        bench = Bench([refused(429, headers=(("retry-after", "2"),)), whole()], shared)
        assert (await bench.ask()).failure is None
        assert len(bench.times) == 2
        assert bench.times[1] >= 2.0

    play(story)


def test_a_long_hint_goes_to_the_fallback():
    """A hint of more than five seconds is not waited for where the fallback can answer."""

    async def story():
        bench = Bench(by({"openai#main": [refused(429, headers=(("retry-after", "20"),))], "127.0.0.1:9": [whole()]}))
        assert (await bench.ask()).failure is None
        assert bench.times == [0.0, 0.0]
        await asyncio.sleep(10)
        await bench.ask()
        assert bench.whom == ["openai#main", "127.0.0.1:9", "127.0.0.1:9"]

    play(story)


def test_a_long_hint_is_waited_out_where_nobody_else_is_left():
    """With nowhere else to go a request waits as long as it was told to, within its deadline."""

    async def story():
        bench = Bench([refused(429, headers=(("retry-after", "200"),)), whole()], ALONE)
        assert (await bench.ask()).failure is None
        assert bench.times[1] >= 200

    play(story)


def test_a_hint_past_the_deadline_is_told_at_once():
    """A request that can not wait so long fails at once, with the provider's hint and its body for the caller."""

    async def story():
        bench = Bench([refused(429, "rate_limit_exceeded", headers=(("retry-after", "20"),))], ALONE)
        answer = await bench.ask(timeout=5)
        assert now() == 0.0
        assert (answer.failure.kind, answer.failure.retry_after, answer.failure.status) == (K.RATE_LIMIT, 20.0, 429)
        assert json.loads(answer.failure.body)["error"]["code"] == "rate_limit_exceeded"

    play(story)


def test_the_latest_hint_of_each_is_what_the_caller_is_told():
    """A hint that was waited out already says nothing any more: the caller hears the latest of each deployment, the soonest of those."""

    async def story():
        busy = [refused(429, headers=(("retry-after", seconds),)) for seconds in ("1", "60")]
        bench = Bench(busy, ALONE)
        answer = await bench.ask(timeout=8)
        assert (len(bench.times), answer.failure.kind, answer.failure.retry_after) == (2, K.RATE_LIMIT, 60.0)
        script = by({"openai#main": [refused(429, headers=(("retry-after", "20"),))], "127.0.0.1:9": [Reply(delay=1000.0)]})
        answer = await Bench(script, TWO + b"[policies.clocks]\nanswer = 15\n").ask()
        assert answer.failure.retry_after == pytest.approx(5.0), "15 of 20 s are over"

    play(story)


def test_of_two_hints_for_one_quota_the_longer_one_holds():
    """Two requests hear of one limit, the later one of a shorter pause: nobody goes out before the longer one is over (INV-12)."""

    async def story():
        replies = iter([refused(429, headers=(("retry-after", "60"),)), refused(429, headers=(("retry-after", "6"),))])
        bench = Bench(lambda request: next(replies, whole()), ALONE)
        await asyncio.gather(*(bench.ask(timeout=3) for _ in range(2)))
        assert len(bench.times) == 2
        answer = await bench.ask(timeout=100)
        assert answer.failure is None
        assert bench.times[2] >= 60.0

    play(story)


def test_a_429_without_a_hint():
    """A 429 that says nothing goes elsewhere at once, and is backed off from by the longer base where nobody is left."""

    async def story():
        bench = Bench(by({"openai#main": [refused(429)], "127.0.0.1:9": [whole()]}))
        assert (await bench.ask()).failure is None
        assert bench.times == [0.0, 0.0]
        waits = []
        for seed in range(20):
            alone = Bench([refused(429), whole()], ALONE, seed=seed)
            assert (await alone.ask()).failure is None
            waits.append(alone.times[1] - alone.times[0])
        assert 0.05 < max(waits) <= 1.0

    play(story)


def test_a_429_that_can_never_pass():
    """A request larger than its limit is not sent again: no waiting makes it smaller."""

    async def story():
        message = "Request too large for gpt-5.4-mini: Limit 30000, Requested 37313."
        bench = Bench([refused(429, "rate_limit_exceeded", "tokens", message=message)], ALONE)
        answer = await bench.ask()
        assert len(bench.transport.sent) == 1
        assert answer.failure.forever

    play(story)


def test_should_retry_false_is_obeyed():
    """A provider that says not to try again is not asked again."""

    async def story():
        bench = Bench([refused(500, headers=(("x-should-retry", "false"),))], ALONE)
        assert (await bench.ask()).failure.kind is K.SERVER
        assert len(bench.transport.sent) == 1

    play(story)


def test_an_overloaded_fleet():
    """A 529 goes elsewhere at once; with nowhere to go it is asked once more, after the longer backoff."""

    async def story():
        bench = Bench(by({"openai#main": [refused(529)], "127.0.0.1:9": [whole()]}))
        assert (await bench.ask()).failure is None
        assert bench.times == [0.0, 0.0]
        alone = Bench([refused(529)], ALONE, seed=3)
        assert (await alone.ask()).failure.kind is K.OVERLOADED
        assert len(alone.times) == 2
        assert alone.times[1] - alone.times[0] <= 1.0

    play(story)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (WireFault("connect", "refused"), ("connect", "none")),
        (WireFault("head", "connection reset"), ("reset", "estimated")),
    ],
    ids=["connect", "reset"],
)
@pytest.mark.parametrize("is_stream", [False, True])
def test_a_broken_wire_is_tried_again(fault, outcome, is_stream):
    """A refused connection and a reset are retried; only the former is proof that nothing was sent, and free (INV-5).

    The latter is booked as what can have been written by then, with all its input.
    """

    async def story():
        good = streamed(*WHOLE_STREAM) if is_stream else whole()
        bench = Bench([Reply(fault=fault), good], FALL)
        answer = (await bench.stream())[0] if is_stream else await bench.ask()
        assert answer.failure is None
        assert bench.outcomes[0] == outcome
        usage = bench.settled[0].usage
        assert (usage.input, usage.output) == ((0, 0) if outcome[1] == "none" else (bench.reserved[0].input_bound, 64))
        assert bench.whom == ["openai#main"] * 2
        assert answer.story.attempts[0].sent is (outcome[0] != "connect")

    play(story)


def test_what_a_provider_ended_is_booked_by_its_time():
    """A reset or a body that breaks off costs what can have been written by then: more the longer it took, never all of it."""

    async def story(reply: Reply, seconds: float):
        bench = Bench([reply, whole()], FALL)
        assert (await bench.ask()).failure is None
        usage, held = bench.settled[0].usage, bench.reserved[0]
        assert bench.settled[0].usage_source == "estimated"
        assert (usage.input, usage.output) == (held.input_bound, 64 + 4000 * seconds)
        assert 0 < (bench.settled[0].amount or 0) < (held.amount or 0) / 2

    play(lambda: story(Reply(fault=WireFault("head", "closed")), 0))
    play(lambda: story(Reply(delay=2.0, fault=WireFault("head", "closed")), 2))
    play(lambda: story(Reply(200, (b'{"id"',), delay=0.5, fault=WireFault("body", "closed")), 0.5))
    play(lambda: story(Reply(200, (b"hello",), (("content-type", "text/plain"),), 1.0), 1))


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_silent_provider_is_not_asked_again(is_stream):
    """A provider that says nothing within its time is left for the fallback, and is charged what was held for it."""

    async def story():
        good = streamed(*WHOLE_STREAM) if is_stream else whole()
        bench = Bench(by({"openai#main": [Reply(delay=1000.0)], "other#main": [good]}), FALL)
        answer = (await bench.stream())[0] if is_stream else await bench.ask()
        assert answer.failure is None
        assert bench.whom == ["openai#main", "other#main"]
        assert bench.times[1] == (30.0 if is_stream else 120.0)
        assert bench.outcomes == [("silent", "reserved"), ("ok", "provider")]
        assert bench.settled[0].amount == bench.reserved[0].amount
        assert bench.transport.sent[0].ended == "aborted"

    play(story)


def test_a_silent_stream_after_its_head():
    """A stream whose head came, and then nothing but lifecycle frames, is silent all the same."""

    async def story():
        bench = Bench([streamed(HEAD, 1000.0), streamed(*WHOLE_STREAM)], FALL)
        answer, taken = await bench.stream()
        assert answer.failure is None
        assert [attempt.failure and attempt.failure.kind for attempt in answer.story.attempts] == [K.SILENT, None]
        assert taken.text == "one two three"

    play(story)


@pytest.mark.parametrize("status", [301, 304])
def test_a_redirect_is_never_followed(status):
    """A redirect is an answer like any other, and not one that anybody follows (INV-19)."""

    async def story():
        bench = Bench([Reply(status, (), (("location", "http://127.0.0.1:1/"),))], ALONE)
        answer = await bench.ask()
        assert answer.failure.kind is K.MODEL_UNAVAILABLE
        assert len(bench.transport.sent) == 1

    play(story)


def test_nonsense_with_status_200():
    """A 200 that is no answer is asked for once more, never passed on, and charged."""

    async def story():
        bench = Bench([Reply(200, (b"<html>hello</html>",)), whole()], ALONE)
        answer = await bench.ask()
        assert answer.failure is None
        assert bench.outcomes[0][0] == "bad_response"
        assert bench.settled[0].usage_source in {"estimated", "reserved"}

    play(story)


def test_a_refund_goes_to_who_was_paid():
    """What a retry at one provider cost is not given to the retry budget of another, which answered at its first try (INV-11)."""

    async def story():
        bench = Bench(by({"openai#main": [refused(500)], "127.0.0.1:9": [whole()]}), TWO)
        budgets = bench.house.world.budgets
        for _ in range(5):
            budgets["backup"].take(throttled=False)
        left = budgets["backup"].left
        answer = await bench.ask()
        assert bench.whom == ["openai#main", "openai#main", "127.0.0.1:9"]
        assert answer.failure is None
        assert budgets["backup"].left == left + 1
        assert budgets["openai"].left == 500 - 14

    play(story)


@pytest.mark.parametrize("reply", [refused(429, headers=(("retry-after", "4"),)), refused(503)], ids=["hinted", "crowded"])
def test_a_retry_that_is_not_made_costs_nothing(reply):
    """Clients that leave before their retries are due take none of them from others (INV-11, INV-15)."""

    async def story():
        bench = Bench([reply], ALONE + b"[policies.breaker]\nconsecutive = 10000\nshare = 1.0\nleast = 10000\n")
        budget = bench.house.world.budgets["openai"]
        tasks = [asyncio.ensure_future(bench.ask()) for _ in range(30)]
        await asyncio.sleep(0.0)
        while not bench.transport.sent:
            await asyncio.sleep(0.0)
        for _ in range(5):
            await asyncio.sleep(0.0)
        made = len(bench.transport.sent)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert made == len(bench.transport.sent)
        assert budget.left == 500
        assert budget.under_way == 0

    play(story)


def test_an_error_that_no_table_knows_is_counted():
    """S-21: a code nobody has heard of gets the class of its status, and operators see that there was one."""

    async def story():
        bench = Bench([refused(500, "sea_monster", "sea_monster"), refused(500), whole("hi")], ALONE)
        answer = await bench.ask()
        assert answer.failure is None
        text = bench.house.metrics.text().decode()
        assert 'stormkeel_unknown_errors_total{provider="openai",status="500"} 1.0' in text

    play(story)
