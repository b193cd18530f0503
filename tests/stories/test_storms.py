"""Outages: how little is sent into them, how soon their end is noticed, and what a breaker does about it (S-23, INV-11)."""

from __future__ import annotations

import asyncio
from collections import Counter
from copy import copy

import pytest
from storm_stage import NO_BREAKER, again, ailing, load
from story_stage import ALONE, FALL, Bench, Reply, now, play, refused, whole

from stormkeel.engine.ports import WireFault
from stormkeel.engine.retrying import begin, end
from stormkeel.engine.run import Run
from stormkeel.types.failure import Failure, FailureKind

K = FailureKind


def test_throttles_cost_less():
    """A minute of 429 without a hint costs at most a hundred further sends (docs/reliability.md, Retries)."""

    async def story():
        bench = Bench(ailing(60.0, refused(429)), ALONE)
        await load(bench, 50, 60)
        assert 90 <= again(bench.transport.sent) <= 100

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


def test_a_retry_that_finds_no_place_costs_nothing():
    """Where another can answer, who finds no place among the retries goes there at once, and its price is given back."""

    async def story():
        def reply(request):
            return Reply(fault=WireFault("head", "reset"), delay=1.0) if "openai.com" in request.url else whole()

        bench = Bench(reply, FALL + NO_BREAKER)
        answers = await asyncio.gather(*(bench.ask() for _ in range(30)))
        assert all(answer.failure is None for answer in answers)
        made = again([one for one in bench.transport.sent if "openai.com" in one.request.url])
        assert 3 <= made < 10
        assert bench.house.world.budgets["openai"].left == 500 - 14 * made
        assert max(answer.story.latency for answer in answers) < 2.2

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


# -- places -----------------------------------------------------------------------------------------------------------------

CROWDED = ALONE + b"[policies.budget]\nconcurrent_least = 1\n"
HINTED = Failure(K.RATE_LIMIT, "later", retry_after=2.0)


def crowded(bench, timeout=None):
    """A request whose provider has all its places for retries taken; with its member and budget."""
    run = Run(bench.request("fast", timeout), bench.house.world, None)
    budget = bench.house.world.budgets["openai"]
    assert budget.enter(0)
    return run, bench.house.world.fleet.members[0], budget


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("looks", [1, 2])
def test_a_place_is_looked_for_after_a_while_by_chance(seed, looks):
    """Whoever finds none looks again 0.05 to 0.1 s later, each time drawn anew, and takes the first that it finds free."""

    async def story():
        bench = Bench([], CROWDED, seed=seed)
        run, member, budget = crowded(bench)
        dice = copy(bench.house.world.ports.rng)
        due = [0.05 * (1.0 + dice.random()) for _ in range(looks)]
        asyncio.get_running_loop().call_later(sum(due) - 0.001, budget.leave)
        assert await begin(run, member, Failure(K.SERVER, "no"), False)
        assert now() == pytest.approx(sum(due))
        assert (run.place, budget.under_way, budget.left, run.paid) == (budget, 1, 500 - 14, 14)
        end(run)
        assert (run.place, budget.under_way) == (None, 0)

    play(story)


@pytest.mark.parametrize(("kind", "has_other", "lasts"), [(K.SERVER, True, 0.0), (K.OVERLOADED, True, 0.0), (K.SERVER, False, 0.4)])
def test_a_place_is_waited_for_where_nobody_else_is_left_and_no_longer_than_there_is_time(kind, has_other, lasts):
    """A retry that is not made gives back what it paid."""

    async def story():
        bench = Bench([], CROWDED)
        run, member, budget = crowded(bench, timeout=0.5)
        budget.take(throttled=False)
        assert not await begin(run, member, Failure(kind, "no"), has_other)
        assert lasts <= now() <= (0.5 if lasts else 0.0)
        assert (run.place, budget.under_way, budget.left, run.paid) == (None, 1, 500 - 14, 0)

    play(story)


@pytest.mark.parametrize("failure", [HINTED, Failure(K.FOREIGN_THOUGHT, "strange")])
def test_who_needs_no_place_waits_for_none(failure):
    """Who was told when to come back, and who comes back with less, pays and goes on at once."""

    async def story():
        bench = Bench([], CROWDED)
        run, member, budget = crowded(bench)
        assert await begin(run, member, failure, False)
        paid = 5 if failure is HINTED else 14
        assert (now(), run.place, budget.under_way, budget.left, run.paid) == (0.0, None, 1, 500 - paid, paid)

    play(story)


def test_who_can_not_pay_does_not_wait():
    """An empty budget lets nobody begin, though a place is free."""

    async def story():
        bench = Bench([], CROWDED)
        run, member, budget = crowded(bench)
        budget.leave()
        while budget.take(throttled=False):
            pass
        left = budget.left
        assert not await begin(run, member, Failure(K.SERVER, "no"), False)
        assert (now(), run.place, budget.under_way, budget.left) == (0.0, None, 0, left)

    play(story)
