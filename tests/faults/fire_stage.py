"""The stage of the scenarios under fire: a gateway, a provider and a load, each in a process of its own, and how the gateway is doing.

Never judges anything. Figures of time are only worth something beside others of the same run: other programs use the machine too.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from fire_clients import Crowd, Ends
from fire_load import Seen, Spec
from fire_upstream import Plan, State

HERE = Path(__file__).parent
KEY = "sk-storm-ofourownmaking0123456789abcd"
SETTINGS = """
[providers.openai]
base_url = "{url}/v1"
credentials = {{ main = "file:{folder}/openai.key" }}
[routes.fast]
groups = [["openai/gpt-5.4-mini"]]
[telemetry]
log = "{folder}/log.jsonl"
level = "warning"
"""
MIB = 1 << 20
Figure = Callable[[str, str, str], None]
"""Notes the figure of a scenario (conftest.py)."""


class Process:
    """One process of the stage, which told its port on its first line."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.pid = process.pid

    async def line(self) -> bytes:
        """Return the next line it prints."""
        assert self.process.stdout is not None
        return await self.process.stdout.readline()

    async def told(self) -> bytes:
        """Ask it how it is doing; return what it says."""
        self.process.send_signal(signal.SIGUSR1)
        return await self.line()

    def stop(self) -> None:
        """Ask it to end (SIGTERM)."""
        self.process.terminate()

    @property
    def rss(self) -> int:
        """Bytes of memory it has in use."""
        words = Path(f"/proc/{self.pid}/statm").read_text().split()
        return int(words[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def files(self) -> int:
        """Descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def threads(self) -> int:
        """Threads it has."""
        return len(os.listdir(f"/proc/{self.pid}/task"))

    @property
    def cpu(self) -> float:
        """Seconds of processor time it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Gateway(Process):
    """The gateway; `log` is where it writes what it has to say."""

    log: Path

    async def tasks(self) -> int:
        """Tasks of its loop."""
        return int(await self.told())

    def said(self) -> str:
        """What it has written to its log, and to standard error beside it."""
        return self.log.read_text() + self.log.with_name("stderr").read_text()


class Provider(Process):
    """The provider."""

    async def state(self) -> State:
        """How it is doing."""
        return msgspec.json.decode(await self.told(), type=State)


class Stage(NamedTuple):
    """Both of them."""

    gateway: Gateway
    provider: Provider


async def begin(command: Sequence[str], errors: Path) -> asyncio.subprocess.Process:
    """Start a Python program of this folder or of ours."""
    path = os.pathsep.join([str(HERE), *sys.path])
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": path, "PYTHONWARNINGS": "default::ResourceWarning"}
    with errors.open("ab") as stderr:
        return await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=stderr, env=environ, limit=64 * MIB
        )


@asynccontextmanager
async def running(kind: type[Process], command: Sequence[str], errors: Path) -> AsyncIterator[Process]:
    """Run a program until the block ends, and kill it then if it has not ended."""
    process = await begin(command, errors)
    assert process.stdout is not None
    try:
        first = await process.stdout.readline()
        assert first.strip().isdigit(), errors.read_text()
        yield kind(process, int(first))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def provider(folder: Path, plan: Plan) -> AsyncIterator[Provider]:
    """Run a provider with a plan."""
    command = [str(HERE / "fire_upstream.py"), msgspec.json.encode(plan).decode()]
    async with running(Provider, command, folder / "stderr-provider") as one:
        assert isinstance(one, Provider)
        yield one


@asynccontextmanager
async def sandbox(folder: Path, *options: str) -> AsyncIterator[str]:
    """Run the sandbox, which misbehaves as its options say; yields its address."""
    process = await begin(["-m", "stormkeel", "sandbox", "--json", *options], folder / "stderr-sandbox")
    assert process.stdout is not None
    try:
        yield json.loads(await process.stdout.readline())["url"]
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def gateway(
    folder: Path, url: str, more: str = "", clocks: Sequence[str] = (), data: str = "memory"
) -> AsyncIterator[Gateway]:
    """Run a gateway before a provider; `clocks` and `data` as in fire_gateway.py."""
    (folder / "openai.key").write_text(KEY)
    settings = folder / "stormkeel.toml"
    extra = more if "[server]" in more else f"[server]\nport = 0\n{more}"
    settings.write_text(SETTINGS.format(url=url, folder=folder) + extra)
    command = [str(HERE / "fire_gateway.py"), str(settings), data, *clocks]
    async with running(Gateway, command, folder / "stderr") as one:
        assert isinstance(one, Gateway)
        one.log = folder / "log.jsonl"
        yield one


@asynccontextmanager
async def staged(folder: Path, plan: Plan, more: str = "", clocks: Sequence[str] = ()) -> AsyncIterator[Stage]:
    """Run both."""
    async with provider(folder, plan) as upstream, gateway(folder, f"http://127.0.0.1:{upstream.port}", more, clocks) as house:
        yield Stage(house, upstream)


def asking(model: str = "fast", *, stream: bool = False, path: str = "/v1/chat/completions", **more: object) -> bytes:
    """One whole request, as an SDK sends it."""
    said = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hello there"}]} | more
    return posted(path, json.dumps(said).encode())


def posted(path: str, body: bytes) -> bytes:
    """One whole request with any body."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\ncontent-type: application/json\r\n"
        "user-agent: OpenAI/Python 3.52.0\r\nx-stainless-lang: python\r\nx-stainless-package-version: 3.52.0\r\n"
        "x-stainless-os: Linux\r\nx-stainless-runtime: CPython\r\nx-stainless-retry-count: 0\r\n"
        f"authorization: Bearer none\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Load:
    """A load that is under way."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def seen(self) -> Seen:
        """Wait for the next phase to end; return what it saw."""
        assert self._process.stdout is not None
        return msgspec.json.decode(await self._process.stdout.readline(), type=Seen)

    async def stop(self) -> None:
        """Wait for its end; all of its connections are closed then."""
        await self._process.wait()


@asynccontextmanager
async def load(folder: Path, spec: Spec) -> AsyncIterator[Load]:
    """Run a load until the block ends."""
    process = await begin([str(HERE / "fire_load.py"), msgspec.json.encode(spec).decode()], folder / "stderr-load")
    try:
        yield Load(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Clients:
    """A crowd that is under way: all of it has begun."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ends(self) -> Ends:
        """Wait until all have ended; return how."""
        assert self._process.stdout is not None
        return msgspec.json.decode(await self._process.stdout.readline(), type=Ends)


@asynccontextmanager
async def crowd(folder: Path, plan: Crowd) -> AsyncIterator[Clients]:
    """Run a crowd until the block ends."""
    process = await begin([str(HERE / "fire_clients.py"), msgspec.json.encode(plan).decode()], folder / "stderr-crowd")
    assert process.stdout is not None
    try:
        first = await process.stdout.readline()
        assert first == b"ready\n", (folder / "stderr-crowd").read_text()
        yield Clients(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class Held(NamedTuple):
    """What a gateway holds: descriptors beside those of its idle connections to the provider, and tasks."""

    files: int
    tasks: int


async def holding(stage: Stage) -> Held:
    """Return what the gateway holds; the provider's descriptors are those of the gateway's connections, and a few more."""
    return Held(stage.gateway.files - stage.provider.files, await stage.gateway.tasks())


async def left_over(stage: Stage, before: Held, seconds: float = 5.0) -> Held:
    """Wait until the gateway holds no more than it did, or the time is up; return how much more that is."""
    for _ in range(int(seconds * 10)):
        now = await holding(stage)
        if now.files <= before.files and now.tasks <= before.tasks:
            break
        await asyncio.sleep(0.1)
    return Held(now.files - before.files, now.tasks - before.tasks)


async def pressed(folder: Path, spec: Spec) -> list[Seen]:
    """Run a load to its end; return what each phase saw."""
    async with load(folder, spec) as one:
        return [await one.seen() for _ in spec.phases]


def quantile(values: Sequence[float], share: float) -> float:
    """Return the quantile of sorted values, NaN where there are none."""
    return values[min(len(values) - 1, math.floor(share * len(values)))] if values else math.nan
