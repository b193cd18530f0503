"""Who is asked instead: credentials set aside, requests that do not fit, dialects that are not spoken, and the story told at the end."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import pytest
from story_stage import ALONE, FALL, KEYS, TWO, Bench, Reply, by, now, play, refused, whole

from stormkeel.engine.ports import WireFault
from stormkeel.errors import CLASSES, ExhaustedError, error_of
from stormkeel.types.failure import FailureKind
from stormkeel.types.request import Options

K = FailureKind


def test_no_money_goes_to_the_next_provider():
    """With one credential, and that without money, the next provider answers, and the first is left alone."""

    async def story():
        bench = Bench(by({"openai#main": [refused(429, "insufficient_quota")], "127.0.0.1:9": [whole()]}))
        for _ in range(5):
            assert (await bench.ask()).failure is None
        assert bench.whom == ["openai#main"] + ["127.0.0.1:9"] * 5

    play(story)


def test_a_limit_that_no_waiting_mends_sets_its_model_aside():
    """A rate limit that says "don't come back for this, and not before 30 s" rests for all, and nobody waits for it (INV-12)."""

    async def story():
        told = refused(429, "rate_limit_exceeded", headers=(("retry-after", "30"), ("x-should-retry", "false")))
        bench = Bench(by({"openai#main": [told, whole(), whole()]}), ALONE)
        first, second, other = await bench.ask(), await bench.ask(), await bench.ask("openai/gpt-5.5")
        assert now() == 0.0
        assert len(bench.transport.sent) == 2
        assert (first.failure.kind, second.failure.kind, other.failure) == (K.RATE_LIMIT, K.COOLING, None)
        assert second.failure.retry_after == pytest.approx(30.0)
        await asyncio.sleep(30)
        assert (await bench.ask()).failure is None

    play(story)


def test_no_money_and_nowhere_to_go():
    """An account without money fails its request at once, is not asked again, and the next request is told how long it will be."""

    async def story():
        bench = Bench([refused(429, "insufficient_quota")], ALONE)
        first, second = await bench.ask(), await bench.ask()
        assert now() == 0.0
        assert len(bench.transport.sent) == 1
        assert (first.failure.kind, second.failure.kind) == (K.QUOTA, K.COOLING)
        assert second.failure.retry_after == pytest.approx(300.0)

    play(story)


@pytest.mark.parametrize("status", [401, 403])
def test_a_dead_credential_is_set_aside(status):
    """A refused credential is left for the other one at once and for a minute or a little more, then tried by one request."""

    async def story():
        bench = Bench(by({"openai#second": [refused(status, "invalid_api_key")], "openai#main": [whole()]}), KEYS)
        for _ in range(6):
            assert (await bench.ask()).failure is None
        assert bench.whom == ["openai#second", *["openai#main"] * 6]
        assert bench.times[-1] == 0.0
        await asyncio.sleep(59.9)
        await bench.ask()
        assert Counter(bench.whom)["openai#second"] == 1
        await asyncio.sleep(15.2)
        await asyncio.gather(*(bench.ask() for _ in range(6)))
        assert Counter(bench.whom)["openai#second"] == 2
        assert bench.house.world.fleet.members[1].breaker.state.value == "closed"  # the provider itself is well

    play(story)


def test_a_credential_is_set_aside_for_all_its_models():
    """A dead credential is dead for each model it could be used for."""

    async def story():
        bench = Bench([refused(401, "invalid_api_key")], ALONE)
        await bench.ask("openai/gpt-5.4-mini")
        await bench.ask("openai/gpt-5.5")
        assert len(bench.transport.sent) == 1

    play(story)


@pytest.mark.parametrize("code", ["invalid_value", "content_policy_violation"])
def test_a_bad_request_is_not_tried_again(code):
    """A request that is the caller's own mistake is asked once and nowhere else, and the provider's words come back unchanged."""

    async def story():
        reply = refused(400, code, "invalid_request_error", message="your temperature is too high")
        bench = Bench(by({"openai#main": [reply], "127.0.0.1:9": [whole()]}))
        answer = await bench.ask()
        assert len(bench.transport.sent) == 1
        assert answer.failure.body == b"".join(piece for piece in reply.body if isinstance(piece, bytes))
        assert answer.failure.status == 400
        assert bench.outcomes == [(answer.failure.kind.value, "none")]
        assert bench.house.world.fleet.members[0].breaker.state.value == "closed"

    play(story)


def test_too_long_for_one_model_goes_to_the_next():
    """A prompt that does not fit the first model is sent to the next, and never to the same again."""

    async def story():
        reply = refused(400, "context_length_exceeded", "invalid_request_error")
        bench = Bench(by({"openai#main": [reply], "127.0.0.1:9": [whole()]}))
        assert (await bench.ask()).failure is None
        assert bench.whom == ["openai#main", "127.0.0.1:9"]
        alone = Bench([reply], ALONE)
        answer = await alone.ask()
        assert (answer.failure.kind, len(alone.transport.sent)) == (K.CONTEXT_LENGTH, 1)
        assert json.loads(answer.failure.body)["error"]["code"] == "context_length_exceeded"

    play(story)


def test_a_missing_model_goes_to_the_next():
    """A provider that does not know the model is left for one that may."""

    async def story():
        bench = Bench(by({"openai#main": [refused(404, "model_not_found")], "127.0.0.1:9": [whole()]}))
        assert (await bench.ask()).failure is None
        assert bench.whom == ["openai#main", "127.0.0.1:9"]

    play(story)


# -- dialects -----------------------------------------------------------------------------------------------------------


def test_a_route_of_both_dialects_serves_each_in_its_order():
    """A route's order is the configured one, whichever dialect its providers and its client speak."""

    async def story():
        mixed = TWO.replace(
            b'[["openai/gpt-5.4-mini"], ["backup/gpt-5.4-mini"]]', b'[["openai/gpt-5.4-mini"], ["anthropic/claude-sonnet-5"]]'
        )
        bench = Bench([refused(400, "unsupported_parameter")], mixed)
        await bench.ask()
        assert bench.whom == ["openai#main", "anthropic#main"]
        await bench.house.answer(bench.request("fast", dialect="anthropic_messages", max_tokens=5))
        assert bench.whom[2:] == ["openai#main", "anthropic#main"]

    play(story)


def test_a_model_that_is_nowhere():
    """A model that nobody offers is refused before anything is sent, with what is offered."""

    async def story():
        bench = Bench([whole()])
        answer = await bench.ask("fsat")
        assert answer.failure.kind is K.MODEL_UNAVAILABLE
        assert '"fast"' in answer.failure.message
        assert bench.transport.sent == []

    play(story)


# -- the last word ------------------------------------------------------------------------------------------------------


def test_all_failed_is_told_as_a_story():
    """Where several failed in different ways the error names the route, and each attempt in order with what it said and how long it took."""

    async def story():
        script = by({
            "openai#main": [refused(429, "rate_limit_exceeded", headers=(("retry-after", "12"),))],
            "other#main": [Reply(delay=1000.0)],
        })  # fmt: skip
        bench = Bench(script, FALL)
        answer = await bench.ask()
        error = error_of(answer.failure, answer.story.attempts, answer.story.request.id)
        assert isinstance(error, ExhaustedError)
        first, one, two = str(error).splitlines()[:3]
        assert first == 'no deployment of route "fast" answered in 2 attempts'
        assert one.split()[:3] == ["1.", "openai/gpt-5.4-mini#main", "429"]
        assert two.split()[:2] == ["2.", "other/gpt-5.4-mini#main"]
        assert "no content came within 120 s" in two
        assert two.endswith("120.00 s")
        assert error.retry_after is None, "the 12 s were over long before"
        assert [attempt.deployment for attempt in error.attempts] == ["openai/gpt-5.4-mini#main", "other/gpt-5.4-mini#main"]

    play(story)


def test_a_refusal_of_our_own_is_told_apart():
    """In the story of a failed request our own no is told apart from a provider's, and sends nothing."""

    async def story():
        script = by({"openai#main": [refused(429, "insufficient_quota")], "127.0.0.1:9": [refused(500)]})
        bench = Bench(script)
        await bench.ask()
        bench.transport.sent.clear()
        answer = await bench.ask()
        lines = answer.failure.message.splitlines()
        assert any("openai/gpt-5.4-mini#main" in line and "refused by us" in line and "set aside" in line for line in lines)
        assert set(bench.whom) == {"127.0.0.1:9"}

    play(story)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refused(500), K.SERVER),
        (refused(529), K.OVERLOADED),
        (refused(401, "invalid_api_key"), K.CREDENTIAL),
        (refused(429, "insufficient_quota"), K.QUOTA),
        (Reply(fault=WireFault("connect", "refused")), K.CONNECT),
        (Reply(delay=1e6), K.SILENT),
    ],
    ids=lambda value: value.value if isinstance(value, FailureKind) else "",
)
def test_where_all_fail_alike_the_kind_stays(reply, kind):
    """Where every deployment failed in the same way the error is of that kind, not "exhausted"."""

    async def story():
        bench = Bench([reply], FALL)
        answer = await bench.ask()
        assert answer.failure.kind is kind
        assert isinstance(error_of(answer.failure), CLASSES[kind])
        assert {attempt.deployment for attempt in answer.story.attempts} == {
            "openai/gpt-5.4-mini#main",
            "other/gpt-5.4-mini#main",
        }

    play(story)


def test_options_are_booked():
    """The labels a caller gives stand in the reservation of each attempt."""

    async def story():
        bench = Bench([refused(500), whole()])
        request = bench.request("fast")
        labelled = bench.house.dialect("openai_chat").read_request(
            request.raw, "r1", options=Options(task="t", user="u", tags=("a", "b"), key="team")
        )
        await bench.house.answer(labelled)
        assert {(one.task, one.user, one.tags, one.key) for one in bench.reserved} == {("t", "u", ("a", "b"), "team")}
        assert [one.attempt for one in bench.reserved] == ["r1.1", "r1.2"]

    play(story)


# -- models that are gone --------------------------------------------------------------------------------------------------

GONE = refused(404, "model_not_found", "invalid_request_error", message="The model `gpt-5.4-mini` does not exist")


@pytest.mark.parametrize(
    "reply",
    [
        GONE,
        refused(404, "", "not_found_error", message="model: gpt-5.4-mini"),
        refused(404, "DeploymentNotFound", message="The API deployment for this resource does not exist."),
        refused(403, "", message="Project has no access to model gpt-5.4-mini"),
    ],
)
def test_a_model_that_is_gone_is_asked_once_a_parking_period(reply):
    """A deployment whose model is gone is asked once in 300 s, and the others answer without delay, whatever asks for it."""

    async def story():
        bench = Bench(lambda request: reply if "openai.com" in request.url else whole(), FALL)
        for _ in range(299):
            assert (await bench.ask()).failure is None
            await asyncio.sleep(1)
        assert Counter("openai.com" in sent.request.url for sent in bench.transport.sent)[True] == 1
        await asyncio.sleep(2)
        await bench.ask()
        assert Counter("openai.com" in sent.request.url for sent in bench.transport.sent)[True] == 2

    play(story)


def test_a_model_that_is_gone_is_asked_for_where_there_is_no_other():
    """Who has nobody else to ask asks all the same, is told the provider's own error, and hears at once that it is there again."""

    async def story():
        bench = Bench([GONE, GONE, whole()], ALONE)
        for _ in range(2):
            answer = await bench.ask()
            assert answer.failure.kind is K.MODEL_UNAVAILABLE
            assert b"does not exist" in answer.failure.body
            assert len(answer.story.attempts) == 1
        assert (await bench.ask()).failure is None
        assert bench.house.world.fleet.members[0].cooling[0].until == 0.0
        assert (await bench.ask()).failure is None
        assert bench.times == [0.0] * 4

    play(story)


@pytest.mark.parametrize("reply", [refused(404, message="No such file: file-abc"), Reply(403, (b"<html>blocked</html>",))])
def test_a_request_can_not_take_a_model_out(reply):
    """What a request may bring about itself, an unknown file or a page of some edge, sets nobody aside."""

    async def story():
        bench = Bench(lambda request: reply if "openai.com" in request.url else whole(), FALL)
        for _ in range(3):
            await bench.ask()
        assert len([sent for sent in bench.transport.sent if "openai.com" in sent.request.url]) == 3

    play(story)


def test_a_model_that_is_gone_can_be_asked_for_every_time():
    """`policies.parking.model = 0` leaves it as it was: each request finds out anew."""

    async def story():
        bench = Bench(lambda request: GONE if "openai.com" in request.url else whole(), FALL + b"[policies.parking]\nmodel = 0\n")
        for _ in range(3):
            await bench.ask()
        assert len([sent for sent in bench.transport.sent if "openai.com" in sent.request.url]) == 3

    play(story)


@pytest.mark.parametrize(("timeout", "whom", "answered"), [(2.0, ["openai#main", "127.0.0.1:9"], True), (9.0, ["openai#main", "openai#main"], True)])
def test_a_hint_beyond_the_deadline_is_not_waited_for_however_late_it_is(timeout, whom, answered):
    """Seconds are counted from now, a thousand after the start as well."""

    async def story():
        await asyncio.sleep(1000.0)
        hinted = refused(429, "rate_limit_exceeded", headers=(("retry-after", "4"),))
        bench = Bench(by({"openai#main": [hinted, whole()], "127.0.0.1:9": [whole()]}), TWO)
        answer = await bench.ask(timeout=timeout)
        assert (bench.whom, answer.failure is None) == (whom, answered)

    play(story)
