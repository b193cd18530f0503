"""How connections come about: timeouts, certificates and proxies, over real loopback sockets."""

from __future__ import annotations

import asyncio

import pytest
from http_stage import PEM, after_request, answer, post
from raw_server import Connection, RawServer

from stormkeel.engine.ports import Transport, WireFault
from stormkeel.runtime.http import HttpSettings, HttpTransport
from stormkeel.runtime.http1 import RequestFault


def test_a_silent_tls_handshake_ends_at_the_connect_timeout(play):
    """The connect timeout covers TLS too; its fault is "connect" and the socket is closed."""

    async def script(connection: Connection) -> None:
        await connection.wait_gone()

    async def act(server: RawServer, transport: Transport) -> None:
        with pytest.raises(WireFault, match=r"no connection within 0\.05 s") as caught:
            await transport.send(post(server.url.replace("http:", "https:")))
        assert caught.value.stage == "connect"
        await server.connections[0].gone.wait()

    play(script, act, HttpSettings(connect_timeout=0.05))


def test_an_unknown_certificate_is_a_connect_fault(play):
    """A server whose authority is not trusted is sent nothing."""

    async def act(server: RawServer, transport: Transport) -> None:
        with pytest.raises(WireFault, match=r"(?i)certificate") as caught:
            await transport.send(post(server.url))
        assert caught.value.stage == "connect"
        assert [connection.head for connection in server.connections] in ([], [b""])

    play(answer, act, tls=True)


@pytest.mark.parametrize("settings", [HttpSettings(ca_file=str(PEM)), HttpSettings(verify=False)], ids=["ca_file", "verify"])
def test_tls_answers_with_a_trusted_authority_or_no_check(play, settings):
    """`ca_file` adds an authority; `verify = False` asks for none."""

    async def act(server: RawServer, transport: Transport) -> None:
        for _ in range(2):
            assert (await transport.send(post(server.url))).body == b"ok"
        assert len(server.connections) == 1

    play(answer, act, settings, tls=True)


def test_a_missing_ca_file_is_told_at_once():
    """An authority file that is not there fails where the transport is built, not at its first request."""
    with pytest.raises(OSError, match="No such file"):
        HttpTransport(HttpSettings(ca_file="/nonexistent/ca.pem"))


def test_cancelling_while_connecting_closes_the_connection(play):
    """A call cancelled in the TLS handshake leaves no socket behind."""
    reached = asyncio.Event()

    async def script(connection: Connection) -> None:
        reached.set()
        await connection.wait_gone()

    async def act(server: RawServer, transport: Transport) -> None:
        task = asyncio.ensure_future(transport.send(post(server.url.replace("http:", "https:"))))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.connections[0].gone.wait()

    play(script, act)


def test_a_plain_http_proxy_is_told_the_whole_url_and_who_we_are(play):
    """Plain requests go to the proxy with an absolute URL and the proxy's own credential."""

    async def act(server: RawServer, _transport: Transport) -> None:
        through = HttpTransport(HttpSettings(proxy=server.url.replace("//", "//me:p%40ss@")))
        assert (await through.send(post("http://api.example:81"))).body == b"ok"
        head = server.connections[0].head
        assert head.startswith(b"POST http://api.example:81/v1?key=SECRET HTTP/1.1\r\nhost: api.example:81\r\n")
        assert b"\r\nproxy-authorization: Basic bWU6cEBzcw==\r\n" in head
        await through.close()

    play(answer, act)


def test_https_goes_through_the_proxy_in_a_tunnel(play):
    """The proxy sees host and port only; the provider's TLS is checked end to end and never gets the proxy's credential."""

    async def relay(connection: Connection) -> None:
        await connection.read_request()
        place = connection.head.split(b" ")[1].decode()
        reader, writer = await asyncio.open_connection(*place.split(":"))
        await connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(pump(connection.reader, writer), pump(reader, connection.writer))

    async def act(provider: RawServer, _transport: Transport) -> None:
        async with RawServer(relay) as proxy:
            through = HttpTransport(HttpSettings(proxy=proxy.url.replace("//", "//me:pass@"), ca_file=str(PEM)))
            for _ in range(2):
                assert (await through.send(post(provider.url))).body == b"ok"
            place = provider.url.removeprefix("https://").encode()
            assert proxy.connections[0].head.startswith(
                b"CONNECT %b HTTP/1.1\r\nhost: %b\r\nproxy-authorization: " % (place, place)
            )
            assert b"SECRET" not in proxy.connections[0].head
            assert b"proxy-authorization" not in provider.connections[0].head
            assert (len(proxy.connections), len(provider.connections)) == (1, 1)
            await through.close()

    play(answer, act, tls=True)


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction until it ends."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


@pytest.mark.parametrize("data", [b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", b""])
def test_a_proxy_that_says_no_is_a_connect_fault(play, data):
    """Without a tunnel nothing was sent to the provider."""

    async def act(server: RawServer, _transport: Transport) -> None:
        through = HttpTransport(HttpSettings(proxy=server.url))
        with pytest.raises(WireFault, match="proxy") as caught:
            await through.send(post("https://127.0.0.1:1"))
        assert caught.value.stage == "connect"

    play(after_request(data, Connection.close), act)


def test_a_silent_proxy_ends_at_the_connect_timeout(play):
    """The connect timeout covers the proxy's answer too, and no socket is left behind."""

    async def act(server: RawServer, _transport: Transport) -> None:
        through = HttpTransport(HttpSettings(proxy=server.url, connect_timeout=0.05))
        with pytest.raises(WireFault, match="no connection within") as caught:
            await through.send(post("https://127.0.0.1:1"))
        assert caught.value.stage == "connect"
        await server.connections[0].gone.wait()

    play(Connection.wait_gone, act)


def test_cancelling_while_the_proxy_is_silent_closes_the_connection(play):
    """A call cancelled before the tunnel stands leaves no socket behind."""
    reached = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        reached.set()
        await connection.wait_gone()

    async def act(server: RawServer, _transport: Transport) -> None:
        through = HttpTransport(HttpSettings(proxy=server.url))
        task = asyncio.ensure_future(through.send(post("https://127.0.0.1:1")))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.connections[0].gone.wait()

    play(script, act)


@pytest.mark.parametrize("proxy", ["socks5://h:1", "http://", "http://h:x", "http://h/path"])
def test_a_proxy_we_cannot_use_is_refused_when_built(proxy):
    """Only `http://host:port` proxies are known; another is told at once."""
    with pytest.raises(RequestFault):
        HttpTransport(HttpSettings(proxy=proxy))
