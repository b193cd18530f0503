"""Starts and stops a sandbox: embedded in a program or a test (`start`), or as a process of its own (`run`).

Never chooses an event loop: whoever calls brings one.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import TracebackType

from stormkeel.sandbox.app import serve
from stormkeel.sandbox.bill import Row
from stormkeel.sandbox.book import Record
from stormkeel.sandbox.desk import Desk
from stormkeel.sandbox.line import Inbound, Line
from stormkeel.sandbox.settings import SandboxSettings
from stormkeel.sandbox.storm import Storm
from stormkeel.sandbox.wire import WireServer


class Sandbox:
    """A sandbox that is up; also an async context manager that closes it.

    Attributes:
        host, port, url: Where it listens; OpenAI clients take `url + "/v1"` as their base, Anthropic and
            Gemini clients `url`.
    """

    def __init__(self, desk: Desk, server: WireServer, port: int) -> None:
        self._desk = desk
        self._server = server
        self.host = desk.settings.host
        self.port = port
        shown = f"[{self.host}]" if ":" in self.host else self.host
        self.url = f"http://{shown}:{port}"

    @property
    def requests(self) -> list[Record]:
        """The requests so far, oldest first."""
        return list(self._desk.book.records)

    def bill(self) -> list[Row]:
        """Return the bill, one row for each request for an answer, oldest first; `row.cost` is exact dollars."""
        return list(self._desk.book.rows)

    def set_storm(self, storm: Storm | None) -> None:
        """Begin a storm now, or end the one that is on."""
        self._desk.set_storm(storm)

    def reset(self) -> None:
        """Forget requests, bill and kept answers, and begin the storm anew."""
        self._desk.forget()

    async def arrived(self, count: int = 1) -> None:
        """Wait until `count` requests for an answer have come in since the start or the last reset."""
        await self._desk.book.arrived(count)

    async def quiet(self) -> None:
        """Wait until no request is being answered; the bill is then final."""
        await self._desk.book.quiet()

    async def close(self) -> None:
        """Stop listening and end every connection; running answers get the settings' grace."""
        await self._server.close(self._desk.settings.close_grace_s)

    async def __aenter__(self) -> Sandbox:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


async def start(settings: SandboxSettings) -> Sandbox:
    """Start a sandbox on the running loop. OSError when the address cannot be had."""
    desk = Desk(settings)

    async def handle(inbound: Inbound, line: Line) -> None:
        await serve(desk, inbound, line)

    server = WireServer(handle, settings.limits)
    port = await server.listen(settings.host, settings.port)
    return Sandbox(desk, server, port)


def run(settings: SandboxSettings, ready: Callable[[Sandbox], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called once, when requests are accepted.

    OSError when the address cannot be had.
    """
    asyncio.run(_until_stopped(settings, ready))


async def _until_stopped(settings: SandboxSettings, ready: Callable[[Sandbox], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with await start(settings) as sandbox:
        ready(sandbox)
        await stop.wait()
