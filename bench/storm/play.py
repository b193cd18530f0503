"""Plays runs: providers, gateway, client; and gathers what each run showed. Never judges."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import msgspec

from .ask import Manner, ask, client
from .door import Door, Opener
from .evidence import Evidence, Seen
from .judge import Judged, judge
from .providers import FALLBACK, PRIMARY, STRICT, Providers, arrivals, providers
from .scenario import PLAIN, Run, Scenario

if TYPE_CHECKING:
    from openai import AsyncOpenAI

TICK_S = 0.05
Told = Callable[[Run, Judged | None], None]
"""Is called when a run begins (None) and when it is judged."""


class Way(msgspec.Struct, frozen=True):
    """How runs are played.

    Attributes:
        opener: opens the gateway.
        jobs: how many runs at once, each with providers and a gateway of its own.
        ports: the providers' ports, for a gateway that stands already; 0 lets the system choose.
        manner: how the gateway wants to be asked.
        starting: held while a gateway starts, so that no two of them take the machine from those under test.
        pause: seconds between two runs before one and the same gateway, so that it forgets what the last one did to it.
    """

    opener: Opener
    jobs: int = 1
    ports: tuple[int, int] = (0, 0)
    pause: float = 0.0
    manner: Manner = Manner()
    starting: asyncio.Lock = msgspec.field(default_factory=asyncio.Lock)


def runs(scenarios: Iterable[Scenario]) -> list[Run]:
    """Return every run, in the order of the table."""
    return [Run(scenario, retries) for scenario in scenarios for retries in scenario.retries]


async def play(todo: list[Run], way: Way, told: Told) -> list[Judged]:
    """Play runs, the longest first where several go on at once; the verdicts come in the order of `todo`."""
    places = asyncio.Semaphore(way.jobs)
    order = sorted(todo, key=lambda run: -length(run.scenario)) if way.jobs > 1 else todo
    found: dict[str, Judged] = {}

    async def one(run: Run, last: bool, sdk: AsyncOpenAI) -> None:
        async with places:
            told(run, None)
            found[run.name] = judged = judge(await evidence(run, way, sdk))
            told(run, judged)
            if way.pause and not last:
                await asyncio.sleep(way.pause)

    async with client() as sdk, asyncio.TaskGroup() as group:
        for place, run in enumerate(order):
            group.create_task(one(run, place == len(order) - 1, sdk))
    return [found[run.name] for run in todo]


def length(scenario: Scenario) -> float:
    """About how long a scenario takes, in seconds."""
    return scenario.asks.count * scenario.asks.every + scenario.wanted.within


async def evidence(run: Run, way: Way, sdk: AsyncOpenAI) -> Evidence:
    """Play one run and gather what it showed."""
    async with AsyncExitStack() as stack:
        both = await stack.enter_async_context(providers(way.ports))
        async with way.starting:
            door = await stack.enter_async_context(way.opener(both.primary.port, both.fallback.port))
            texts = both.texts(run.scenario.asks)
        both.begin(run.scenario)
        began, seen = both.clock(), await _seen(run, door, way.manner, sdk)
        await both.quiet()
        return Evidence(
            run, seen, arrivals(both.primary, began), arrivals(both.fallback, began), texts, _models(run.scenario),
            _healed(run.scenario), None if door.books is None else await door.books(),
        )  # fmt: skip


async def _seen(run: Run, door: Door, manner: Manner, sdk: AsyncOpenAI) -> tuple[Seen, ...]:
    """Ask everything on schedule: a slow answer does not spare those behind it."""
    named = run.scenario.asks
    asks, start = msgspec.structs.replace(named, model=named.model.replace(PLAIN, manner.model, 1)), _now()
    late: list[tuple[float, float]] = []
    ticking = None if door.waited is None else asyncio.create_task(_tick(start, door.waited, late))
    one_run = sdk.with_options(base_url=door.url, max_retries=run.retries, default_headers=manner.headers)

    async def one(number: int) -> Seen:
        await asyncio.sleep(start + number * asks.every - _now())
        return await ask(one_run, asks, number, start, manner.body)

    seen = await asyncio.gather(*(one(number) for number in range(asks.count)))
    if ticking is not None:
        await asyncio.sleep(TICK_S)  # so that the last wait is noted
        ticking.cancel()
    return tuple(msgspec.structs.replace(one, lag=_lag(one, late)) for one in seen)


async def _tick(start: float, waited: Callable[[], float], late: list[tuple[float, float]]) -> None:
    """Note again and again for how long a processor was waited for since the last time."""
    before = waited()
    while True:
        await asyncio.sleep(TICK_S)
        so_far = waited()
        late.append((_now() - start, so_far - before))
        before = so_far


def _lag(seen: Seen, late: list[tuple[float, float]]) -> float:
    """Sum up what was waited for in a request's time; what was noted late counts, as it began before."""
    ends = next((at for at, _ in late if at >= seen.at + seen.seconds), 0.0)
    return sum(by for at, by in late if seen.at <= at <= ends)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _models(scenario: Scenario) -> tuple[str, str]:
    return PRIMARY, STRICT if "prefill" in scenario.asks.model else FALLBACK


def _healed(scenario: Scenario) -> float:
    spans = [[float(part) for part in span.split(":")] for span in scenario.primary.outages]
    return max((start + seconds for start, seconds in spans), default=0.0)


__all__ = ["Providers", "Told", "Way", "evidence", "play", "runs"]
