"""The whole demo in order: raise the stage, go through the storm three times, sum up, check.

Never prints: progress is told by a callback, the result is a value.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec

from ..ledger.booking import Booking
from ..runtime.ledger import read
from .arrival import Arrival
from .audit import audit
from .claims import check
from .drive import Door, Outcome, drive
from .figures import Figures, by_model, figure
from .report import OURS, Result
from .stage import Stage, StageError, calm_environment, stage
from .storm import Ask, light_storm, main_storm, workload

BARE, BARE_RETRIES = "bare SDK", "bare SDK, 2 retries"
BARE_TIMEOUT = 2.0
OUR_TIMEOUT = 20.0
BOOKED_S = 10.0
SDKS = ("openai", "anthropic")
NOTES = [
    f"The bare SDKs ask the primary with a timeout of {BARE_TIMEOUT:g} s (their own default is 600 s). Through Stormkeel they do",
    f"not retry and wait up to {OUR_TIMEOUT:g} s; its own clocks are 0.8 s to the first content and 1 s between events.",
    "The backup has a lighter storm: a fault in a tenth of its arrivals. A failover goes to another key or to the backup.",
    "Added latency is what a request took beyond the attempt that answered: for the bare SDKs until that attempt arrived, for",
    "Stormkeel all but that attempt's own time by the ledger, the client's and the gateway's work included.",
    "A stream that brings its whole text but no terminal marker counts as answered where the SDK does not complain.",
]


class Plan(msgspec.Struct, frozen=True):
    """What to run: how many requests an arm, by which seed, and the folder for configuration, ledger and logs."""

    requests: int
    seed: int
    folder: Path

    @property
    def asks(self) -> list[Ask]:
        """The workload of every arm."""
        return workload(self.requests, self.seed)


async def run(plan: Plan, done: Callable[[], None]) -> Result:
    """Run all arms; `done` is called after each request.

    Raises:
        StageError: a process did not come up or did not answer.
    """
    began, since = time.perf_counter(), time.time_ns()
    with calm_environment():
        async with stage(plan.folder) as up:
            try:
                bare = await _bare(plan, up, 0, done)
                retrying = await _bare(plan, up, 2, done)
                outcomes, arrivals = await _arm(plan, up, _our_door(up), done)
                bookings = await _booked(up.ledger, since)
            except TimeoutError:
                raise StageError("a process did not come to rest in time; run with --keep DIR and look at DIR/*.log") from None
    ours = figure(outcomes, arrivals, bookings)
    arms, found = {BARE: bare, BARE_RETRIES: retrying, OURS: ours}, audit(arrivals, bookings)
    return Result(
        seed=plan.seed,
        requests=plan.requests,
        seconds=time.perf_counter() - began,
        versions={name: version(name) for name in SDKS},
        arms=arms,
        audit=found,
        models=by_model(arrivals, bookings),
        claims=check(list(arms.values()), ours, found),
        notes=NOTES,
    )


async def _bare(plan: Plan, up: Stage, retries: int, done: Callable[[], None]) -> Figures:
    primary = up.primary.url
    outcomes, arrivals = await _arm(plan, up, Door(f"{primary}/v1", primary, retries, BARE_TIMEOUT), done)
    return figure(outcomes, arrivals, None)


def _our_door(up: Stage) -> Door:
    return Door(f"{up.gateway}/openai/v1", f"{up.gateway}/anthropic", 0, OUR_TIMEOUT)


async def _arm(plan: Plan, up: Stage, door: Door, done: Callable[[], None]) -> tuple[Sequence[Outcome], list[Arrival]]:
    """Begin the storm anew and ask everything through one door."""

    async def begin() -> None:
        await up.backup.begin(light_storm(plan.seed))
        await up.primary.begin(main_storm(plan.requests, plan.seed))

    outcomes = await drive(door, plan.asks, begin, done)
    return outcomes, [*await up.primary.arrivals(), *await up.backup.arrivals()]


async def _booked(folder: Path, since: int) -> dict[str, Booking]:
    """Read the ledger beside the running gateway, once every attempt is settled."""
    async with asyncio.timeout(BOOKED_S):
        while True:
            found = (await asyncio.to_thread(read, folder, since)).bookings
            if not any(booking.is_open for booking in found.values()):
                return found
            await asyncio.sleep(0.05)
