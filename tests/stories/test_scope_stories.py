"""What deployments share: a region that is down, a credential that alone is ill, a group of which too many are out (S-23, S-24, S-25)."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

from storm_stage import load
from story_stage import WHOLE_STREAM, Bench, Reply, now, play, refused, streamed, whole, whom

from stormkeel.testing import Sent

MODELS = 6
REGION = (
    b"""
[providers.east]
kind = "openai"
base_url = "http://127.0.0.1:8/v1"
region = "east"
credentials = { main = "env:OPENAI_API_KEY" }
[providers.west]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
region = "west"
credentials = { main = "env:OPENAI_API_KEY" }
"""
    + b"".join(b'[routes.m%d]\ngroups = [["east/m%d"], ["west/m%d"]]\n' % (n, n, n) for n in range(MODELS))
)
"""Six models in one region, each with its likeness in another behind it."""

TWINS = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
second = "env:OPENAI_API_KEY_2"
[routes.x]
strategy = "round_robin"
groups = [["openai/x"]]
[routes.y]
strategy = "round_robin"
groups = [["openai/y"]]
"""
"""Two models, each with two credentials."""


def breakers(bench: Bench) -> dict[str, str]:
    """How each breaker stands, those of scopes by their names."""
    members = bench.house.world.fleet.members
    own = {one.deployment.name: one.breaker.state.value for one in members}
    return own | {scope.name: scope.state.value for one in members for scope in one.scopes}


def to(bench: Bench, name: str) -> list[Sent]:
    """What was sent to somebody."""
    return [sent for sent in bench.transport.sent if whom(sent.request) == name]


async def each(bench: Bench, seconds: float, models: int = MODELS, rate: float = 4.0) -> list[bool]:
    """Ask for each model so many times a second; returns which were answered."""
    asked, start = [], now()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, start + number / rate - now()))
        asked += [asyncio.ensure_future(bench.ask(f"m{model}")) for model in range(models)]
    return [(await one).failure is None for one in asked]


def test_a_dead_region_is_left_at_once_with_one_probe_for_all():
    """Once several models of a region are dead, those not asked yet are left alone as well, and one probe goes out for all of them."""

    async def story():
        bench = Bench(lambda request: refused(500) if whom(request) == "east#main" and now() < 60.0 else whole(), REGION)
        assert all(await each(bench, 3.0, models=5))
        assert breakers(bench)['region "east" of provider "east"'] == "open"
        assert breakers(bench)['region "west" of provider "west"'] == "closed"
        before = len(to(bench, "east#main"))
        assert (await bench.ask("m5")).failure is None  # nobody has asked for it before
        assert len(to(bench, "east#main")) == before
        assert all(await each(bench, 60.0 - now()))
        probes = [sent for sent in to(bench, "east#main") if 5.0 < sent.at < 60.0]
        assert 3 <= len(probes) <= 12  # alone, each of six would have been probed so often
        assert all(await each(bench, 40.0))
        assert set(breakers(bench).values()) == {"closed"}

    play(story)


def test_one_dead_model_leaves_its_region_alone():
    """A model that is dead takes out itself, and no other of its region, idle or busy."""

    async def story():
        dead = b'"model": "m0"'
        bench = Bench(lambda request: refused(500) if whom(request) == "east#main" and dead in request.body else whole(), REGION)
        assert all(await each(bench, 20.0, models=2))
        assert breakers(bench)["east/m0#main"] != "closed"
        assert breakers(bench)['region "east" of provider "east"'] == "closed"
        assert (await bench.ask("m5")).story.attempts[0].provider == "east"

    play(story)


def test_a_credential_that_alone_is_ill_is_left_for_all_its_models():
    """Faults with one credential, while its twin is well at the same model, take that credential out for its other models as well."""

    async def story():
        bench = Bench(lambda request: refused(500) if whom(request) == "openai#main" else whole(), TWINS)
        for _ in range(14):
            assert (await bench.ask("x")).failure is None
        found = breakers(bench)
        assert found['credential "main" of provider "openai"'] == "open"
        assert found['credential "second" of provider "openai"'] == found['provider "openai"'] == "closed"
        sent = len(to(bench, "openai#main"))
        for _ in range(6):
            assert (await bench.ask("y")).failure is None
        assert len(to(bench, "openai#main")) == sent

    play(story)


# -- how many may be out -------------------------------------------------------------------------------------------------

FOUR = b"".join(
    b'[providers.p%d]\nkind = "openai"\nbase_url = "http://127.0.0.1:%d/v1"\ncredentials = { main = "env:OPENAI_API_KEY" }\n'
    % (n, 8 + n) for n in range(4)
) + b'[routes.fast]\nstrategy = "round_robin"\ngroups = [["p0/m", "p1/m", "p2/m", "p3/m"]]\n'  # fmt: skip
"""Four that serve equally well."""


def test_half_of_a_group_may_be_out():
    """Of four whose answers fail half of the time, at least two are never refused: their traffic goes on, and most is answered (S-24)."""

    async def story():
        dice = Random(3)
        bench = Bench(lambda _request: refused(500) if dice.random() < 0.6 else whole(), FOUR)
        outcomes = await load(bench, 20, 60)
        late = [kind for at, kind in outcomes if at > 10.0]
        assert late.count(None) / len(late) > 0.7
        asked = Counter(whom(sent.request) for sent in bench.transport.sent if sent.at > 10.0)
        assert sum(count > 60 for count in asked.values()) >= 2

    play(story)


def test_panic_sends_little_to_the_dead():
    """With all four dead, each is sent a probe now and then and nothing else, however many ask; the first answer brings them back (S-24)."""

    async def story():
        bench = Bench(lambda _request: refused(500) if now() < 60.0 else whole(), FOUR)
        outcomes = await load(bench, 40, 75)
        during = [sent for sent in bench.transport.sent if 5.0 < sent.at < 60.0]
        assert 55 <= len(during) <= 4 * 2 * 55
        assert all(kind is None for at, kind in outcomes if at > 62.0)

    play(story)


# -- slow first content --------------------------------------------------------------------------------------------------


def test_who_begins_late_is_left_and_comes_back():
    """A deployment whose streams begin 20 times as late is out after some ten seconds, and back once it is quick again (S-25)."""

    async def story():
        def reply(request):
            is_slow = whom(request) == "p0#main" and 30.0 <= now() < 90.0
            return streamed(b"".join(WHOLE_STREAM), delay=10.0 if is_slow else 0.5)

        bench = Bench(reply, FOUR)
        asked = []
        for number in range(4 * 140):
            await asyncio.sleep(max(0.0, number / 4 - now()))
            asked.append((now(), asyncio.ensure_future(bench.stream())))
        took = [(at, (await task)[0].story.ttft) for at, task in asked]
        slow = [at for at, ttft in took if ttft > 2.0]
        assert len([at for at in slow if 30.0 <= at < 60.0]) <= 35
        assert len([at for at in slow if 65.0 <= at < 90.0]) <= 5  # probes
        assert not [at for at in slow if at >= 92.0]
        assert breakers(bench)["p0/m#main"] == "closed"
        assert len([sent for sent in to(bench, "p0#main") if sent.at > 125.0]) > 5

    play(story)


def test_all_slow_is_nobodys_reason_to_refuse():
    """Where everybody begins late, nobody is refused: a late answer is better than none."""

    async def story():
        bench = Bench(lambda _request: streamed(b"".join(WHOLE_STREAM), delay=0.2 if now() < 20.0 else 8.0), FOUR)
        asked = []
        for number in range(4 * 90):
            await asyncio.sleep(max(0.0, number / 4 - now()))
            asked.append(asyncio.ensure_future(bench.stream()))
        answers = [(await one)[0] for one in asked]
        assert all(answer.failure is None for answer in answers)
        assert all(len(answer.story.attempts) == 1 for answer in answers[-100:])

    play(story)


def test_a_slow_one_that_dies_is_no_longer_let_through():
    """One that was only slow, and then fails, keeps no traffic but probes."""

    async def story():
        def reply(_request: object) -> Reply:
            return refused(500) if now() > 60.0 else streamed(b"".join(WHOLE_STREAM), delay=0.2 if now() < 20.0 else 8.0)

        bench = Bench(reply, FOUR)
        for number in range(4 * 120):
            await asyncio.sleep(max(0.0, number / 4 - now()))
            asyncio.ensure_future(bench.stream())  # noqa: RUF006 - the next sleep waits for all of them
        await asyncio.sleep(60.0)
        assert len([sent for sent in bench.transport.sent if sent.at > 80.0]) < 2 * 4 * 40

    play(story)
