"""Opens connections: TCP, the proxy's CONNECT, TLS, all under one connect timeout.

Never sends a byte of a request: whatever fails here is proof that nothing was asked of a provider.
"""

from __future__ import annotations

import asyncio
import ssl

from ..engine.ports import WireFault
from .http1 import Target
from .link import Link
from .proxies import Proxies, Proxy


class Dialer:
    """Knows how to reach a target.

    Args:
        tls: the context for https targets.
        timeout: seconds for name, TCP, proxy and TLS together.
        proxies: through which targets are reached.
    """

    def __init__(self, tls: ssl.SSLContext, timeout: float, proxies: Proxies) -> None:
        self._proxies = proxies
        self._tls = tls
        self._timeout = timeout

    def forward_line(self, target: Target) -> str | None:
        """Return what a plain-http request must carry for the proxy (RFC 9112 3.2.2), None where no proxy reads it."""
        proxy = None if target.tls else self._proxies.of(False, target.host)
        return None if proxy is None else proxy.line

    def refusal(self, target: Target) -> WireFault | None:
        """Say of a 407 that it is a proxy's own, which wants to know who we are: the provider has seen nothing of the request."""
        proxy = None if target.tls else self._proxies.of(False, target.host)
        return None if proxy is None else WireFault("connect", _unknown(proxy))

    async def dial(self, target: Target) -> Link:
        """Open a connection to the target. Raises `WireFault` (stage "connect"); cancelling it leaves no socket behind."""
        link = Link(asyncio.get_running_loop(), target.key)
        proxy = self._proxies.of(target.tls, target.host)
        try:
            async with asyncio.timeout(self._timeout) as clock:
                if proxy is None:
                    await self._open(link, target.host, target.port, target.tls)
                else:
                    await self._open_through(link, proxy, target)
        except (OSError, UnicodeError) as fault:  # UnicodeError: a name that cannot be looked up
            link.abort()
            late = isinstance(fault, TimeoutError) and clock.expired()
            by = "" if proxy is None else f" through {proxy.name}"
            detail = f"no connection{by} within {self._timeout:g} s" if late else _describe(fault, target.host) + by
            raise WireFault("connect", detail) from None
        except BaseException:
            link.abort()
            raise
        return link

    async def _open(self, link: Link, host: str, port: int, tls: bool) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: link, host, port, ssl=self._tls if tls else None)

    async def _open_through(self, link: Link, proxy: Proxy, target: Target) -> None:
        try:
            await self._open(link, proxy.host, proxy.port, False)
        except TimeoutError:
            raise  # ours, or the system's: told by `dial`
        except (OSError, UnicodeError) as fault:
            raise WireFault("connect", f"{proxy.name} can't be reached: {_describe(fault, proxy.host)}") from None
        if target.tls:
            await self._tunnel(link, proxy, target)
            await link.upgrade(self._tls, target.host)

    async def _tunnel(self, link: Link, proxy: Proxy, target: Target) -> None:
        host = f"[{target.host}]" if ":" in target.host else target.host
        place = f"{host}:{target.port}"
        head = f"CONNECT {place} HTTP/1.1\r\nhost: {place}\r\n{proxy.line}\r\n"
        reader = link.start(head.encode("ascii"), b"", "HEAD", streaming=False)  # like HEAD's, the answer ends with its head
        try:
            await link.wait()
        except WireFault as fault:
            raise WireFault("connect", f"{proxy.name} did not answer as one: {fault.detail}") from None
        if reader.status == 407:
            raise WireFault("connect", _unknown(proxy))
        if not 200 <= reader.status < 300:
            mend = "allow it there, or name the host in `no_proxy`" if reader.status < 500 else "see whether it can get there"
            raise WireFault("connect", f"{proxy.name} answered {reader.status} when asked for {place}; {mend}")


def _unknown(proxy: Proxy) -> str:
    said = "refused our user and password" if proxy.authorization else "wants a user and password"
    return f'{proxy.name} {said} (407); give `proxy_credential` a reference to the right "user:password"'


CERTIFICATE_ENDED, HOST_UNLIKE = 10, frozenset({62, 64})  # X509_V_ERR_CERT_HAS_EXPIRED, _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH


def _describe(fault: Exception, host: str) -> str:
    """Say what failed: class and the system's words, which name at most an address; of a certificate also what mends it."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f'the certificate of "{host}" is not accepted ({fault.verify_message}); {_mend_of(fault.verify_code)}'
    words = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault)
    return f"{type(fault).__name__}: {words}" if words else type(fault).__name__


def _mend_of(code: int) -> str:
    if code == CERTIFICATE_ENDED:
        return "renew it there, or see whether this machine's clock is right"
    if code in HOST_UNLIKE:
        return "somebody else answers there, or the base URL has another name than the certificate"
    return "where an authority of your own has signed it, name its PEM file in `ca_file`"
