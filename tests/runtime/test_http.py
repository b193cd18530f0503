"""The real transport over real loopback sockets, against a server that misbehaves byte by byte."""

from __future__ import annotations

import asyncio
import gzip
import socket

import pytest
from http_stage import CHUNKED, LENGTH_10, OK, after_request, answer, post, reset_at_once, stay
from raw_server import Connection, RawServer

from stormkeel.engine.ports import Exchange, Transport, WireFault
from stormkeel.runtime.http import HttpSettings
from stormkeel.types.wire import HttpRequest

ROWS = [
    ("reset on accept", reset_at_once, "head"),
    ("reset before the head", after_request(b"", Connection.reset), "head"),
    ("closed before the head", after_request(b"", Connection.close), "head"),
    ("closed inside the head", after_request(b"HTTP/1.1 200 OK\r\nconte", Connection.close), "head"),
    ("not HTTP", after_request(b"\x16\x03SECRET\r\n\r\n", stay), "head"),
    ("short body", after_request(LENGTH_10 + b"abc", Connection.close), "body"),
    ("truncated chunks", after_request(CHUNKED + b"3\r\nabc\r\n5\r\nab", Connection.close), "body"),
    ("malformed chunk", after_request(CHUNKED + b"3\r\nabc\r\nSECRET\r\n", stay), "body"),
    ("reset inside the body", after_request(LENGTH_10 + b"abc", Connection.reset), "body"),
]


@pytest.mark.parametrize(("script", "stage"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_broken_exchange_tells_how_far_it_came(play, script, stage):
    """Once the request was sent a fault is "head" before the response's head and "body" after it, and quotes nobody's bytes."""

    async def act(server: RawServer, transport: Transport) -> None:
        with pytest.raises(WireFault) as caught:
            await transport.send(post(server.url))
        assert caught.value.stage == stage or (stage == "body" and "ConnectionReset" in caught.value.detail)
        assert "SECRET" not in str(caught.value)

    play(script, act)


@pytest.mark.parametrize("end", [Connection.close, Connection.reset])
def test_a_stream_gives_what_came_before_its_fault(play, end):
    """The bytes that arrived are read first, then the fault "body" is raised; a later read is no clean end."""
    release = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(CHUNKED + b"3\r\nabc\r\n")
        await release.wait()
        end(connection)

    async def act(server: RawServer, transport: Transport) -> None:
        exchange = await transport.open(post(server.url))
        assert await exchange.read() == b"abc"
        release.set()
        for _ in range(2):
            with pytest.raises(WireFault) as caught:
                await exchange.read()
            assert caught.value.stage == "body"
        await exchange.close()

    play(script, act)


def test_an_answer_without_end_is_not_held(play):
    """A whole answer that grows beyond what any answer can be is given up, and its connection closed (INV-14)."""
    closed = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(CHUNKED)
        piece = b"100000\r\n" + b"x" * (1 << 20) + b"\r\n"
        try:
            while True:
                await connection.send(piece)
        except ConnectionError:
            closed.set()

    async def act(server: RawServer, transport: Transport) -> None:
        with pytest.raises(WireFault) as caught:
            await transport.send(post(server.url))
        assert [caught.value.stage, "64 MiB" in caught.value.detail] == ["body", True]
        await closed.wait()

    play(script, act)


def test_nothing_listening_is_a_connect_fault(play):
    """A refused connection proves that nothing was sent."""

    async def act(server: RawServer, transport: Transport) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            with pytest.raises(WireFault) as caught:
                await transport.send(post(f"http://127.0.0.1:{unused.getsockname()[1]}"))
        assert caught.value.stage == "connect"
        assert "SECRET" not in str(caught.value)

    play(answer, act)


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("POST", "ftp://127.0.0.1/SECRET", ()),
        HttpRequest("POST", "http://127.0.0.1:1/", (("x", "SECRET\r\ny: 1"),)),
        HttpRequest("POST /", "http://127.0.0.1:1/SECRET", ()),
    ],
)
def test_a_request_that_cannot_be_written_is_a_connect_fault(play, request_):
    """What is refused before it is written was never sent."""

    async def act(server: RawServer, transport: Transport) -> None:
        with pytest.raises(WireFault) as caught:
            await transport.send(request_)
        assert caught.value.stage == "connect"
        assert "SECRET" not in str(caught.value)

    play(answer, act)


@pytest.mark.parametrize("end", [Connection.close, Connection.reset])
def test_a_reused_connection_that_breaks_is_a_head_fault_and_is_not_tried_again(play, end):
    """Whether the provider saw the request is unknown, so it is neither "connect" nor sent a second time."""

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(OK)
        await connection.read_request()
        end(connection)

    async def act(server: RawServer, transport: Transport) -> None:
        assert (await transport.send(post(server.url))).body == b"ok"
        with pytest.raises(WireFault) as caught:
            await transport.send(post(server.url))
        assert caught.value.stage == "head"
        assert len(server.connections) == 1

    play(script, act)


@pytest.mark.parametrize("end", [Connection.close, Connection.reset])
def test_a_connection_closed_while_idle_is_not_used(play, end):
    """A connection the server closed between two requests is dropped, and the next request gets a new one."""
    closed = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(OK)
        if connection.number == 0:
            end(connection)
            await asyncio.wait([asyncio.ensure_future(connection.writer.wait_closed())])
            closed.set()

    async def act(server: RawServer, transport: Transport) -> None:
        await transport.send(post(server.url))
        await closed.wait()
        async with RawServer(answer) as other:  # a round trip elsewhere: by its end the loop has heard of the close
            await transport.send(post(other.url))
        assert (await transport.send(post(server.url))).body == b"ok"
        assert len(server.connections) == 2

    play(script, act)


def test_bytes_sent_unasked_close_the_connection(play):
    """An answer nobody asked for is never taken for the next request's answer."""

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(OK)
        if connection.number == 0:
            await connection.send(OK)
            await connection.wait_gone()

    async def act(server: RawServer, transport: Transport) -> None:
        await transport.send(post(server.url))
        await server.connections[0].gone.wait()
        await transport.send(post(server.url))
        assert len(server.connections) == 2

    play(script, act)


def test_a_chunk_is_delivered_before_the_next_is_sent(play):
    """The server waits for the client to have read one event before it sends the next."""
    seen = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(CHUNKED)
        for number in range(3):
            await connection.send(b"9\r\ndata: %d\n\n\r\n" % number)
            await seen.wait()
            seen.clear()
        await connection.send(b"0\r\n\r\n")

    async def act(server: RawServer, transport: Transport) -> None:
        exchange = await transport.open(post(server.url))
        for number in range(3):
            assert await exchange.read() == b"data: %d\n\n" % number
            seen.set()
        assert [await exchange.read(), await exchange.read()] == [b"", b""]

    play(script, act)


@pytest.mark.parametrize("sent", [b"", CHUNKED + b"3\r\nabc\r\n"], ids=["head", "body"])
def test_cancelling_a_send_closes_the_connection(play, sent):
    """Whether the head or the body is being waited for, cancelling closes the server's socket."""
    reached = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(sent)
        reached.set()
        await connection.wait_gone()

    async def act(server: RawServer, transport: Transport) -> None:
        task = asyncio.ensure_future(transport.send(post(server.url)))
        await reached.wait()
        async with RawServer(answer) as other:  # a round trip elsewhere: by its end the loop has read what was sent
            await transport.send(post(other.url))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.connections[0].gone.wait()

    play(script, act)


@pytest.mark.parametrize("sent", [b"", CHUNKED + b"3\r\nabc\r\n"], ids=["open", "read"])
def test_cancelling_a_stream_closes_the_connection(play, sent):
    """Whether `open` or `read` is waiting, cancelling closes the server's socket; the exchange itself need not be closed."""
    reached = asyncio.Event()
    kept: list[Exchange] = []

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(sent)
        if not sent:
            reached.set()
        await connection.wait_gone()

    async def stream(url: str, transport: Transport) -> None:
        kept.append(await transport.open(post(url)))
        assert await kept[0].read() == b"abc"
        reached.set()
        await kept[0].read()

    async def act(server: RawServer, transport: Transport) -> None:
        task = asyncio.ensure_future(stream(server.url, transport))
        await reached.wait()
        await asyncio.sleep(0)  # lets the task reach its second read
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.connections[0].gone.wait()

    play(script, act)


def test_an_exchange_closed_half_read_is_aborted_and_its_connection_not_reused(play):
    """`close` may be called twice; a read after it is a fault, not an end."""

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(CHUNKED + b"3\r\nabc\r\n")
        await connection.wait_gone()

    async def act(server: RawServer, transport: Transport) -> None:
        exchange = await transport.open(post(server.url))
        assert await exchange.read() == b"abc"
        await exchange.close()
        await exchange.close()
        with pytest.raises(WireFault):
            await exchange.read()
        await server.connections[0].gone.wait()
        await (await transport.open(post(server.url))).close()
        assert len(server.connections) == 2

    play(script, act)


def test_a_connection_read_to_its_end_carries_the_next_request(play):
    """Whole responses and whole streams leave their connection for the next request, GET or POST, large or small."""
    bodies: list[bytes] = []

    async def script(connection: Connection) -> None:
        while await connection.read_request():
            bodies.append(connection.body)
            await connection.send(CHUNKED + b"2\r\nok\r\n0\r\n\r\n")

    async def act(server: RawServer, transport: Transport) -> None:
        exchange = await transport.open(post(server.url))
        assert await exchange.read() + await exchange.read() == b"ok"
        for body in (b"{}", b"x" * 300_000, b""):
            assert (await transport.send(post(server.url, body))).body == b"ok"
        assert (await transport.send(HttpRequest("GET", server.url, ()))).status == 200
        assert len(server.connections) == 1
        assert bodies == [b"{}", b"{}", b"x" * 300_000, b"", b""]

    play(script, act)


def test_a_response_is_passed_on_as_it_came(play):
    """Compressed bytes stay compressed, duplicate fields stay two, a redirect is an answer like another."""
    body = gzip.compress(b"hello")
    head = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\ncontent-encoding: gzip\r\n"

    async def script(connection: Connection) -> None:
        while await connection.read_request():
            assert b"cookie" not in connection.head
            assert b"accept-encoding" not in connection.head
            await connection.send(head + b"content-length: %d\r\n\r\n%b" % (len(body), body))

    async def act(server: RawServer, transport: Transport) -> None:
        for _ in range(2):
            response = await transport.send(post(server.url))
            assert (response.status, response.body) == (302, body)
            assert [value for name, value in response.headers if name == "set-cookie"] == ["a=1", "b=2"]

    play(script, act)


@pytest.mark.parametrize(
    "settings", [HttpSettings(max_idle_per_host=0), HttpSettings(idle_timeout=0.02)], ids=["none", "timeout"]
)
def test_idle_connections_are_closed(play, settings):
    """Beyond the number to keep at once, beyond the time to keep in a while, an idle connection is closed."""

    async def act(server: RawServer, transport: Transport) -> None:
        await transport.send(post(server.url))
        await server.connections[0].gone.wait()

    play(answer, act, settings)


def test_closing_the_transport_closes_idle_connections(play):
    """After `close` no idle socket is open, and none is kept again."""

    async def act(server: RawServer, transport: Transport) -> None:
        await transport.send(post(server.url))
        await transport.close()
        await server.connections[0].gone.wait()
        await transport.send(post(server.url))
        await server.connections[1].gone.wait()

    play(answer, act)
