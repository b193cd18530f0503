"""One TCP (or TLS) connection that carries one HTTP/1.1 exchange at a time.

Never retries, never times anything, never decides whether it is used again: the transport does.

    idle --start--> busy --response done--> idle (release) | dead (abort)
      '--------------- peer closes, or speaks unasked ------> dead
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from typing import cast

from ..engine.ports import WireFault
from ..types.wire import Upload
from .http1 import Key, ProtocolFault, ResponseReader

ONE_READ = 16_384  # bytes taken from a socket at once
HIGH_WATER = 16_384  # bytes of a streamed body held unread before reading stops, and TCP's window holds the sender back
WHOLE_LIMIT = 1 << 26  # bytes of an answer read in one piece: more than any model writes, and little enough to hold (INV-14)
ONE_WRITE = 65_536  # bytes: up to here joining head and body is cheaper than a second write


class _Shared(threading.local):
    """What the connections of one thread, and so of one loop, read into one after the other."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(ONE_READ))


_shared = _Shared()


class Link(asyncio.BufferedProtocol):
    """A connection.

    Attributes:
        alive: neither side has closed it.
        key: where it leads.
        idle_since: loop time in seconds at which it was released.
        reader: the response being read; None while idle.
    """

    __slots__ = (
        *("alive", "idle_since", "key", "reader"),
        *("_buffer", "_fault", "loop", "_paused", "_room", "_streaming", "_transport", "_unread", "_waiter"),
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, key: Key) -> None:
        self.alive = False
        self.key = key
        self.idle_since = 0.0
        self.reader: ResponseReader | None = None
        self.loop = loop
        self._buffer = _shared.buffer
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._fault: str | None = None
        self._streaming = False
        self._unread = 0
        self._paused = False
        self._room: asyncio.Future[None] | None = None  # while the other side takes no more

    def start(self, head: bytes, body: bytes, method: str, streaming: bool) -> ResponseReader:
        """Send a request; from here on the other side may have seen it.

        Args:
            head: the request's head, with its empty line.
            body: the request's body.
            method: the request's method; it decides whether a response can have a body.
            streaming: wake on every piece of the body, not only at its end.
        """
        transport = self._transport
        assert transport is not None
        self.reader = reader = ResponseReader(method)
        self._streaming = streaming
        self._unread = 0
        if len(body) <= ONE_WRITE:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)
        return reader

    async def upload(self, upload: Upload) -> None:
        """Send a body as it comes, no faster than it is taken; an answer that comes before its end ends it.

        Where the connection breaks, `wait` says so.
        """
        reader, transport = self.reader, self._live()
        assert reader is not None
        while data := await upload.read():
            if reader.has_head or self._fault is not None:
                reader.reusable = False  # what was promised is never sent
                return
            transport.write(data if upload.length is not None else b"%x\r\n%b\r\n" % (len(data), data))
            if self._room is not None:
                await self._room
        if upload.length is None:
            transport.write(b"0\r\n\r\n")

    def pause_writing(self) -> None:
        """Called by the loop: the other side takes no more for now."""
        if self._fault is None and self.alive:
            self._room = self.loop.create_future()

    def resume_writing(self) -> None:
        """Called by the loop: it does again; or it has gone, and nobody need wait."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    async def wait(self) -> None:
        """Wait for progress: the whole response, or when streaming its head or more of its body. Raises `WireFault`."""
        if self._fault is None:
            self._waiter = self.loop.create_future()
            await self._waiter
        if self._fault is not None:
            raise WireFault("body" if self.reader is not None and self.reader.has_head else "head", self._fault)

    def take(self) -> bytes:
        """Return the body bytes not yet taken, and let the sender go on."""
        reader = self.reader
        assert reader is not None
        data = reader.take()
        self._unread = 0
        if self._paused:
            self._paused = False
            if self.alive:
                self._live().resume_reading()
        return data

    def release(self, now: float) -> bool:
        """Become idle after a response read to its end; False (and dead) where another request must not follow.

        Args:
            now: loop time in seconds.
        """
        reader = self.reader
        if reader is None or not reader.reusable or not self.alive or self._live().get_write_buffer_size():
            self.abort()
            return False
        self.reader = None
        self.idle_since = now
        return True

    def abort(self) -> None:
        """Close at once, whatever is under way; the other side sees it within a round trip. Safe to call twice."""
        self.alive = False
        if self._fault is None:
            self._fault = "closed by us"
        if self._transport is not None:
            self._transport.abort()

    async def upgrade(self, tls: ssl.SSLContext, host: str) -> None:
        """Begin TLS inside the connection (after a proxy's CONNECT). Raises `OSError`.

        Args:
            tls: the context to begin it with.
            host: the name to send (SNI) and to check the certificate against.
        """
        if not self.alive:
            raise ConnectionResetError("connection closed before the TLS handshake")
        self.reader = None
        inside = await self.loop.start_tls(self._live(), self, tls, server_hostname=host)
        if inside is None:
            raise ConnectionResetError("connection closed in the TLS handshake")
        self._transport = inside

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop: the connection (and its TLS) stands."""
        self._transport = cast(asyncio.Transport, transport)
        if self._fault is None:
            self.alive = True
        else:  # given up while it was still connecting
            self._transport.abort()

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Called by the loop: say where the next bytes are to be put. A loop's own choice of size would be 256 KiB."""
        return self._buffer

    def buffer_updated(self, size: int) -> None:
        """Called by the loop: bytes came."""
        self.data_received(bytes(self._buffer[:size]))

    def data_received(self, data: bytes) -> None:
        """Take the next bytes."""
        reader = self.reader
        if reader is None:
            self.abort()
            return
        try:
            reader.feed(data)
        except ProtocolFault as fault:
            self._fail(str(fault))
            self.abort()
            return
        if reader.done or (self._streaming and reader.has_head):
            self._wake(len(data))
            return
        self._unread += len(data)
        if self._unread > WHOLE_LIMIT:
            self._fail(f"an answer of more than {WHOLE_LIMIT >> 20} MiB in one piece")
            self.abort()

    def eof_received(self) -> bool:
        """Called by the loop: the other side will send no more. Not ours to keep half open."""
        self.alive = False
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop: the connection is gone."""
        self.alive = False
        self.resume_writing()
        reader = self.reader
        if reader is None or reader.done or self._fault is not None:
            return
        if exc is not None:
            self._fail(f"connection lost: {type(exc).__name__}")
            return
        try:
            reader.feed_eof()
        except ProtocolFault as fault:
            self._fail(str(fault))
        else:
            self._wake(0)

    def _live(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    def _fail(self, detail: str) -> None:
        self._fault = detail
        self._wake(0)

    def _wake(self, size: int) -> None:
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
            return
        self._unread += size
        if self._unread > HIGH_WATER and self.alive and not self._paused:
            self._paused = True
            self._live().pause_reading()
