"""Who is told when something needs a look: refused credentials, empty accounts, missing models, breakers that stay open."""

from __future__ import annotations

import asyncio

import pytest
from story_stage import ALONE, DONE, ENVIRON, FALL, KEYS, Bench, by, frame, now, play, refused, streamed, whole

from stormkeel.assemble.building import build_setup
from stormkeel.assemble.setup import Blueprint
from stormkeel.config.load import load
from stormkeel.engine.standing import picture
from stormkeel.gateway.tending import keep_watching
from stormkeel.policies.base import Verdict
from stormkeel.providers import KINDS
from stormkeel.runtime.alerts import Alarm
from stormkeel.testing import VirtualClock
from stormkeel.types.alert import Alert, AlertKind

K = AlertKind


class Ear(Alarm):
    """An alarm that keeps what it is told, news or not."""

    def __init__(self) -> None:
        super().__init__(VirtualClock(asyncio.get_running_loop()))
        self.heard: list[Alert] = []

    def tell(self, alert: Alert) -> None:
        """Keep it."""
        self.heard.append(alert)

    @property
    def kinds(self) -> list[AlertKind]:
        """What happened, in order."""
        return [alert.kind for alert in self.heard]


def listening(bench: Bench) -> Ear:
    """Let somebody listen to a house."""
    ear = Ear()
    bench.house.alarm = ear
    return ear


def test_a_refused_credential_is_told_once_and_when_it_is_well_again():
    """Its owner hears of a dead credential with the first request that found it, and of its return (S-22's neighbour: dead, not empty)."""

    async def story():
        bench = Bench(by({"openai#second": [refused(401, "invalid_api_key"), whole()], "openai#main": [whole()]}), KEYS)
        ear = listening(bench)
        for _ in range(20):
            await bench.ask()
        assert ear.kinds == [K.CREDENTIAL_REFUSED]
        assert ear.heard[0].subject == 'credential "second" of provider "openai"'
        assert "401 invalid_api_key" in ear.heard[0].text
        await asyncio.sleep(80)
        for _ in range(4):
            await bench.ask()
        assert ear.kinds == [K.CREDENTIAL_REFUSED, K.CREDENTIAL_RESTORED]

    play(story)


def test_a_return_is_told_once():
    """A credential that a background probe found well is not told again with the first request it serves."""

    async def story():
        bench = Bench(by({"openai#second": [refused(401, "invalid_api_key"), whole()], "openai#main": [whole()]}), KEYS)
        ear = listening(bench)
        await bench.ask()
        credential = bench.house.world.fleet.credentials["openai", "second"]
        clock, rng = bench.house.parts.clock, bench.house.parts.rng
        await asyncio.sleep(80)
        assert credential.quarantine.take(clock.now())
        credential.probed(Verdict.OK, clock.now(), clock.wall(), rng)
        for _ in range(4):
            await bench.ask()
        assert ear.kinds == [K.CREDENTIAL_REFUSED, K.CREDENTIAL_RESTORED]

    play(story)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refused(429, "insufficient_quota"), K.ACCOUNT_EMPTY),
        (refused(402), K.ACCOUNT_EMPTY),
        (refused(404, "model_not_found"), K.MODEL_GONE),
    ],
)
def test_what_needs_its_owner_is_told(reply, kind):
    """An empty account and a model that is gone are told, with whose it is and without a word of the provider's message."""

    async def story():
        bench = Bench(lambda request: reply if "openai.com" in request.url else whole(), FALL)
        ear = listening(bench)
        for _ in range(5):
            assert (await bench.ask()).failure is None
        assert ear.kinds == [kind]
        assert "openai" in ear.heard[0].subject

    play(story)


def test_models_that_callers_made_up_are_not_told():
    """Names that no route has and nobody ever answered to tell nobody anything; one that was answered and then is gone does."""

    async def story():
        gone = refused(404, "model_not_found")
        true = iter([whole(), gone])
        bench = Bench(lambda request: next(true) if b'"true"' in request.body else gone, FALL)
        ear = listening(bench)
        for number in range(20):
            assert (await bench.ask(model=f"openai/made-up-{number}")).failure is not None
        assert ear.kinds == []
        assert (await bench.ask(model="openai/true")).failure is None
        assert (await bench.ask(model="openai/true")).failure is not None
        assert ear.kinds == [K.MODEL_GONE]
        assert ear.heard[0].subject.startswith("openai/true")

    play(story)


def test_a_providers_code_is_not_told_as_it_comes():
    """A code of a provider's that is no code, but a text without end or with control characters, does not leave the house."""

    async def story():
        reply = refused(401, "x\x1b[31m" + "y" * 500)
        bench = Bench(lambda request: reply if "openai.com" in request.url else whole(), FALL)
        ear = listening(bench)
        await bench.ask()
        assert ear.kinds == [K.CREDENTIAL_REFUSED]
        assert "yyy" not in ear.heard[0].text and "\x1b" not in ear.heard[0].text

    play(story)


@pytest.mark.parametrize("reply", [refused(500), refused(429), refused(400, "x")])
def test_what_mends_itself_is_not_told(reply):
    """A fault, a throttle and a caller's mistake are nobody's errand."""

    async def story():
        bench = Bench([reply], ALONE)
        ear = listening(bench)
        for _ in range(10):
            await bench.ask(timeout=3.0)
        assert ear.kinds == []

    play(story)


def test_a_breaker_that_stays_open_is_told_and_its_end():
    """After a minute of an outage it is told once, and when it is over; a shorter one is nobody's errand."""

    async def story():
        loop = asyncio.get_running_loop()
        bench = Bench(lambda _request: refused(500) if 10 <= loop.time() < 40 or 100 <= loop.time() < 200 else whole(), ALONE)
        ear = listening(bench)
        watching = asyncio.ensure_future(keep_watching(bench.house))
        while loop.time() < 240:
            await asyncio.sleep(0.25)
            await bench.ask()
        watching.cancel()
        await asyncio.wait((watching,))
        assert ear.kinds == [K.BREAKER_OPEN, K.BREAKER_CLOSED]
        opened, closed = (alert.at for alert in ear.heard)
        assert 60 <= (opened - bench.told[0].started) / 1e9 - 100 <= 64
        assert 200 <= (closed - bench.told[0].started) / 1e9 <= 225

    play(story)


def test_a_breaker_that_was_taken_out_does_not_answer_again():
    """A deployment behind an open breaker that a reload takes out is told to be gone, not well; no picture shows it any more."""

    async def story():
        bench = Bench(lambda _request: refused(500), ALONE)
        ear = listening(bench)
        watching = asyncio.ensure_future(keep_watching(bench.house))
        for _ in range(300):
            await asyncio.sleep(0.25)
            await bench.ask()
        read = load(ALONE.replace(b"gpt-5.4-mini", b"gpt-5.5"), ENVIRON, KINDS)
        bench.house.swap(build_setup(Blueprint(read, {}), bench.house))
        await asyncio.sleep(2)
        watching.cancel()
        await asyncio.wait((watching,))
        mine = [alert for alert in ear.heard if alert.subject == "openai/gpt-5.4-mini#main"]
        assert [alert.kind for alert in mine] == [K.BREAKER_OPEN, K.BREAKER_CLOSED]
        assert "is not in the configuration" in mine[-1].text
        assert [one.name for one in picture(bench.house.world, now()).deployments] == ["openai/gpt-5.5#main"]

    play(story)


def test_a_name_that_a_caller_made_up_is_no_news():
    """Nobody is told that a model is missing which no route of the settings names, and the fleet stays as healthy as it was."""

    async def story():
        bench = Bench(lambda _request: refused(404, "model_not_found", message='The model "gpt-none" does not exist'), ALONE)
        ear = listening(bench)
        await bench.ask(model="openai/gpt-none")
        shown = picture(bench.house.world, now())
        assert [(one.name, one.state, one.is_found) for one in shown.deployments][1:] == [("openai/gpt-none#main", "missing", True)]
        assert (ear.kinds, shown.status) == ([], "healthy")

    play(story)


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(("prompt", "completion"), [(10, 10**9), (10**8, 5)])
def test_more_than_a_model_can_take_is_not_believed(prompt, completion, is_stream):
    """A report beyond ten times the window or the largest output is told with its figures, and booked as no report is (S-8)."""

    async def story():
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        frames = (frame({"content": "hi"}), frame({}, "stop"), frame({}, None, usage), DONE)
        bench = Bench([streamed(*frames) if is_stream else whole(prompt=prompt, completion=completion)], ALONE)
        ear = listening(bench)
        answer = (await bench.stream())[0] if is_stream else await bench.ask()
        assert answer.failure is None
        assert bench.settled[0].usage_source == "estimated"
        assert [(one.kind, one.subject) for one in ear.heard] == [(K.USAGE_ABSURD, "openai/gpt-5.4-mini#main")]
        assert f"{completion:,} output" in ear.heard[0].text
        claimed = answer.story.attempts[0].claimed
        assert claimed is not None and (claimed.total_input, claimed.total_output) == (prompt, completion)
        counted = b'stormkeel_usage_above_bound_total{believed="no",model="gpt-5.4-mini",provider="openai"} 1.0'
        assert counted in bench.house.metrics.text()

    play(story)
