"""A new configuration while requests are under way: what goes on, what begins anew, and what nobody may see (S-48)."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import Counter
from typing import Any

import pytest
from story_stage import ALONE, ENVIRON, KEYS, Bench, Reply, by, now, play, refused, whole

from stormkeel.assemble.building import build_setup
from stormkeel.assemble.setup import Blueprint
from stormkeel.config.load import load
from stormkeel.engine.credentials import credential_states
from stormkeel.engine.heritage import KEPT
from stormkeel.engine.standing import limits_of
from stormkeel.policies.base import Need
from stormkeel.providers import KINDS
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.secret import Secret

K = FailureKind
LIMITED = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[routes.fast]
groups = [[{ provider = "openai", model = "gpt-5.4-mini", rpm = 60, concurrency = 3 }]]
"""
OTHER = ALONE.replace(b"gpt-5.4-mini", b"gpt-5.5")


def renew(bench: Bench, settings: bytes, **secrets: str) -> None:
    """Swap in another configuration, as a reload does at its end; `secrets` are new ones by credential."""
    read = load(settings, ENVIRON, KINDS)
    known = {
        (name, label): Secret(secrets.get(label, f"sk-{name}-{label}-0123456789abcdef"))
        for name, provider in read.providers.items()
        for label in provider.credentials
    }
    bench.house.swap(build_setup(Blueprint(read, known), bench.house))


def member(bench: Bench, place: int = 0) -> Any:
    """A deployment of the present world."""
    return bench.house.world.fleet.members[place]


def test_a_request_ends_in_the_world_it_began_in():
    """A request under way keeps its route, and its ledger row says on which version it ran; the next one runs on the new."""

    async def story():
        bench = Bench(by({"openai#main": [Reply(200, whole().body, delay=5.0), whole()]}), ALONE)
        before = bench.house.setup.version
        task = asyncio.ensure_future(bench.ask())
        await asyncio.sleep(1)
        renew(bench, OTHER)
        assert (bench.house.active, bench.house.world.active) == (1, 0)
        await bench.ask()
        assert (await task).failure is None
        after = bench.house.setup.version
        assert before != after
        assert [(entry.model, entry.config) for entry in bench.reserved] == [("gpt-5.4-mini", before), ("gpt-5.5", after)]
        assert [(story.attempts[0].model, story.config) for story in bench.told] == [("gpt-5.5", after), ("gpt-5.4-mini", before)]
        assert bench.house.active == 0

    play(story)


def test_a_retry_stays_in_its_world():
    """A request that waits for its second try meanwhile makes it by the settings it began with."""

    async def story():
        bench = Bench(by({"openai#main": [refused(429, headers=(("retry-after", "3"),)), whole(), whole()]}), ALONE)
        task = asyncio.ensure_future(bench.ask())
        await asyncio.sleep(1)
        renew(bench, OTHER)
        assert (await task).failure is None
        assert [entry.model for entry in bench.reserved] == ["gpt-5.4-mini", "gpt-5.4-mini"]
        assert len({entry.config for entry in bench.reserved}) == 1

    play(story)


def test_limits_are_shared_by_both_worlds():
    """Requests of the old world and of the new one count against one limit; a reload opens neither places nor the rate."""

    async def story():
        bench = Bench([Reply(200, whole().body, delay=5.0)], LIMITED)
        first = [asyncio.ensure_future(bench.ask()) for _ in range(2)]
        await asyncio.sleep(0.1)
        renew(bench, LIMITED + b'\n[routes.more]\ngroups = [["openai/gpt-5.5"]]\n')
        more = [asyncio.ensure_future(bench.ask()) for _ in range(2)]
        await asyncio.sleep(0.1)
        assert member(bench).concurrency.in_flight == 3
        answers = await asyncio.gather(*first, *more)
        assert [answer.failure is None for answer in answers] == [True, True, True, False]
        assert answers[3].failure.kind is K.CONCURRENCY_REACHED
        assert member(bench).concurrency.in_flight == 0

    play(story)


@pytest.mark.parametrize("limits", [(60, 60), (60, 30), (30, 60)])
def test_a_minute_holds_over_reloads(limits):
    """However often the configuration changes, no minute has more requests than the larger limit and its burst allow (INV-12)."""

    async def story():
        bench = Bench([whole()], LIMITED.replace(b"rpm = 60", b"rpm = %d" % limits[0]))
        for turn in range(600):
            await bench.ask()
            await asyncio.sleep(0.25)
            if turn % 2:
                renew(bench, LIMITED.replace(b"rpm = 60", b"rpm = %d" % limits[turn // 2 % 2]))
        times = bench.times
        most = max(sum(start <= at < start + 60.0 for at in times) for start in times)
        assert most <= 2 * max(limits)

    play(story)


def test_a_line_taken_out_and_in_again_opens_no_limit():
    """A deployment that a configuration leaves out for a while comes back with what it had taken."""

    async def story():
        bench = Bench([whole()], LIMITED)
        for _ in range(60):
            await bench.ask()
        renew(bench, OTHER)
        await bench.ask()
        renew(bench, LIMITED)
        assert (await bench.ask(timeout=0.5)).failure.kind is K.RATE_REACHED

    play(story)


APART = b"""
[providers.openai]
credentials = { main = "env:OPENAI_API_KEY" }
limits = { rpm = 60, burst = 0.1, rpd = 8 }
[routes.one]
groups = [["openai/gpt-5.4-mini"]]
[routes.two]
groups = [["openai/gpt-5.5"]]
"""
"""Two models that count by themselves: six requests at once each."""
TOGETHER = APART.replace(b"rpd = 8", b'rpd = 8, pool = "all"')


async def passing(bench: Bench, model: str, of: int) -> int:
    """How many of so many requests at once get through at once."""
    answers = await asyncio.gather(*(bench.ask(model, timeout=0.1) for _ in range(of)))
    return sum(one.failure is None for one in answers)


def test_models_that_are_put_together_bring_what_they_took():
    """A pool begins with what its models had taken, of a minute and of a day."""

    async def story():
        bench = Bench([whole()], APART)
        assert [await passing(bench, "one", 3), await passing(bench, "two", 2)] == [3, 2]
        renew(bench, TOGETHER)
        assert {one.name: one.left for one in limits_of(member(bench), now())} == {"rpm": 1, "rpd": 3}
        assert await passing(bench, "one", 3) + await passing(bench, "two", 3) == 1
        await asyncio.sleep(60.0)
        assert await passing(bench, "one", 3) + await passing(bench, "two", 3) == 2, "of the day's eight"

    play(story)


def test_models_that_are_put_apart_have_taken_what_all_did():
    """Nobody knows whose it was, so that each counts all of it; taken back, nothing is counted twice."""

    async def story():
        bench = Bench([whole()], TOGETHER)
        assert await passing(bench, "one", 3) == 3
        for settings in (APART, TOGETHER, APART, TOGETHER):
            renew(bench, settings)
            assert {one.name: one.left for one in limits_of(member(bench), now())} == {"rpm": 3, "rpd": 5}
        renew(bench, APART)
        assert [await passing(bench, "one", 6), await passing(bench, "two", 6)] == [3, 3]

    play(story)


def test_a_model_that_comes_into_a_pool_adds_what_it_took():
    """A pool that was there before counts what a newcomer has taken beside what it has counted itself."""

    async def story():
        alone = TOGETHER.replace(b'"all"', b'"all", models = { "gpt-5.5" = { pool = "" } }')
        bench = Bench([whole()], alone)
        assert [await passing(bench, "one", 3), await passing(bench, "two", 2)] == [3, 2]
        renew(bench, TOGETHER)
        assert {one.name: one.left for one in limits_of(member(bench), now())} == {"rpm": 1, "rpd": 3}

    play(story)


@pytest.mark.parametrize(("first", "then"), [(APART, TOGETHER), (TOGETHER, APART)])
def test_a_pause_goes_along(first: bytes, then: bytes):
    """Whoever has to rest does so wherever it counts."""

    async def story():
        bench = Bench([refused(429, headers=(("retry-after", "30"),)), whole()], first)
        await bench.ask("one", timeout=1)
        renew(bench, then)
        assert (await bench.ask("one", timeout=1)).failure.kind is K.COOLING
        assert ((await bench.ask("two", timeout=1)).failure is None) is False
        assert (await bench.ask("two", timeout=40)).failure is None
        assert now() == pytest.approx(30.0, abs=0.1)

    play(story)


def test_a_model_that_is_gone_is_gone_alone_wherever_it_counts():
    """What is said of one model rests nobody else once they count in one."""

    async def story():
        bench = Bench([refused(404, "model_not_found"), whole()], APART)
        assert (await bench.ask("one", timeout=1)).failure.kind is K.MODEL_UNAVAILABLE
        renew(bench, TOGETHER)
        assert (await bench.ask("two", timeout=1)).failure is None
        assert now() == 0.0

    play(story)


def test_what_is_only_looked_at_takes_nothing_over():
    """A configuration that is not swapped in leaves the counts as they are."""

    async def story():
        bench = Bench([whole()], APART)
        assert await passing(bench, "one", 3) == 3
        read = load(TOGETHER, ENVIRON, KINDS)
        build_setup(Blueprint(read, bench.house.setup.blueprint.secrets), bench.house)
        assert await passing(bench, "one", 6) == 3
        renew(bench, TOGETHER)
        assert await passing(bench, "two", 6) == 0

    play(story)


def test_a_limit_that_is_taken_out_is_gone():
    """Without `concurrency` any number goes at once and no limit is shown; set again, it counts those who still have a place."""

    async def story():
        bench = Bench([Reply(200, whole().body, delay=5.0)], LIMITED)
        tasks = [asyncio.ensure_future(bench.ask()) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert [one.name for one in limits_of(member(bench), now())] == ["rpm", "concurrency"]
        renew(bench, LIMITED.replace(b", concurrency = 3", b""))
        tasks += [asyncio.ensure_future(bench.ask()) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert [one.name for one in limits_of(member(bench), now())] == ["rpm"]
        assert member(bench).cooling[0].full(now(), Need()) is None
        assert len(bench.transport.sent) == 6
        renew(bench, LIMITED)
        assert (await bench.ask(timeout=0.1)).failure.kind is K.CONCURRENCY_REACHED
        assert [answer.failure for answer in await asyncio.gather(*tasks)] == [None] * 6
        assert (await bench.ask()).failure is None

    play(story)


ORG = b"""
[providers.openai.credentials]
a = { ref = "env:A", quota = "org" }
b = { ref = "env:B", quota = "org" }
[routes.fast]
groups = [[{ provider = "openai", model = "gpt-5.4-mini", credential = "a", rpm = 60, concurrency = 3 }]]
"""


def test_a_model_named_by_a_caller_undoes_no_limit():
    """A caller who names a route's model by its provider gets the group's other credential, and the limits that the route has."""

    async def story():
        bench = Bench([Reply(200, whole().body, delay=5.0)], ORG)
        for text in (ORG, ORG + b"\n[policies.retry]\nattempts = 2\n"):
            renew(bench, text)
            tasks = [asyncio.ensure_future(bench.ask("openai/gpt-5.4-mini", timeout=10.0)) for _ in range(8)]
            await asyncio.sleep(0.1)
            assert sum(one.in_flight for one in bench.house.world.fleet.members) == 3
            assert [[one.name for one in limits_of(member(bench, place), now())] for place in (0, 1)] == [["rpm", "concurrency"]] * 2
            await asyncio.gather(*tasks)

    play(story)


def test_what_was_gone_for_long_is_forgotten():
    """After a quarter of an hour out of every configuration nothing of a deployment is kept."""

    async def story():
        bench = Bench([whole()], LIMITED)
        renew(bench, OTHER)
        await asyncio.sleep(KEPT + 1)
        renew(bench, OTHER + b"\n[policies.retry]\nattempts = 2\n")
        renew(bench, OTHER)
        assert set(bench.house.heritage.members) == {"openai/gpt-5.5#main"}
        assert set(bench.house.heritage.quotas) == {"openai#main/gpt-5.5"}
        assert set(bench.house.heritage.credentials) == {("openai", "main")}

    play(story)


def test_an_open_breaker_stays_open():
    """A reload does not send the next requests into an outage; other breaker settings hold from then on."""

    async def story():
        bench = Bench([refused(500)], ALONE + b"\n[policies.retry]\nattempts = 1\n")
        for _ in range(5):
            await bench.ask()
        assert member(bench).breaker.state.value == "open"
        renew(bench, ALONE + b"\n[policies.breaker]\nconsecutive = 7\n")
        assert member(bench).breaker.state.value == "open"
        assert member(bench).breaker._settings.consecutive == 7

    play(story)


def test_an_outcome_of_the_old_world_counts():
    """A fault that comes after the swap, of a request from before it, is the breaker's fifth."""

    async def story():
        bench = Bench([*[refused(500)] * 4, Reply(500, delay=5.0)], ALONE + b"\n[policies.retry]\nattempts = 1\n")
        for _ in range(4):
            await bench.ask()
        task = asyncio.ensure_future(bench.ask())
        await asyncio.sleep(1)
        renew(bench, ALONE)
        await task
        assert member(bench).breaker.state.value == "open"

    play(story)


def test_a_breaker_of_another_address_begins_anew():
    """Where the address has changed, what the old one did says nothing; the limits stay."""

    async def story():
        bench = Bench([refused(500)], LIMITED + b"\n[policies.retry]\nattempts = 1\n")
        for _ in range(5):
            await bench.ask()
        rate = member(bench).rate
        address = b'[providers.openai]\nbase_url = "http://127.0.0.1:7/v1"\n'
        moved = LIMITED.replace(b"[providers.openai.cred", address + b"[providers.openai.cred")
        renew(bench, moved)
        assert member(bench).breaker.state.value == "closed"
        assert member(bench).rate is rate

    play(story)


def test_a_pause_that_the_provider_asked_for_is_kept():
    """A Retry-After is not forgotten by a reload (INV-12)."""

    async def story():
        bench = Bench([refused(429, headers=(("retry-after", "30"),)), whole()], ALONE)
        await bench.ask(timeout=1)
        renew(bench, ALONE + b"\n[policies.retry]\nattempts = 2\n")
        assert (await bench.ask(timeout=1)).failure.kind is K.COOLING
        assert now() < 5

    play(story)


def test_a_credential_changed_in_its_place_is_in_service_at_once():
    """A dead credential stays aside over a reload; the key that is put there instead serves at once, the old one's state gone."""

    async def story():
        bench = Bench(by({"openai#main": [refused(401)], "openai#new": [whole()]}), ALONE)
        await bench.ask()
        renew(bench, ALONE + b"\n[policies.parking]\ncredential = 120.0\n")
        assert (await bench.ask()).failure.kind is K.CREDENTIAL
        assert credential_states(bench.house.world, now())[0].state == "set_aside"
        renew(bench, ALONE, main="sk-openai-new-0123456789abcdef")
        assert (await bench.ask()).failure is None
        assert credential_states(bench.house.world, now())[0].state == "in_service"

    play(story)


def test_a_credential_is_changed_without_a_failure():
    """Requests under way finish with the old key, the next go out with the new one, and none fails."""

    async def story():
        slow = Reply(200, whole().body, delay=2.0)
        bench = Bench(by({"openai#main": [slow], "openai#new": [slow]}), ALONE)
        tasks = []
        for turn in range(40):
            tasks.append(asyncio.ensure_future(bench.ask()))
            await asyncio.sleep(0.1)
            if turn == 19:
                renew(bench, ALONE, main="sk-openai-new-0123456789abcdef")
        assert all(answer.failure is None for answer in await asyncio.gather(*tasks))
        assert Counter(bench.whom) == {"openai#main": 20, "openai#new": 20}

    play(story)


def test_retry_budgets_and_turns_go_on():
    """What retries have cost stays paid, and round robin goes on where it was."""

    async def story():
        bench = Bench(by({"openai#main": [refused(500)], "openai#second": [whole()]}), KEYS)
        await bench.ask()
        await bench.ask()
        left, turn = bench.house.world.budgets["openai"].left, bench.house.world.turn
        assert left < 500
        renew(bench, KEYS + b"\n[policies.retry]\nattempts = 2\n")
        assert bench.house.world.budgets["openai"].left == left
        assert bench.house.world.turn == turn == 2

    play(story)


def test_latency_goes_on():
    """The average latency that people see is kept while the deployment is the same."""

    async def story():
        bench = Bench([Reply(200, whole().body, delay=2.0)], ALONE)
        await bench.ask()
        renew(bench, ALONE + b"\n[policies.retry]\nattempts = 2\n")
        assert member(bench).recent.latency == pytest.approx(2.0)

    play(story)


def test_the_quickness_of_a_deployment_goes_on():
    """What least_latency compares is kept over reloads; a route that comes to it keeps the counts it had, and begins to time."""

    async def story():
        quick = ALONE + b'strategy = "least_latency"\n'
        bench = Bench([Reply(200, whole().body, delay=2.0)], ALONE)
        await bench.ask()
        assert member(bench).pace is None
        renew(bench, quick)
        assert (member(bench).pace.estimate(2.0, True), member(bench).recent.latency) == (None, pytest.approx(2.0))
        await bench.ask()
        renew(bench, quick + b"\n[policies.retry]\nattempts = 2\n")
        assert member(bench).pace.estimate(4.0, True) == pytest.approx(2.0)
        assert member(bench).recent.look(4.0).attempts == 2

    play(story)


def test_a_model_found_later_has_its_state_too():
    """A deployment that no route names, asked for again after a reload, has the breaker it had."""

    async def story():
        bench = Bench([refused(500)], ALONE + b"\n[policies.retry]\nattempts = 1\n")
        for _ in range(5):
            await bench.ask("openai/gpt-5.5")
        renew(bench, ALONE + b"\n[policies.breaker]\nconsecutive = 9\n")
        answer = await bench.ask("openai/gpt-5.5")
        assert len(bench.transport.sent) == 6, answer  # one probe of the last candidate left, no more
        assert member(bench, 1).breaker._settings.consecutive == 9

    play(story)


def test_a_setup_that_is_not_swapped_in_changes_nothing():
    """Building beside the present world leaves every gate as it is, until the swap."""

    async def story():
        bench = Bench([whole()], LIMITED)
        await bench.ask()
        kept = dict(bench.house.heritage.members)
        read = load(LIMITED.replace(b"rpm = 60", b"rpm = 1"), ENVIRON, KINDS)
        build_setup(Blueprint(read, {}), bench.house)
        assert bench.house.heritage.members == kept
        assert not isinstance(await asyncio.gather(*(bench.ask() for _ in range(3))), Failure)
        assert [answer.failure for answer in [await bench.ask() for _ in range(3)]] == [None] * 3

    play(story)


def test_old_worlds_are_let_go():
    """After a thousand swaps, with a request in every tenth world, only the present world is left, and no collector was needed."""

    async def story():
        bench = Bench([Reply(200, whole().body, delay=0.5)], LIMITED.replace(b"concurrency = 3", b"concurrency = 300"))
        gc.disable()
        try:
            worlds, tasks = [], []
            for turn in range(1000):
                worlds.append(weakref.ref(bench.house.world))
                if turn % 10 == 0:
                    tasks.append(asyncio.ensure_future(bench.ask()))
                    await asyncio.sleep(0)
                renew(bench, LIMITED.replace(b"concurrency = 3", b"concurrency = %d" % (300 + turn % 7)))
            assert sum(one() is not None for one in worlds) <= 101
            await asyncio.gather(*tasks)
            tasks.clear()
            await asyncio.sleep(1)
            assert [one() for one in worlds if one() is not None] == []
        finally:
            gc.enable()
        assert len(bench.house.heritage.members) == 1

    play(story)
