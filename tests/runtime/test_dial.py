"""How connections come about: timeouts, certificates and proxies, over real loopback sockets."""

from __future__ import annotations

import asyncio
import ssl

import pytest
from http_stage import PEM, after_request, answer, post, stay
from raw_server import Connection, RawServer

from stormkeel.engine.ports import Transport, WireFault
from stormkeel.runtime.http import HttpSettings, HttpTransport, make_tls
from stormkeel.runtime.proxies import Proxies, read_proxy


def by(url: str) -> Proxies:
    """Everything through one proxy."""
    proxy = read_proxy(url)
    return Proxies(proxy, proxy)


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


@pytest.mark.parametrize("settings", [HttpSettings(ca=PEM.read_text()), HttpSettings(verify=False)], ids=["ca", "verify"])
def test_tls_answers_with_a_trusted_authority_or_no_check(play, settings):
    """`ca` adds an authority; `verify = False` asks for none."""

    async def act(server: RawServer, transport: Transport) -> None:
        for _ in range(2):
            assert (await transport.send(post(server.url))).body == b"ok"
        assert len(server.connections) == 1

    play(answer, act, settings, tls=True)


def test_authorities_that_are_none_are_told_at_once():
    """Text without a certificate fails where the transport is built, not at its first request."""
    with pytest.raises(ssl.SSLError):
        HttpTransport(HttpSettings(ca="no certificate"))


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
        through = HttpTransport(HttpSettings(proxies=by(server.url.replace("//", "//me:p%40ss@"))))
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
            through = HttpTransport(HttpSettings(proxies=by(proxy.url.replace("//", "//me:pass@")), ca=PEM.read_text()))
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


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", r"wants a user and password \(407\); .*`proxy_credential`"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", r"answered 403 when asked for 127\.0\.0\.1:1; allow it there, or .*`no_proxy`"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", r"answered 502 when asked for 127\.0\.0\.1:1; see whether it can get there"),
        (b"SSH-2.0-OpenSSH\r\n", "did not answer as one"),
        (b"", "did not answer as one"),
    ],
    ids=["407", "403", "502", "no proxy", "closed"],
)
def test_a_proxy_that_says_no_is_a_connect_fault(play, data, said):
    """Without a tunnel nothing was sent to the provider; the proxy is named, with what mends it."""

    async def act(server: RawServer, _transport: Transport) -> None:
        through = HttpTransport(HttpSettings(proxies=by(server.url)))
        with pytest.raises(WireFault, match=said) as caught:
            await through.send(post("https://127.0.0.1:1"))
        assert caught.value.stage == "connect"
        assert f'proxy "127.0.0.1:{server.url.rpartition(":")[2]}"' in caught.value.detail

    play(after_request(data, Connection.close), act)


def test_a_silent_proxy_ends_at_the_connect_timeout(play):
    """The connect timeout covers the proxy's answer too, and no socket is left behind."""

    async def act(server: RawServer, _transport: Transport) -> None:
        through = HttpTransport(HttpSettings(proxies=by(server.url), connect_timeout=0.05))
        with pytest.raises(WireFault, match=r"no connection through proxy .* within") as caught:
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
        through = HttpTransport(HttpSettings(proxies=by(server.url)))
        task = asyncio.ensure_future(through.send(post("https://127.0.0.1:1")))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.connections[0].gone.wait()

    play(script, act)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_plain_request_s_407_is_the_proxy_s(play, streaming):
    """A proxy that does not know us has passed nothing on: a fault before anything was sent, not an answer of the provider."""

    async def act(server: RawServer, transport: Transport) -> None:
        through = HttpTransport(HttpSettings(proxies=by(server.url.replace("//", "//me:wrong@"))))
        with pytest.raises(WireFault, match="refused our user and password") as caught:
            await (through.open if streaming else through.send)(post("http://api.example"))
        assert caught.value.stage == "connect" and "wrong" not in caught.value.detail
        response = await transport.send(post(server.url))
        assert response.status == 407, "of a provider it is an answer"

    play(after_request(b"HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n", stay), act)


def test_a_proxy_that_is_not_there_is_told_as_such(play):
    """A refused connection to the proxy names the proxy, not the provider."""

    async def act(server: RawServer, _transport: Transport) -> None:
        through = HttpTransport(HttpSettings(proxies=by("http://127.0.0.1:1")))
        for url in (server.url, server.url.replace("http:", "https:")):
            with pytest.raises(WireFault, match=r'proxy "127\.0\.0\.1:1" can\'t be reached: ConnectionRefused') as caught:
                await through.send(post(url))
            assert caught.value.stage == "connect"

    play(answer, act)


def test_hosts_left_out_are_reached_straight(play):
    """What `no_proxy` names is not asked of the proxy, and gets neither the whole URL nor the proxy's credential."""

    async def act(server: RawServer, _transport: Transport) -> None:
        proxy = read_proxy("http://me:pass@127.0.0.1:1")
        straight = HttpTransport(HttpSettings(proxies=Proxies(proxy, proxy, ("127.0.0.0/8",))))
        assert (await straight.send(post(server.url))).body == b"ok"
        assert server.connections[0].head.startswith(b"POST /v1")
        assert b"proxy-authorization" not in server.connections[0].head
        await straight.close()

    play(answer, act)


def test_an_unknown_authority_is_told_with_its_mend(play):
    """A certificate of an unknown authority names the host and `ca_file`; one of another name says so."""

    async def act(server: RawServer, transport: Transport) -> None:
        with pytest.raises(WireFault, match=r'certificate of "127\.0\.0\.1" is not accepted .*`ca_file`'):
            await transport.send(post(server.url))
        other = HttpTransport(HttpSettings(ca=PEM.read_text()))
        with pytest.raises(WireFault, match=r'certificate of "localhost" is not accepted .*another name'):
            await other.send(post(server.url.replace("127.0.0.1", "localhost")))

    play(answer, act, tls=True)


def test_only_one_s_own_authorities(play):
    """With `ca_only` the system's authorities count for nothing, and one's own for everything."""

    async def act(server: RawServer, _transport: Transport) -> None:
        own = HttpTransport(HttpSettings(ca=PEM.read_text(), ca_only=True))
        assert (await own.send(post(server.url))).body == b"ok"
        await own.close()

    play(answer, act, tls=True)
    assert len(make_tls(HttpSettings(ca=PEM.read_text(), ca_only=True)).get_ca_certs()) == 1
