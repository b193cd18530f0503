"""What HTTP/1.1 bytes mean, wherever they are cut, and which requests are refused before they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.runtime.http1 import ProtocolFault, RequestFault, ResponseReader, read_url, write_head
from stormkeel.types.wire import HttpRequest

LENGTH_20 = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"


def read(data: bytes, method: str = "POST") -> ResponseReader:
    """Feed all the bytes at once."""
    reader = ResponseReader(method)
    reader.feed(data)
    return reader


def head_of(url: str = "https://api.example/v1?k=1", body: bytes = b"{}", method: str = "POST", **fields: str) -> bytes:
    """Write a request's head; `_` in a field's name stands for `-`."""
    headers = tuple((name.replace("_", "-"), value) for name, value in fields.items())
    return write_head(HttpRequest(method, url, headers, body), read_url(url))


def chunked(body: bytes, sizes: list[int]) -> bytes:
    """Answer with the body in chunks of these sizes, the rest in one."""
    out, at = CHUNKED, 0
    for size in sizes:
        piece = body[at : at + size]
        at += size
        out += b"%X;ext=1\r\n%b\r\n" % (len(piece), piece) if piece else b""
    rest = body[at:]
    return out + (b"%x\r\n%b\r\n" % (len(rest), rest) if rest else b"") + b"0\r\nx-trailer: 1\r\n\r\n"


def by_length(body: bytes, _sizes: list[int]) -> bytes:
    """Answer with an interim head, then the body by its length."""
    return b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@given(
    write=st.sampled_from([chunked, by_length]),
    body=st.binary(max_size=200),
    sizes=st.lists(st.integers(1, 40), max_size=6),
    cuts=st.sets(st.integers(1, 400)),
)
def test_a_response_reads_the_same_wherever_it_is_cut(write, body, sizes, cuts):
    """The pieces in which a response arrives change nothing about what was read."""
    data = write(body, sizes)
    reader = ResponseReader("POST")
    at = 0
    for cut in [*sorted(cut for cut in cuts if cut < len(data)), len(data)]:
        reader.feed(data[at:cut])
        at = cut
    assert (reader.status, reader.done, reader.reusable, reader.take()) == (200, True, True, body)


@pytest.mark.parametrize("write", [chunked, by_length])
def test_a_response_may_be_cut_at_any_byte(write):
    """Every single cut, and a cut after every byte, reads the same."""
    data = write(b"hello there", [5, 1])
    for pieces in [[data[:cut], data[cut:]] for cut in range(1, len(data))] + [[data[i : i + 1] for i in range(len(data))]]:
        reader = ResponseReader("POST")
        for piece in pieces:
            reader.feed(piece)
        assert (reader.done, reader.reusable, reader.take()) == (True, True, b"hello there")


def test_each_piece_of_a_body_is_there_as_soon_as_it_came():
    """A chunk's first bytes can be taken before its last have arrived."""
    reader = read(CHUNKED + b"a\r\nhel")
    assert reader.take() == b"hel"
    reader.feed(b"lo")
    assert (reader.take(), reader.done) == (b"lo", False)


def test_header_fields_keep_their_order_their_duplicates_and_their_bytes():
    """Names become lower case; order, duplicates and bytes above ASCII stay; outer blanks go."""
    reader = read(
        b"HTTP/1.1 200\r\nX-B: 1\r\nSet-Cookie: a \r\nset-cookie:\tb\r\nx-e: \xe9\r\nempty:\r\ncontent-length: 0\r\n\r\n"
    )
    expected = (("x-b", "1"), ("set-cookie", "a"), ("set-cookie", "b"), ("x-e", "\xe9"), ("empty", ""), ("content-length", "0"))
    assert reader.headers == expected


@pytest.mark.parametrize(
    ("data", "method"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", "POST"),
        (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", "GET"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", "HEAD"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "POST"),
    ],
)
def test_a_response_without_a_body_ends_with_its_head(data, method):
    """204, 304, an answer to HEAD and a length of 0 are done, and the connection lives, once the head is read."""
    reader = read(data, method)
    assert (reader.done, reader.reusable, reader.take()) == (True, True, b"")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: Close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\nx",
        CHUNKED + b"2\r\nok\r\n0\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ],
    ids=["close", "http/1.0", "excess", "excess after no body", "excess after chunks", "two framings"],
)
def test_a_doubtful_connection_is_not_reused(data):
    """Where the server says close, or sends more than its answer, no other request follows on that connection."""
    reader = read(data)
    assert (reader.done, reader.reusable) == (True, False)


def test_a_body_without_framing_ends_when_the_connection_does():
    """No length and no chunks: everything up to the close is the body."""
    reader = read(b"HTTP/1.1 200 OK\r\n\r\nabc")
    assert not reader.done
    reader.feed_eof()
    assert (reader.done, reader.reusable, reader.take()) == (True, False, b"abc")


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\ncont", LENGTH_20 + b"abc", CHUNKED + b"3\r\nabc\r\n"])
def test_an_early_end_is_never_taken_for_a_whole_response(data):
    """A connection closed before the response's end is a fault, whatever had arrived."""
    reader = ResponseReader("POST")
    if data:
        reader.feed(data)
    with pytest.raises(ProtocolFault):
        reader.feed_eof()


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03garbage\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 0200 OK\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nname : 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nname: 1\r\n folded\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nname: 1\nother: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nname: \x00\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        CHUNKED + b"0x2\r\nok\r\n",
        CHUNKED + b"-2\r\nok\r\n",
        CHUNKED + b"ZZ\r\n",
        CHUNKED + b"2\r\nokay\r\n",
        CHUNKED + b"2\r\nokXX0\r\n\r\n",
        CHUNKED + b"f" * 5000,
        b"HTTP/1.1 200 OK\r\nname: " + b"x" * 70_000,
        b"HTTP/1.1 200 OK\r\nname: " + b"x" * 70_000 + b"\r\n\r\n",
        CHUNKED + b"0\r\n" + b"x" * 70_000,
    ],
)
def test_bytes_that_are_not_http_1_1_are_a_fault(data):
    """What the standard does not allow is never guessed at."""
    with pytest.raises(ProtocolFault):
        read(data)


def test_a_request_is_written_with_its_own_framing():
    """Host, user agent and length are added; the fields given keep their order."""
    head = head_of(url="https://api.example:8443/v1/x?k=1#part", b="1", a="2")
    lines = head.decode().split("\r\n")
    assert lines[:2] == ["POST /v1/x?k=1 HTTP/1.1", "host: api.example:8443"]
    assert lines[2].startswith("user-agent: stormkeel/")
    assert lines[3:] == ["b: 1", "a: 2", "content-length: 2", "", ""]


@pytest.mark.parametrize(
    ("method", "body", "said"),
    [("POST", b"", b"content-length: 0\r\n"), ("GET", b"", b""), ("GET", b"x", b"content-length: 1\r\n")],
)
def test_a_length_is_said_where_a_body_is_or_could_be(method, body, said):
    """A method that means a body says its length even when empty; GET and DELETE only when there is one."""
    head = head_of(method=method, body=body)
    assert (said in head) if said else (b"content-length" not in head)


def test_a_caller_may_name_its_own_agent():
    """A `user-agent` field given replaces ours."""
    assert head_of(user_agent="mine/1").count(b"user-agent") == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"x": "a\r\nb: c"},
        {"x": "a\nb"},
        {"x": "a\0"},
        {"x\r\ny": "a"},
        {"": "a"},
        {"Upper": "a"},
        {"host": "elsewhere"},
        {"content_length": "3"},
        {"transfer_encoding": "chunked"},
        {"connection": "close"},
        {"x": "\u20ac"},
    ],
)
def test_a_field_that_could_forge_a_request_is_refused(fields):
    """Line breaks, zero bytes, bad names and framing fields never reach the wire; the refusal does not quote them."""
    with pytest.raises(RequestFault) as caught:
        head_of(**fields)
    assert not any(value in str(caught.value) for value in fields.values() if len(value) > 1 and value != "close")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/",
        "http://",
        "http:///x",
        "http://h:port/",
        "http://[::1/",
        "http://u:p@h/",
        "http://h/a b",
        "http://h/\u20ac",
        "h/x",
    ],
)
def test_a_url_that_cannot_be_asked_is_refused(url):
    """Only an absolute http(s) URL in visible ASCII, with no user, is one."""
    with pytest.raises(RequestFault):
        read_url(url)


def test_an_ipv6_address_keeps_its_brackets_in_the_host_field_only():
    """The address is dialled bare and written in brackets."""
    target = read_url("http://[::1]:8080/x")
    assert (target.host, target.authority, target.port) == ("::1", "[::1]:8080", 8080)
