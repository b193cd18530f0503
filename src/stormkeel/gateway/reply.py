"""How the gateway speaks: status, headers and body as ASGI messages, and failures in the client's dialect.

Never decides whether something failed.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol
from urllib.parse import quote

from ..engine.ports import ClientGone
from ..types.failure import Failure, FailureKind
from ..types.wire import Headers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
RawHeaders = list[tuple[bytes, bytes]]

K = FailureKind
JSON = (b"content-type", b"application/json")
TEXT = (b"content-type", b"text/plain; charset=utf-8")
NO_STORE = (b"cache-control", b"no-store")
STREAM: RawHeaders = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
OURS = frozenset({K.CREDENTIAL, K.QUOTA})
"""Failures whose provider body is not passed on: it speaks of our account, and a client would take it for its own."""

ROUTE = b"x-stormkeel-route"
"""What served a model that the caller named otherwise; percent-encoded, for a route's name may hold anything."""

ID_HEADERS = {"anthropic_messages": b"request-id"}
"""Where a dialect's SDK looks for the request's id, if not in `x-request-id` (docs/wire.md, Addresses and headers)."""

COME_AGAIN = frozenset({K.RATE_REACHED, K.CONCURRENCY_REACHED, K.CANCELLED})
"""Our own pressure, which a client's own backoff relieves, and our shutting down, after which another answers; everything else
we have tried enough already (docs/wire.md, Retries of the SDKs)."""


class Teller(Protocol):
    """Who can tell a client of a failure; each dialect can (`dialects.base.Dialect`)."""

    @property
    def name(self) -> str: ...  # noqa: D102 - as in Dialect

    def write_error(self, failure: Failure, request_id: str, /) -> tuple[int, bytes]:
        """Return status and body."""
        ...


class Turn(Protocol):
    """The short ways of our own server (`runtime.serve.turn.Turn`), which another ASGI server does not have."""

    @property
    def memo(self) -> object:
        """What was remembered of the same head."""
        ...

    def remember(self, memo: object) -> None:
        """Keep what was made of the head for the next time it comes."""
        ...

    def take_body(self) -> bytes | None:
        """Return the whole body if it is here and nothing was received of it, else None."""
        ...

    def answer(self, status: int, headers: RawHeaders, body: bytes) -> None:
        """Send a whole response."""
        ...

    def cut(self) -> None:
        """Break off a response that can't be completed."""
        ...


def turn_of(scope: Scope) -> Turn | None:
    """Return our own server's short ways, None under another server."""
    extensions = scope.get("extensions")
    return extensions.get("stormkeel.turn") if extensions else None


async def send_whole(send: Send, status: int, headers: RawHeaders, body: bytes) -> None:
    """Send a whole response."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def raw(headers: Headers) -> RawHeaders:
    """Return headers as ASGI wants them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def failed(dialect: Teller, failure: Failure, request_id: str, asked: bool) -> tuple[int, RawHeaders, bytes]:
    """Return the response that tells a client of a failure, in its own dialect.

    Args:
        dialect: the client's, or what else the endpoint speaks.
        failure: what happened.
        request_id: ours.
        asked: was any provider asked?
    """
    status, body = dialect.write_error(failure, request_id)
    if not asked and failure.status is not None:  # our own no may be finer than its kind: 405, 413, 415
        status = failure.status
    headers: RawHeaders = [JSON, NO_STORE, (b"x-request-id", request_id.encode())]
    if failure.dialect == dialect.name and _may_pass(failure):
        status, body = failure.status or status, failure.body
        headers.extend(pair for pair in raw(failure.headers) if not pair[0].startswith(b"retry-after"))
    elif dialect.name in ID_HEADERS:
        headers.append((ID_HEADERS[dialect.name], request_id.encode()))
    is_for_now = failure.kind in COME_AGAIN or (failure.kind is K.OVERLOADED and not asked)
    headers.append((b"x-should-retry", b"true" if is_for_now and not failure.forever else b"false"))
    if failure.retry_after is not None:
        headers.append((b"retry-after", b"%d" % max(1, math.ceil(failure.retry_after))))
        headers.append((b"retry-after-ms", b"%d" % math.ceil(failure.retry_after * 1000)))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return status, headers, body


def _may_pass(failure: Failure) -> bool:
    """May a client see the provider's own error? It must be one: an edge proxy's page is not what a dialect's client can read."""
    is_error = failure.status is not None and failure.status >= 400
    return is_error and failure.kind not in OURS and failure.body.lstrip()[:1] == b"{"


def ours(request_id: str, stands_for: str) -> RawHeaders:
    """Return the headers that every answer has.

    Args:
        request_id: ours.
        stands_for: what the model asked for stands for, "" where it is itself: the settings' default model or fallback route.
    """
    named = (b"x-request-id", request_id.encode())
    return [named, (ROUTE, quote(stands_for, safe="/:#+ ").encode())] if stands_for else [named]


class Output:
    """An answer's way to one client; `send` returns when the server has room again.

    Attributes:
        began: has the head gone out?
        is_torn: was the wait for a piece to go out cut short? Our own server has it by then; another may not.
    """

    __slots__ = ("_ours", "_send", "began", "is_torn")

    def __init__(self, send: Send, ours: RawHeaders) -> None:
        self.began = self.is_torn = False
        self._send = send
        self._ours = ours

    async def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        await self._try({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the last bytes and end the response."""
        await self._try({"type": "http.response.body", "body": data})

    async def _begin(self, status: int, headers: RawHeaders) -> None:
        self.began = True
        await self._try({"type": "http.response.start", "status": status, "headers": headers})

    async def _try(self, message: MutableMapping[str, Any]) -> None:
        self.is_torn = True
        try:
            await self._send(message)
        except OSError as error:
            raise ClientGone from error
        self.is_torn = False


class StreamOutput(Output):
    """A stream's way to one client (`engine.ports.Output`)."""

    __slots__ = ()

    async def start(self, headers: Headers) -> None:
        """Send the head."""
        await self._begin(200, [*STREAM, *self._ours, *raw(headers)])
