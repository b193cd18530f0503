"""An upstream of the tests' own that answers any path as it is told, and a gateway before it that passes paths through.

Never asserts anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from gateway_stage import QUICK, Stage, staged, until
from raw_server import Connection, RawServer, Script

SECRETS = {
    "up": "sk-proj-CANARYpassing0123456789abcd", "second": "sk-proj-CANARYsecond00123456789abcd",
    "claude": "sk-ant-CANARYpassing0123456789ab", "google": "AIzaCANARYpassing0123456789abcdef",
}  # fmt: skip
PROVIDERS = """
[providers.up]
kind = "openai"
base_url = "{url}/v1"
credentials = {{ main = "file:{up}", second = "file:{second}" }}
passthrough = true
[providers.claude]
kind = "anthropic"
base_url = "{url}"
credentials = {{ main = "file:{claude}" }}
passthrough = true
[providers.google]
kind = "gemini"
base_url = "{url}/v1beta"
credentials = {{ main = "file:{google}" }}
passthrough = true
"""


class Seen(NamedTuple):
    """One request as the upstream saw it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Connection, Seen], Awaitable[None]]


class Upstream:
    """A provider that answers as `answer` says; `seen` holds what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.seen: list[Seen] = []
        self.connections: list[Connection] = []
        self._answer = answer

    async def script(self, connection: Connection) -> None:
        """Serve one connection."""
        while await connection.read_request():
            first, *lines = connection.head.decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ")
            fields = dict(line.split(": ", 1) for line in lines if line)
            self.seen.append(Seen(method, target, fields, connection.body))
            await self._answer(connection, self.seen[-1])


def told(body: bytes = b'{"id": "it"}', status: str = "200 OK", **fields: str) -> bytes:
    """One whole answer."""
    given = {"content-type": "application/json", "content-length": str(len(body))}
    given |= {name.replace("_", "-"): value for name, value in fields.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def always(response: bytes) -> Answer:
    """Answer everything alike."""

    async def answer(connection: Connection, _seen: Seen) -> None:
        await connection.send(response)

    return answer


@asynccontextmanager
async def passing(
    folder: Path, answer: Answer, more: str = QUICK, raw: Script | None = None
) -> AsyncIterator[tuple[Stage, Upstream]]:
    """Open an upstream and a gateway that passes other paths through to it; the sandbox is there, and passes none.

    `raw` serves each of its connections byte by byte instead.
    """
    upstream = Upstream(answer)
    for name, secret in SECRETS.items():
        (folder / f"{name}.pass").write_text(secret)
    async with RawServer(raw or upstream.script) as server:
        upstream.connections = server.connections
        files = {name: str(folder / f"{name}.pass") for name in SECRETS}
        async with staged(folder, more + PROVIDERS.format(url=server.url, **files)) as stage:
            yield stage, upstream


async def calm(stage: Stage) -> None:
    """Wait until nothing is under way any more; the upstream's connections may stay."""
    await until(lambda: not stage.unbalanced() and not stage.gateway_turns(), stage.unbalanced)
