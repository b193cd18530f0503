"""Limits that nobody set: told by the provider's answers, held from then on; and what throttles take away and time gives back."""

from __future__ import annotations

import asyncio
import json

import pytest
from story_stage import ALONE, FALL, WHOLE_STREAM, Bench, Reply, now, play, refused, streamed, whole

from stormkeel.types.failure import FailureKind
from stormkeel.types.wire import Headers

K = FailureKind


def told(left: int, amount: int = 500, reset: str = "30s", what: str = "requests") -> Headers:
    """Headers that say how much is left."""
    return (
        (f"x-ratelimit-limit-{what}", str(amount)),
        (f"x-ratelimit-remaining-{what}", str(left)),
        (f"x-ratelimit-reset-{what}", reset),
    )


def answer(headers: Headers, delay: float = 0.0) -> Reply:
    """A whole answer with these headers."""
    return Reply(200, whole().body, (("content-type", "application/json"), *headers), delay)


def member(bench: Bench):
    """The first deployment."""
    return bench.house.world.fleet.members[0]


def test_little_left_is_counted_by():
    """Once little is left nobody is sent beyond it, without any setting; the fleet says what was learned."""

    async def story():
        bench = Bench([answer(told(5, 60, "55s"), 0.2)], ALONE)
        assert (await bench.ask()).failure is None
        assert member(bench).rate is not None
        assert [(one.name, one.amount) for one in member(bench).rate.limits(now())] == [("rpm", 60)]
        answers = await asyncio.gather(*(bench.ask(timeout=0.9) for _ in range(20)))
        assert sum(one.failure is None for one in answers) <= 5
        assert {one.failure.kind for one in answers if one.failure} == {K.RATE_REACHED}

    play(story)


def test_plenty_left_costs_nothing():
    """As long as much is left no gate is added, and the headers of most answers are not read."""

    async def story():
        bench = Bench([answer(told(490))], ALONE)
        for _ in range(10):
            await bench.ask()
        assert member(bench).rate is None
        assert member(bench).learned.skip == 32 - 9

    play(story)


def test_so_many_answers_are_passed_over_and_no_more():
    """Thirty-two at most, while much is left; the one behind them is looked at."""

    async def story():
        bench = Bench([answer(told(490)), *[answer(told(300, 400))] * 32, answer(told(200, 300)), answer(())], ALONE)
        for _ in range(33):
            await bench.ask()
        assert [one.amount for one in member(bench).cooling[0].limits(now())] == [500]
        await bench.ask()
        assert [one.amount for one in member(bench).cooling[0].limits(now())] == [300]

    play(story)


def test_a_refusal_is_always_looked_at():
    """However many answers need not be; and only the answers looked at are counted anew."""

    async def story():
        refusal = refused(400, "x", headers=told(100))
        bench = Bench([answer(told(490)), answer(told(3, 300)), refusal, answer(told(3, 200))], ALONE)
        for amounts in ([500], [500], [500], [500]):
            await bench.ask()
            assert [one.amount for one in member(bench).cooling[0].limits(now())] == amounts
        assert member(bench).learned.skip == 12 - 1

    play(story)


@pytest.mark.parametrize(("reset", "delay"), [("2s", 5.0), ("500ms", 0.5)])
def test_an_old_header_is_ignored(reset: str, delay: float):
    """An answer that took as long as the reset it tells, or longer, says nothing of what is left now."""

    async def story():
        bench = Bench([answer(told(0, reset=reset), delay), answer(())], ALONE)
        await bench.ask()
        await bench.ask()
        assert bench.times == [0.0, delay]

    play(story)


def test_a_header_younger_than_its_reset_counts():
    """Where nothing is left the reset is waited out, from when the answer came; without one, a second."""

    async def story(headers: Headers, waits: float):
        bench = Bench([answer(headers, 0.5), answer(())], ALONE)
        await bench.ask()
        await bench.ask(timeout=30.0)
        assert bench.times == [0.0, pytest.approx(0.5 + waits, abs=0.06)]

    play(lambda: story(told(0, reset="2s"), 2.0))
    play(lambda: story(told(0)[:2], 1.0))


def test_a_setting_is_never_raised():
    """A provider that allows more than is set changes nothing; one that allows less does."""

    async def story():
        settings = ALONE.replace(b"[routes.fast]", b"[providers.openai.limits]\nrpm = 100\n[routes.fast]")
        bench = Bench([answer(told(9000, 10_000)), answer(told(45, 50))], settings)
        await bench.ask()
        assert [(one.name, one.amount) for one in member(bench).rate.limits(now())] == [("rpm", 100)]
        member(bench).learned.skip = 0
        await bench.ask()
        assert [(one.name, one.amount) for one in member(bench).rate.limits(now())] == [("rpm", 50)]
        assert member(bench).rate.learned == {"rpm"}

    play(story)


def test_a_days_limit_is_not_a_minutes():
    """OpenAI's headers tell the day's requests of a model that has such a limit: the tier's minute stays what it was."""

    async def story():
        tier = b'[providers.openai.limits]\ntier = "1"\n[routes.fast]\ngroups = [["openai/gpt-4o-mini"]]\n'
        bench = Bench([answer(told(11_999, 12_000, "7.2s"))], ALONE[: ALONE.index(b"[routes.fast]")] + tier)
        await bench.ask()
        rate = member(bench).rate
        assert {one.name: one.amount for one in rate.limits(now())} == {"rpm": 500, "tpm": 200_000, "rpd": 12_000}
        assert rate.learned == {"rpd"}

    play(story)


def test_learning_can_be_left():
    """`learn = false` believes the settings alone."""

    async def story():
        settings = ALONE.replace(b"[routes.fast]", b"[providers.openai.limits]\nlearn = false\n[routes.fast]")
        bench = Bench([answer(told(0))], settings)
        await bench.ask()
        await bench.ask()
        assert bench.times == [0.0, 0.0]

    play(story)


def test_a_gate_that_comes_later_settles_what_was_under_way():
    """Attempts that were let through before a limit was learned are handed back as they were given."""

    async def story():
        bench = Bench([answer(told(5, 60), 1.0), answer(told(30, 60), 5.0)], ALONE)
        await asyncio.gather(*(bench.ask(timeout=60.0) for _ in range(2)))
        assert member(bench).in_flight == 0
        await bench.ask(timeout=60.0)

    play(story)


def test_googles_refusal_is_a_limit():
    """A refusal that names its quota is a limit from then on."""

    async def story():
        violation = {"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaValue": "4"}
        details = [{"violations": [violation]}, {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}]
        body = json.dumps({"error": {"code": 429, "message": "no", "status": "RESOURCE_EXHAUSTED", "details": details}})
        bench = Bench([Reply(429, (body.encode(),), (("content-type", "application/json"),)), whole()], ALONE)
        assert (await bench.ask()).failure is None
        assert [(one.name, one.amount) for one in member(bench).rate.limits(now())] == [("rpm", 4)]

    play(story)


def test_throttles_slow_a_limit_down_and_time_brings_it_back():
    """A 429 takes 30 % of the rate away; every ten seconds a twentieth of the whole comes back, and then it is whole (AIMD)."""

    async def story():
        settings = ALONE.replace(b"[routes.fast]", b"[providers.openai.limits]\nrpm = 600\nconcurrency = 10\n[routes.fast]")
        bench = Bench([refused(429, headers=(("retry-after", "1"),)), whole()], settings)
        await bench.ask(timeout=30.0)
        quota = member(bench).cooling[0]
        assert (quota.rate.share, quota.places.limit) == (0.7, 7)
        await asyncio.sleep(25.0)
        await bench.ask()
        assert (round(quota.rate.share, 3), quota.places.limit) == (0.8, 8)
        await asyncio.sleep(60.0)
        await bench.ask()
        assert (quota.rate.share, quota.places.limit) == (1.0, 10)

    play(story)


@pytest.mark.parametrize("reply", [refused(500), refused(400, "x"), refused(429, "insufficient_quota")])
def test_other_failures_take_nothing_away(reply: Reply):
    """Faults, mistakes and empty accounts say nothing about rates."""

    async def story():
        settings = ALONE.replace(b"[routes.fast]", b"[providers.openai.limits]\nrpm = 600\n[routes.fast]")
        bench = Bench([reply], settings)
        await bench.ask(timeout=5.0)
        assert member(bench).cooling[0].rate.share == 1.0

    play(story)


NONSENSE = (b"[" * 100_000, b'{"error":' * 50_000, b'{"error": "\xff\xfe"}', b"\xff" * 10, b"")


@pytest.mark.parametrize("body", NONSENSE, ids=["lists", "objects", "no text", "no bytes of text", "nothing"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_throttle_in_nonsense_is_a_throttle(body: bytes, stream: bool):
    """S-21: a 429 whose body is no JSON, no UTF-8, or nested without end is a throttle like any other, and somebody else is asked."""

    async def story():
        good = streamed(*WHOLE_STREAM) if stream else whole()
        bench = Bench(lambda request: Reply(429, (body,)) if "openai.com" in request.url else good, FALL)
        found = (await bench.stream())[0] if stream else await bench.ask()
        assert found.failure is None
        assert found.story.attempts[0].failure.kind is K.RATE_LIMIT

    play(story)
