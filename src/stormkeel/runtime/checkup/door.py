"""The gateway's door: can its port be had, and if not, who answers there already.

Never keeps the port: it is let go before anybody is told.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import closing

import msgspec

from ...config.settings import ServerSettings
from ...engine.ports import WireFault
from ...types.wire import HttpRequest
from ..http import HttpSettings, HttpTransport
from ..serve import ServeError, ServeSettings, make_tls
from .finding import Finding, fail, ok

PATIENCE_S = 2.0
OURS = {"healthy", "degraded", "unhealthy"}
ANY = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}  # noqa: S104 - an address to compare with, not to listen on


async def look_at_door(server: ServerSettings) -> Finding:
    """Try to have the gateway's port for an instant; where it is taken, ask who answers there."""
    place = f"{server.host}:{server.port}"
    fault = _try(server.host, server.port)
    if fault is None:
        return ok("port", f"{place} is free" if server.port else "any free one is taken")
    if fault.errno == errno.EADDRINUSE:
        return await _who(server, place)
    mends = {
        errno.EACCES: "take a port above 1023, or give the process CAP_NET_BIND_SERVICE",
        errno.EADDRNOTAVAIL: "set `server.host` to an address of this machine",
    }
    mend = mends.get(fault.errno or 0, "set `server.host` and `server.port` to what this machine has")
    return fail("port", f"{place} can not be had: {fault.strerror or fault}", mend)


def look_at_certificate(server: ServerSettings) -> Iterator[Finding]:
    """Load the gateway's certificate, where it has one, as a start would."""
    if not server.tls_cert:
        return
    fault = fault_of_certificate(server)
    if fault is None:
        yield ok("certificate", f'"{server.tls_cert}" and its key fit together')
    else:
        yield fail("certificate", fault.partition("; ")[0], fault.partition("; ")[2])


def fault_of_certificate(server: ServerSettings) -> str | None:
    """Say why a start could not use the gateway's certificate, with the mend; None where it could, or has none."""
    try:
        make_tls(ServeSettings(tls_cert=server.tls_cert or None, tls_key=server.tls_key or None))
    except ServeError as error:
        return str(error)
    return None


def _try(host: str, port: int) -> OSError | None:
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with closing(socket.socket(family, kind, number)) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(address)
            one.listen(1)
    except OSError as fault:
        return fault
    return None


async def _who(server: ServerSettings, place: str) -> Finding:
    """Ask who answers: our own gateway is no fault."""
    host = ANY.get(server.host, server.host)
    url = f"{'https' if server.tls_cert else 'http'}://{f'[{host}]' if ':' in host else host}:{server.port}/health"
    transport = HttpTransport(HttpSettings(verify=False, connect_timeout=PATIENCE_S))
    try:
        async with asyncio.timeout(PATIENCE_S):
            answer = await transport.send(HttpRequest("GET", url, (("accept", "application/json"),), b""))
        status = msgspec.json.decode(answer.body)["status"]
    except (WireFault, TimeoutError, msgspec.DecodeError, KeyError, TypeError, UnicodeDecodeError):
        status = None
    finally:
        await transport.close()
    if status in OURS:
        return ok("port", f"a gateway serves {place}, and says it is {status}")
    return fail(
        "port", f"somebody else has {place}", f"stop it (ss -ltnp 'sport = :{server.port}' names it), or set `server.port`"
    )
