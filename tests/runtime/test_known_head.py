"""A head known again: only what the parser would say of the very same bytes, and never more than one request (S-33)."""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipe_stage import Pipe

from stormkeel.runtime.serve.connection import Connection
from stormkeel.runtime.serve.hub import Hub
from stormkeel.runtime.serve.known import KnownHead, known_head
from stormkeel.runtime.serve.settings import ServeSettings

LIMIT = 65_536
NAMES = st.sampled_from(["X-One", "Authorization", "accept", "X-Stainless-Lang", "Host", "cookie", "Content-Type"])
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=0, max_size=12)


@st.composite
def heads(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """The two sides of a head around its length, as clients write them."""
    before = "".join(f"{name}: {value}\r\n" for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=4)))
    after = "".join(f"{name}: {value}\r\n" for name, value in draw(st.lists(st.tuples(NAMES, VALUES), max_size=4)))
    length = draw(st.sampled_from(["Content-Length", "content-length"]))
    return f"POST /v1/x?a=1 HTTP/1.1\r\n{before}{length}: ".encode(), f"\r\n{after}\r\n".encode()


class Parsed:
    """What the parser says of some bytes: its messages, as (method, target, fields, body)."""

    def __init__(self, data: bytes) -> None:
        self.messages: list[tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]] = []
        self.is_refused = False
        self._target, self._body = b"", b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._parser = httptools.HttpRequestParser(self)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.is_refused = True

    def on_message_begin(self) -> None:
        self._target, self._body, self._fields = b"", b"", []

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.messages.append((self._parser.get_method(), self._target, self._fields, self._body))


def learned(before: bytes, after: bytes) -> KnownHead | None:
    """The head, known from a request with an empty body."""
    data = before + b"0" + after
    method, target, fields, _ = Parsed(data).messages[0]
    return known_head(data, {"method": method, "raw_path": target, "headers": fields}, LIMIT)


@given(heads(), st.binary(max_size=40))
def test_the_same_head_with_any_body_is_known(head: tuple[bytes, bytes], body: bytes) -> None:
    """Whatever the body and its length, the scope and the body are those the parser tells."""
    before, after = head
    known = learned(before, after)
    assert known is not None
    data = before + b"%d" % len(body) + after + body
    parsed = Parsed(data).messages[0]
    scope = known.scope(len(body))
    assert (scope["method"], scope["raw_path"], scope["headers"], known.body_in(data)) == parsed


@given(heads(), st.binary(max_size=20), st.integers(0, 10_000), st.binary(max_size=6), st.integers(0, 6))
def test_what_differs_anywhere_is_left_to_the_parser(
    head: tuple[bytes, bytes], body: bytes, place: int, put: bytes, cut: int
) -> None:
    """Bytes changed at any place are known only where the parser reads one whole request with the same head from them."""
    before, after = head
    known = learned(before, after)
    assert known is not None
    data = before + b"%d" % len(body) + after + body
    place %= len(data) + 1
    changed = data[:place] + put + data[place + cut :]
    found = known.body_in(changed)
    if found is not None:
        parsed = Parsed(changed)
        assert not parsed.is_refused
        assert [message[2:] for message in parsed.messages] == [(known.scope(len(found))["headers"], found)]


@pytest.mark.parametrize("length", [b"", b"+5", b"05", b"5 ", b"0x5", b"5\r\nX: 1", b"1000000000", b"\xb5"])
def test_an_odd_length_is_left_to_the_parser(length: bytes) -> None:
    """Only plain digits say how long a body is."""
    known = learned(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ", b"\r\n\r\n")
    assert known is not None
    assert known.body_in(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\n12345") is None


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: " + b"x" * LIMIT + b"\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_an_unusual_head_is_not_kept(head: bytes) -> None:
    """What is written in another way, has no length, or is as long as may be, is the parser's each time."""
    method, target, fields, _ = Parsed(head).messages[0]
    assert known_head(head, {"method": method, "raw_path": target, "headers": fields}, LIMIT) is None


# over a connection


async def served(*data: bytes) -> tuple[list[tuple[Any, bytes, object]], bytes]:
    """Feed data to one connection, each once the answer to the last is out; returns what the application saw, and the answers."""
    seen: list[tuple[Any, bytes, object]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        turn = scope["extensions"]["stormkeel.turn"]
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        seen.append(({name: value for name, value in scope.items() if name != "extensions"}, body, turn.memo))
        turn.remember(f"seen by {len(seen)}")
        turn.answer(200, [], b"ok")

    hub = Hub(app, ServeSettings(port=0))
    connection, pipe = Connection(hub), Pipe()
    connection.connection_made(pipe)  # type: ignore[arg-type]  # all of a transport that it asks for
    for piece in data:
        connection.data_received(piece)
        while hub.is_busy:
            await asyncio.sleep(0)
    connection.connection_lost(None)
    return seen, pipe.written


def request(body: bytes, *fields: bytes) -> bytes:
    """A request of the usual kind."""
    more = b"".join(field + b"\r\n" for field in fields)
    return b"POST /v1/x HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (more, len(body), body)


def test_requests_of_one_head_are_served_as_on_new_connections() -> None:
    """Bodies of many lengths, in pieces, two at once and another head between: the application sees what it would see anyway."""

    async def work() -> None:
        odd = request(b"another", b"X-Other: 1")
        split = request(b"in pieces")
        pieces = [request(b"a"), request(b""), request(b"c" * 1000), split[:50], split[50:], odd, odd, request(b"d")]
        seen, written = await served(*pieces, request(b"e") + request(b"f"), request(b"g"))
        alone = [(await served(one))[0][0] for one in (request(b"a"), request(b""), request(b"c" * 1000), split, odd, odd)]
        assert [one[:2] for one in seen[:6]] == [one[:2] for one in alone]
        assert [body for _, body, _ in seen[6:]] == [b"d", b"e", b"f", b"g"]
        assert written.count(b"HTTP/1.1 200") == 10

    asyncio.run(work())


def test_what_was_made_of_a_head_comes_back_with_it_alone() -> None:
    """A memo is given back with the same head on the same connection, and with no other."""

    async def work() -> None:
        seen, _ = await served(request(b"a"), request(b"bb"), request(b"c"), request(b"d", b"X-Other: 1"))
        assert [memo for _, _, memo in seen] == [None, None, "seen by 2", None]
        assert (await served(request(b"c")))[0][0][2] is None

    asyncio.run(work())


def test_a_known_head_smuggles_nothing() -> None:
    """After known heads, ambiguous requests are refused as they are on a new connection, and end it (S-33)."""

    async def work() -> None:
        for bad in (
            request(b"a", b"Transfer-Encoding: chunked"),
            request(b"a", b"Content-Length: 1"),
            request(b"a").replace(b"Host: x", b"Host: x/y"),
            request(b"a").replace(b"Content-Length: 1", b"Content-Length: 1 "),
            request(b"a").replace(b"\r\n", b"\n"),
        ):
            seen, written = await served(request(b"a"), request(b"b"), bad, request(b"c"))
            once, refused = await served(bad, request(b"c"))
            assert len(seen) == 2 + len(once)
            assert written.endswith(refused)

    asyncio.run(work())
