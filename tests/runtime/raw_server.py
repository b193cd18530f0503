"""A raw TCP server on loopback that does to an HTTP client exactly what a script says, byte by byte.

Never speaks HTTP on its own: it reads a request far enough to know where it ends, and the script sends the rest.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType

Script = Callable[["Connection"], Awaitable[None]]

RST_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: close() sends RST and drops what is unsent


class Connection:
    """One accepted connection.

    Attributes:
        number: 0 for the first connection the server accepted, 1 for the second, and so on.
        head: the last request's head as it came, up to and with the empty line.
        body: the last request's body.
        reader, writer: the streams themselves, for a script that relays.
        gone: set once the client has closed or reset the connection (seen only while `wait_gone` or `read_request` runs).
    """

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self.head = b""
        self.body = b""
        self.gone = asyncio.Event()
        self.reader = reader
        self.writer = writer

    async def read_request(self) -> bool:
        """Read one whole request (with `content-length` or no body); False where the client closed instead."""
        try:
            self.head = await self.reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in self.head.lower().split(b"\r\n"):
                if line.startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            self.body = await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.gone.set()
            return False
        return True

    async def send(self, data: bytes) -> None:
        """Send the bytes and wait until the kernel has them."""
        self.writer.write(data)
        await self.writer.drain()

    async def wait_gone(self) -> None:
        """Wait until the client closes or resets the connection."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass
        self.gone.set()

    def close(self) -> None:
        """Close in good order (FIN)."""
        self.writer.close()

    def reset(self) -> None:
        """Close with RST."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
        self.writer.transport.abort()


class RawServer:
    """Runs one script for every connection accepted, until its `async with` ends.

    Attributes:
        connections: every connection accepted, oldest first.
        url: `http://127.0.0.1:port` (https where a TLS context was given).
    """

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.connections: list[Connection] = []
        self.url = ""
        self._script = script
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> RawServer:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{port}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self.connections:
            connection.close()
        for outcome in outcomes:  # a script that failed must fail its test
            if error is None and isinstance(outcome, Exception):
                raise outcome

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(len(self.connections), reader, writer)
        self.connections.append(connection)
        self._tasks.add(asyncio.ensure_future(self._script(connection)))
