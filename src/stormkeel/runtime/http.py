"""The Transport of the real world: HTTP/1.1 over asyncio sockets, with a pool of idle connections.

Never retries, never follows a redirect, never keeps a cookie, never reads the environment, never decodes content, and
runs no clock but the one for connecting. Why it is our own: docs/decisions/0002-http-client.md.

    request --> bytes --> idle link? --no--> dial: TCP, proxy, TLS     a fault so far is "connect": no byte of it has left
                              | yes             |
                              '---- start ------'                      from here to the response's head: "head"
                                      |
                              head, body, release                      from here: "body"
"""

from __future__ import annotations

import asyncio
import ssl

import msgspec

from ..engine.ports import WireFault
from ..types.wire import Headers, HttpRequest, HttpResponse
from .dial import Dialer
from .http1 import Key, RequestFault, Target, read_url, write_head
from .link import Link
from .proxies import STRAIGHT, Proxies

PROXY_REFUSED = 407  # no provider has a reason to say it
LINGER = 0.05  # seconds in which a finished answer's body may come to its end

class HttpSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How connections are made and kept.

    Attributes:
        connect_timeout: seconds for name, TCP, proxy and TLS together; above 0.
        max_idle_per_host: idle connections kept per (scheme, host, port); 0 keeps none.
        idle_timeout: seconds an idle connection is kept. Below the 60 s after which common load balancers drop one, so that
            it is mostly we who close, not they under our next request.
        ca: authorities to trust besides the system's, as PEM text.
        ca_only: trust those alone.
        verify: check certificates; False trusts anyone who answers, for a test bench only.
        proxies: through which targets are reached; no environment variable is looked at.
    """

    connect_timeout: float = 5.0
    max_idle_per_host: int = 512
    idle_timeout: float = 50.0
    ca: str = ""
    ca_only: bool = False
    verify: bool = True
    proxies: Proxies = STRAIGHT


def make_tls(settings: HttpSettings) -> ssl.SSLContext:
    """Build the client's TLS context. Raises `ssl.SSLError` where `ca` holds no certificate."""
    context = ssl.create_default_context(cadata=settings.ca or None) if settings.ca_only else ssl.create_default_context()
    if settings.ca and not settings.ca_only:
        context.load_verify_locations(cadata=settings.ca)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


class HttpExchange:
    """An open exchange (see `engine.ports.Exchange`). Not for two tasks at once."""

    __slots__ = ("_ended", "_link", "_transport", "headers", "status")

    def __init__(self, transport: HttpTransport, link: Link, status: int, headers: Headers) -> None:
        self.status = status
        self.headers = headers
        self._transport = transport
        self._link: Link | None = link
        self._ended = False

    async def read(self) -> bytes:
        """Return the next bytes as they arrive, `b""` at the clean end. Raises `WireFault` (stage "body")."""
        link = self._link
        if link is None:
            if self._ended:
                return b""
            raise WireFault("body", "the exchange was closed before its end")
        reader = link.reader
        assert reader is not None
        try:
            while not (data := link.take()) and not reader.done:
                await link.wait()
        except BaseException:
            self._abort(link)
            raise
        if reader.done:
            self._ended = True
            self._link = None
            self._transport.release(link)
        return data

    def linger(self) -> None:
        """Keep the connection if its body ends within `LINGER` seconds, else drop it. Returns at once."""
        link, self._link = self._link, None
        self._ended = True
        if link is not None:
            self._transport.drain(link)

    async def close(self) -> None:
        """End the exchange; a body not read to its end is aborted and its connection not reused. Safe to call twice."""
        if self._link is not None:
            self._abort(self._link)

    def _abort(self, link: Link) -> None:
        self._link = None
        link.abort()


class HttpTransport:
    """The Transport port over real sockets. Belongs to the event loop that first uses it."""

    def __init__(self, settings: HttpSettings | None = None) -> None:
        """Prepare; no socket is opened yet.

        Raises:
            OSError: `ca` holds no certificate.
        """
        self._settings = settings = settings or HttpSettings()
        self._dialer = Dialer(make_tls(settings), settings.connect_timeout, settings.proxies)
        self._idle: dict[Key, list[Link]] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        self._drains: set[asyncio.Task[None]] = set()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send and read the whole response. Raises `WireFault`. Cancelling it aborts the exchange."""
        target, head = self._prepare(request)
        link = self._take(target.key) or await self._dialer.dial(target)
        reader = link.start(head, request.body, request.method, streaming=False)
        try:
            await link.wait()
        except BaseException:
            link.abort()
            raise
        if reader.status == PROXY_REFUSED:
            self._check_proxy(request, link)
        self.release(link)
        return HttpResponse(reader.status, reader.headers, reader.take())

    async def open(self, request: HttpRequest) -> HttpExchange:
        """Send and return once the response's head has arrived. Raises `WireFault`. Cancelling it aborts the exchange."""
        target, head = self._prepare(request)
        link = self._take(target.key) or await self._dialer.dial(target)
        reader = link.start(head, request.body, request.method, streaming=True)
        try:
            if request.upload is not None:
                await link.upload(request.upload)
            if not reader.has_head:
                await link.wait()
        except BaseException:
            link.abort()
            raise
        if reader.status == PROXY_REFUSED:
            self._check_proxy(request, link)
        return HttpExchange(self, link, reader.status, reader.headers)

    def _check_proxy(self, request: HttpRequest, link: Link) -> None:
        """Raise `WireFault` where a proxy, not the provider, has answered that it does not know us."""
        fault = self._dialer.refusal(read_url(request.url))
        if fault is not None:
            link.abort()
            raise fault

    async def close(self) -> None:
        """Close every idle connection; those still busy close at their exchange's end."""
        self._closed = True
        for task in self._drains:
            task.cancel()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for stack in self._idle.values():
            for link in stack:
                link.abort()
        self._idle.clear()

    def drain(self, link: Link) -> None:
        """Read a connection to its response's end in the background, for a short while, so that it can be used again."""
        task = link.loop.create_task(self._drain(link))
        self._drains.add(task)
        task.add_done_callback(self._drains.discard)

    async def _drain(self, link: Link) -> None:
        reader = link.reader
        assert reader is not None
        try:
            async with asyncio.timeout(LINGER):
                while not reader.done:
                    if not link.take():
                        await link.wait()
        except (TimeoutError, WireFault):
            link.abort()
        except BaseException:
            link.abort()
            raise
        else:
            link.take()
            self.release(link)

    def release(self, link: Link) -> None:
        """Keep a connection whose response was read to its end, or close it where it cannot or may not be kept."""
        loop = link.loop
        stack = self._idle.get(link.key)
        if stack is None:
            stack = self._idle[link.key] = []
        if self._closed or len(stack) >= self._settings.max_idle_per_host:
            link.abort()
        elif link.release(loop.time()):
            stack.append(link)
            if self._sweeper is None:
                self._sweeper = loop.call_later(self._settings.idle_timeout, self._sweep)

    def _prepare(self, request: HttpRequest) -> tuple[Target, bytes]:
        try:
            target = read_url(request.url)
            return target, write_head(request, target, self._dialer.forward_line(target))
        except RequestFault as fault:
            raise WireFault("connect", str(fault)) from None

    def _take(self, key: Key) -> Link | None:
        """Take the idle connection used last: it is the least likely to have been dropped by the other side."""
        stack = self._idle.get(key)
        while stack:
            link = stack.pop()
            if link.alive:
                return link
        return None

    def _sweep(self) -> None:
        """Close what has been idle too long, forget what the other side closed, and come back if anything is left."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._idle = {key: kept for key, stack in self._idle.items() if (kept := self._sweep_stack(stack, now))}
        self._sweeper = loop.call_later(self._settings.idle_timeout / 2, self._sweep) if self._idle else None

    def _sweep_stack(self, stack: list[Link], now: float) -> list[Link]:
        kept = []
        for link in stack:
            if now - link.idle_since >= self._settings.idle_timeout:
                link.abort()
            elif link.alive:
                kept.append(link)
        return kept
