"""Opens connections: TCP, the proxy's CONNECT, TLS, all under one connect timeout.

Never sends a byte of a request: whatever fails here is proof that nothing was asked of a provider.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ..engine.ports import WireFault
from .http1 import RequestFault, Target
from .link import Link


class Proxy(NamedTuple):
    """A plain-http proxy.

    Attributes:
        host: name or address.
        port: TCP port.
        authorization: the `proxy-authorization` field's line with its CRLF, or nothing.
    """

    host: str
    port: int
    authorization: str


def read_proxy(url: str | None) -> Proxy | None:
    """Read `http://[user:password@]host:port`. Raises `RequestFault`, whose text never shows the password."""
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise RequestFault("the proxy's URL is not a valid one") from None
    if parts.scheme != "http" or not host or parts.path not in ("", "/"):
        raise RequestFault("the proxy's URL must be http://[user:password@]host:port")
    line = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        line = f"proxy-authorization: Basic {base64.b64encode(pair.encode()).decode()}\r\n"
    return Proxy(host, 80 if port is None else port, line)


class Dialer:
    """Knows how to reach a target.

    Args:
        tls: the context for https targets.
        timeout: seconds for name, TCP, proxy and TLS together.
        proxy: through which everything goes, or None.
    """

    def __init__(self, tls: ssl.SSLContext, timeout: float, proxy: Proxy | None) -> None:
        self._proxy = proxy
        self._tls = tls
        self._timeout = timeout

    def forward_line(self, target: Target) -> str | None:
        """Return what a plain-http request must carry for the proxy (RFC 9112 3.2.2), None where no proxy reads it."""
        return self._proxy.authorization if self._proxy is not None and not target.tls else None

    async def dial(self, target: Target) -> Link:
        """Open a connection to the target. Raises `WireFault` (stage "connect"); cancelling it leaves no socket behind."""
        link = Link(asyncio.get_running_loop(), target[:3])
        try:
            async with asyncio.timeout(self._timeout) as clock:
                if self._proxy is None:
                    await self._open(link, target.host, target.port, target.tls)
                else:
                    await self._open_through(link, self._proxy, target)
        except (OSError, UnicodeError) as fault:  # UnicodeError: a name that cannot be looked up
            link.abort()
            late = isinstance(fault, TimeoutError) and clock.expired()
            raise WireFault("connect", f"no connection within {self._timeout:g} s" if late else _describe(fault)) from None
        except BaseException:
            link.abort()
            raise
        return link

    async def _open(self, link: Link, host: str, port: int, tls: bool) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: link, host, port, ssl=self._tls if tls else None)

    async def _open_through(self, link: Link, proxy: Proxy, target: Target) -> None:
        await self._open(link, proxy.host, proxy.port, False)
        if target.tls:
            await self._tunnel(link, proxy, target)
            await link.upgrade(self._tls, target.host)

    async def _tunnel(self, link: Link, proxy: Proxy, target: Target) -> None:
        host = f"[{target.host}]" if ":" in target.host else target.host
        place = f"{host}:{target.port}"
        head = f"CONNECT {place} HTTP/1.1\r\nhost: {place}\r\n{proxy.authorization}\r\n"
        reader = link.start(head.encode("ascii"), b"", "HEAD", streaming=False)  # like HEAD's, the answer ends with its head
        try:
            await link.wait()
        except WireFault as fault:
            raise WireFault("connect", f"proxy: {fault.detail}") from None
        if not 200 <= reader.status < 300:
            raise WireFault("connect", f"proxy answered {reader.status} to CONNECT")


def _describe(fault: Exception) -> str:
    """Say what failed: class and the system's words, which name at most an address."""
    words = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
    return f"{type(fault).__name__}: {words}" if words else type(fault).__name__
