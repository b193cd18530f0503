"""SIGTERM under three hundred streams: none is reset, each is whole or told, all are settled, and it is over in time (S-41, INV-24)."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest
from fire_clients import Crowd
from fire_stage import Figure, Plan, asking, crowd, gateway, provider

from stormkeel.runtime.ledger import read

MANY = 300
DELAY = 0.5  # seconds in which new connections are still taken
LASTING = Plan(events=12, pace=0.25)  # streams of three seconds
SERVER = "[server]\nport = 0\ndrain_delay = {delay}\ngrace = {grace}\n"


async def refused_after(port: int, since: float) -> float:
    """Return when a new connection is refused for the first time, in seconds since a moment."""
    while True:
        with socket.socket() as probe:
            probe.setblocking(False)
            try:
                await asyncio.get_running_loop().sock_connect(probe, ("127.0.0.1", port))
            except OSError:
                return time.perf_counter() - since
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(("grace", "end"), [(20.0, "whole"), (0.5, "told")])
def test_three_hundred_streams(grace: float, end: str, tmp_path: Path, figure: Figure) -> None:
    """With grace enough every stream is whole; with less, every one is told that the gateway stops."""

    async def story() -> None:
        more, data = SERVER.format(delay=DELAY, grace=grace), tmp_path / "data"
        async with provider(tmp_path, LASTING) as upstream:
            url = f"http://127.0.0.1:{upstream.port}"
            async with gateway(tmp_path, url, more, data=str(data)) as house:
                plan = Crowd(house.port, MANY, "idle", asking(stream=True).decode(), patience=60.0)
                async with crowd(tmp_path, plan) as clients:
                    since = time.perf_counter()
                    house.stop()
                    refused = await refused_after(house.port, since)
                    ends = await clients.ends()
                    code = await asyncio.wait_for(house.process.wait(), 60.0)
                    took = time.perf_counter() - since
        bookings = read(data, 0).bookings
        unsettled = [name for name, one in bookings.items() if one.is_open]
        figure(
            "S-41", f"0 resets of {MANY}, refused after {DELAY:g} s, exit <= {grace + 5:g} s, 0 unsettled",
            f"{ends.whole} whole, {ends.told} told, {len(ends.closed)} reset, refused after {refused:.2f} s, exit {code} after {took:.1f} s, "
            f"{len(unsettled)} of {len(bookings)} unsettled",
        )  # fmt: skip
        assert ends.closed == []
        assert [ends.whole, ends.told] == ([MANY, 0] if end == "whole" else [0, MANY])
        assert refused >= DELAY
        assert [code, unsettled, len(bookings)] == [0, [], MANY]
        assert took <= DELAY + grace + 5.0

    asyncio.run(story())
