"""Clients that stop reading, and streams that idle, many at once: little is held for each, and all of them end well (S-29, INV-14)."""

from __future__ import annotations

import asyncio
import math
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from fire_clients import Crowd
from fire_load import Spec
from fire_stage import Figure, Plan, Stage, asking, crowd, holding, left_over, load, quantile, staged

KIB = 1024
ENDLESS = Plan(events=20_000, size=4000)  # 80 MB a stream, as fast as it is taken
FOREVER = "[policies.clocks]\nfirst_content = 300\nidle = 300\ntotal = 900\n"
PACE = 6.0  # seconds between two events of an idle stream


class Watched(NamedTuple):
    """What was seen of slow readers: KiB a stream at the most, streams the provider could not write to, seconds until all were cut."""

    grown: float
    paused: int
    written: float
    cut: float


async def watch(stage: Stage, many: int, rss: int, patience: float) -> Watched:
    """Watch until the gateway has let go of all streams, which their readers, who do not look, can't see."""
    most, paused, written, full = rss, 0, 0, time.perf_counter()
    while (state := await stage.provider.state()).streams and time.perf_counter() - full < patience:
        most, paused = max(most, stage.gateway.rss), max(paused, state.paused)
        if state.written > written:
            written, full = state.written, time.perf_counter()
        await asyncio.sleep(0.25)
    cut = time.perf_counter() - full if not state.streams else math.inf
    return Watched((most - rss) / KIB / many, paused, state.written / KIB / many, cut)


async def deaf(folder: Path, many: int, stall: float, figure: Figure) -> None:
    """Let so many clients read a KiB each, and then nothing."""
    async with staged(folder, ENDLESS, FOREVER, [f"stall_timeout={stall}"]) as stage:
        before, rss = await holding(stage), stage.gateway.rss
        plan = Crowd(stage.gateway.port, many, "deaf", asking(stream=True).decode(), patience=900.0)
        async with crowd(folder, plan):
            seen = await watch(stage, many, rss, stall + 60.0)
            left = await left_over(stage, before, 10.0)
        figure(
            "S-29", f"{many:,} slow readers: <= 256 KiB each, provider paused, cut at {stall:g} s",
            f"{seen.grown:.0f} KiB each, {seen.paused:,} paused after {seen.written:,.0f} KiB each, all cut {seen.cut:.1f} s after the "
            f"last byte; {left.files} descriptors, {left.tasks} tasks over",
        )  # fmt: skip
        assert seen.grown <= 256
        assert seen.paused >= 0.95 * many
        assert seen.cut <= stall + 5.0
        assert max(left) <= 5


def test_two_hundred_stop_reading(tmp_path: Path, figure: Figure) -> None:
    """Two hundred clients that stop reading, cut after five seconds instead of a minute."""
    asyncio.run(deaf(tmp_path, 200, 5.0, figure))


@pytest.mark.nightly
def test_two_thousand_stop_reading(tmp_path: Path, figure: Figure) -> None:
    """Two thousand of them, cut after a minute."""
    asyncio.run(deaf(tmp_path, 2000, 60.0, figure))


@pytest.mark.nightly
def test_two_thousand_streams_idle(tmp_path: Path, figure: Figure) -> None:
    """Two thousand streams that say something every few seconds: little is held for each, others are served as before, all are whole."""
    many = 2000

    async def story() -> None:
        async with staged(tmp_path, Plan(events=8, pace=PACE), FOREVER) as stage:
            before, rss = await holding(stage), stage.gateway.rss
            request = asking(stream=True).decode()
            probe = "GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n"
            async with load(tmp_path, Spec(stage.gateway.port, probe, 10, [(20, 8.0), (20, 45.0)])) as honest:
                calm = await honest.seen()
                async with crowd(tmp_path, Crowd(stage.gateway.port, many, "idle", request, patience=300.0)) as clients:
                    grown = (stage.gateway.rss - rss) / KIB / many
                    ends = await clients.ends()
                during = await honest.seen()
            left = await left_over(stage, before, 10.0)
            figure(
                "S-29", "2,000 idle streams: memory each, all end well",
                f"{grown:.0f} KiB each, {ends.whole} whole, {left.files} descriptors and {left.tasks} tasks over; others' p50 "
                f"{1000 * quantile(during.latencies, 0.5):.1f} ms beside {1000 * quantile(calm.latencies, 0.5):.1f} ms",
            )  # fmt: skip
            assert [ends.whole, ends.left] == [many, 0]
            assert grown <= 256
            assert max(left) <= 5
            assert during.failed == 0

    asyncio.run(story())


def test_a_hundred_streams_idle(tmp_path: Path, figure: Figure) -> None:
    """A hundred streams with a pause between their events: little is held for each, and all are whole."""
    many = 100

    async def story() -> None:
        async with staged(tmp_path, Plan(events=4, pace=0.4), FOREVER) as stage:
            before, rss = await holding(stage), stage.gateway.rss
            request = asking(stream=True).decode()
            async with crowd(tmp_path, Crowd(stage.gateway.port, many, "idle", request, patience=60.0)) as clients:
                grown = (stage.gateway.rss - rss) / KIB / many
                ends = await clients.ends()
            left = await left_over(stage, before)
            figure("S-29", "100 idle streams: memory each, all end well", f"{grown:.0f} KiB each, {ends.whole} whole")
            assert [ends.whole, ends.left] == [many, 0]
            assert grown <= 512, "the first ones pay for what all share"
            assert max(left) <= 5

    asyncio.run(story())
