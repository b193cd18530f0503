"""One socket as a provider uses it: answer, stream, fall silent, break off or reset.

Never decides what to answer and never reads a request: `wire` reads, `script` decides, `play` calls these methods.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Sequence

import h11
import msgspec

Headers = Sequence[tuple[str, str]]

_LINGER_ZERO = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() answers with RST (tcp(7), socket(7))


class Inbound(msgspec.Struct, frozen=True):
    """A whole HTTP request; header names are in lower case, in the order they came."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first value of a header (name in lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)


class GoneError(Exception):
    """The client left, or the server is closing: nobody reads what we would write."""


class Line:
    """The writing half of one connection.

    `gone` is set when the connection is lost; `released` also when the server closes, so that held requests let go.
    """

    def __init__(self, transport: asyncio.Transport, http: h11.Connection) -> None:
        self._transport = transport
        self._http = http
        self._room = asyncio.Event()
        self._room.set()
        self.bodiless = False  # the request was HEAD
        self.gone = asyncio.Event()
        self.released = asyncio.Event()
        transport.set_write_buffer_limits(high=0)  # "written" then means: handed to the kernel

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer with its content-length, in one write."""
        head = self._head(status, [*headers, ("content-length", str(len(body)))])
        await self._write(head + (b"" if self.bodiless else self._frame(body)) + self._end())

    async def open(self, status: int, headers: Headers, length: int | None) -> None:
        """Send a head; with `length` None the body is chunked, else exactly `length` bytes are promised."""
        framing = ("transfer-encoding", "chunked") if length is None else ("content-length", str(length))
        await self._write(self._head(status, [*headers, framing]))

    async def send(self, data: bytes) -> None:
        """Send a piece of the body and wait until the kernel has taken it."""
        await self._write(self._frame(data))

    async def end(self) -> None:
        """End the body as HTTP asks."""
        await self._write(self._end())

    async def wait(self, seconds: float) -> None:
        """Let time pass; raise GoneError at once when the client leaves."""
        if await _set_within(self.gone, seconds):
            raise GoneError

    async def hold(self, seconds: float) -> None:
        """Keep the socket open and silent until the server closes or `seconds` are over; GoneError when the client leaves."""
        await _set_within(self.released, seconds)
        if self.gone.is_set():
            raise GoneError

    def cut(self) -> None:
        """Close in order (FIN) wherever the answer stands."""
        self._transport.close()

    def reset(self) -> None:
        """Close with RST wherever the answer stands."""
        raw: socket.socket = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        self._transport.abort()

    def pause(self) -> None:
        """Note that the kernel takes no more for now."""
        self._room.clear()

    def resume(self) -> None:
        """Note that the kernel has taken everything."""
        self._room.set()

    def lose(self) -> None:
        """Note that the connection is lost and wake whoever waits on it."""
        self.gone.set()
        self.released.set()
        self._room.set()

    def _head(self, status: int, headers: Headers) -> bytes:
        return self._http.send(h11.Response(status_code=status, headers=list(headers))) or b""

    def _frame(self, data: bytes) -> bytes:
        return self._http.send(h11.Data(data=data)) or b""

    def _end(self) -> bytes:
        return self._http.send(h11.EndOfMessage()) or b""

    async def _write(self, data: bytes) -> None:
        if self.gone.is_set() or self._transport.is_closing():
            raise GoneError
        self._transport.write(data)
        if not self._room.is_set():
            await self._room.wait()
            if self.gone.is_set():
                raise GoneError


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
