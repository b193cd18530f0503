"""The rules of an HTTP/1.1 head, both ways: which request heads are refused, and how a response head is written.

Never reads a socket or a clock. The parser (llhttp, strict) has already refused what breaks the grammar: bare LF, folded lines, a
space before a colon, two lengths, a length beside a transfer coding. Here is what it leaves to us (RFC 9112 §3.2, §6.1).
"""

from __future__ import annotations

import http
import re
import urllib.parse
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

Field = tuple[bytes, bytes]
Headers = Iterable[Field]

MAX_FIELDS = 128
# RFC 9112 §3.2 and RFC 3986 §3.2.2, less the characters no deployed name has: a Host that looks like a path must not pass
HOST = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in http.HTTPStatus}
RULED = frozenset((b"transfer-encoding", b"expect"))
FRAMING = frozenset((b"content-length", b"date", b"transfer-encoding", b"connection"))
BODILESS = frozenset((204, 304))


class RequestHead:
    """A request's head as the parser tells it, piece by piece; one object a request.

    Attributes:
        target: the request target, undecoded.
        fields: (lower-case name, value), in order.
        is_waiting_for_continue: whether the client holds its body until it reads "100 Continue"; known once it was judged.
    """

    __slots__ = ("fields", "is_waiting_for_continue", "target")

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.is_waiting_for_continue = False

    @property
    def size(self) -> int:
        """Bytes of the target and the fields."""
        return len(self.target) + 4 * len(self.fields) + sum(map(len, chain.from_iterable(self.fields)))


def refusal(head: RequestHead, version: str, max_size: int) -> int:
    """Return the status this head is refused with, 0 where it may pass; take note of what it waits for.

    Args:
        head: complete.
        version: "1.1" or "1.0"; anything else is refused.
        max_size: of the target and the fields together, bytes.
    """
    fields = head.fields
    named = dict(fields)
    is_single = len(named) == len(fields)
    size = 4 * len(fields) + len(head.target) + len(b"".join(named)) + len(b"".join(named.values())) if is_single else head.size
    if size > max_size or len(fields) > MAX_FIELDS:
        return 431
    if version not in ("1.1", "1.0"):
        return 505
    if not head.target.startswith(b"/") or b"#" in head.target:  # no absolute-form: a target never names a host here
        return 400
    if is_single and b"host" in named and named.keys().isdisjoint(RULED):  # nearly every head
        return 0 if _is_host(named[b"host"]) else 400
    return _judge(head, version)


@lru_cache(maxsize=64)
def _is_host(value: bytes) -> bool:
    return HOST.fullmatch(value) is not None


def _judge(head: RequestHead, version: str) -> int:
    hosts = [value for name, value in head.fields if name == b"host"]
    codings = [value.lower() for name, value in head.fields if name == b"transfer-encoding"]
    expected = [value.lower() for name, value in head.fields if name == b"expect"]
    head.is_waiting_for_continue = expected[-1:] == [b"100-continue"]
    if len(hosts) != 1 and (hosts or version == "1.1"):
        return 400
    if (hosts and not _is_host(hosts[0])) or (codings and (codings != [b"chunked"] or version == "1.0")):
        return 400
    return 0


def scope_of(head: RequestHead, method: str, version: str) -> dict[str, Any]:
    """Return the ASGI scope of a head that may pass; who is at either end is for the connection to say."""
    raw_path, _, query = head.target.partition(b"?")
    path = raw_path.decode("ascii")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": version,
        "method": method,
        "path": urllib.parse.unquote(path) if "%" in path else path,
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": head.fields,
    }


def address(found: object) -> tuple[str, int] | None:
    """Return an end's address and port as a transport tells them, None where there are none."""
    return (found[0], found[1]) if isinstance(found, tuple) else None


class ResponseHead(msgspec.Struct, frozen=True, gc=False):
    """A response head ready to send.

    Attributes:
        wire: its bytes, up to and with the empty line.
        length: the declared content length, -1 where none.
        is_bodied: whether a body follows at all.
        is_chunked: whether it goes out in chunks.
        is_last: whether the connection ends with this response.
    """

    wire: bytes
    length: int
    is_bodied: bool
    is_chunked: bool
    is_last: bool


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What of the request decides how its answer is delimited; `is_last` where the connection is to end after it."""

    method: str
    version: str
    is_last: bool


def write_head(status: int, headers: Headers, date: bytes, asked: Asked) -> ResponseHead:
    """Write a response's head, choosing how its body is delimited (RFC 9112 §6.3).

    Names must be lower-case (ASGI). `connection` and `transfer-encoding` are the server's own and are dropped, but for
    `connection: close`, which is obeyed. `date` is the line to put in where the application gave none.

    Raises:
        ValueError: a field holds a line break, or content-length is no number.
    """
    parts = [STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
    length, date, is_last = _write_fields(parts, headers, date)
    may_have_body = status not in BODILESS
    is_bodied = may_have_body and asked.method != "HEAD"
    is_chunked = length < 0 and may_have_body and asked.version == "1.1"
    ends_with_close = is_bodied and length < 0 and not is_chunked  # HTTP/1.0
    is_last = is_last or asked.is_last or ends_with_close
    if date:
        parts.append(date)
    if is_chunked:
        parts.append(b"transfer-encoding: chunked\r\n")
    if is_last:
        parts.append(b"connection: close\r\n")
    return ResponseHead(_join(parts), length, is_bodied, is_chunked, is_last)


def write_whole(status: int, headers: Sequence[Field], length: int, date: bytes, is_last: bool) -> bytes:
    """Write the head of a response whose body of so many bytes is at hand; what `write_head` does, in the most usual case.

    Raises:
        ValueError: a field holds a line break, or is one that the server writes itself.
    """
    fields = b"".join([b"%b: %b\r\n" % field for field in headers])
    if not fields.count(b"\n") == fields.count(b"\r") == len(headers):
        raise ValueError("a response header field holds a line break")
    if not FRAMING.isdisjoint([name for name, _ in headers]):
        raise ValueError("a response header field is one that the server writes itself")
    close = b"connection: close\r\n" if is_last else b""
    line = STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
    return b"%b%bcontent-length: %d\r\n%b%b\r\n" % (line, fields, length, date, close)


def _write_fields(parts: list[bytes], headers: Headers, date: bytes) -> tuple[int, bytes, bool]:
    """Append the application's fields; return its content length or -1, the date yet to write, and whether it asked to close."""
    length, is_last = -1, False
    for name, value in headers:
        if name in FRAMING:
            if name == b"content-length":
                length = int(value)
            elif name == b"date":
                date = b""
            else:
                is_last = is_last or (name == b"connection" and value.lower() == b"close")
                continue
        parts.append(b"%b: %b\r\n" % (name, value))
    return length, date, is_last


def _join(parts: list[bytes]) -> bytes:
    parts.append(b"\r\n")
    wire = b"".join(parts)
    if not wire.count(b"\n") == wire.count(b"\r") == len(parts):
        raise ValueError("a response header field holds a line break")
    return wire
