"""Outages: how little is sent into them, how soon their end is noticed, and what a breaker does about it (S-20, S-23, S-24, INV-11)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from story_stage import ALONE, FALL, Bench, Reply, now, play, refused, whole

from stormkeel.engine.ports import WireFault
from stormkeel.testing import Sent
from stormkeel.types.failure import FailureKind
from stormkeel.types.wire import HttpRequest

K = FailureKind
NO_BREAKER = b"[policies.breaker]\nconsecutive = 10000\nleast = 1000000\n"
"""A breaker that never opens, to see the retry budget alone."""


def ailing(until: float, reply: Reply) -> Callable[[HttpRequest], Reply]:
    """A provider that gives one reply until a moment, and answers from then on."""
    return lambda _request: reply if now() < until else whole()


async def load(bench: Bench, rate: float, seconds: float) -> list[tuple[float, FailureKind | None]]:
    """Ask at an even rate for some time; returns when each request was made and what it failed with."""
    tasks: list[tuple[float, asyncio.Task]] = []
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, number / rate - now()))
        tasks.append((now(), asyncio.ensure_future(bench.ask())))
    outcomes = []
    for at, task in tasks:
        failure = (await task).failure
        outcomes.append((at, failure and failure.kind))
    return outcomes


def again(sent: list[Sent]) -> int:
    """How many of what was sent were second or later sends of a request."""
    return len(sent) - len({dict(one.request.headers)["x-client-request-id"].partition(".")[0] for one in sent})


def test_an_outage_is_not_made_worse():
    """A minute of nothing but 500 costs at most 35 further sends, then none, by the retry budget alone; after it all is well (S-20)."""

    async def story():
        bench = Bench(ailing(60.0, refused(500)), ALONE + NO_BREAKER)
        outcomes = await load(bench, 160, 70)
        outage = [one for one in bench.transport.sent if one.at < 60.0]
        assert 30 <= again(outage) <= 35
        assert again([one for one in outage if one.at > 1.0]) == 0
        assert len(outage) == 60 * 160 + again(outage)
        after = [kind for at, kind in outcomes if at >= 60.0]
        assert after.count(None) / len(after) >= 0.99

    play(story)


def test_an_outage_behind_a_breaker():
    """With the usual breaker a minute of 500 at 200 requests/s sees but a few probes, and five seconds after it 99 % succeed (S-20)."""

    async def story():
        bench = Bench(ailing(60.0, refused(500)), ALONE)
        outcomes = await load(bench, 200, 75)
        outage = [one for one in bench.transport.sent if one.at < 60.0]
        assert len(outage) < 5 + 60 * 2 + 20
        assert again(outage) <= 35
        after = [kind for at, kind in outcomes if at >= 65.0]
        assert after.count(None) / len(after) >= 0.99

    play(story)


def test_throttles_cost_less():
    """A minute of 429 without a hint costs at most a hundred further sends (docs/reliability.md, Retries)."""

    async def story():
        bench = Bench(ailing(60.0, refused(429)), ALONE)
        await load(bench, 50, 60)
        assert 90 <= again(bench.transport.sent) <= 100

    play(story)


def test_a_third_of_faults_is_mended_cheaply():
    """With 30 % of requests failing nearly all are answered, for at most 1.2 sends each plus the budget's first 35 (S-20)."""

    async def story():
        dice = Random(5)
        bench = Bench(lambda _request: refused(500) if dice.random() < 0.3 else whole(), ALONE + NO_BREAKER)
        outcomes = await load(bench, 200, 30)
        offered = len(outcomes)
        assert len(bench.transport.sent) <= 1.2 * offered + 35
        assert sum(kind is None for _, kind in outcomes) / offered > 0.75

    play(story)


def test_the_budget_recovers():
    """After an outage every success fills the budget again, so that a later blip is retried."""

    async def story():
        bench = Bench(ailing(10.0, refused(500)), ALONE + NO_BREAKER)
        await load(bench, 20, 10)
        budget = bench.house.world.budgets["openai"]
        assert budget.left < 14
        await load(bench, 100, 16)
        assert budget.left > 400

    play(story)


def test_each_provider_has_a_budget_of_its_own():
    """A storm at one provider leaves the retries of another untouched."""

    async def story():
        bench = Bench(lambda request: refused(500) if "openai.com" in request.url else whole(), FALL + NO_BREAKER)
        outcomes = await load(bench, 50, 10)
        assert all(kind is None for _, kind in outcomes)
        assert bench.house.world.budgets["other"].left == 500

    play(story)


def test_a_burst_of_resets_is_not_sent_again_as_a_burst():
    """A hundred requests cut off at one moment are tried again at most a fifth at a time, and where the budget pays, all answered."""

    async def story():
        def reply(_request):
            return Reply(fault=WireFault("head", "reset"), delay=1.0) if now() < 0.5 else Reply(200, whole().body, delay=1.0)

        bench = Bench(reply, ALONE + NO_BREAKER + b"[policies.budget]\ncapacity = 2000\n")
        answers = await asyncio.gather(*(bench.ask() for _ in range(100)))
        assert all(answer.failure is None for answer in answers)
        again = [one.at for one in bench.transport.sent if one.at > 0.5]
        assert len(again) == 100
        at_once = [sum(at <= other < at + 1.0 for other in again) for at in again]
        assert max(at_once) <= 20

    play(story)


def test_who_was_told_when_to_come_back_needs_no_place():
    """A burst that is told to come back in two seconds comes back then, all of it: that is no storm of ours (INV-12)."""

    async def story():
        told = refused(429, headers=(("retry-after", "2"),))
        bench = Bench(lambda _request: told if now() < 1.0 else Reply(200, whole().body, delay=1.0), ALONE)
        answers = await asyncio.gather(*(bench.ask() for _ in range(60)))
        assert all(answer.failure is None for answer in answers)
        assert max(one.at for one in bench.transport.sent) < 3.0

    play(story)


# -- breakers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [refused(500), refused(529), Reply(delay=1e6)], ids=["500", "529", "silence"])
def test_a_breaker_opens_and_sends_traffic_elsewhere(fault):
    """Five faults in a row take a deployment out; from then on requests go straight to the fallback (INV-13)."""

    async def story():
        bench = Bench(lambda request: fault if "openai.com" in request.url else whole(), FALL)
        for _ in range(6):
            assert (await bench.ask()).failure is None
        first = [whom for whom in bench.whom if whom == "openai#main"]
        assert len(first) in {5, 6}  # the sixth is a half-open probe, where time has passed
        assert bench.house.world.fleet.members[0].breaker.state.value == "open"
        start = now()
        assert (await bench.ask()).story.latency == 0.0
        assert now() == start
        assert bench.whom[-1] == "other#main"

    play(story)


@pytest.mark.parametrize(
    "fault", [refused(400, "x"), refused(429), refused(404), refused(413), refused(429, "insufficient_quota"), refused(401)]
)
def test_what_does_not_open_a_breaker(fault):
    """A caller's mistake, a throttle, a missing model, an empty account and a dead credential say nothing about health."""

    async def story():
        bench = Bench([fault], ALONE)
        for _ in range(50):
            await bench.ask(timeout=5.0)
        assert bench.house.world.fleet.members[0].breaker.state.value == "closed"

    play(story)


def test_a_breaker_probes_and_closes():
    """Once its time is up an open breaker lets one probe through, then three, then ten, and closes when all are good (INV-13)."""

    async def story():
        bench = Bench(lambda request: ailing(30.0, refused(500))(request) if "openai.com" in request.url else whole(), FALL)
        outcomes = await load(bench, 20, 60)
        assert all(kind is None for _, kind in outcomes)
        during = [one for one in bench.transport.sent if "openai.com" in one.request.url and one.at < 30.0]
        assert len(during) < 15  # five to open it, and a probe now and then
        late = Counter("openai.com" in one.request.url for one in bench.transport.sent if one.at > 46.0)
        assert late[False] == 0
        assert bench.house.world.fleet.members[0].breaker.state.value == "closed"

    play(story)


def test_an_open_breaker_with_nowhere_to_go_probes_every_second():
    """Where every deployment's breaker is open at least one probe a second is still sent, and no more than two (S-24)."""

    async def story():
        bench = Bench(ailing(30.0, refused(500)), ALONE)
        outcomes = await load(bench, 20, 40)
        seconds = Counter(int(one.at) for one in bench.transport.sent if 2.0 <= one.at < 30.0)
        assert min(seconds[second] for second in range(2, 30)) >= 1
        assert max(seconds.values()) <= 3
        assert all(kind is None for at, kind in outcomes if at > 32.0)  # first success closes within two seconds
        assert bench.house.world.fleet.members[0].breaker.state.value == "closed"

    play(story)


def test_an_open_breaker_says_when_to_come_back():
    """A request refused by an open breaker with nobody else to ask is told so at once, and for how long."""

    async def story():
        bench = Bench([refused(500)], ALONE)
        for _ in range(4):
            await bench.ask()
        sent = len(bench.transport.sent)
        answer = await bench.ask()
        assert answer.failure.kind is K.BREAKER_OPEN
        assert 0.0 < answer.failure.retry_after <= 15.0
        assert len(bench.transport.sent) == sent
        assert answer.story.latency == 0.0

    play(story)


def test_a_request_refused_by_us_is_told_once():
    """The story of a request names each deployment's refusal once, not once for each gate that was asked again."""

    async def story():
        bench = Bench([refused(500)], ALONE)
        for _ in range(4):
            await bench.ask()
        answer = await bench.ask()
        assert [attempt.deployment for attempt in answer.story.attempts] == ["openai/gpt-5.4-mini#main"]

    play(story)


def test_a_late_answer_does_not_move_the_breaker():
    """An answer that was under way when the breaker opened changes nothing about it (S-23, INV-13)."""

    async def story():
        script = iter([Reply(200, whole().body, delay=20.0)])
        bench = Bench(lambda _request: next(script, None) or refused(500), ALONE)
        early = asyncio.ensure_future(bench.ask())
        await asyncio.sleep(0)
        for _ in range(3):
            await bench.ask()
        breaker = bench.house.world.fleet.members[0].breaker
        assert breaker.state.value == "open"
        assert (await early).failure is None
        assert breaker.state.value == "open"

    play(story)


def test_a_cancelled_probe_makes_room_for_the_next():
    """A caller that leaves while its request is the half-open probe does not keep the breaker half open (S-23)."""

    async def story():
        bench = Bench(lambda _request: refused(500) if now() < 10.0 else Reply(200, whole().body, delay=1.0), ALONE)
        await load(bench, 10, 1)
        await asyncio.sleep(20.0)
        probe = asyncio.ensure_future(bench.ask())
        await asyncio.sleep(0.5)
        probe.cancel()
        await asyncio.wait((probe,))
        for _ in range(20):
            assert (await bench.ask()).failure is None
        assert bench.house.world.fleet.members[0].breaker.state.value == "closed"

    play(story)
