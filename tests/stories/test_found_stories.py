"""Models that callers make up: thousands of them, and nobody else is worse off (INV-14)."""

from __future__ import annotations

import asyncio
import json
import re

from story_stage import ALONE, Bench, Reply, play, refused, whole

from stormkeel.config.found import MOST_FOUND
from stormkeel.engine.heritage import MOST, SOME
from stormkeel.types.failure import Failure
from stormkeel.types.wire import HttpRequest

ONCE = ALONE + b"\n[policies.retry]\nattempts = 1\n"


def made_up(request: HttpRequest) -> Reply:
    """A provider that has no model whose name says that it is made up."""
    if b"made-up" not in request.body:
        return whole()
    model = json.loads(request.body)["model"]
    return refused(404, "model_not_found", "invalid_request_error", message=f"The model '{model}' does not exist")


async def ask_all(bench: Bench, many: int) -> None:
    """Ask for so many models that nobody has."""
    for number in range(many):
        answer = await bench.ask(f"openai/made-up-{number}")
        assert answer.failure is not None and answer.failure.status == 404


def flood(bench: Bench, many: int) -> None:
    """Look up so many others, which makes their deployments; nothing is sent, for speed."""
    for number in range(many):
        assert not isinstance(bench.house.setup.leads_to(f"openai/made-up-too-{number}"), Failure)


def test_made_up_names_shut_nobody_out():
    """After thousands of made-up names every unlisted model is served as before, and what is kept of them is bounded."""

    async def story():
        bench = Bench(made_up, ONCE)
        await ask_all(bench, 300)
        flood(bench, 2 * MOST_FOUND)
        assert (await bench.ask("openai/gpt-5.5")).failure is None
        assert (await bench.ask()).failure is None
        heritage = bench.house.heritage
        assert len(bench.house.world.fleet.members) <= MOST_FOUND + 3
        kept = len(bench.house.world.fleet.members) + MOST + SOME
        assert [len(each) <= kept for each in (heritage.members, heritage.quotas, heritage._left)] == [True] * 3
        assert len(bench.house.setup.succession._quotas) <= kept
        assert len(heritage.scopes) == 1

    play(story)


def test_a_request_under_way_keeps_its_deployment():
    """A request on an unlisted model goes on, and is tried again, while thousands of others are asked for."""

    async def story():
        slow = iter([Reply(500, delay=5.0), Reply(200, whole().body, delay=5.0)])

        def script(request: HttpRequest) -> Reply:
            return next(slow) if b"gpt-5.5" in request.body else made_up(request)

        bench = Bench(script, ALONE)
        task = asyncio.ensure_future(bench.ask("openai/gpt-5.5"))
        await asyncio.sleep(1)
        flood(bench, MOST_FOUND + 100)
        await asyncio.sleep(5)
        flood(bench, MOST_FOUND + 100)
        assert (await task).failure is None
        mine = [member for member in bench.house.world.fleet.members if member.deployment.model == "gpt-5.5"]
        assert [(member.in_flight, member.recent.look(20.0).attempts) for member in mine] == [(0, 2)]

    play(story)


def test_what_is_known_of_a_forgotten_model_is_kept_for_a_while():
    """An unlisted model whose provider asked for a pause is not asked sooner for having been forgotten meanwhile (INV-12)."""

    async def story():
        def script(request: HttpRequest) -> Reply:
            return refused(429, headers=(("retry-after", "600"),)) if b"gpt-5.5" in request.body else made_up(request)

        bench = Bench(script, ONCE)
        await bench.ask("openai/gpt-5.5", timeout=1.0)
        sent = len(bench.transport.sent)
        flood(bench, MOST_FOUND + MOST + 2 * SOME)
        await bench.ask("openai/gpt-5.5", timeout=1.0)
        assert len(bench.transport.sent) == sent

    play(story)


def test_made_up_names_are_no_labels():
    """Metrics show a bounded number of models that callers named, whatever becomes of them, and each route of the settings."""

    async def story():
        bench = Bench(made_up, ONCE)
        await ask_all(bench, 600)
        await bench.ask()
        shown = bench.house.metrics.text().decode()
        assert len(set(re.findall('route="(openai/made-up-[0-9]*)"', shown))) <= 500
        assert len(set(re.findall('deployment="(openai/made-up-[^"]*)"', shown))) <= 500
        assert len(set(re.findall('quota="([^"]*made-up-[^"]*)"', shown))) <= 500
        assert 'stormkeel_breaker_state{deployment="openai/gpt-5.4-mini#main"}' in shown
        assert 'stormkeel_requests_total{dialect="openai_chat",outcome="ok",route="fast"}' in shown

    play(story)
