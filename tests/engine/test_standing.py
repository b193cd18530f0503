"""How the fleet stands at a moment, after whole requests in virtual time."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from story_stage import ALONE, DONE, END, HEAD, KEYS, TWO, Bench, play, refused, streamed, text, whole

from stormkeel.engine.standing import Standing, picture
from stormkeel.types.wire import Headers

LIMITED = TWO.replace(
    b'[["openai/gpt-5.4-mini"]', b'[[{ provider = "openai", model = "gpt-5.4-mini", rpm = 10, tpm = 100000, concurrency = 4 }]'
)
WAIT: Headers = (("retry-after", "100"),)


def row(bench: Bench, name: str) -> Standing:
    """How one deployment stands now."""
    world = bench.house.world
    return next(one for one in picture(world, world.ports.clock.now()).deployments if one.name.startswith(name))


def test_a_fresh_fleet_is_healthy() -> None:
    """Before the first request everything is healthy, all limits are free, and nothing is known of times and errors."""

    async def story() -> None:
        bench = Bench([whole()], LIMITED)
        shown = picture(bench.house.world, 0.0)
        assert [shown.status, shown.active_requests] == ["healthy", 0]
        assert [one.state for one in shown.deployments] == ["healthy", "healthy"]
        first = shown.deployments[0]
        assert (first.left.requests, first.left.tokens, first.left.places) == (10, 100_000, 4)
        assert [first.success, first.errors, first.last_error, first.latency_s] == [None, {}, None, None]
        assert [one.name for one in shown.providers] == ["openai", "backup", "anthropic"]
        assert [one.name for one in shown.credentials] == ["main", "main"]

    play(story)


def test_limits_and_load_while_a_request_is_under_way() -> None:
    """A request under way is in flight, takes a place, and has been debited; afterwards its true tokens are."""

    async def story() -> None:
        bench = Bench([whole(prompt=10, completion=5)], LIMITED)
        asking = asyncio.ensure_future(bench.ask(max_tokens=500))
        await asyncio.sleep(0)
        busy = row(bench, "openai")
        assert (busy.in_flight, busy.left.requests, busy.left.places) == (1, 9, 3)
        assert busy.left.tokens is not None
        assert busy.left.tokens <= 100_000 - 500
        await asking
        done = row(bench, "openai")
        assert (done.in_flight, done.left.places, done.left.tokens) == (0, 4, 100_000 - 500)  # OpenAI counts what was asked for
        assert [done.attempts, done.success, done.last_error] == [1, 1.0, None]

    play(story)


def test_a_rate_limit_cools_and_is_told_with_its_time() -> None:
    """A quota group that was told to wait is cooling, says why, and for how long; then it is healthy again."""

    async def story() -> None:
        bench = Bench([refused(429, "rate_limit_exceeded", headers=WAIT), whole()], TWO)
        await bench.ask()
        await asyncio.sleep(40)
        told = row(bench, "openai")
        assert [told.state, told.for_s] == ["cooling", 60.0]
        assert "quota group" in told.why
        assert "rate_limit" in told.why
        assert told.errors == {"rate_limit": 1}
        shown = picture(bench.house.world, bench.house.world.ports.clock.now())
        assert [shown.status, shown.providers[0].status, shown.providers[1].status] == ["degraded", "unhealthy", "healthy"]
        await asyncio.sleep(60)
        assert row(bench, "openai").state == "healthy"

    play(story)


def test_an_open_breaker_then_half_open_then_healthy() -> None:
    """Faults open the breaker for a while; then it lets probes through; when enough came back it is healthy."""

    async def story() -> None:
        settings = TWO + b"[policies.breaker]\nconsecutive = 2\npermits = [1]\n"
        bench = Bench([refused(500), refused(500), whole()], settings)
        await bench.ask()
        told = row(bench, "openai")
        assert [told.state, told.errors] == ["open", {"server": 2}]
        assert told.for_s is not None
        await asyncio.sleep(told.for_s + 0.001)  # it is told rounded
        assert [row(bench, "openai").state, row(bench, "openai").for_s] == ["half_open", None]
        await bench.ask()
        assert row(bench, "openai").state == "healthy"

    play(story)


def test_a_refused_credential_and_its_probe() -> None:
    """A credential that was refused is set aside until its probe; then the next attempt is that probe, and it says so."""

    async def story() -> None:
        bench = Bench([refused(401, "invalid_api_key"), whole()], KEYS)
        await bench.ask()
        told = row(bench, "openai/gpt-5.4-mini#second")
        assert told.state == "cooling"
        assert 'credential "second" of provider "openai"' in told.why
        assert told.for_s is not None
        await asyncio.sleep(told.for_s + 0.001)  # it is told rounded
        due = row(bench, "openai/gpt-5.4-mini#second")
        assert [due.state, due.for_s] == ["half_open", None]
        assert "probe" in due.why

    play(story)


def test_times_of_good_attempts_are_told() -> None:
    """To the first content and to the end, from when it was sent; a provider's is the mean of its deployments."""

    async def story() -> None:
        bench = Bench([streamed(HEAD, 0.5, *text("one "), 1.5, *text("two "), END, DONE)], ALONE)
        await asyncio.sleep(10.0)
        await bench.stream()
        told = row(bench, "openai")
        assert (told.ttft_s, told.latency_s) == (0.5, 2.0)
        world = bench.house.world
        assert [one.latency_s for one in picture(world, world.ports.clock.now()).providers if one.name == "openai"] == [2.0]

    play(story)


def test_seconds_are_told_to_the_thousandth() -> None:
    """No more digits than anybody reads."""

    async def story() -> None:
        bench = Bench([refused(429, "rate_limit_exceeded", headers=(("retry-after", "100.5678"),)), whole()], TWO)
        await bench.ask()
        told = row(bench, "openai")
        assert told.for_s == 100.568

    play(story)


def test_each_limit_says_where_it_comes_from() -> None:
    """What the provider told is learned, what is written is where it is written, the rest is from the settings."""

    async def story() -> None:
        bench = Bench([whole()], LIMITED)
        member = bench.house.world.fleet.members[0]
        origins = dict(member.deployment.origins)
        assert {one.name: one.source for one in row(bench, "openai").limits} == {
            name: origins.get(name, "settings") for name in ("rpm", "tpm", "concurrency")
        }
        member.deployment = replace(member.deployment, origins=(("rpm", "settings.toml:3"),))
        member.cooling[0].rate.learn("tpm", 9000, 0.0)
        told = {one.name: (one.amount, one.source) for one in row(bench, "openai").limits}
        assert told == {"rpm": (10, "settings.toml:3"), "tpm": (9000, "learned"), "concurrency": (4, "settings")}

    play(story)


def test_a_share_is_told_to_the_thousandth() -> None:
    """What is left of a limit after four throttles."""

    async def story() -> None:
        bench = Bench([whole()], LIMITED)
        quota = bench.house.world.fleet.members[0].cooling[0]
        for number in range(4):
            quota.throttled(5.0 * number)
        assert quota.rate.share == pytest.approx(0.2401)
        assert row(bench, "openai").share == 0.24

    play(story)
