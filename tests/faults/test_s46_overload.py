"""Three times what there is room for: as much is answered as before, nobody who is let in waits longer, and it is soon over (S-46)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import NamedTuple

import pytest
from fire_load import Seen, Spec
from fire_stage import MIB, Figure, Plan, Stage, asking, load, pressed, quantile, staged

PLACES = 60
DELAY = 0.4  # seconds the provider takes: with so many places, 150 answers a second
BOUNDED = f"[server.admission]\nrequests = {PLACES}\n"
IMPATIENT = "[server.admission]\nburst_wait = 0.2\nstanding_wait = 0.05\ninterval = 0.25\n"
"""Waits so short that a load of one other process can be too much for them."""
MEMORY = 48 * MIB  # by which it may grow


class Storm(NamedTuple):
    """What was measured, in answers a second, and what the phases saw."""

    capacity: float
    usual: Seen
    storm: Seen
    after: Seen
    grown: int

    @property
    def goodput(self) -> float:
        """Good answers of the storm, as a share of the capacity; those asked for in its last moment come after it."""
        return self.storm.ok / (self.storm.seconds - DELAY) / self.capacity

    @property
    def slower(self) -> float:
        """The 99th percentile of those let in during the storm, as a multiple of the usual one."""
        return quantile(self.storm.latencies, 0.99) / quantile(self.usual.latencies, 0.99)

    def recovery(self) -> int:
        """Whole seconds after the storm until as much is answered as is asked."""
        wanted = 0.9 * self.after.rate
        return next((second for second, count in enumerate(self.after.by_second) if count >= wanted), 999)


async def weather(stage: Stage, folder: Path, seconds: float) -> Storm:
    """Measure the capacity, then a usual load, then three times the capacity, then half of it."""
    request, port = asking().decode(), stage.gateway.port
    capacity = (await pressed(folder, Spec(port, request, PLACES, [(0, 0.5), (0, 2.0)])))[1]
    rate, before = PLACES * len(capacity.latencies) / sum(capacity.latencies), stage.gateway.rss  # by Little's law
    phases = [(0.8 * rate, min(seconds, 10.0)), (3 * rate, seconds), (0.5 * rate, min(seconds, 8.0))]
    async with load(folder, Spec(port, request, 1000, phases)) as one:
        usual, storm, after = [await one.seen() for _ in phases]
    return Storm(rate, usual, storm, after, stage.gateway.rss - before)


def asked_for(storm: Storm) -> str:
    """Say what was reached."""
    return (
        f"{storm.goodput:.0%} of {storm.capacity:.0f}/s for {storm.storm.seconds:.0f} s, p99 of admitted x{storm.slower:.2f}, "
        f"{storm.storm.refused} told to come again, {storm.storm.failed} failed, well again after {storm.recovery()} s, "
        f"{storm.grown / MIB:+.0f} MiB"
    )


ASKED = "3x capacity: goodput >= 90 %, p99 <= x2, well in 5 s, RSS bounded"


def test_three_times_the_places(tmp_path: Path, figure: Figure) -> None:
    """For some seconds: whoever is not let in is told to come again, nobody is cut off, and then all are served again."""

    async def story() -> None:
        async with staged(tmp_path, Plan(delay=DELAY), BOUNDED) as stage:
            storm = await weather(stage, tmp_path, 2.5)
        figure("S-46", ASKED, asked_for(storm))
        assert storm.storm.failed == storm.after.failed == 0
        assert storm.storm.refused > 0.8 * storm.capacity * storm.storm.seconds
        assert storm.goodput > 0.7, "on a machine that is busy otherwise; at its figure in the nightly run"
        assert storm.after.ok + storm.after.refused >= storm.after.sent - PLACES
        assert storm.recovery() <= 5
        assert storm.grown < MEMORY

    asyncio.run(story())


@pytest.mark.nightly
def test_three_times_the_places_for_a_minute(tmp_path: Path, figure: Figure) -> None:
    """For a minute: goodput, latency, recovery and memory at their figures."""

    async def story() -> None:
        async with staged(tmp_path, Plan(delay=DELAY), BOUNDED) as stage:
            storm = await weather(stage, tmp_path, 60.0)
        figure("S-46", ASKED, asked_for(storm))
        assert storm.storm.failed == storm.after.failed == 0
        assert storm.goodput >= 0.9
        assert storm.slower <= 2.0
        assert storm.recovery() <= 5
        assert storm.grown < MEMORY

    asyncio.run(story())


@pytest.mark.nightly
def test_three_times_what_the_processor_does(tmp_path: Path, figure: Figure) -> None:
    """A provider that answers at once, and clients that come again at once whatever they are told: what a second of the processor
    answers stays. By its time and not by the clock, for the load itself takes the other half of a small machine."""

    async def story() -> None:
        async with staged(tmp_path, Plan(), IMPATIENT) as stage:
            request, gateway = asking().decode(), stage.gateway
            capacity = (await pressed(tmp_path, Spec(gateway.port, request, 32, [(0, 1.0), (0, 4.0)])))[1]
            rate, shares, cores, rss = capacity.ok / capacity.seconds, list[float](), list[float](), gateway.rss
            phases = [(3 * rate, 5.0), (0.8 * rate, 10.0), (3 * rate, 20.0), (0.5 * rate, 10.0)]  # first, connections for all
            async with load(tmp_path, Spec(gateway.port, request, 2000, phases)) as one:
                seen = []
                for _ in phases:
                    before = gateway.cpu
                    seen.append(await one.seen())
                    shares.append(seen[-1].ok / (gateway.cpu - before))
                    cores.append((gateway.cpu - before) / seen[-1].seconds)
            _, usual, storm, after = shares
            figure(
                "S-46", "3x what the processor does: goodput >= 90 % of its time, RSS bounded",
                f"{storm / usual:.0%} of {usual:.0f} answers a second of the processor ({after / usual:.0%} after it), "
                f"of which it had {cores[1]:.0%} and {cores[2]:.0%} of one, "
                f"{seen[2].refused} told to come again, {seen[2].unsent} not even sent, {seen[2].failed} failed, "
                f"{(gateway.rss - rss) / MIB:+.0f} MiB",
            )  # fmt: skip
            assert seen[2].failed == 0
            assert storm >= 0.9 * usual
            assert gateway.rss - rss < 128 * MIB

    asyncio.run(story())
