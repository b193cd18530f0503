"""The bench's client: raw keep-alive connections that ask as fast as they are answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec


class Load(msgspec.Struct):
    """What a client saw.

    Attributes:
        requests: whole answers.
        seconds: wall clock.
        bad: answers whose status was not 200.
        latencies: seconds, of every answer.
        received: bytes of all answers.
    """

    requests: int = 0
    seconds: float = 0.0
    bad: int = 0
    received: int = 0
    latencies: list[float] = []


class Asker(asyncio.Protocol):
    """One connection: asks, waits for the whole answer, asks again."""

    def __init__(self, request: bytes, load: Load, more: Callable[[], bool], done: Callable[[], None]) -> None:
        self.request, self.load, self.more, self.done = request, load, more, done
        self.parts: list[bytes] = []
        self.size = 0
        self.want = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.parts.clear()
        self.size, self.want = 0, -1
        self.asked = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.parts.append(data)
        self.size += len(data)
        self.load.received += len(data)
        if self.want < 0:
            if len(self.parts) > 1 and self.want == -1:
                self.parts = [b"".join(self.parts)]
            end = self.parts[0].find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.parts[0][:end].lower()
            at = head.find(b"content-length:")
            self.want = end + 4 + int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 1 << 60
            if not head.startswith(b"http/1.1 200"):
                self.load.bad += 1
        if self.size >= self.want or (self.want == 1 << 60 and data.endswith(b"0\r\n\r\n")):
            self.load.requests += 1
            self.load.latencies.append(time.perf_counter() - self.asked)
            if self.more():
                self.ask()
            else:
                self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.done()


async def press(port: int, request: bytes, connections: int, requests: int) -> Load:
    """Send so many requests over so many connections; return what came back."""
    load, left, open_ones = Load(), requests, connections
    finished = asyncio.Event()

    def more() -> bool:
        nonlocal left
        left -= 1
        return left >= connections

    def done() -> None:
        nonlocal open_ones
        open_ones -= 1
        if open_ones == 0:
            finished.set()

    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Asker(request, load, more, done), "127.0.0.1", port)
    await finished.wait()
    load.seconds = time.perf_counter() - begun
    return load


def post(path: str, body: bytes, key: str) -> bytes:
    """A request as an SDK would send it: a dozen headers and a JSON body."""
    return (
        b"POST %s HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\ncontent-type: application/json\r\n"
        b"user-agent: OpenAI/Python 3.52.0\r\nx-stainless-lang: python\r\nx-stainless-package-version: 3.52.0\r\n"
        b"x-stainless-os: Linux\r\nx-stainless-arch: x64\r\nx-stainless-runtime: CPython\r\nx-stainless-retry-count: 0\r\n"
        b"x-stainless-read-timeout: 600\r\nauthorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s"
    ) % (path.encode(), key.encode(), len(body), body)
