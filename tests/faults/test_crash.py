"""A gateway that is killed again and again under load: nothing acknowledged is lost, nothing is counted twice (S-9, INV-4)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path
from random import Random

from stormkeel.engine.ports import WireFault
from stormkeel.ledger.booking import ORPHANED, Booking
from stormkeel.runtime.clock import LoopClock
from stormkeel.runtime.http import HttpTransport
from stormkeel.runtime.ledger import DATABASE, JOURNALS, Ledger, read
from stormkeel.sandbox import Row, Sandbox, SandboxSettings, Storm, nano_dollars, start
from stormkeel.types.wire import HttpRequest, header

ROUNDS = 50
WAYS = 8
ROUND_DEADLINE = 20.0  # seconds
WARM = Path(__file__).with_name("warm_gateway.py")
STORM = Storm(share=0.15, faults=("server_error", "reset", "cut", "no_usage"))
SETTINGS = """
[providers.openai]
base_url = "{url}/v1"
credentials = {{ main = "env:CRASH_KEY" }}
[server]
port = 0
[telemetry]
log = "{log}"
[policies.breaker]
consecutive = 10000
least = 1000000
"""


class Warm:
    """The warm parent, and the gateway of the moment."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._living = 0

    async def begin(self) -> tuple[int, int]:
        """Fork a gateway; returns its process id and its port."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        pid, port = (int(number) for number in (await self._line()).split())
        self._living = pid
        return pid, port

    async def gone(self) -> None:
        """Wait until the gateway is dead and reaped."""
        assert await self._line() == b"dead\n"
        self._living = 0

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        return await self._process.stdout.readline()

    async def end(self) -> None:
        """End the warm parent, which then has nothing to read any more, and a gateway that a failed round left alive."""
        if self._living:
            os.kill(self._living, signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()


async def warm(folder: Path, sandbox: Sandbox) -> Warm:
    """Start the warm parent."""
    configuration = folder / "stormkeel.toml"
    configuration.write_text(SETTINGS.format(url=sandbox.url, log=folder / "log"))
    environ = {
        "CRASH_KEY": "sk-crash-0123456789abcdef",
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WARM), str(configuration), str(folder / "data"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environ, cwd=folder,
    )  # fmt: skip
    return Warm(process)


class Load:
    """Callers that ask without a pause, until the gateway is gone, and remember which answers they got to the last byte."""

    def __init__(self, port: int, kill_after: int, pid: int) -> None:
        self.acknowledged: list[str] = []
        self._url = f"http://127.0.0.1:{port}/v1/chat/completions"
        self._kill_after = kill_after
        self._pid = pid
        self._transport = HttpTransport()
        self._killed = False

    async def run(self) -> None:
        """Ask in eight ways until all have been cut off."""
        if self._kill_after == 0:
            self._kill()
        await asyncio.gather(*(self._caller(number) for number in range(WAYS)))
        await self._transport.close()

    async def _caller(self, number: int) -> None:
        turn = number
        while not self._killed:
            turn += 1
            try:
                await self._ask(is_stream=turn % 2 == 0)
            except WireFault:
                return

    async def _ask(self, is_stream: bool) -> None:
        body = json.dumps({
            "model": "openai/gpt-5.4-mini", "stream": is_stream, "max_completion_tokens": 50,
            "messages": [{"role": "user", "content": 'hello\nsandbox: {"tokens": 12, "pace_ms": 0.5}'}],
        }).encode()  # fmt: skip
        response = await self._transport.send(HttpRequest("POST", self._url, (("content-type", "application/json"),), body))
        if response.status == 200 and (not is_stream or is_complete(response.body)):
            self.acknowledged.append(header(response.headers, "x-request-id") or "")
            if len(self.acknowledged) >= self._kill_after:
                self._kill()

    def _kill(self) -> None:
        if not self._killed:
            self._killed = True
            os.kill(self._pid, signal.SIGKILL)


def is_complete(body: bytes) -> bool:
    """Was the client told that the stream is whole?"""
    return body.endswith(b"data: [DONE]\n\n") and b'"error"' not in body


def is_sound(data: Path, copy: Path) -> bool:
    """Check a copy of the database as the dead gateway left it."""
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for file in data.glob(f"{DATABASE}*"):
        shutil.copy(file, copy)
    base = sqlite3.connect(copy / DATABASE)
    try:
        return bool(base.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
    finally:
        base.close()


async def rounds(folder: Path, sandbox: Sandbox) -> list[str]:
    """Start, load and kill the gateway again and again; returns the ids of all requests that were answered whole."""
    dice, acknowledged = Random(9), list[str]()
    gateways = await warm(folder, sandbox)
    try:
        for _ in range(ROUNDS):
            async with asyncio.timeout(ROUND_DEADLINE):
                pid, port = await gateways.begin()
                load = Load(port, dice.randint(0, 30), pid)
                await load.run()
                await gateways.gone()
            acknowledged += load.acknowledged
            assert is_sound(folder / "data", folder / "copy")
    finally:
        await gateways.end()
    return acknowledged


def test_killed_fifty_times_under_load(tmp_path: Path) -> None:
    """After 50 x kill -9 every acknowledged answer has one settled row, every orphan is charged, and no provider's bill is above ours."""

    async def story() -> None:
        async with await start(SandboxSettings(seed=7, storm=STORM)) as sandbox:
            acknowledged = await rounds(tmp_path, sandbox)
            await sandbox.quiet()
            Ledger.open(tmp_path / "data", LoopClock(asyncio.get_running_loop()), every_s=3600).close()
            bookings = read(tmp_path / "data", 0).bookings
            check(bookings, acknowledged)
            compare(bookings, sandbox.bill())
            assert is_sound(tmp_path / "data", tmp_path / "copy")
            assert list((tmp_path / "data" / JOURNALS).iterdir()) == []

    asyncio.run(story())


def check(bookings: dict[str, Booking], acknowledged: list[str]) -> None:
    """What the ledger must say of the callers' answers, and of what nobody knows the end of."""
    good = Counter(name.rpartition(".")[0] for name, one in bookings.items() if one.settled and one.settled.outcome == "ok")
    assert len(set(acknowledged)) == len(acknowledged) > ROUNDS
    assert [request for request in acknowledged if good[request] != 1] == []
    assert max(good.values()) == 1
    assert [name for name, one in bookings.items() if one.is_open or one.reserved is None] == []
    orphans = [one for one in bookings.values() if one.settled and one.settled.outcome == ORPHANED]
    assert len(orphans) > ROUNDS
    for one in orphans:
        assert one.reserved is not None
        assert one.amount == one.reserved.amount
        assert one.amount


def compare(bookings: dict[str, Booking], bill: list[Row]) -> None:
    """Set every row of the provider's bill against the attempt it is for: none is missing here, none is charged too little."""
    billed = {row.client_request_id or "": row for row in bill}
    assert len(billed) == len(bill)
    for name, row in billed.items():
        amount, cost = bookings[name].amount, row.cost
        assert amount is not None
        assert cost is not None
        assert amount >= nano_dollars(cost), row
    for name, booking in bookings.items():
        if booking.settled and booking.settled.usage_source == "provider":  # by its word, so to the last nano-dollar
            assert booking.amount == nano_dollars(billed[name].cost or Fraction(0)), name
