"""A credential that a provider refuses: set aside for all its models, probed once, back when it works."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from story_stage import ALONE, KEYS, Bench, Reply, by, now, play, refused, whole

from stormkeel.engine.credentials import CredentialState, credential_states, probe
from stormkeel.engine.ports import WireFault
from stormkeel.errors import CLASSES, CredentialError
from stormkeel.types.failure import FailureKind
from stormkeel.types.wire import header

K = FailureKind
DEAD = refused(401, "invalid_api_key")
MODEL, OTHER = "openai/gpt-5.4-mini", "openai/gpt-5.5"


def state_of(bench: Bench, name: str = "main") -> CredentialState:
    """How a credential stands now."""
    return next(one for one in credential_states(bench.house.world, now()) if one.name == name)


async def probed(bench: Bench, name: str = "main") -> None:
    """Let the background probe have its turn."""
    ports = bench.house.world.ports
    await probe(bench.house.world.fleet.credentials["openai", name], ports.clock, Random(1))


def test_the_only_credential_fails_at_once_and_says_since_when():
    """Whoever has nobody else to ask is refused without a wait, with the day, the reason and the next probe."""

    async def story():
        bench = Bench([DEAD], ALONE)
        first, second = await bench.ask(MODEL), await bench.ask(OTHER)
        assert [answer.failure.kind for answer in (first, second)] == [K.CREDENTIAL, K.CREDENTIAL]
        assert CLASSES[second.failure.kind] is CredentialError
        assert 'credential "main" of provider "openai"' in second.failure.message
        assert "set aside since 2026-11-18 " in second.failure.message, second.failure.message
        assert "(401 invalid_api_key)" in second.failure.message and "the next probe is in" in second.failure.message
        assert 60 <= second.failure.retry_after <= 75
        assert now() == 0.0 and len(bench.transport.sent) == 1

    play(story)


def test_one_request_is_the_probe_where_nobody_probes():
    """After the interval one of many requests goes out; while it is under way the others are refused, and then all pass."""

    async def story():
        bench = Bench(by({"openai#main": [DEAD, Reply(200, whole().body, delay=1.0), whole()]}), ALONE)
        await bench.ask(MODEL)
        await asyncio.sleep(75.1)
        answers = await asyncio.gather(*(bench.ask(model) for model in (MODEL, OTHER, MODEL)))
        assert [answer.failure is None for answer in answers] == [True, False, False]
        assert len(bench.transport.sent) == 2
        assert state_of(bench).state == "in_service"
        assert (await bench.ask(OTHER)).failure is None

    play(story)


def test_a_refused_probe_waits_longer():
    """A probe that is refused doubles the time to the next."""

    async def story():
        bench = Bench([DEAD], ALONE)
        await bench.ask(MODEL)
        await asyncio.sleep(75.1)
        await bench.ask(MODEL)
        assert 120 <= state_of(bench).next_probe <= 150

    play(story)


def test_the_background_probe_costs_nothing_and_goes_once():
    """A prober asks for the list of models with the credential, once; an answer puts it back in service for requests."""

    async def story():
        bench = Bench(by({"openai#main": [DEAD, Reply(200, (b"{}",), delay=0.5), whole()]}), ALONE)
        await bench.ask(MODEL)
        await probed(bench)
        assert len(bench.transport.sent) == 1, "not before its time"
        await asyncio.sleep(75.1)
        await asyncio.gather(probed(bench), probed(bench))
        asked = bench.transport.sent[1].request
        assert (asked.method, asked.url, asked.body) == ("GET", "https://api.openai.com/v1/models", b"")
        assert header(asked.headers, "authorization") == "Bearer sk-openai-main-0123456789abcdef"
        assert len(bench.transport.sent) == 2
        assert (await bench.ask(MODEL)).failure is None

    play(story)


@pytest.mark.parametrize(
    ("reply", "passes"),
    [
        (refused(401, "invalid_api_key"), False),
        (Reply(400, (b'{"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}',), ()), False),
        (refused(400, "invalid_request"), True),
        (refused(404), True),
        (refused(403), True),
        (refused(500), True),
        (Reply(fault=WireFault("connect", "no route")), True),
        (Reply(delay=60.0), True),
    ],
    ids=["401", "400 for the key", "400", "404", "403", "500", "no network", "silence"],
)
def test_what_a_background_probe_says(reply, passes):
    """A 401, or a 400 that says the key is not valid, sets it aside for longer; what says nothing makes the next request the probe."""

    async def story():
        bench = Bench(by({"openai#main": [DEAD, reply, whole()]}), ALONE)
        await bench.ask(MODEL)
        await asyncio.sleep(75.1)
        await probed(bench)
        await asyncio.sleep(5.1)
        answer = await bench.ask(MODEL)
        assert (answer.failure is None) is passes
        assert state_of(bench).state == ("in_service" if passes else "set_aside")

    play(story)


def test_requests_are_no_probes_where_somebody_probes():
    """With a prober at work no request is tried with a dead credential, however long that lasts."""

    async def story():
        bench = Bench([DEAD], ALONE)
        await bench.ask(MODEL)
        bench.house.world.fleet.credentials["openai", "main"].has_prober = True
        await asyncio.sleep(200)
        assert (await bench.ask(MODEL)).failure.kind is K.CREDENTIAL
        assert len(bench.transport.sent) == 1

    play(story)


def test_a_model_one_may_not_use_leaves_the_credential_in_service():
    """A 403 that names a model goes elsewhere and sets nobody aside."""

    async def story():
        no = refused(403, message="Project `p` does not have access to model `gpt-5.5`")
        bench = Bench(by({"openai#main": [no, whole()]}), ALONE)
        assert (await bench.ask(OTHER)).failure.kind is K.MODEL_UNAVAILABLE
        assert state_of(bench).state == "in_service"
        assert (await bench.ask(MODEL)).failure is None

    play(story)


def test_a_bare_403_after_a_good_answer_is_the_models():
    """A 403 without a reason, of a credential that was good a moment ago, sets that model aside and no other."""

    async def story():
        bench = Bench(by({"openai#main": [whole(), refused(403), whole()]}), ALONE)
        assert (await bench.ask(MODEL)).failure is None
        assert (await bench.ask(OTHER)).failure.kind is K.CREDENTIAL
        assert state_of(bench).state == "in_service"
        assert (await bench.ask(OTHER)).failure.kind is K.COOLING
        assert (await bench.ask(MODEL)).failure is None

    play(story)


def test_a_probe_stopped_by_another_gate_is_not_lost():
    """A probe that a full deployment does not let pass is left for the next request."""

    async def story():
        full = ALONE.replace(b'["openai/gpt-5.4-mini"]', b'[{ provider = "openai", model = "gpt-5.4-mini", concurrency = 1 }]')
        bench = Bench(by({"openai#main": [DEAD, whole()]}), full)
        await bench.ask()
        await asyncio.sleep(75.1)
        gate = bench.house.world.fleet.members[0].concurrency
        gate.admit()
        assert (await bench.ask()).failure.kind is K.CONCURRENCY_REACHED
        gate.settle()
        assert (await bench.ask()).failure is None

    play(story)


def test_a_stream_that_is_cancelled_as_the_probe_leaves_room_for_the_next():
    """A caller who leaves while its request is the probe teaches nothing: the next one is tried after a moment."""

    async def story():
        bench = Bench(by({"openai#main": [DEAD, Reply(delay=30.0), whole()]}), ALONE)
        await bench.ask(MODEL)
        await asyncio.sleep(75.1)
        task = asyncio.ensure_future(bench.ask(MODEL))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait((task,))
        await asyncio.sleep(5.1)
        assert (await bench.ask(MODEL)).failure is None

    play(story)


def test_a_credential_tells_how_it_stands():
    """Its last good and last failed use, why it is set aside and since when stand in its state; an unused one has none."""

    async def story():
        bench = Bench(by({"openai#second": [whole(), DEAD], "openai#main": [whole()]}), KEYS)
        fresh = state_of(bench, "second")
        assert fresh == CredentialState("openai", "second", "in_service")
        await asyncio.sleep(1)
        await bench.ask()
        wall = bench.house.world.ports.clock.wall()
        assert state_of(bench, "second").last_used == wall
        await bench.ask()
        await bench.ask()
        aside = state_of(bench, "second")
        assert (aside.state, aside.why) == ("set_aside", "401 invalid_api_key")
        assert (aside.since, aside.last_failed, aside.last_used) == (wall, wall, wall)
        assert state_of(bench, "main").last_failed is None

    play(story)


def test_an_empty_account_is_told_apart():
    """A credential whose account has no money is cooling, not refused, and a refusal meanwhile does not cut that short."""

    async def story():
        bench = Bench([refused(429, "insufficient_quota")], ALONE)
        await bench.ask(MODEL)
        assert state_of(bench).state == "cooling"
        credential = bench.house.world.fleet.credentials["openai", "main"]
        ports = bench.house.world.ports
        credential.refused("401", now(), ports.clock.wall(), ports.rng)
        await asyncio.sleep(100)
        assert (await bench.ask(MODEL)).failure.kind is K.CREDENTIAL
        await asyncio.sleep(201)
        assert (await bench.ask(MODEL)).failure.kind is K.QUOTA
        assert state_of(bench).state == "cooling"

    play(story)
