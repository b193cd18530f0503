"""The stage: two sandboxes and a gateway as processes of their own, on free ports, gone when the demo is.

Never touches a process it did not start. What they print beside their ready line goes to `*.log` in the demo's folder.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.request
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from .arrival import Arrival, read_arrivals
from .settings import CREDENTIALS, settings_text
from .storm import Weather

READY_S = 30.0
QUIET_S = 10.0
STOP_S = 5.0
PACE_MS = "4"
_FOREIGN = ("OPENAI_", "ANTHROPIC_", "STORMKEEL_")
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy"})
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class StageError(Exception):
    """A process did not come up or did not answer; the text says which, and where its log is."""


class Sandbox(msgspec.Struct, frozen=True):
    """One sandbox, by its own endpoints (docs/sandbox.md)."""

    url: str

    async def begin(self, weather: Weather) -> None:
        """Forget everything and begin a storm."""
        await _fetch(f"{self.url}/sandbox/storm", msgspec.json.encode(weather))
        await _fetch(f"{self.url}/sandbox/reset", b"")

    async def arrivals(self) -> list[Arrival]:
        """Return what came in since the storm began, once nothing is being answered any more."""
        async with asyncio.timeout(QUIET_S):
            while (bill := await _fetch(f"{self.url}/sandbox/bill"))["open"]:  # noqa: ASYNC110 - another process can not set an event of ours
                await asyncio.sleep(0.05)
        return read_arrivals(bill, await _fetch(f"{self.url}/sandbox/requests"))


class Stage(msgspec.Struct, frozen=True):
    """What is up: the primary, the backup, and the gateway before them."""

    primary: Sandbox
    backup: Sandbox
    gateway: str
    ledger: Path


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """Start everything, and stop it whatever happens.

    Args:
        folder: for the configuration, the ledger and the logs.

    Raises:
        StageError: a process did not come up.
    """
    started: list[Process] = []
    config, ledger = folder / "stormkeel.toml", folder / "data"
    sandbox = ("sandbox", "--port", "0", "--pace", PACE_MS, "--json")
    try:
        primary = await _start(started, folder, "primary", sandbox)
        backup = await _start(started, folder, "backup", sandbox)
        config.write_text(settings_text(primary, backup), encoding="utf-8")
        serve = ("serve", "--config", str(config), "--port", "0", "--data", str(ledger), "--json")
        gateway = await _start(started, folder, "gateway", serve)
        yield Stage(Sandbox(primary), Sandbox(backup), gateway, ledger)
    finally:
        await asyncio.shield(asyncio.gather(*(_stop(process) for process in started)))


async def _start(started: list[Process], folder: Path, name: str, arguments: tuple[str, ...]) -> str:
    """Start one process and return the URL of its ready line."""
    log = folder / f"{name}.log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "stormkeel", *arguments,
            stdin=DEVNULL, stdout=PIPE, stderr=errors, cwd=folder, env=child_environment(os.environ),
        )  # fmt: skip
    started.append(process)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_S):
            said = json.loads(await process.stdout.readline())
    except (TimeoutError, ValueError):
        last = (log.read_text(errors="replace").strip().splitlines() or ["nothing was said"])[-1]
        raise StageError(f"the {name} did not start: {last}") from None
    return str(said["url"])


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the processes: the package's own place, made-up credentials, none of the user's."""
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (package, environ.get("PYTHONPATH", ""))))
    return {**_calm(environ), **CREDENTIALS, "PYTHONPATH": path}


@contextmanager
def calm_environment() -> Iterator[None]:
    """Keep the user's keys, base URLs and proxies from the SDKs of this process: they read them on their own."""
    before = dict(os.environ)
    calm = _calm(before)
    for name in before.keys() - calm.keys():
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(before)


def _calm(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if not name.startswith(_FOREIGN) and name.lower() not in _PROXIES}


async def _fetch(url: str, body: bytes | None = None) -> Any:
    def fetch() -> Any:
        with _direct.open(urllib.request.Request(url, body), timeout=QUIET_S) as answer:  # noqa: S310 - our own loopback URL
            return json.load(answer)

    return await asyncio.to_thread(fetch)
