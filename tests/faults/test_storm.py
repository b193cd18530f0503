"""`make storm` in virtual time, all scenarios at once before gateways of this process, under the same judge; and nightly as it is."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bench.storm.door import SECRETS, Door, Opener, configuration, own
from bench.storm.evidence import Booked
from bench.storm.judge import Judged
from bench.storm.play import Way, play, runs
from bench.storm.report import lines, scenarios
from bench.storm.table import table

from stormkeel.assemble import open_house
from stormkeel.config.load import load
from stormkeel.engine.ports import Journal
from stormkeel.gateway.app import Gateway
from stormkeel.ledger.booking import gather
from stormkeel.providers import KINDS
from stormkeel.runtime.journal import MemoryJournal
from stormkeel.runtime.serve import ServeSettings, serve

SPARE = 4.0  # seconds that a busy machine may take on top, where time is real


class _Idle(selectors.DefaultSelector):
    """Moves the clock on where nothing is under way: all who talk are in one loop, so that is where no socket is ready and no
    thread is out."""

    clock = 0.0
    out = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.out or timeout is None:
            return super().select(1.0)
        self.clock += max(0.0, timeout)
        return ready


class SocketLoop(asyncio.SelectorEventLoop):
    """Virtual time over real sockets."""

    def __init__(self) -> None:
        self._idle = _Idle()
        super().__init__(self._idle)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._idle.clock

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        self._idle.out += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._back)
        return future

    def _back(self, future: object) -> None:
        self._idle.out -= 1


def inside(folder: Path) -> Opener:
    """Open gateways in this process, each on a port of its own."""
    for name, secret in SECRETS.items():
        (folder / name).write_text(secret)

    @asynccontextmanager
    async def opened(primary: int, fallback: int) -> AsyncIterator[Door]:
        text = configuration(primary, fallback).replace("env:", f"file:{folder}/")
        house = open_house(load(text.encode(), {}, KINDS), "memory")
        stop, ports = asyncio.Event(), asyncio.get_running_loop().create_future()
        settings = ServeSettings(port=0, drain_delay=0.0, grace=0.0)
        app = Gateway(house)
        serving = asyncio.ensure_future(serve(app, settings, ready=lambda _host, port: ports.set_result(port), stop=stop))
        try:
            yield Door(f"http://127.0.0.1:{await ports}/v1", lambda: books(house.world.ports.journal))
        finally:
            serving.cancel()
            await asyncio.wait((serving,))
            await house.close()

    return opened


async def books(journal: Journal) -> tuple[Booked, ...]:
    """Read the books once every attempt is settled."""
    assert isinstance(journal, MemoryJournal)
    async with asyncio.timeout(10):
        while True:
            found: dict = {}
            gather(found, journal.entries)
            if not any(booking.is_open for booking in found.values()):
                break
            await asyncio.sleep(0)
    return tuple(
        Booked(
            booking.attempt,
            booking.amount,
            None if booking.reserved is None else booking.reserved.amount,
            booking.settled.usage_source == "provider",
            True,
        )
        for booking in found.values()
    )


async def stormed(opener: Opener, jobs: int, spare: float) -> list[Judged]:
    """Play every scenario under a deadline."""
    async with asyncio.timeout(600):
        return await play(runs(table(spare=spare)), Way(opener, jobs), lambda run, judged: None)


def told(judged: list[Judged]) -> str:
    """The table, and what is wrong."""
    return "\n".join(lines(judged, 0.0))


def test_sixteen_troubles_in_virtual_time(tmp_path: Path, figure) -> None:
    """Each scenario holds as a careful engineer would have it."""
    with asyncio.Runner(loop_factory=SocketLoop) as runner:
        judged = runner.run(stormed(inside(tmp_path), 100, 1.0))
    held = scenarios(judged)
    figure("S-28", "16 of 16 scenarios of `make storm`, in virtual time", f"{sum(held.values())} of {len(held)}")
    assert all(held.values()), told(judged)


@pytest.mark.nightly
def test_sixteen_troubles_at_full_size(figure) -> None:
    """The same with the clocks as a user has them, before gateways that are processes of their own."""
    judged = asyncio.run(stormed(own, 4, SPARE))
    held = scenarios(judged)
    figure("S-28", "16 of 16 scenarios of `make storm`", f"{sum(held.values())} of {len(held)}")
    assert all(held.values()), told(judged)
