"""One request and its answer: the ASGI side of a connection.

Never touches a socket: it asks its connection to write, and its connection tells it what came and that the client went.

    body arrives --> pieces --> receive()          send() --> head held --> head + first piece --> pieces --> end
    client gone  --> receive() says http.disconnect, send() raises ClientGoneError, watchers are called
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Protocol

from .head import BODILESS, Asked, Field, Headers, ResponseHead, write_head, write_whole
from .known import KnownHead

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

BODY_HIGH_WATER = 65_536  # bytes of a request's body held for an application that does not read

log = logging.getLogger("stormkeel.serve")


class ClientGoneError(ConnectionError):
    """The client of this request has gone; what is sent reaches nobody."""


class Wire(Protocol):
    """What a turn asks of its connection."""

    @property
    def date(self) -> bytes:
        """Return the `date` line of now."""
        ...

    @property
    def is_draining(self) -> bool:
        """Say whether every answer from now on ends its connection."""
        ...

    def write(self, data: bytes) -> None:
        """Hand bytes to the kernel or the write buffer."""
        ...

    def room(self) -> asyncio.Future[None] | None:
        """Return None where the write buffer has room, else a future that ends when it has."""
        ...

    def resume(self) -> None:
        """Let the client send on."""
        ...

    def turn_begun(self) -> None:
        """Take note that the application is at work on a turn."""
        ...

    def turn_answered(self, turn: Turn) -> None:
        """Take note that the whole response was written."""
        ...

    def turn_broken(self, turn: Turn) -> None:
        """Cut the connection: the response cannot be completed, and the client must be able to tell."""
        ...

    def turn_over(self, turn: Turn) -> None:
        """Take note that the application is done with this request."""
        ...


class Turn:
    """One request on its way through the application."""

    __slots__ = (
        "_head", "_is_whole", "_known", "_pieces", "_sent", "_waiter", "_watchers", "_wire", "buffered", "has_begun",
        "is_answered", "is_body_complete", "is_gone", "is_last", "is_waiting_for_continue", "scope", "task",
    )  # fmt: skip

    def __init__(
        self, wire: Wire, scope: dict[str, Any], *, is_last: bool, is_waiting_for_continue: bool, known: KnownHead | None = None
    ) -> None:
        self._wire = wire
        self._known = known
        self.scope = scope
        self._pieces: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._watchers: list[Callable[[], object]] = []
        self._head: ResponseHead | None = None
        self._sent = 0
        self.buffered = 0
        self.is_last = is_last
        self.is_waiting_for_continue = is_waiting_for_continue
        self._is_whole = False  # whether the application has been given the whole body
        self.is_body_complete = False
        self.is_gone = False
        self.is_answered = False
        self.has_begun = False
        self.task: asyncio.Task[None] | None = None
        scope["extensions"] = {"stormkeel.gone": self.watch, "stormkeel.turn": self}

    # what the connection tells

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the request's body."""
        if self.is_answered:
            return
        self._pieces.append(piece)
        self.buffered += len(piece)
        self._wake()

    def feed_whole(self, body: bytes) -> None:
        """Take the whole body before anybody waits for it."""
        self._pieces.append(body)
        self.buffered = len(body)
        self.is_body_complete = True

    def feed_end(self) -> None:
        """Take note that the request's body is complete."""
        self.is_body_complete = True
        self._wake()

    def lose(self) -> None:
        """Take note that the client has gone."""
        self.is_gone = True
        self._wake()
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            watcher()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # what the application sees

    @property
    def memo(self) -> object:
        """What the application made of this very head, all of it but the body's length, when it came before on the connection."""
        return None if self._known is None else self._known.memo

    def remember(self, memo: object) -> None:
        """Keep what the application made of the head, if it is kept itself; for as long as the connection lasts."""
        if self._known is not None:
            self._known.memo = memo

    def watch(self, callback: Callable[[], object]) -> None:
        """Call back, once, when the client goes before the response is complete; at once where it has gone."""
        if self.is_gone:
            callback()
        else:
            self._watchers.append(callback)

    async def receive(self) -> Message:
        """Return the next piece of the body, or `http.disconnect` once the client has gone or the response is complete.

        Only one task may wait in it at a time.
        """
        while not (self.is_gone or self.is_answered):
            if self._pieces or (self.is_body_complete and not self._is_whole):
                return self._next_piece()
            if self.is_waiting_for_continue and not self.is_body_complete and not self.has_begun:
                self.is_waiting_for_continue = False
                self._wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await self._wait()
        return {"type": "http.disconnect"}

    def _next_piece(self) -> Message:
        return {"type": "http.request", "body": self._take_pieces(), "more_body": not self.is_body_complete}

    def _take_pieces(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        if self.buffered > BODY_HIGH_WATER:
            self._wire.resume()
        self.buffered = 0
        self._is_whole = self.is_body_complete
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _wait(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            raise RuntimeError("two tasks wait in receive() of one request")
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    async def send(self, message: Message) -> None:
        """Send the response's head or its next piece; waits while the client's buffer is full.

        The head leaves with the first piece, which may be empty.

        Raises:
            ClientGoneError: the client has gone.
            RuntimeError: the message is out of order, or the body is not as long as its content-length.
        """
        self._insist_on_client()
        kind = message["type"]
        if kind == "http.response.body" and self._head is not None and not self.is_answered:
            more = message.get("more_body", False)
            self._send_body(self._head, message.get("body", b""), more)
            room = self._wire.room() if more else None
            if room is not None:
                await room
                self._insist_on_client()
        elif kind == "http.response.start" and self._head is None and not self.is_answered:
            self._set_head(message["status"], message.get("headers", ()))
        else:
            raise RuntimeError(f"ASGI message {kind!r} is out of order")

    def take_body(self) -> bytes | None:
        """Return the whole body if it is here and nothing was received of it, else None: the short way instead of `receive`."""
        if self._is_whole or not self.is_body_complete or self.is_gone:
            return None
        return self._take_pieces()

    def answer(self, status: int, headers: Sequence[Field], body: bytes) -> None:
        """Send a whole response: the short way instead of two messages to `send`. Never waits, as the last piece never does.

        Args:
            status: its status.
            headers: its fields, lower-case names; none that says where the body ends, or when it was sent.
            body: its whole body.

        Raises:
            ClientGoneError: the client has gone.
            RuntimeError: a response has begun already.
            ValueError: as `write_whole`.
        """
        if self.is_gone:
            raise ClientGoneError("the client has gone")
        if self._head is not None or self.is_answered:
            raise RuntimeError("a response has begun already")
        if status in BODILESS or self.scope["method"] == "HEAD":
            framed = [*headers, (b"content-length", b"%d" % len(body))]
            self._send_body(self._set_head(status, framed), body, False)
            return
        wire = self._wire
        self.is_last = self.is_last or wire.is_draining
        head = write_whole(status, headers, len(body), wire.date, self.is_last)
        self.has_begun = self.is_answered = True
        if len(body) > BODY_HIGH_WATER:  # joining a large body to its head would copy it
            wire.write(head)
            wire.write(body)
        else:
            wire.write(head + body)
        if self._waiter is not None:
            self._wake()
        wire.turn_answered(self)

    def cut(self) -> None:
        """Break off a response that can't be completed, so that the client can tell."""
        if self.has_begun and not self.is_answered and not self.is_gone:
            self._wire.turn_broken(self)

    def _insist_on_client(self) -> None:
        if self.is_gone:
            raise ClientGoneError("the client has gone")

    def _set_head(self, status: int, headers: Headers) -> ResponseHead:
        asked = Asked(self.scope["method"], self.scope["http_version"], self.is_last or self._wire.is_draining)
        self._head = head = write_head(status, headers, self._wire.date, asked)
        self.is_last = head.is_last
        return head

    def _send_body(self, head: ResponseHead, body: bytes, more: bool) -> None:
        opening = b"" if self.has_begun else head.wire
        self.has_begun = True
        if opening and len(body) > BODY_HIGH_WATER:  # joining a large body to its head would copy it
            self._wire.write(opening)
            opening = b""
        wire = opening + self._frame(head, body, more)
        if wire:
            self._wire.write(wire)
        if not more:
            self._finish(head)

    def _frame(self, head: ResponseHead, body: bytes, more: bool) -> bytes:
        if not head.is_bodied:
            return b""
        if head.is_chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return chunk if more else chunk + b"0\r\n\r\n"
        self._sent += len(body)
        if 0 <= head.length < self._sent:
            self._wire.turn_broken(self)
            raise RuntimeError(f"the response's body is longer than its content-length {head.length}")
        return body

    def _finish(self, head: ResponseHead) -> None:
        if head.is_bodied and self._sent < head.length:
            self._wire.turn_broken(self)
            raise RuntimeError(f"the response's body has {self._sent} bytes, its content-length says {head.length}")
        self.is_answered = True
        self._wake()
        self._wire.turn_answered(self)

    # its life

    async def run(self, app: AsgiApp) -> None:
        """Run the application for this request; whatever it does, the connection is left in order."""
        self._wire.turn_begun()
        try:
            await app(self.scope, self.receive, self.send)
            if not self.is_answered and not self.is_gone:
                log.error("the application returned without completing its response to %r", self.scope["path"])
        except ClientGoneError:
            pass
        except asyncio.CancelledError:
            self._give_up(503)
            raise
        except Exception:
            log.exception("the application failed on %r", self.scope["path"])
        finally:
            self._give_up(500)
            self._wire.turn_over(self)
            self.scope = {}  # it refers to this turn: the circle would keep both for the garbage collector
            self._watchers = []

    def _give_up(self, status: int) -> None:
        """Answer with an empty `status` where nothing was sent yet, else break the connection so that the client can tell."""
        if self.is_answered or self.is_gone:
            return
        if self.has_begun:
            self._wire.turn_broken(self)
            return
        self.is_last = True
        self._send_body(self._set_head(status, ((b"content-length", b"0"),)), b"", False)
