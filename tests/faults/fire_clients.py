"""Clients that behave badly, many at once, in a process of their own.

    drip-head   sends a header byte by byte        drip-body   sends a body byte by byte
    deaf        asks for a stream, reads 1 KiB of it and nothing more
    idle        asks for a stream, and reads it to its end as it comes

Usage: fire_clients.py SPEC (`Crowd` as JSON). Prints "ready" on a line of its own once all have begun, and `Ends` as JSON when all have
ended.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Literal

import msgspec
import uvloop

WINDOW = 4096  # bytes of kernel buffer of a client that does not read: the kernel takes twice that
TAIL = 800  # bytes of a stream's end that are kept: its last event
AT_ONCE = 100  # connections that are opened at the same time


class Crowd(msgspec.Struct):
    """What they do.

    Attributes:
        port: whom they ask.
        many: how many there are.
        way: what they do.
        request: what they send; its head is what drips, or its body.
        every: seconds between two bytes that drip.
        patience: seconds after which they go by themselves.
    """

    port: int
    many: int
    way: Literal["drip-head", "drip-body", "deaf", "idle"]
    request: str
    every: float = 1.0
    patience: float = 120.0


class Ends(msgspec.Struct):
    """How it ended for them.

    Attributes:
        closed: by the gateway, with the seconds since each began, sorted.
        statuses: how often they were answered with which, "" for nothing.
        whole: streams that came to their own end.
        told: streams that were ended with word of the gateway's stop.
        left: clients that went by themselves.
    """

    closed: list[float] = []
    statuses: dict[str, int] = {}
    whole: int = 0
    told: int = 0
    left: int = 0


class Client(asyncio.Protocol):
    """One of them."""

    def __init__(self, crowd: Crowd, ends: Ends) -> None:
        self.crowd, self.ends = crowd, ends
        self.loop = asyncio.get_running_loop()
        self.began, self.is_over = self.loop.create_future(), self.loop.create_future()
        self.tail = b""
        self.size = 0
        self.status = ""
        self.is_leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.since = time.perf_counter()
        self.loop.call_later(self.crowd.patience, self.leave)
        data = self.crowd.request.encode()
        head = data.index(b"\r\n\r\n") + 4
        self.left = {"drip-head": data[20:], "drip-body": data[head:]}.get(self.crowd.way, b"")
        self.transport.write(data[: len(data) - len(self.left)])
        if self.left:
            self.began.set_result(None)
            self.loop.call_later(self.crowd.every, self.drip)

    def drip(self) -> None:
        """Send another byte; the last one never."""
        if not self.transport.is_closing():
            if len(self.left) > 1:
                self.transport.write(self.left[:1])
                self.left = self.left[1:]
            self.loop.call_later(self.crowd.every, self.drip)

    def data_received(self, data: bytes) -> None:
        self.status = self.status or data[9:12].decode()
        self.size += len(data)
        self.tail = (self.tail + data)[-TAIL:]
        is_deaf = self.crowd.way == "deaf"
        if not self.began.done() and (self.size >= 1024 or not is_deaf):
            self.began.set_result(None)
            if is_deaf:
                self.transport.pause_reading()
        if self.tail.endswith(b"\r\n0\r\n\r\n"):
            is_told = b"server_shutdown" in self.tail
            self.ends.told += is_told
            self.ends.whole += not is_told and b"data: [DONE]\n\n" in self.tail
            self.leave()

    def leave(self) -> None:
        """Go."""
        if not self.transport.is_closing():
            self.is_leaving = True
            self.ends.left += not self.tail.endswith(b"0\r\n\r\n")
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_leaving:
            self.ends.closed.append(time.perf_counter() - self.since)
        self.ends.statuses[self.status] = self.ends.statuses.get(self.status, 0) + 1
        for future in (self.began, self.is_over):
            if not future.done():
                future.set_result(None)


async def main(crowd: Crowd) -> None:
    """Let all of them begin, and wait until all have ended."""
    loop, ends, room = asyncio.get_running_loop(), Ends(), asyncio.Semaphore(AT_ONCE)

    async def one() -> Client:
        import socket

        async with room:
            own = socket.socket()
            own.setblocking(False)
            if crowd.way == "deaf":
                own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
            await loop.sock_connect(own, ("127.0.0.1", crowd.port))
            _, client = await loop.create_connection(lambda: Client(crowd, ends), sock=own)
            await client.began
            return client

    clients = await asyncio.gather(*(one() for _ in range(crowd.many)))
    print("ready", flush=True)
    for client in clients:
        await client.is_over
    ends.closed.sort()
    print(msgspec.json.encode(ends).decode(), flush=True)


if __name__ == "__main__":
    uvloop.run(main(msgspec.json.decode(sys.argv[1], type=Crowd)))
