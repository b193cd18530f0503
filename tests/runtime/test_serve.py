"""The server over real sockets, in the loop of the test; every wait is for an event, under a deadline."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.runtime.serve import AsgiApp, ClientGoneError, ServeError, ServeSettings, Stop, serve
from stormkeel.runtime.serve.head import Asked, write_head, write_whole

T = TypeVar("T")
DEADLINE = 10.0
QUICK = ServeSettings(port=0, drain_delay=0.0, grace=5.0)
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


class Within(Protocol):
    """Run to the end in a new loop, or fail at the deadline."""

    def __call__(self, work: Coroutine[Any, Any, T]) -> T: ...


@pytest.fixture(params=["uvloop", "asyncio"])
def within(request: pytest.FixtureRequest) -> Within:
    """Both loops the server may run in: they differ in when they write, and in how they tell of an end."""
    factory = importlib.import_module("uvloop").new_event_loop if request.param == "uvloop" else None

    def run(work: Coroutine[Any, Any, T]) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(DEADLINE):
                done = await work
            for _ in range(3):  # transports that were closed hear of their end
                await asyncio.sleep(0)
            return done

        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(bounded())

    return run


class Served:
    """A running server."""

    def __init__(self, port: int, stop: asyncio.Event, task: asyncio.Task[None]) -> None:
        self.port, self.stop, self.task = port, stop, task
        self.writers: list[asyncio.StreamWriter] = []

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        return reader, writer

    async def ask(self, data: bytes) -> bytes:
        """Send the bytes on a new connection; return all that comes until the server closes."""
        reader, writer = await self.open()
        writer.write(data)
        try:
            return await reader.read()
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def serving(app: AsgiApp, settings: ServeSettings = QUICK, stop: asyncio.Event | None = None) -> AsyncIterator[Served]:
    """Serve in this loop on a free port until the block ends."""
    stop = stop or asyncio.Event()
    where: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(app, settings, ready=lambda host, port: where.set_result(port), stop=stop))
    try:
        futures: set[asyncio.Future[Any]] = {task, where}
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        served = Served(await where, stop, task)
        yield served
        for writer in served.writers:  # closed ones, too: with bytes that nobody takes they never end
            writer.transport.abort()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def body_of(receive: Any) -> bytes:
    """Read a whole request body; raises where the client goes before its end."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += bytes(message["body"])
        if not message["more_body"]:
            return body


async def start(send: Any, *headers: tuple[bytes, bytes]) -> None:
    """Send a response head of status 200."""
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def part(send: Any, body: bytes, more: bool = True) -> None:
    """Send a piece of the response's body."""
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the request's body."""
    body = await body_of(receive)
    await start(send, (b"content-length", str(len(body)).encode()))
    await part(send, body, more=False)


# listening


def test_ready_tells_the_port_that_answers(within: Within) -> None:
    """With port 0 the ready callback is told a port on which a request is answered."""

    async def work() -> bytes:
        async with serving(echo) as served:
            assert served.port != 0
            return await served.ask(b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello")

    answer = within(work())
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\ndate: " in answer
    assert answer.endswith(b"\r\n\r\nhello")


def test_a_taken_port_is_named(within: Within) -> None:
    """A port that another process listens on is refused with an OSError that names host and port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = ServeSettings(port=port)
        with pytest.raises(ServeError, match=rf"127\.0\.0\.1:{port}.*[Aa]ddress already in use"):
            within(serve(echo, settings, ready=lambda host, port: None))


def test_a_host_that_is_not_ours_is_named(within: Within) -> None:
    """An address of another machine is refused by name."""
    with pytest.raises(ServeError, match=r"192\.0\.2\.1:0"):
        within(serve(echo, ServeSettings(host="192.0.2.1", port=0), ready=lambda host, port: None))


def test_a_certificate_without_its_key_is_refused() -> None:
    """TLS needs both halves, and says so where the settings are made."""
    with pytest.raises(msgspec.ValidationError, match="tls_key"):
        msgspec.convert({"tls_cert": "a.pem"}, ServeSettings)


def test_a_certificate_that_cannot_be_read_is_named(within: Within) -> None:
    """A missing certificate is refused with its path before anything listens."""
    settings = ServeSettings(port=0, tls_cert="/nowhere/a.pem", tls_key="/nowhere/a.key")
    with pytest.raises(ServeError, match=r"/nowhere/a\.pem"):
        within(serve(echo, settings, ready=lambda host, port: None))


def test_tls(within: Within, tmp_path: Path) -> None:
    """With a certificate, requests are answered over TLS and the scope says https."""
    cert, key = tmp_path / "a.pem", tmp_path / "a.key"
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["scheme"])
        await start(send)
        await part(send, b"x" * 300_000, more=False)

    async def work() -> bytes:
        settings = ServeSettings(port=0, drain_delay=0.0, tls_cert=str(cert), tls_key=str(key))
        trust = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        async with serving(app, settings) as served:
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port, ssl=trust, server_hostname="localhost")
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            answer = await reader.read()
            writer.close()
            return answer

    assert within(work()).endswith(b"x" * 300_000)
    assert seen == ["https"]


# requests and responses


def test_keep_alive_and_pipelining_answer_in_order(within: Within) -> None:
    """Requests sent ahead on one connection are answered one after the other, in their order."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = scope["query_string"]
        await start(send, (b"content-length", str(len(body)).encode()))
        await part(send, body, more=False)

    async def work() -> bytes:
        async with serving(app) as served:
            asked = [b"GET /?%d HTTP/1.1\r\nhost: a\r\n\r\n" % n for n in range(5)]
            return await served.ask(b"".join(asked) + b"GET /?end HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")

    bodies = [piece.rpartition(b"\r\n\r\n")[2] for piece in within(work()).split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b"0", b"1", b"2", b"3", b"4", b"end"]


def test_scope(within: Within) -> None:
    """The scope holds the path decoded and raw, the query, lower-case header names, and both ends."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(dict(scope))
        await echo(scope, receive, send)

    async def work() -> None:
        async with serving(app) as served:
            await served.ask(b"GET /a%2Fb%20c?q=%2F HTTP/1.1\r\nHost: x\r\nX-One: 1\r\nConnection: close\r\n\r\n")

    within(work())
    scope = seen[0]
    assert (scope["method"], scope["path"], scope["raw_path"], scope["query_string"]) == (
        "GET",
        "/a/b c",
        b"/a%2Fb%20c",
        b"q=%2F",
    )
    assert scope["headers"] == [(b"host", b"x"), (b"x-one", b"1"), (b"connection", b"close")]
    assert scope["client"][0] == scope["server"][0] == "127.0.0.1"
    assert scope["http_version"] == "1.1"


def test_a_large_body_arrives_whole(within: Within) -> None:
    """A body far larger than what the server holds arrives byte for byte, plain or chunked."""
    body = bytes(range(256)) * 8192
    plain = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    chunked = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"

    async def work(wire: bytes) -> bytes:
        async with serving(echo) as served:
            return await served.ask(wire)

    assert within(work(plain + body)).endswith(b"\r\n\r\n" + body)
    assert within(work(chunked + b"%x\r\n%b\r\n0\r\nx-trailer: 1\r\n\r\n" % (len(body), body))).endswith(b"\r\n\r\n" + body)


def test_expect_continue(within: Within) -> None:
    """A client that holds its body back is told to go on when the application asks for it."""

    async def work() -> bytes:
        async with serving(echo) as served:
            reader, writer = await served.open()
            head = b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\nconnection: close\r\n\r\n"
            writer.write(head)
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"ok")
            answer = await reader.read()
            writer.close()
            return answer

    assert within(work()).endswith(b"\r\n\r\nok")


def test_head_has_no_body(within: Within) -> None:
    """HEAD is answered with the head of the GET, and the connection stays in step."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, (b"content-length", b"5"))
        await part(send, b"hello", more=False)

    async def work() -> bytes:
        async with serving(app) as served:
            return await served.ask(GET.replace(b"GET", b"HEAD") + b"GET / HTTP/1.0\r\n\r\n")

    first, second = within(work()).split(b"HTTP/1.1 200 OK")[1:]
    assert first.endswith(b"\r\n\r\n")
    assert second.endswith(b"\r\n\r\nhello")


def test_an_early_answer_reaches_a_client_that_still_sends(within: Within) -> None:
    """A refusal sent before the body has come is read whole by a client that goes on sending, and the connection ends."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"3")]})
        await part(send, b"big", more=False)

    async def work() -> bytes:
        async with serving(app) as served:
            return await served.ask(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9000000\r\n\r\n" + b"x" * 3_000_000)

    assert within(work()).endswith(b"\r\n\r\nbig")


@pytest.mark.parametrize("how", ["raises", "returns", "lies"])
def test_an_application_that_fails_mid_stream_breaks_the_connection(within: Within, how: str) -> None:
    """A response that cannot be completed never looks complete: its end is missing and the connection closes."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, *([(b"content-length", b"10")] if how == "lies" else []))
        await part(send, b"half", more=how != "lies")
        if how == "raises":
            raise ValueError("broken on purpose")

    async def work() -> bytes:
        async with serving(app) as served:
            return await served.ask(GET)

    answer = within(work())
    assert b"half" in answer
    assert not answer.endswith(b"0\r\n\r\n")


def test_an_application_that_fails_at_once_is_500(within: Within) -> None:
    """An application that raises before it sent anything is answered 500, with nothing of its error in the body."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("sk-secret")

    async def work() -> bytes:
        async with serving(app) as served:
            return await served.ask(GET)

    answer = within(work())
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"secret" not in answer


def test_a_line_break_in_a_response_header_is_refused(within: Within) -> None:
    """A header value that would split the response never leaves (S-33)."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, (b"x-model", b"a\r\nset-cookie: b"))

    async def work() -> bytes:
        async with serving(app) as served:
            return await served.ask(GET)

    answer = within(work())
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"set-cookie" not in answer


token = st.binary(min_size=1, max_size=8)


@given(st.lists(st.tuples(token, token), max_size=4), st.sampled_from(["1.0", "1.1"]), st.sampled_from([200, 204, 304, 500]))
def test_a_written_head_has_one_line_a_field(headers: list[tuple[bytes, bytes]], version: str, status: int) -> None:
    """Whatever bytes are put in a header, it is refused or stays within its line, and the body has exactly one delimiter."""
    special = {b"content-length", b"transfer-encoding", b"connection", b"date"}
    headers = [(name, value) for name, value in headers if name not in special]
    try:
        head = write_head(status, headers, b"date: now\r\n", Asked("GET", version, False))
    except ValueError:
        assert any(mark in name + value for name, value in headers for mark in (b"\r", b"\n"))
        return
    assert head.wire.endswith(b"\r\n\r\n")
    assert head.wire.count(b"\r\n") == 3 + len(headers) + head.is_chunked + head.is_last
    assert head.is_chunked + (head.is_last or not head.is_bodied) == 1


@given(st.lists(st.tuples(token, token), max_size=4), st.integers(0, 9), st.booleans())
def test_a_whole_head_is_written_as_its_parts_say(headers: list[tuple[bytes, bytes]], length: int, is_last: bool) -> None:
    """The short way writes the very head of the long one, and refuses what that refuses."""
    special = {b"content-length", b"transfer-encoding", b"connection", b"date"}
    headers = [(name, value) for name, value in headers if name not in special]
    framed = [*headers, (b"content-length", b"%d" % length)]
    try:
        head = write_head(200, framed, b"date: now\r\n", Asked("GET", "1.1", is_last))
    except ValueError:
        with pytest.raises(ValueError, match="line break"):
            write_whole(200, headers, length, b"date: now\r\n", is_last)
        return
    assert write_whole(200, headers, length, b"date: now\r\n", is_last) == head.wire


# the short way

SHORT = [(b"content-type", b"text/plain")]


async def briefly(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the request's body by the short way, or by the long one where the path says so."""
    turn = scope["extensions"]["stormkeel.turn"]
    body = turn.take_body() or await body_of(receive)
    status = 204 if scope["path"] == "/empty" else 200
    if scope["query_string"] == b"long":
        headers = [*SHORT, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await part(send, body, more=False)
    else:
        turn.answer(status, SHORT, body)


@pytest.mark.parametrize("method", ["POST", "HEAD"])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("path", ["/", "/empty"])
@pytest.mark.parametrize("size", [3, 100_000])
def test_the_short_way_answers_as_the_long_one(within: Within, method: str, version: str, path: str, size: int) -> None:
    """A whole answer at once has the same bytes as one in two messages, whoever asks and how."""
    rest = f"HTTP/{version}\r\nhost: a\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n".encode() + b"x" * size

    async def work() -> tuple[bytes, bytes]:
        async with serving(briefly) as served:
            short = await served.ask(f"{method} {path}? ".encode() + rest)
            return short, await served.ask(f"{method} {path}?long ".encode() + rest)

    short, long = within(work())
    assert short == long
    assert short.endswith(b"x" * size if method == "POST" and path == "/" else b"\r\n\r\n")


def test_the_short_way_keeps_the_connection(within: Within) -> None:
    """Requests one after the other, some in two pieces, are each answered by the short way on one connection."""

    async def work() -> list[bytes]:
        async with serving(briefly) as served:
            reader, writer = await served.open()
            answers = []
            for body in (b"abc", b"def"):
                writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n" + body[:1])
                await asyncio.sleep(0)
                writer.write(body[1:])
                answers.append(await reader.readuntil(body))
            writer.close()
            return answers

    assert [answer[:15] for answer in within(work())] == [b"HTTP/1.1 200 OK"] * 2


@pytest.mark.parametrize("wrong", ["twice", "begun", "framed", "split"])
def test_the_short_way_is_for_whole_and_honest_answers(within: Within, wrong: str) -> None:
    """An answer after another, or a field that would frame it twice or split its head, is a fault of the application."""
    faults: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        turn = scope["extensions"]["stormkeel.turn"]
        fields = {"framed": [(b"transfer-encoding", b"chunked")], "split": [(b"a", b"b\r\nc: d")]}.get(wrong, SHORT)
        if wrong == "begun":
            await start(send, (b"content-length", b"2"))
        for _ in range(2):
            try:
                turn.answer(200, fields, b"ok")
            except (RuntimeError, ValueError) as fault:
                faults.append(type(fault).__name__)
        if wrong == "begun":
            await part(send, b"ok", more=False)

    async def work() -> bytes:
        async with serving(app) as served:
            return await served.ask(GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

    answer = within(work())
    assert answer.count(b"HTTP/1.1") == 1
    assert b"chunked" not in answer
    assert faults == {"twice": ["RuntimeError"], "begun": ["RuntimeError"] * 2}.get(wrong, ["ValueError"] * 2)


# refusals (S-33: tests/faults/test_s33_smuggling.py has the corpus)

AFTER = b"GET /second HTTP/1.1\r\nhost: a\r\n\r\n"


def test_an_upgrade_is_declined(within: Within) -> None:
    """A wish for another protocol is answered in HTTP/1.1, and what follows is not read as a request."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])
        await echo(scope, receive, send)

    async def work() -> bytes:
        async with serving(app) as served:
            return await served.ask(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n" + AFTER)

    assert within(work()).count(b"HTTP/1.1 200 OK") == 1
    assert seen == ["/"]


def test_trailers_are_not_headers(within: Within) -> None:
    """A trailer is dropped: it cannot add a credential to a request already judged."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await echo(scope, receive, send)
        seen.extend(scope["headers"])

    async def work() -> None:
        async with serving(app) as served:
            head = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
            await served.ask(head + b"0\r\nauthorization: x\r\n\r\n")

    within(work())
    assert b"authorization" not in dict(seen)


def test_too_many_connections_are_told(within: Within) -> None:
    """A connection beyond the limit is answered 503 and closed; those before it go on."""

    async def work() -> tuple[bytes, bytes]:
        async with serving(echo, ServeSettings(port=0, drain_delay=0.0, max_connections=1)) as served:
            reader, writer = await served.open()
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")
            over = await served.ask(b"")
            writer.write(GET)
            again = await reader.readuntil(b"\r\n\r\n")
            writer.close()
            return over, again

    over, again = within(work())
    assert over.startswith(b"HTTP/1.1 503 ")
    assert again.startswith(b"HTTP/1.1 200 ")


# clocks (S-31)


def test_a_slow_header_is_cut_at_its_deadline(within: Within) -> None:
    """A client that drips its header is answered 408 and closed: further bytes do not move the deadline (S-31)."""

    async def work() -> bytes:
        async with serving(echo, ServeSettings(port=0, drain_delay=0.0, header_deadline=0.3)) as served:
            reader, writer = await served.open()
            answer = asyncio.create_task(reader.read())
            writer.write(b"GET / HTTP/1.1\r\nx: ")
            while not answer.done():
                writer.write(b"y")
                await asyncio.wait({answer}, timeout=0.05)
            writer.close()
            return await answer

    assert within(work()).startswith(b"HTTP/1.1 408 ")


def test_a_silent_connection_is_closed(within: Within) -> None:
    """A connection that never says anything ends at the header deadline, with no answer."""

    async def work() -> bytes:
        async with serving(echo, ServeSettings(port=0, drain_delay=0.0, header_deadline=0.2)) as served:
            return await served.ask(b"")

    assert within(work()) == b""


def test_a_slow_body_is_cut_at_its_deadline(within: Within) -> None:
    """A body that does not come is answered 408, and the application hears that the client has gone (S-31)."""
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] != "http.disconnect":
            assert message["more_body"]
        heard.append(message["type"])

    async def work() -> bytes:
        async with serving(app, ServeSettings(port=0, drain_delay=0.0, body_deadline=0.2)) as served:
            return await served.ask(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc")

    assert within(work()).startswith(b"HTTP/1.1 408 ")
    assert heard == ["http.disconnect"]


def test_an_idle_connection_is_closed_but_a_busy_one_is_not(within: Within) -> None:
    """Only time without a request counts as idle: an answer may take longer than the idle timeout."""
    tick = 0.2

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with contextlib.suppress(TimeoutError):
            await receive()
            await asyncio.wait_for(receive(), 3 * tick)
        await start(send)
        await part(send, b"late", more=False)

    async def work() -> bytes:
        async with serving(app, ServeSettings(port=0, drain_delay=0.0, idle_timeout=tick)) as served:
            return await served.ask(GET)

    answer = within(work())
    assert b"late" in answer
    assert b"connection: close" not in answer


# back-pressure (S-29)


def test_a_client_that_does_not_read_holds_the_sender_and_is_cut(within: Within) -> None:
    """Sending waits once the buffers are full, so memory stays bounded, and a client that takes nothing is cut (S-29, INV-14)."""
    sent: list[int] = [0]
    ended = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        try:
            for _ in range(4000):  # 250 MB
                await part(send, b"z" * 65_536)
                sent[0] += 65_536
        except ClientGoneError:
            ended.set()

    async def work() -> None:
        async with serving(app, ServeSettings(port=0, drain_delay=0.0, stall_timeout=0.4)) as served:
            reader, writer = await served.open()
            writer.write(GET)
            await reader.readexactly(1024)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await ended.wait()
            writer.close()

    within(work())
    assert sent[0] < 16 << 20


def test_a_broken_answer_does_not_wait_for_a_client_that_does_not_read(within: Within) -> None:
    """Where an answer that can't be completed is not taken either, its connection ends soon, not at the stall clock (S-29, INV-15)."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        with contextlib.suppress(TimeoutError):
            while True:
                await asyncio.wait_for(part(send, b"z" * 65_536), 0.3)
        raise ValueError("broken on purpose")

    async def work() -> None:
        async with serving(app, ServeSettings(port=0, drain_delay=0.0, grace=60.0, stall_timeout=60.0)) as served:
            reader, writer = await served.open()
            writer.write(GET)
            await reader.readexactly(1024)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            served.stop.set()
            await served.task

    within(work())


def test_a_slow_but_living_reader_is_not_cut(within: Within) -> None:
    """A client that keeps reading gets every byte, however often the sender had to wait."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send, (b"content-length", b"16777216"))
        for _ in range(256):
            await part(send, b"z" * 65_536)
        await part(send, b"", more=False)

    async def work() -> int:
        async with serving(app, ServeSettings(port=0, drain_delay=0.0, stall_timeout=5.0)) as served:
            reader, writer = await served.open()
            writer.write(GET)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"chunked" not in head
            got = len(await reader.readexactly(16_777_216))
            writer.close()
            return got

    assert within(work()) == 16_777_216


def test_a_body_nobody_reads_holds_the_client_back(within: Within) -> None:
    """An application that does not read its request's body is not sent it: the client's sending stops (INV-14)."""
    go = asyncio.Event()
    read: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        read.append(len((await receive())["body"]))
        await start(send)
        await part(send, b"", more=False)

    async def work() -> None:
        async with serving(app) as served:
            reader, writer = await served.open()
            writer.transport.set_write_buffer_limits(high=1)
            writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 80000000\r\n\r\n" + b"x" * 80_000_000)
            stuck = asyncio.create_task(writer.drain())
            before = -1
            while before != (before := writer.transport.get_write_buffer_size()):
                await asyncio.wait({stuck}, timeout=0.2)
            assert not stuck.done()
            go.set()
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()
            await asyncio.gather(stuck, return_exceptions=True)

    within(work())
    assert read[0] < 1 << 20


# the client goes


@pytest.mark.parametrize("phase", ["waiting", "streaming", "reading"])
@pytest.mark.parametrize("how", ["closes", "resets"])
def test_the_application_hears_that_the_client_has_gone(within: Within, phase: str, how: str) -> None:
    """Before, during and while reading, receive() tells, the watcher is called, and send() raises, within a second."""
    reached, over = asyncio.Event(), asyncio.Event()
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["extensions"]["stormkeel.gone"](lambda: heard.append("watcher"))
        await receive()
        if phase == "streaming":
            await start(send)
            await part(send, b"first")
        reached.set()
        heard.append((await receive())["type"])
        try:
            await send({"type": "http.response.start", "status": 200} if phase != "streaming" else {"type": "http.response.body"})
        except ClientGoneError:
            heard.append("send")
        over.set()

    async def work() -> None:
        async with serving(app) as served:
            _, writer = await served.open()
            writer.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\nabc" % (9 if phase == "reading" else 3))
            await reached.wait()
            if how == "resets":
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                writer.transport.abort()
            writer.close()
            async with asyncio.timeout(1.0):
                await over.wait()

    within(work())
    assert sorted(heard) == ["http.disconnect", "send", "watcher"]


def test_after_the_response_the_watcher_stays_silent(within: Within) -> None:
    """A client that closes after the last byte was not lost: the watcher is not called, and receive() says disconnect at once."""
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["extensions"]["stormkeel.gone"](lambda: heard.append("watcher"))
        await echo(scope, receive, send)
        heard.append((await receive())["type"])

    async def work() -> None:
        async with serving(app) as served:
            await served.ask(GET.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))

    within(work())
    assert heard == ["http.disconnect"]


@pytest.mark.parametrize("how", ["resets", "half-closes"])
def test_a_sender_that_waits_for_room_is_woken_when_the_client_goes(within: Within, how: str) -> None:
    """A send() held by a full buffer raises when its client goes, though what the buffer holds can never be sent."""
    full, over = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        try:
            while True:
                await asyncio.wait_for(part(send, b"z" * 65_536), 1.0 if not full.is_set() else None)
        except TimeoutError:
            full.set()
        try:
            await part(send, b"z")
        except ClientGoneError:
            over.set()

    async def work() -> None:
        async with serving(app) as served:
            _, writer = await served.open()
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(GET)
            await full.wait()
            if how == "resets":
                writer.transport.abort()
            else:
                writer.write_eof()
            await over.wait()
            writer.transport.abort()

    within(work())


# drain (S-41, INV-24)


async def until_refused(port: int) -> None:
    """Return once nobody listens there."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except (ConnectionRefusedError, ConnectionResetError):  # reset: it was in the backlog when the listener closed
            return
        writer.close()


def test_drain_lets_a_running_stream_end(within: Within) -> None:
    """After a stop a stream goes on to its end, new connections are refused, and then the server returns."""
    go = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        await part(send, b"first")
        await go.wait()
        await part(send, b"last", more=False)

    async def work() -> bytes:
        async with serving(app) as served:
            reader, writer = await served.open()
            writer.write(GET)
            await reader.readuntil(b"first\r\n")
            served.stop.set()
            await until_refused(served.port)
            assert not served.task.done()
            go.set()
            rest = await reader.read()
            await served.task
            writer.close()
            return rest

    assert within(work()) == b"4\r\nlast\r\n0\r\n\r\n"


def test_during_the_drain_delay_requests_are_still_served(within: Within) -> None:
    """Between the stop and the end of the drain delay new connections are served, and told that this is their last answer."""

    async def work() -> bytes:
        settings = ServeSettings(port=0, drain_delay=1.0, grace=5.0)
        async with serving(echo, settings) as served:
            kept, writer = await served.open()
            writer.write(GET)
            await kept.readuntil(b"\r\n\r\n")
            served.stop.set()
            answer = await served.ask(GET)
            await served.task
            assert await kept.read() == b""  # the idle connection was closed too
            writer.close()
            return answer

    assert b"connection: close" in within(work())


def test_a_stop_by_hand_waits_for_what_is_under_way_only(within: Within) -> None:
    """Stopped by a person, the drain delay of a minute lasts until the request under way has ended, and not at all without one."""
    go, began = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        began.set()
        await go.wait()
        await part(send, b"last", more=False)

    async def work(is_busy: bool) -> bytes:
        stop = Stop()
        stop.is_by_hand = True
        async with serving(app, ServeSettings(port=0, drain_delay=60.0, grace=60.0), stop) as served:
            reader, writer = await served.open()
            if is_busy:
                writer.write(GET)
                await began.wait()
            stop.set()
            if is_busy:
                other, another = await served.open()  # new connections are still taken
                go.set()
                assert await other.read() == b""
                another.close()
            rest = await reader.read()
            async with asyncio.timeout(5.0):
                await served.task
            writer.close()
            return rest

    assert within(work(True)).endswith(b"last\r\n0\r\n\r\n")
    assert within(work(False)) == b""


def test_a_stream_begun_in_the_drain_delay_ends_well(within: Within) -> None:
    """A lull in the drain delay is not the end: a stream begun after it goes on to its end."""
    go = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/wait":
            await start(send)
            await part(send, b"first")
            await go.wait()
            await part(send, b"last", more=False)
        else:
            await echo(scope, receive, send)

    async def work() -> bytes:
        async with serving(app, ServeSettings(port=0, drain_delay=1.0, grace=5.0)) as served:
            served.stop.set()
            await served.ask(GET)
            reader, writer = await served.open()
            writer.write(GET.replace(b"/ ", b"/wait "))
            await reader.readuntil(b"first\r\n")
            await until_refused(served.port)
            go.set()
            rest = await reader.read()
            await served.task
            writer.close()
            return rest

    assert within(work()) == b"4\r\nlast\r\n0\r\n\r\n"


def test_a_request_that_outlives_the_grace_has_last_words(within: Within) -> None:
    """At the end of the grace the application is cancelled, may still send an error event, and the server returns."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await start(send)
        await part(send, b"first")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await part(send, b"server_shutdown", more=False)
            raise

    async def work() -> bytes:
        async with serving(app, ServeSettings(port=0, drain_delay=0.0, grace=0.2)) as served:
            reader, writer = await served.open()
            writer.write(GET)
            await reader.readuntil(b"first\r\n")
            served.stop.set()
            rest = await reader.read()
            await served.task
            writer.close()
            return rest

    assert within(work()) == b"f\r\nserver_shutdown\r\n0\r\n\r\n"


def test_an_application_that_settles_after_its_client_left_is_waited_for(within: Within) -> None:
    """Drain waits for applications, not only for connections: what a lost client cost is still booked."""
    reached, left, go = asyncio.Event(), asyncio.Event(), asyncio.Event()
    settled: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        reached.set()
        await receive()
        left.set()
        await go.wait()
        settled.append(True)

    async def work() -> None:
        async with serving(app) as served:
            _, writer = await served.open()
            writer.write(GET)
            await reached.wait()
            writer.close()
            await left.wait()
            served.stop.set()
            await asyncio.wait({served.task}, timeout=0.2)
            assert not served.task.done()
            go.set()
            await served.task

    within(work())
    assert settled == [True]


def test_requests_leave_nothing_for_the_garbage_collector(within: Within) -> None:
    """A request served leaves no circle of objects behind, so memory does not wait for a collection."""

    async def work() -> int:
        async with serving(echo) as served:
            reader, writer = await served.open()
            for n in range(510):
                if n == 10:
                    gc.collect()
                    gc.disable()
                writer.write(GET)
                await reader.readuntil(b"\r\n\r\n")
            try:
                return gc.collect()
            finally:
                gc.enable()
                writer.close()

    assert within(work()) < 500, "fewer than one a request; what else goes on in the process leaves some"


PROGRAM = """
import asyncio, contextlib
from stormkeel.runtime.serve import ServeSettings, run

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    await stopped.wait()
    if scope["path"] == "/forever":
        await asyncio.Event().wait()
    await send({"type": "http.response.body", "body": b"last"})

@contextlib.asynccontextmanager
async def open_app(stop):
    global stopped
    stopped = stop
    try:
        yield app
    finally:
        print("world closed", flush=True)

run(open_app, ServeSettings(port=0, drain_delay=0.0, grace=30.0), ready=lambda host, port: print(port, flush=True))
"""


@pytest.mark.parametrize(("path", "signals", "end"), [("/", 1, b"0\r\n\r\n"), ("/forever", 2, b"")])
def test_signals(path: str, signals: int, end: bytes) -> None:
    """One SIGTERM drains, a second one does not wait; both times the world is closed and the process ends well."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            with socket.create_connection(("127.0.0.1", int(process.stdout.readline())), timeout=DEADLINE) as client:
                client.sendall(b"GET %b HTTP/1.1\r\nhost: a\r\n\r\n" % path.encode())
                got = b""
                while b"first\r\n" not in got:
                    got += client.recv(4096)
                process.send_signal(signal.SIGTERM)
                if signals == 2:
                    asyncio.run(until_refused(client.getpeername()[1]))
                    process.send_signal(signal.SIGINT)
                while piece := client.recv(4096):
                    got += piece
            assert got.endswith(b"last\r\n" + end) if end else not got.endswith(b"0\r\n\r\n")
            assert process.stdout.readline() == "world closed\n"
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()
