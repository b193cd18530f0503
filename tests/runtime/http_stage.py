"""What the tests of the real transport share: requests with secrets in them, scripts for the server, and the meeting of both.

Never asserts anything.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import mkdtemp

import trustme
from raw_server import Connection, RawServer, Script

from stormkeel.engine.ports import Transport
from stormkeel.runtime.http import HttpSettings, HttpTransport
from stormkeel.types.wire import HttpRequest

DEADLINE = 5.0  # seconds: a broken client fails here instead of hanging
PEM = Path(mkdtemp(prefix="stormkeel-test-")) / "ca.pem"  # the authority of this run; it vouches for 127.0.0.1 only
AUTHORITY = trustme.CA()
AUTHORITY.cert_pem.write_to_path(PEM)

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
LENGTH_10 = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n"

Act = Callable[[RawServer, Transport], Awaitable[None]]


def post(url: str, body: bytes = b"{}") -> HttpRequest:
    """A request with a secret in its query and in its headers."""
    return HttpRequest("POST", url + "/v1?key=SECRET", (("authorization", "Bearer SECRET"),), body)


async def meet(script: Script, act: Act, settings: HttpSettings | None, tls: bool) -> None:
    """Let a client act against a server that runs the script."""
    async with asyncio.timeout(DEADLINE), RawServer(script, server_tls() if tls else None) as server:
        transport = HttpTransport(settings)
        try:
            await act(server, transport)
        finally:
            await transport.close()


def server_tls() -> ssl.SSLContext:
    """Build the server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def answer(connection: Connection) -> None:
    """Answer every request with 200 "ok"."""
    while await connection.read_request():
        await connection.send(OK)


def after_request(data: bytes, end: Callable[[Connection], None]) -> Callable[[Connection], Awaitable[None]]:
    """Read a request, send these bytes, end the connection this way."""

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(data)
        end(connection)

    return script


async def reset_at_once(connection: Connection) -> None:
    """Reset before reading anything."""
    connection.reset()


def stay(_connection: Connection) -> None:
    """Leave the connection open."""
