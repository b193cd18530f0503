"""Waiting at full limits: who is served, in which order, for how long, and that nothing is left of those who go."""

from __future__ import annotations

import asyncio
from collections import Counter
from random import Random

import pytest
from msgspec.structs import replace
from story_stage import Bench, Reply, by, now, play, refused, whole

from stormkeel.engine.line import Answer
from stormkeel.engine.world import Terms
from stormkeel.types.failure import FailureKind

K = FailureKind


def limited(limits: str, more: str = "", route: str = "") -> bytes:
    """One provider with limits."""
    return f"""
    [providers.openai]
    limits = {{ {limits} }}
    [providers.openai.credentials]
    main = "env:OPENAI_API_KEY"
    [routes.fast]
    groups = [["openai/gpt-5.4-mini"]]
    {route}
    {more}
    """.encode()


def two(first: str, second: str) -> bytes:
    """Two providers in one group, each with limits."""
    return f"""
    [providers.openai.credentials]
    main = "env:OPENAI_API_KEY"
    [providers.backup]
    kind = "compatible"
    base_url = "http://127.0.0.1:9/v1"
    [routes.fast]
    strategy = "priority"
    groups = [[{{ provider = "openai", model = "gpt-5.4-mini", {first} }}, {{ provider = "backup", model = "m", {second} }}]]
    """.encode()


async def ask(bench: Bench, key: str = "", wait: float | None = None, priority: int | None = None, **options: float) -> Answer:
    """Ask as one caller."""
    request = bench.request("fast", **options)
    said = replace(request.options, key=key, queue_wait=wait, priority=priority)
    return await bench.house.answer(replace(request, options=said))


def line(bench: Bench):
    """The line before the first deployment's limits."""
    return bench.house.world.fleet.members[0].cooling[0].line


def test_a_taken_place_is_waited_for():
    """Where nobody else is left a request waits for a place, is served in its turn, and its story says how long it waited."""

    async def story():
        bench = Bench([Reply(200, whole().body, delay=2.0)], limited("concurrency = 1"))
        answers = await asyncio.gather(*(ask(bench, wait=10.0) for _ in range(3)))
        assert all(answer.failure is None for answer in answers)
        assert bench.times == [0.0, 2.0, 4.0]
        assert [round(answer.story.queued, 3) for answer in answers] == [0.0, 2.0, 4.0]
        assert [len(answer.story.attempts) for answer in answers] == [1, 1, 1]

    play(story)


def test_a_quarter_of_a_second_is_the_usual_patience():
    """A request that says nothing waits 250 ms for a place, then it is refused with a hint; one with a deadline waits until then."""

    async def story():
        bench = Bench([Reply(200, whole().body, delay=2.0)], limited("concurrency = 1"))
        first = asyncio.ensure_future(ask(bench))
        await asyncio.sleep(0)
        usual, patient = await asyncio.gather(ask(bench), ask(bench, timeout=5.0))
        assert usual.failure.kind is K.CONCURRENCY_REACHED
        assert usual.story.queued == pytest.approx(0.25)
        assert usual.story.latency == pytest.approx(0.25)
        assert patient.failure is None
        await first

    play(story)


@pytest.mark.parametrize(("more", "route", "key"), [("[policies.queue]\nwait = 3", "", ""), ("", "queue_wait = 3", ""), ("", "", "k")])
def test_patience_is_set_for_all_for_a_route_or_for_a_key(more: str, route: str, key: str):
    """`queue.wait`, a route's `queue_wait` and a key's say how long a turn is worth; the nearest counts."""

    async def story():
        keys = f'[[keys]]\nname = "k"\nkey = "env:OPENAI_API_KEY"\nqueue_wait = 3\n{more}'
        bench = Bench([Reply(200, whole().body, delay=2.0)], limited("concurrency = 1", keys, route))
        answers = await asyncio.gather(ask(bench, key), ask(bench, key))
        assert [answer.failure for answer in answers] == [None, None]

    play(story)


def test_what_cannot_fit_is_refused_at_once():
    """A turn that would come too late is not waited for: the refusal comes at once and says when, those before it counted."""

    async def story():
        bench = Bench([whole()], limited("rpm = 60, burst = 0.0166"))
        answers = await asyncio.gather(*(ask(bench, wait=3.5) for _ in range(10)))
        late = [answer for answer in answers if answer.failure is not None]
        assert len(late) == 6
        assert {answer.story.latency for answer in late} == {0.0}
        assert all(answer.failure.kind is K.RATE_REACHED for answer in late)
        assert min(answer.failure.retry_after for answer in late) == pytest.approx(4.0, abs=0.01)
        assert bench.times == pytest.approx([0.0, 1.0, 2.0, 3.0], abs=0.001)

    play(story)


def test_what_can_never_fit_does_not_wait():
    """A request larger than its limit is refused for ever, at once, whoever waits."""

    async def story():
        bench = Bench([whole()], limited("tpm = 1000"))
        answer = await ask(bench, wait=100.0, max_tokens=5000)
        assert (answer.failure.forever, now()) == (True, 0.0)

    play(story)


def test_it_waits_for_whoever_has_room_first():
    """With every candidate full it waits for all of them at once, and goes to the one that has room first."""

    async def story():
        bench = Bench(
            by({"openai#main": [Reply(200, whole().body, delay=9.0)], "127.0.0.1:9": [Reply(200, whole().body, delay=4.0)]}),
            two("concurrency = 1", "concurrency = 1"),
        )
        answers = await asyncio.gather(*(ask(bench, wait=20.0) for _ in range(4)))
        assert all(answer.failure is None for answer in answers)
        assert list(zip(bench.whom, bench.times, strict=True)) == [
            ("openai#main", 0.0), ("127.0.0.1:9", 0.0), ("127.0.0.1:9", 4.0), ("127.0.0.1:9", 8.0),
        ]  # fmt: skip

    play(story)


def test_a_candidate_with_room_is_not_waited_past():
    """As long as anybody has room nobody waits: the overflow goes there at once."""

    async def story():
        bench = Bench([whole()], two("rpm = 2", "rpm = 100"))
        for _ in range(10):
            assert (await ask(bench)).story.queued == 0.0
        assert now() == 0.0
        assert Counter(bench.whom) == {"openai#main": 2, "127.0.0.1:9": 8}

    play(story)


def test_after_a_failure_elsewhere_the_full_one_is_waited_for():
    """Where the one with room fails, the request's turn at the full one is worth a wait all the same."""

    async def story():
        bench = Bench(
            by({"openai#main": [Reply(200, whole().body, delay=3.0)], "127.0.0.1:9": [refused(401, "invalid_api_key")]}),
            two("concurrency = 1", "rpm = 100"),
        )
        answers = await asyncio.gather(ask(bench, wait=10.0), ask(bench, wait=10.0))
        assert [answer.failure for answer in answers] == [None, None]
        assert bench.whom == ["openai#main", "127.0.0.1:9", "openai#main"]
        assert [attempt.made for attempt in answers[1].story.attempts] == [False, True, True]

    play(story)


def test_newcomers_do_not_overtake():
    """Whoever comes while others wait waits behind them, also in the moment in which room comes back."""

    async def story():
        bench, order = Bench([whole()], limited("rpm = 60, burst = 0.0166")), []

        async def one(name: int) -> None:
            await ask(bench, wait=60.0)
            order.append(name)

        tasks = []
        for name in range(20):
            tasks.append(asyncio.ensure_future(one(name)))
            await asyncio.sleep(0.3)
        await asyncio.gather(*tasks)
        assert order == list(range(20))

    play(story)


def test_small_ones_do_not_slip_past():
    """Somebody who waits for many tokens is not passed by newcomers who would fit into what is there already."""

    async def story():
        bench = Bench([whole()], limited("tpm = 1200"))
        await ask(bench, max_tokens=1000)
        large = asyncio.ensure_future(ask(bench, wait=60.0, max_tokens=600))
        await asyncio.sleep(1.0)
        small = await ask(bench, wait=60.0, max_tokens=100)
        assert small.failure is None
        assert large.done()
        assert bench.times[1] == pytest.approx(20.0, abs=0.1)
        assert bench.times[2] > 24.0

    play(story)


def test_a_hint_wakes_whom_it_can_serve():
    """Of 1,500 who wait each is asked twice in all: once to find the limit full, once when it is served."""

    async def story():
        bench = Bench([whole()], limited("rpm = 6000, burst = 0.0166"))
        asked, member = Counter(), bench.house.world.fleet.members[0]
        admit = member._asks[1]

        def counted(*given):
            asked["rate"] += 1
            return admit(*given)

        member._asks = (member._asks[0], counted, *member._asks[2:])
        answers = await asyncio.gather(*(ask(bench, wait=60.0) for _ in range(1500)))
        assert all(answer.failure is None for answer in answers)
        assert asked["rate"] <= 2 * 1500
        assert now() == pytest.approx(14.0, abs=0.1)

    play(story)


def test_who_goes_leaves_nothing_behind():
    """INV-15: of waiters that are cancelled, time out or are served in any mixture no place in a line is left, and none is lost."""

    async def story():
        rng, bench = Random(7), Bench([Reply(200, whole().body, delay=0.7)], limited("rpm = 300, concurrency = 3"))
        tasks = []
        for _ in range(400):
            tasks.append(asyncio.ensure_future(ask(bench, f"k{rng.randrange(4)}", rng.choice([0.1, 1.0, 30.0]))))
            await asyncio.sleep(rng.random() * 0.2)
            if rng.random() < 0.4:
                rng.choice(tasks[-6:]).cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        kinds = Counter("gone" if isinstance(one, BaseException) else one.failure and one.failure.kind for one in ended)
        assert min(kinds["gone"], kinds[None], kinds[K.CONCURRENCY_REACHED] + kinds[K.RATE_REACHED]) > 10
        assert (len(line(bench).queue), line(bench).is_busy, line(bench).is_open) == (0, False, False)
        assert (await ask(bench, wait=30.0)).failure is None

    play(story)


def test_a_cancelled_turn_goes_to_the_next():
    """Whoever is gone in the very moment of its turn does not hold up those behind it, nor who is gone while it waits."""

    class Leaver:
        """Cancels the next one between its call and its turn: when the first one's story is told, its place is given already."""

        def answered(self, _story: object) -> None:
            assert line(bench)._called
            second.cancel()

        def broke(self, _error: object, _request: object) -> None: ...

    async def story():
        nonlocal bench, second
        bench = Bench([Reply(200, whole().body, delay=1.0)], limited("concurrency = 1"))
        first, second, third, fourth = (asyncio.ensure_future(ask(bench, wait=10.0)) for _ in range(4))
        await asyncio.sleep(0.5)
        fourth.cancel()
        await asyncio.sleep(0)
        assert len(line(bench).queue) == 2
        ports = bench.house.world.ports
        ports.sinks, sinks = (*ports.sinks, Leaver()), ports.sinks
        await first
        ports.sinks = sinks
        assert (await third).failure is None
        assert bench.times == pytest.approx([0.0, 1.0])
        assert second.cancelled()

    bench = second = None

    play(story)


def test_priorities_share_and_nobody_starves():
    """High priority gets four times the room of normal, low a quarter of it, and each gets some."""

    async def story():
        bench = Bench([whole()], limited("rpm = 600, burst = 0.001"))
        bench.house.world.terms = {f"k{priority}": Terms(None, priority) for priority in (5, 0, -5)}
        served, tasks = Counter[int](), []

        async def one(priority: int) -> None:
            if (await ask(bench, f"k{priority}", 21.0, priority)).failure is None:
                served[priority] += 1

        for priority in (5, 0, -5):
            tasks += [asyncio.ensure_future(one(priority)) for _ in range(400)]
        await asyncio.sleep(20.0)
        assert served[5] == pytest.approx(16 * served[-5], rel=0.2)
        assert served[0] == pytest.approx(4 * served[-5], rel=0.2)
        assert served[-5] >= 8
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    play(story)


def test_a_key_bounds_the_priority_of_its_owner():
    """A request may ask for less than its key's priority, and not for more; nor than the usual, where its key says none (INV-19)."""

    async def story():
        keys = '[[keys]]\nname = "k"\nkey = "env:OPENAI_API_KEY"\npriority = "low"'
        bench = Bench([Reply(200, whole().body, delay=1.0)], limited("concurrency = 1", keys))
        tasks = [asyncio.ensure_future(ask(bench, "", 9.0))]
        await asyncio.sleep(0)
        tasks += [asyncio.ensure_future(ask(bench, key, 9.0, priority)) for key, priority in (("k", 10), ("x", 10), ("k", -9), ("", 9))]
        await asyncio.sleep(0)
        waiting = sorted(one.priority for one in line(bench).queue._waiting)
        assert waiting == [-9, -5, 0, 9]
        await asyncio.gather(*tasks)

    play(story)


def test_a_providers_pause_ends_gently():
    """After a Retry-After those who waited go out as one, then two, then four a step; a second 429 stops the rest again."""

    async def story():
        busy = Reply(429, refused(429, headers=(("retry-after", "2"),)).body, (("retry-after", "2"),), delay=0.12)
        bench = Bench([busy, busy, whole()], limited("learn = false"))
        first = asyncio.ensure_future(ask(bench))
        await asyncio.sleep(0.5)
        others = await asyncio.gather(first, *(ask(bench, wait=30.0) for _ in range(200)))
        assert all(answer.failure is None for answer in others)
        early = [at for at in bench.times if at < 4.0]
        assert len(early) <= 1 + 1 + 2 + 4 + 2
        assert max(Counter(round(at, 3) for at in bench.times).values()) <= 128

    play(story)


def test_a_full_line_refuses_at_once():
    """A bounded line refuses whoever comes on top of it, at once."""

    async def story():
        bench = Bench([Reply(200, whole().body, delay=1.0)], limited("concurrency = 1", "[policies.queue]\nmost = 2"))
        answers = await asyncio.gather(*(ask(bench, wait=30.0) for _ in range(5)))
        assert [answer.failure is None for answer in answers] == [True, True, True, False, False]
        assert answers[-1].failure.retry_after is not None

    play(story)


def test_a_turn_at_an_open_breaker_is_a_probe():
    """Whoever is called while the breaker is open goes as a rare probe, or is refused; nobody is called for ever."""

    async def story():
        settings = limited("concurrency = 1", "[policies.breaker]\nconsecutive = 2\n[policies.retry]\nattempts = 1")
        bench = Bench([Reply(500, refused(500).body, delay=0.5)], settings)
        answers = await asyncio.gather(*(ask(bench, wait=20.0) for _ in range(30)))
        assert all(answer.failure is not None for answer in answers)
        assert len(bench.times) <= 2 + 16
        assert now() < 21.0

    play(story)


@pytest.mark.parametrize(("places", "waits"), [(1, 1.0), (2, 0.5), (4, 0.25)])
def test_who_finds_all_places_taken_is_told_about_when_one_is_free(places, waits):
    """By how long attempts usually take, a second where nobody knows, shared by the places: the more there are, the sooner."""

    async def story():
        bench = Bench([Reply(200, whole().body, delay=3.0)], limited(f"concurrency = {places}"))
        held = [asyncio.ensure_future(ask(bench)) for _ in range(places)]
        await asyncio.sleep(1.0)
        told = await ask(bench, wait=0.0)
        assert told.failure.kind is K.CONCURRENCY_REACHED
        assert told.failure.retry_after == pytest.approx(waits)
        await asyncio.gather(*held)
        held = [asyncio.ensure_future(ask(bench)) for _ in range(places)]
        await asyncio.sleep(1.0)
        told = await ask(bench, wait=0.0)
        assert told.failure.retry_after == pytest.approx(3.0 * waits), "as long as the first ones took"
        await asyncio.gather(*held)

    play(story)
