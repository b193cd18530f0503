"""Where the gateway under test is asked: our own as a child process for each run, or any other at an address.

Never configures anything a user would not: routes of two groups, everything else as it comes.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from .evidence import Booked
from .machine import waited
from .providers import FALLBACK, PRIMARY, STRICT

READY_S, BOOKED_S, STOP_S = 60.0, 20.0, 5.0
SECRETS = {"STORM_PRIMARY_KEY": "sk-storm-primary-0123456789abcdef", "STORM_FALLBACK_KEY": "sk-storm-fallback-0123456789abcdef"}
CONFIG = f"""\
[providers.primary]
kind = "openai"
base_url = "http://127.0.0.1:@PRIMARY@/v1"
credentials = {{ main = "env:STORM_PRIMARY_KEY" }}

[providers.fallback]
kind = "openai"
base_url = "http://127.0.0.1:@FALLBACK@/v1"
credentials = {{ main = "env:STORM_FALLBACK_KEY" }}

[providers.strict]
kind = "anthropic"
base_url = "http://127.0.0.1:@FALLBACK@"
credentials = {{ main = "env:STORM_FALLBACK_KEY" }}

[routes.storm]
groups = [["primary/{PRIMARY}"], ["fallback/{FALLBACK}"]]

[routes.storm-prefill]
groups = [["primary/{PRIMARY}"], ["strict/{STRICT}"]]

[routes.storm-complete]
commit = "complete"
groups = [["primary/{PRIMARY}"], ["fallback/{FALLBACK}"]]

[routes.storm-restart]
recovery = "restart"
groups = [["primary/{PRIMARY}"], ["fallback/{FALLBACK}"]]

[routes.storm-continue]
recovery = "continue"
groups = [["primary/{PRIMARY}"], ["fallback/{FALLBACK}"]]

[routes.storm-prefill-continue]
recovery = "continue"
groups = [["primary/{PRIMARY}"], ["strict/{STRICT}"]]
"""


class DoorError(Exception):
    """The gateway did not come up, or its books can't be read; the text says what it said last."""


Books = Callable[[], Awaitable[tuple[Booked, ...]]]


class Door(msgspec.Struct, frozen=True):
    """A gateway that is up.

    Attributes:
        url: the SDK's base URL.
        books: how its books are read; None where it keeps none that can be.
        waited: seconds for which it and the client have waited for a processor; None where time is virtual.
    """

    url: str
    books: Books | None = None
    waited: Callable[[], float] | None = None


Opener = Callable[[int, int], AbstractAsyncContextManager[Door]]
"""Opens a gateway before a primary and a fallback, given by their ports."""


def configuration(primary: int, fallback: int) -> str:
    """Return the plain configuration of our own gateway."""
    return CONFIG.replace("@PRIMARY@", str(primary)).replace("@FALLBACK@", str(fallback))


@asynccontextmanager
async def standing(url: str) -> AsyncIterator[Door]:
    """Take a gateway that somebody else started, by its base URL."""
    yield Door(url, waited=lambda: waited(os.getpid()))


@asynccontextmanager
async def own(primary: int, fallback: int) -> AsyncIterator[Door]:
    """Start `stormkeel serve` as a process of its own, and stop it whatever happens.

    Raises:
        DoorError: it did not come up.
    """
    with tempfile.TemporaryDirectory(prefix="storm-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "stormkeel.toml").write_text(configuration(primary, fallback), encoding="utf-8")
        process = await _child(folder, "serve", "--config", "stormkeel.toml", "--port", "0", "--data", "data", "--json")
        try:
            url = await _ready(process, folder)
            yield Door(f"{url}/v1", lambda: _booked(folder), lambda: waited(os.getpid(), process.pid))
        finally:
            await asyncio.shield(_stop(process))


async def _child(folder: Path, *arguments: str) -> Process:
    foreign = ("OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_", "STORMKEEL_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    with (folder / "stderr.log").open("ab") as errors:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "stormkeel", *arguments,
            stdin=DEVNULL, stdout=PIPE, stderr=errors, cwd=folder, env={**environ, **SECRETS}, limit=1 << 24,
        )  # fmt: skip


async def _ready(process: Process, folder: Path) -> str:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_S):
            return str(json.loads(await process.stdout.readline())["url"])
    except (TimeoutError, ValueError):
        raise DoorError(f"the gateway did not start: {_last(folder)}") from None


def _last(folder: Path) -> str:
    lines = (folder / "stderr.log").read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    process.kill()  # its drain would keep the run waiting; what it booked is read by now
    async with asyncio.timeout(STOP_S):
        await process.wait()


async def _booked(folder: Path) -> tuple[Booked, ...]:
    """Read the books as a user would, `stormkeel usage`, until every attempt is settled."""
    async with asyncio.timeout(BOOKED_S):
        while True:
            process = await _child(folder, "usage", "--attempts", "--json", "--data", "data")
            out, _ = await process.communicate()
            if process.returncode:
                raise DoorError(f"the books could not be read: {_last(folder)}")
            found = tuple(map(booked, json.loads(out)["attempts"]))
            if all(one.settled for one in found):
                return found


def booked(row: dict[str, Any]) -> Booked:
    """Read one attempt of `stormkeel usage --attempts --json`."""
    amount, held = ((row[name] or {}).get("nano_dollars") for name in ("amount", "reserved"))
    return Booked(row["attempt"], amount, held, row.get("usage_source") == "provider", row.get("outcome") is not None)
