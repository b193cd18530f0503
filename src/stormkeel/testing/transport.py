"""A transport that follows a script, in memory: what each request is answered, when, and how it fails.

Never opens a socket. Waiting is `asyncio.sleep`, so it costs nothing on a virtual loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ..engine.ports import WireFault
from ..types.wire import NO_HEADERS, Headers, HttpRequest, HttpResponse, Upload

Piece = bytes | float | WireFault
"""One step of a body: bytes that arrive, seconds of silence, or a fault that ends it."""


class Reply(msgspec.Struct, frozen=True):
    """One scripted answer.

    Attributes:
        status, headers: the head.
        body: the body's steps in order.
        delay: seconds before the head.
        fault: raised instead of a head.
    """

    status: int = 200
    body: Sequence[Piece] = ()
    headers: Headers = NO_HEADERS
    delay: float = 0.0
    fault: WireFault | None = None


class Sent(msgspec.Struct):
    """One request as the transport saw it.

    Attributes:
        request: what was sent.
        at: the loop's clock at that moment, seconds.
        ended: how the exchange ended: "" while open, "read" or "aborted".
    """

    request: HttpRequest
    at: float
    ended: str = ""


class ScriptedExchange:
    """An open exchange that plays its reply's steps."""

    def __init__(self, reply: Reply, sent: Sent) -> None:
        self.status = reply.status
        self.headers = reply.headers
        self._steps = iter(reply.body)
        self._sent = sent

    async def read(self) -> bytes:
        """Return the next bytes, waiting where the script waits."""
        for step in self._steps:
            if isinstance(step, bytes):
                return step
            if isinstance(step, WireFault):
                self._sent.ended = "aborted"
                raise step
            await asyncio.sleep(step)
        self._sent.ended = self._sent.ended or "read"
        return b""

    def linger(self) -> None:
        """Take what is left of the script as read, if nothing in it waits or fails."""
        left = list(self._steps)
        self._sent.ended = self._sent.ended or ("read" if all(isinstance(step, bytes) for step in left) else "aborted")

    async def close(self) -> None:
        """End the exchange."""
        self._sent.ended = self._sent.ended or "aborted"


class ScriptedTransport:
    """Answers requests by a script, and remembers them in `sent`.

    Args:
        script: the replies in order; the last one repeats. Or a function from the request to its reply.
    """

    def __init__(self, script: Iterable[Reply] | Callable[[HttpRequest], Reply]) -> None:
        self._choose = script if callable(script) else _in_turn(list(script))
        self.sent: list[Sent] = []

    async def _head(self, request: HttpRequest) -> ScriptedExchange:
        if request.upload is not None:
            request = HttpRequest(request.method, request.url, request.headers, await _all_of(request.upload))
        sent = Sent(request, asyncio.get_running_loop().time())
        self.sent.append(sent)
        reply = self._choose(request)
        try:
            await asyncio.sleep(reply.delay)
        except asyncio.CancelledError:
            sent.ended = "aborted"
            raise
        if reply.fault is not None:
            sent.ended = "aborted"
            raise reply.fault
        return ScriptedExchange(reply, sent)

    async def open(self, request: HttpRequest) -> ScriptedExchange:
        """Answer with the next reply's head."""
        return await self._head(request)

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Answer with the next reply, whole."""
        exchange = await self._head(request)
        parts = []
        try:
            while piece := await exchange.read():
                parts.append(piece)
        finally:
            await exchange.close()
        return HttpResponse(exchange.status, exchange.headers, b"".join(parts))

    async def close(self) -> None:
        """Nothing is held."""


async def _all_of(upload: Upload) -> bytes:
    parts = []
    while piece := await upload.read():
        parts.append(piece)
    return b"".join(parts)


def _in_turn(replies: list[Reply]) -> Callable[[HttpRequest], Reply]:
    turn = iter(replies)
    return lambda _request: next(turn, replies[-1])
