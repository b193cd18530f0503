"""A small HTTP/1.1 server that hands whole requests to a handler, together with the line to answer on.

Never looks into a request: routes are in `app`. Kept apart from the server the gateway runs on, because faults need the raw
socket.

A connection: idle -> head -> body -> handled -> idle ... ; it ends by `connection: close`, a broken request (400), a deadline
(408), a body over the limit (413), a fault, the client, or `close()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import h11
import msgspec

from stormkeel.sandbox.line import GoneError, Inbound, Line

Handler = Callable[[Inbound, Line], Awaitable[None]]

_HEAD_MAX = 64 * 1024
_AHEAD_MAX = 256 * 1024  # bytes a client may pipeline while its request is answered


class Limits(msgspec.Struct, frozen=True):
    """What a client may take of us: seconds for one request and between two, bytes of a body."""

    request_s: float = 30.0
    idle_s: float = 120.0
    body: int = 32 * 1024 * 1024


class _RefusedError(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Connection(asyncio.Protocol):
    """One client: reads requests one after the other and has each answered before the next is looked at."""

    def __init__(self, server: WireServer) -> None:
        self._server = server
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_MAX)
        self._arrived = asyncio.Event()
        self._ahead = 0
        self.busy = False
        self.line: Line
        self.transport: asyncio.Transport
        self.task: asyncio.Task[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:  # noqa: D102 (asyncio.Protocol)
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        self.line = Line(self.transport, self._http)
        self.task = asyncio.get_running_loop().create_task(self._serve())
        self._server.join(self)

    def data_received(self, data: bytes) -> None:  # noqa: D102 (asyncio.Protocol)
        self._http.receive_data(data)
        self._arrived.set()
        if self.busy:
            self._ahead += len(data)
            if self._ahead > _AHEAD_MAX:
                self.transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: D102 (asyncio.Protocol)
        self.line.lose()
        self._arrived.set()

    def pause_writing(self) -> None:  # noqa: D102 (asyncio.Protocol)
        self.line.pause()

    def resume_writing(self) -> None:  # noqa: D102 (asyncio.Protocol)
        self.line.resume()

    def release(self) -> None:
        """Let go: close at once when idle, and end whatever is only being held open."""
        self.line.released.set()
        if not self.busy:
            self.transport.close()

    async def _serve(self) -> None:
        try:
            while await self._serve_one():
                self._http.start_next_cycle()
        except _RefusedError as refused:
            await self._refuse(refused)
        except GoneError:
            pass
        finally:
            self.busy = False
            self.transport.close()
            self._server.leave(self)

    async def _serve_one(self) -> bool:
        try:
            inbound = await self._read()
        except h11.RemoteProtocolError as error:
            raise _RefusedError(error.error_status_hint, str(error)) from error
        if inbound is None:
            return False
        self.busy, self._ahead = True, 0
        self.line.bodiless = inbound.method == "HEAD"
        await self._server.handler(inbound, self.line)
        self.busy = False
        if self.transport.is_closing() or self._server.closing:
            return False
        self.transport.resume_reading()
        return self._http.our_state is h11.DONE and self._http.their_state is h11.DONE

    async def _read(self) -> Inbound | None:
        head: h11.Request | None = None
        body = bytearray()
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._server.limits.idle_s
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                await self._more(deadline)
                deadline = min(deadline, clock() + self._server.limits.request_s)
            elif isinstance(event, h11.Request):
                head = _checked(event)
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._server.limits.body:
                    raise _RefusedError(413, "request body too large")
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                return _inbound(head, bytes(body))
            else:
                return None

    async def _more(self, deadline: float) -> None:
        if self._http.they_are_waiting_for_100_continue:
            self.transport.write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        self._arrived.clear()
        if self.line.gone.is_set():
            raise GoneError
        try:
            async with asyncio.timeout_at(deadline):
                await self._arrived.wait()
        except TimeoutError:
            raise _RefusedError(408, "request timeout") from None

    async def _refuse(self, refused: _RefusedError) -> None:
        if self._http.our_state not in {h11.IDLE, h11.SEND_RESPONSE} or self.transport.is_closing():
            return
        headers = [("content-type", "text/plain"), ("connection", "close")]
        try:
            await self.line.reply(refused.status, headers, str(refused).encode())
        except GoneError:
            return


class WireServer:
    """The listening socket and the connections it has accepted."""

    def __init__(self, handler: Handler, limits: Limits) -> None:
        self.handler = handler
        self.limits = limits
        self.closing = False
        self.connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> int:
        """Bind and accept; return the port (the one the system chose when `port` is 0). OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Connection(self), host, port, backlog=1024)
        chosen: int = self._listener.sockets[0].getsockname()[1]
        return chosen

    def join(self, connection: Connection) -> None:
        """Remember a new connection."""
        self.connections.add(connection)

    def leave(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self.connections.discard(connection)

    async def close(self, grace_s: float) -> None:
        """Stop accepting, close idle connections, give running answers `grace_s` seconds, then break them off."""
        self.closing = True
        if self._listener is not None:
            self._listener.close()
        tasks = [connection.task for connection in self.connections]
        for connection in list(self.connections):
            connection.release()
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for connection in list(self.connections):
            connection.transport.abort()
        if tasks:
            await asyncio.wait(tasks)


def _checked(head: h11.Request) -> h11.Request:
    """Refuse a head over the limit; h11 only refuses those that came in parts."""
    if len(head.target) + sum(len(name) + len(value) for name, value in head.headers) > _HEAD_MAX:
        raise _RefusedError(431, "request header fields too large")
    return head


def _inbound(head: h11.Request, body: bytes) -> Inbound:
    path, _, query = head.target.decode("ascii").partition("?")
    headers = tuple((name.decode("ascii"), _text(value)) for name, value in head.headers)
    return Inbound(head.method.decode("ascii"), path, query, headers, body)


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
