"""Headers and bodies that drip, from many clients at once: all are cut at their deadline, and honest callers hardly notice (S-31)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from fire_clients import Crowd, Ends
from fire_load import Spec
from fire_stage import Figure, Held, Load, Plan, Stage, asking, crowd, holding, left_over, load, quantile, staged

ASKED = "all closed at the deadline, honest p99 <= x2"
RATE = 40  # honest requests a second
HONEST = 0.1  # seconds that the provider takes for one
Way = Literal["drip-head", "drip-body"]


class Siege(NamedTuple):
    """How it went: how the besiegers ended, how much slower honest callers were than those of another gateway beside it at the same
    time, what was left over, and what it cost the gateway: seconds of its processor time beside those of as long a calm."""

    ends: Ends
    slower: float
    left: Held
    cost: float


@asynccontextmanager
async def served(folder: Path, clock: str, phases: list[tuple[float, float]]) -> AsyncIterator[tuple[Stage, Load, Held]]:
    """Run a gateway with a load of honest callers; with what it held before."""
    folder.mkdir()
    async with staged(folder, Plan(delay=HONEST), clocks=[clock]) as stage:
        held = await holding(stage)
        async with load(folder, Spec(stage.gateway.port, asking().decode(), 100, phases)) as honest:
            yield stage, honest, held


async def besieged(folder: Path, many: int, way: Way, deadline: float) -> Siege:
    """Let so many drip at one of two gateways: what other programs of the machine do, or the besiegers' own, slows both."""
    clock, span = f"{'header' if way == 'drip-head' else 'body'}_deadline={deadline}", deadline + 1.0
    phases = [(RATE, span)] * 2
    async with served(folder / "besieged", clock, phases) as (stage, honest, held), served(folder / "beside", clock, phases) as other:
        others, start = other[1], stage.gateway.cpu
        seen = [await honest.seen(), await others.seen()]
        calm = stage.gateway.cpu
        plan = Crowd(stage.gateway.port, many, way, asking().decode(), every=max(0.2, deadline / 3))
        async with crowd(folder, plan) as clients:
            during, beside = await honest.seen(), await others.seen()
            ends = await clients.ends()
            cost = stage.gateway.cpu - calm - (calm - start)
        assert [(one.failed, one.refused) for one in (*seen, during, beside)] == [(0, 0)] * 4
        await honest.stop()
        left = await left_over(stage, held)
        return Siege(ends, quantile(during.latencies, 0.99) / quantile(beside.latencies, 0.99), left, cost)


def told(siege: Siege) -> str:
    """Say what was reached."""
    ends, each = siege.ends, 1000 * siege.cost / max(1, len(siege.ends.closed))
    closed = f"{ends.closed[0]:.1f} to {ends.closed[-1]:.1f} s" if ends.closed else "never"
    return f"{len(ends.closed)} closed after {closed}, {ends.statuses}, honest p99 x{siege.slower:.2f} of a gateway beside it, {each:.2f} ms of the gateway's processor each"


@pytest.mark.parametrize("way", ["drip-head", "drip-body"])
def test_two_hundred_drip(way: Way, tmp_path: Path, figure: Figure) -> None:
    """Two hundred of them, at a deadline of a second: each is answered 408 and closed, honest callers are all served."""

    async def story() -> None:
        siege = await besieged(tmp_path, 200, way, 1.0)
        ends = siege.ends
        figure("S-31", f"{ASKED} (200, 1 s, {way})", told(siege))
        assert [len(ends.closed), ends.left, ends.statuses] == [200, 0, {"408": 200}]
        assert ends.closed[-1] < 6.0
        assert max(siege.left) <= 5

    asyncio.run(story())


@pytest.mark.nightly
@pytest.mark.parametrize(("way", "deadline"), [("drip-head", 10.0), ("drip-body", 12.0)])
def test_two_thousand_drip(way: Way, deadline: float, tmp_path: Path, figure: Figure) -> None:
    """Two thousand of them, at the usual deadline of a header, and at a shorter one than the usual of a body."""

    async def story() -> None:
        siege = await besieged(tmp_path, 2000, way, deadline)
        ends = siege.ends
        figure("S-31", f"{ASKED} (2,000, {deadline:g} s, {way})", told(siege))
        assert [len(ends.closed), ends.left, ends.statuses] == [2000, 0, {"408": 2000}]
        assert ends.closed[-1] <= deadline + 2.0, "a client sees it a little later than it is"
        assert siege.slower <= 2.0
        assert siege.cost <= 2000 * 0.0005
        assert max(siege.left) <= 5

    asyncio.run(story())
