"""Each state of a deployment, with its words and its time; and how several stand together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from story_stage import DONE, END, FALL, HEAD, Bench, play, refused, streamed, text, whole

from stormkeel.engine.standing import Picture, ProviderStanding, Standing, picture, standing, status_of
from stormkeel.policies.base import Need, Verdict
from stormkeel.types.usage import Usage

NOW = 1000.0
RNG = Random(1)


def state_after(change: Callable[[Any], None], at: float = NOW, settings: bytes = FALL) -> tuple[str, str, float | None]:
    """State, words and seconds of the first deployment at a moment, after a change at NOW."""
    told: list[Standing] = []

    async def story() -> None:
        bench = Bench([whole()], settings)
        member = bench.house.world.fleet.members[0]
        change(member)
        told.append(standing(member, at))

    play(story)
    return told[0].state, told[0].why, told[0].for_s


def fail(member: Any, times: int = 5, verdict: Verdict = Verdict.FAULT, at: float = NOW) -> None:
    """So many attempts that end so."""
    tickets = [member.breaker.admit(at) for _ in range(times)]
    for ticket in tickets:
        member.breaker.settle(ticket, verdict, at, RNG)


def be_late(member: Any) -> None:
    """First contents that come late, after many that did not."""
    tickets = [member.breaker.admit(NOW) for _ in range(80)]
    for place, ticket in enumerate(tickets):
        member.breaker.begin(ticket, 0.5 if place < 50 else 500.0, NOW, RNG)


def probe(member: Any) -> None:
    """An open breaker whose probe is out."""
    fail(member)
    assert isinstance(member.breaker.admit(NOW + 100.0), int)


def probe_credential(member: Any) -> None:
    """A refused credential whose probe is due."""
    member.credential.refused("401 x", NOW - 80.0, 1, RNG)


GROUP = 'quota group "openai#main/gpt-5.4-mini"'
CREDENTIAL = 'credential "main" of provider "openai"'


@pytest.mark.parametrize(
    ("change", "at", "state", "why", "span"),
    [
        (lambda _: None, NOW, "healthy", "", None),
        (lambda one: one.cooling[0].park(NOW + 9.87654, "told to"), NOW, "cooling", f"{GROUP}: told to", 9.877),
        (lambda one: one.cooling[0].park(NOW, "told to"), NOW, "healthy", "", None),
        (lambda one: one.alone.miss(NOW + 60.0, "404 x"), NOW, "missing", f"{GROUP}: 404 x", 60.0),
        (lambda one: one.credential.park(NOW + 5.0, "no money"), NOW, "cooling", f"{CREDENTIAL}: no money", 5.0),
        (probe_credential, NOW, "half_open", f"the next attempt is the probe of {CREDENTIAL}: 401 x", None),
        (lambda one: fail(one, 4), NOW, "healthy", "", None),
        (fail, NOW, "open", "faults opened the breaker", "left"),
        (be_late, NOW, "open", "answers that begin late opened the breaker", "left"),
        (fail, NOW + 100.0, "half_open", "the breaker lets probes through", None),
        (probe, NOW + 101.0, "half_open", "the breaker lets probes through", 14.0),
        (lambda one: one.scopes[0].trip(NOW, RNG), NOW, "open", 'provider "openai" is down, as several of its deployments say', "shared"),
        (lambda one: one.scopes[0].trip(NOW, RNG), NOW + 100.0, "healthy", "", None),
    ],
)
def test_each_state(change: Callable[[Any], None], at: float, state: str, why: str, span: Any) -> None:
    """In the order of what would refuse it first."""
    members: list[Any] = []

    def changed(member: Any) -> None:
        members.append(member)
        change(member)

    told = state_after(changed, at)
    if span in ("left", "shared"):
        breaker = members[0].breaker if span == "left" else members[0].scopes[0]
        refusal = breaker.refusal(at)
        span = round(refusal.retry_after, 3)
        assert 0.0 < span < refusal.retry_after + 0.001
        assert span != refusal.retry_after
    assert told == (state, why, span)


def test_a_standing_counts_what_is_under_way_and_who_waits() -> None:
    """Attempts, places, those in line, and the share that is left after throttles."""

    async def story() -> None:
        limits = b'[[{ provider = "openai", model = "gpt-5.4-mini", rpm = 60, concurrency = 4 }]'
        bench = Bench([whole()], FALL.replace(b'[["openai/gpt-5.4-mini"]', limits))
        member = bench.house.world.fleet.members[0]
        ticket = member.admit(0.0, Need(10))
        assert isinstance(ticket, list)
        quota = member.cooling[0]
        quota.throttled(0.0)
        told = standing(member, 0.0)
        assert (told.in_flight, told.left.places, told.share, told.waiting) == (1, 1, 0.7, 0)
        quota.rate.learn("rpm", 30, 0.0)
        assert [(one.name, one.amount, one.source) for one in standing(member, 0.0).limits] == [
            ("rpm", 30, "learned"), ("concurrency", 2, "target"),
        ]  # fmt: skip
        member.settle(ticket, Verdict.OK, Usage(), 0.0, RNG)

    play(story)


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([], "healthy"), (["healthy"], "healthy"), (["healthy", "open"], "degraded"), (["open", "cooling"], "unhealthy"),
        (["healthy", "half_open"], "degraded"), (["missing"], "unhealthy"), (["missing", "made up"], "unhealthy"),
        (["healthy", "made up"], "healthy"), (["made up"], "healthy"),
    ],
)  # fmt: skip
def test_several_together(states: list[str], status: str) -> None:
    """A model that a caller made up says nothing of anybody's health."""
    rows: list[Any] = []

    async def story() -> None:
        member = Bench([whole()], FALL).house.world.fleet.members[0]
        one = standing(member, 0.0)
        rows.extend(replace(one, state="missing" if say == "made up" else say, is_found=say == "made up") for say in states)

    play(story)
    assert status_of(rows) == status


def test_a_picture_of_a_fleet() -> None:
    """Providers by their deployments: status, retries left, and the mean of the averages, to a ten-thousandth."""
    told: list[Picture] = []

    async def story() -> None:
        settings = FALL.replace(b'["openai/gpt-5.4-mini"]', b'["openai/gpt-5.4-mini"], ["openai/gpt-5.4"]')
        body = [HEAD, 0.123456, *text("one "), 1.5, *text("two "), END, DONE]
        bench = Bench([streamed(*body), streamed(*body[:1], 1.0, *body[2:]), refused(500), whole()], settings)
        await bench.stream("openai/gpt-5.4-mini")
        await bench.stream("openai/gpt-5.4")
        await bench.ask("openai/gpt-5.4")
        for _ in range(5):
            fail(bench.house.world.fleet.members[2], at=asyncio.get_running_loop().time())
        told.append(picture(bench.house.world, asyncio.get_running_loop().time()))

    play(story)
    (shown,) = told
    assert (shown.status, shown.active_requests) == ("degraded", 0)
    first, second = shown.deployments[:2]
    assert (first.ttft_s, first.latency_s) == (0.1235, 1.6235)
    assert second.latency_s is not None
    assert (second.attempts, second.success, second.errors) == (3, 0.6667, {"server": 1})
    assert second.last_error is not None
    assert (second.last_error.kind, second.last_error.status) == ("server", 500)
    openai, other = shown.providers
    mean = round((first.latency_s + second.latency_s) / 2, 4)  # type: ignore[operator]  # looked at above
    assert openai == ProviderStanding("openai", "healthy", openai.retries_left, mean)
    assert 0.9 < openai.retries_left <= 1.0
    assert other == ProviderStanding("other", "unhealthy", 1.0, None)
