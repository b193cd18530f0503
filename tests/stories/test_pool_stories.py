"""Models that a provider counts in one: one bucket, one pause, one thing learned; what is said of one of them stays its own."""

from __future__ import annotations

import asyncio
import json

import pytest
from story_stage import Bench, Reply, now, play

from stormkeel.engine.fleet import Member
from stormkeel.engine.line import Answer
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.wire import Headers

K = FailureKind
OPUS, OLDER, SONNET = "anthropic/claude-opus-4-8", "anthropic/claude-opus-4-6", "anthropic/claude-sonnet-5"
FAMILY = b"""
[providers.anthropic]
credentials = { main = "env:ANTHROPIC_API_KEY" }
limits = { rpm = 60, burst = 0.1 }
[routes.new]
groups = [["anthropic/claude-opus-4-8"]]
[routes.old]
groups = [["anthropic/claude-opus-4-6"]]
"""
"""Two models that Anthropic counts in one; six requests at once, and one a second."""


def message(headers: Headers = (), delay: float = 0.0) -> Reply:
    """A whole message."""
    body = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn", "stop_sequence": None,
        "content": [{"type": "text", "text": "hi"}], "usage": {"input_tokens": 10, "output_tokens": 5},
    }  # fmt: skip
    return Reply(200, (json.dumps(body).encode(),), (("content-type", "application/json"), *headers), delay)


def refusal(status: int, kind: str, *headers: tuple[str, str], text: str = "no") -> Reply:
    """An error of Anthropic's."""
    body = json.dumps({"type": "error", "error": {"type": kind, "message": text}}).encode()
    return Reply(status, (body,), (("content-type", "application/json"), *headers))


async def ask(bench: Bench, model: str, timeout: float | None = None) -> Answer:
    """Ask a model for a message."""
    return await bench.house.answer(bench.request(model, timeout, dialect="anthropic_messages", max_tokens=5))


def member(bench: Bench, model: str) -> Member:
    """A deployment of the fleet, by its model's name."""
    return next(one for one in bench.house.world.fleet.members if one.deployment.model == model.partition("/")[2])


def told(left: int, amount: int) -> Headers:
    """Headers that say how many requests are left."""
    begin = "anthropic-ratelimit-requests-"
    return ((begin + "limit", str(amount)), (begin + "remaining", str(left)), (begin + "reset", "2100-01-01T00:00:00Z"))


def failure_of(answer: Answer) -> Failure:
    """Why an answer failed."""
    assert answer.failure is not None
    return answer.failure


def test_two_models_of_a_family_stay_within_its_limit_together():
    """However requests are split over them, no more go out than the family's limit lets through (INV-12)."""

    async def story():
        bench = Bench([message()], FAMILY)
        asked = [ask(bench, "new" if place % 3 else "old", timeout=0.1) for place in range(30)]
        answers = await asyncio.gather(*asked)
        assert sum(one.failure is None for one in answers) == 6
        assert {failure_of(one).kind for one in answers if one.failure} == {K.RATE_REACHED}
        asked = [ask(bench, "new" if place % 2 else "old", timeout=60.0) for place in range(20)]
        assert all(one.failure is None for one in await asyncio.gather(*asked))
        assert 19.5 < now() < 21.0
        assert member(bench, OPUS).rate is member(bench, OLDER).rate
        assert member(bench, OPUS).cooling[0].group == "anthropic#main:opus-4"

    play(story)


def test_a_rate_limit_rests_the_family_and_nobody_else():
    """A 429 of one model is a 429 of those that count with it; another model of the account is asked."""

    async def story():
        limited = refusal(429, "rate_limit_error", ("retry-after", "30"))
        bench = Bench([limited, message()], FAMILY)
        assert failure_of(await ask(bench, "new", timeout=1.0)).kind is K.RATE_LIMIT
        assert failure_of(await ask(bench, "old", timeout=1.0)).kind is K.COOLING
        assert (await ask(bench, SONNET)).failure is None
        assert len(bench.times) == 2

    play(story)


def test_an_overload_is_one_models_own():
    """A model that is overloaded rests alone: who counts with it may be where its requests go."""

    async def story():
        overloaded = refusal(529, "overloaded_error", ("retry-after", "30"))
        settings = FAMILY.replace(b'[["anthropic/claude-opus-4-8"]]', b'[["anthropic/claude-opus-4-8"], ["anthropic/claude-opus-4-6"]]')
        bench = Bench([overloaded, message()], settings)
        assert (await ask(bench, "new")).failure is None
        assert [one.failure is None for one in bench.told[-1].attempts] == [False, True]
        assert (await ask(bench, "new")).failure is None
        assert len(bench.times) == 3, "the one that rests was not asked again"
        assert not bench.house.world.fleet.is_ready(member(bench, OPUS).index)

    play(story)


def test_a_model_that_is_gone_hides_no_other():
    """No such model, and no leave to use it, are one model's own as well."""

    async def story(gone: Reply, kind: FailureKind):
        bench = Bench([gone, message()], FAMILY)
        assert failure_of(await ask(bench, "new", timeout=1.0)).kind is kind
        assert (await ask(bench, "old")).failure is None
        assert member(bench, OPUS).alone.until > now() >= member(bench, OPUS).cooling[0].until

    missing = refusal(404, "not_found_error", text="model: claude-opus-4-8")
    play(lambda: story(missing, K.MODEL_UNAVAILABLE))


def test_what_one_answer_tells_is_learned_for_the_family():
    """The headers of one model's answer slow down those that count with it."""

    async def story():
        settings = FAMILY.replace(b"limits = { rpm = 60, burst = 0.1 }\n", b"")
        bench = Bench([message(told(3, 50)), message()], settings)
        assert (await ask(bench, "new")).failure is None
        answers = [await ask(bench, "old", timeout=0.01) for _ in range(6)]
        assert sum(one.failure is None for one in answers) == 2, "three are left, one of which is kept in hand"

    play(story)


@pytest.mark.parametrize("amount", [2000, 20])
def test_a_tier_that_has_moved_is_corrected_up_and_down(amount: int):
    """What the provider tells of its limit holds instead of a tier's figure, more or less; what is set is never raised."""

    async def story():
        tier = b'limits = { tier = "start", itpm = 1000000, learn = true }'
        bench = Bench([message(told(amount - 1, amount)), message()], FAMILY.replace(b"limits = { rpm = 60, burst = 0.1 }", tier))
        rate = member(bench, OPUS).rate
        assert rate is not None
        amounts = {one.name: one.amount for one in rate.limits(0.0)}
        assert amounts == {"rpm": 1000, "itpm": 1_000_000, "otpm": 400_000}
        await ask(bench, "new")
        assert {one.name: one.amount for one in rate.limits(now())} == {**amounts, "rpm": amount}
        assert rate.learned == {"rpm"}

    play(story)


def test_a_pool_may_be_the_whole_account():
    """A table that names a pool counts all its models in one, but for those that say something else."""

    async def story():
        settings = FAMILY.replace(b"burst = 0.1 }", b'burst = 0.1, pool = "account", models = { "claude-haiku*" = { rpm = 5 } } }')
        bench = Bench([message()], settings)
        await asyncio.gather(*(ask(bench, model, timeout=0.1) for model in (OPUS, SONNET) for _ in range(10)))
        assert len(bench.times) == 6
        assert (await ask(bench, "anthropic/claude-haiku-4-5", timeout=0.1)).failure is None

    play(story)
