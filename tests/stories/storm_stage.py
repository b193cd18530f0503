"""Outages of a provider, and an even load on a house, for stories of storms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from story_stage import Bench, Reply, now, whole

from stormkeel.testing import Sent
from stormkeel.types.failure import FailureKind
from stormkeel.types.wire import HttpRequest

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
