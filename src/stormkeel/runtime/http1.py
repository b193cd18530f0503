"""HTTP/1.1 as a client speaks it, as pure values: a request to bytes, and a response from bytes cut anywhere.

Never opens a socket, never decodes content, never repairs what a server got wrong: bytes that RFC 9112 does not allow are
a `ProtocolFault`, because two readers who disagree on where a response ends are how one caller is shown another's answer.

    head --(1xx)--> head --> body: none | by length | chunked | until close --> done
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from .._version import __version__
from ..types.wire import NO_HEADERS, Headers, HttpRequest

MAX_HEAD = 65_536  # bytes of one response head, or of a trailer section; real providers stay under 8 KiB
MAX_SIZE_LINE = 4_096  # bytes of one chunk-size line with its extensions

Key = tuple[bool, str, int]
"""What a connection is good for: TLS or not, host, port."""

DEFAULT_PORTS = {"http": 80, "https": 443}
BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})  # RFC 9110 8.6: these say `content-length: 0` even when empty
BODILESS_STATUS = frozenset({204, 304})  # RFC 9112 6.3

_METHOD = re.compile(r"[A-Z]+\Z")
_TARGET = re.compile(r"[!-~]+\Z")  # visible ASCII: no space, control or unescaped letter can split a request line
# The fields we write ourselves are refused from a caller: two of one of them is how requests are smuggled.
_REQUEST_FIELDS = re.compile(
    r"(?:(?!(?:host|content-length|transfer-encoding|connection):)[!#$%&'*+.^_`|~0-9a-z-]+: [^\r\n\0]*\r\n)*\Z"
)
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n\0]*)?")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n\0]*)")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")

REMEMBERED_HEAD = 4_096  # bytes: fields of longer heads are read and not remembered

_NONE, _BY_LENGTH, _CHUNKED, _UNTIL_CLOSE = range(4)


class ProtocolFault(Exception):
    """The other side does not speak HTTP/1.1, or stopped in the middle. Its text carries no byte of theirs."""


class RequestFault(ValueError):
    """This request cannot be written as HTTP/1.1. Its text carries no byte of the request."""


class Target(NamedTuple):
    """Where a URL leads.

    Attributes:
        tls: whether the scheme is https.
        host: name or address to connect to, without brackets.
        port: TCP port.
        authority: the `host` field's value.
        path: path and query, as the request line carries them.
        key: what a connection to it is good for.
    """

    tls: bool
    host: str
    port: int
    authority: str
    path: str
    key: Key


@lru_cache(maxsize=1024)
def read_url(url: str) -> Target:
    """Split an absolute http(s) URL. Raises `RequestFault`; remembers the last 1,024."""
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError:  # a bad port, a bad bracket, a name IDNA cannot say
        raise RequestFault("the URL is not a valid one") from None
    default = DEFAULT_PORTS.get(parts.scheme)
    if default is None or not host or parts.username is not None:
        raise RequestFault("the URL must be http:// or https:// with a host and no user")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    authority = f"[{host}]" if ":" in host else host
    if port is not None and port != default:
        authority = f"{authority}:{port}"
    if not _TARGET.match(path) or not _TARGET.match(authority):
        raise RequestFault("the URL holds characters that must be percent-encoded")
    key = (parts.scheme == "https", host, default if port is None else port)
    return Target(*key, authority, path, key)


def write_head(request: HttpRequest, target: Target, proxy_line: str | None = None) -> bytes:
    """Write the request's head, with `host`, `content-length` and a default `user-agent`. Raises `RequestFault`.

    Args:
        request: header names in lower case, none of them `host`, `content-length`, `transfer-encoding` or `connection`.
        target: where `request.url` leads.
        proxy_line: for a plain-http proxy: its `proxy-authorization` line or ""; the request line then carries the whole
            URL (RFC 9112 3.2.2).
    """
    headers, body = request.headers, request.body
    own = _write_last(headers[-1:])
    opening = _write_opening(request.method, target, headers[:-1], proxy_line, own.startswith(b"user-agent: "))
    if request.upload is not None:
        length = request.upload.length
        framing = b"transfer-encoding: chunked" if length is None else b"content-length: %d" % length
        return b"%b%b%b\r\n\r\n" % (opening, own, framing)
    if body or request.method in BODY_METHODS:
        return b"%b%bcontent-length: %d\r\n\r\n" % (opening, own, len(body))
    return b"%b%b\r\n" % (opening, own)


@lru_cache(maxsize=128)
def _write_opening(method: str, target: Target, headers: Headers, proxy_line: str | None, is_signed: bool) -> bytes:
    """Write what all requests of one caller begin with: everything but their last field, which names the attempt.

    `is_signed` says that the last field is a `user-agent`.
    """
    fields = _write_fields(headers)
    if not _METHOD.match(method):
        raise RequestFault("the method cannot be sent")
    path = target.path if proxy_line is None else f"http://{target.authority}{target.path}"
    agent = "" if is_signed or b"user-agent: " in fields else f"user-agent: stormkeel/{__version__}\r\n"
    line = f"{method} {path} HTTP/1.1\r\nhost: {target.authority}\r\n{proxy_line or ''}{agent}"
    return line.encode("ascii") + fields


def _write_last(headers: Headers) -> bytes:
    """Write the one field that differs from attempt to attempt, or none; an id as we make them needs no closer look."""
    if headers:
        name, value = headers[0]
        if _may_send(name) and value.isascii() and value.isprintable():
            return f"{name}: {value}\r\n".encode("ascii")
    return _write_fields(headers)


@lru_cache(maxsize=64)
def _may_send(name: str) -> bool:
    return "\n" not in name and _REQUEST_FIELDS.match(f"{name}: \r\n") is not None


def _write_fields(headers: Headers) -> bytes:
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers])
    forged = fields.count("\n") != len(headers)  # a value brought a line of its own
    if forged or not _REQUEST_FIELDS.match(fields):
        raise RequestFault("a header's name or value cannot be sent")
    try:
        return fields.encode("latin-1")
    except UnicodeEncodeError:
        raise RequestFault("a header's value is not Latin-1") from None


@lru_cache(maxsize=64)
def _read_status(line: str) -> tuple[int, bool]:
    """Return a status line's status, and whether it speaks HTTP/1.1 rather than 1.0. Raises `ProtocolFault`."""
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        raise ProtocolFault("not an HTTP/1.1 response")
    return int(found[2]), found[1] == "1"


def _read_field(line: str) -> tuple[str, str]:
    """Return a field's name in lower case and its value. Raises `ProtocolFault`, also where a bare line feed hides a line."""
    found = _FIELD.fullmatch(line)
    if found is None:
        raise ProtocolFault("malformed header field")
    return found[1].lower(), found[2].strip(" \t")


_recall_field = lru_cache(maxsize=1024)(_read_field)
"""The same; of a server's fields most are the same in every head, and those that are not are soon forgotten."""


class ResponseReader:
    """Reads one response from bytes as they come.

    Attributes:
        status: 0 until the head is here.
        headers: names in lower case, values as they came (Latin-1), in their order, duplicates kept.
        parts: body bytes not yet taken, transfer coding removed.
        has_head: the final (not 1xx) head has been read.
        done: the whole response has been read.
        reusable: after `done`: whether the connection may carry another request.
    """

    __slots__ = (
        *("done", "has_head", "headers", "parts", "reusable", "status"),
        *("_framing", "_in_trailer", "_left", "_method", "_tail"),
    )

    def __init__(self, method: str) -> None:
        self.status = 0
        self.headers: Headers = NO_HEADERS
        self.parts: list[bytes] = []
        self.has_head = False
        self.done = False
        self.reusable = False
        self._method = method
        self._framing = _NONE
        self._left = 0  # bytes of the body (by length) or of the chunk and its CRLF (chunked) still to come
        self._in_trailer = False
        self._tail = b""  # bytes that make no sense without more

    def feed(self, data: bytes) -> None:
        """Read the next bytes, of any number but 0. Raises `ProtocolFault`."""
        if self._tail:
            data = self._tail + data
            self._tail = b""
        if not self.has_head:
            data = self._feed_head(data)
        if self.done:
            self.reusable = self.reusable and not data  # bytes nobody asked for: the next answer could not be trusted
        elif not data:
            return
        elif self._framing == _BY_LENGTH:
            self._feed_length(data)
        elif self._framing == _CHUNKED:
            self._feed_chunked(data)
        else:
            self.parts.append(data)

    def feed_eof(self) -> None:
        """Take note that no more bytes will come. Raises `ProtocolFault` where that leaves the response unfinished."""
        if self.has_head and self._framing == _UNTIL_CLOSE:
            self.done = True
        if not self.done:
            raise ProtocolFault("connection closed inside the body" if self.has_head else "connection closed before a response")

    def take(self) -> bytes:
        """Return the body bytes not yet taken, and forget them."""
        parts = self.parts
        if not parts:
            return b""
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        return data

    def _feed_head(self, data: bytes) -> bytes:
        start = 0
        while not self.has_head:
            end = data.find(b"\r\n\r\n", start)
            if (end if end >= 0 else len(data)) - start > MAX_HEAD:
                raise ProtocolFault("response head is too large")
            if end < 0:
                self._tail = data[start:]
                return b""
            self._read_head(data[start:end].decode("latin-1"))
            start = end + 4
        return data[start:]

    def _read_head(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        status, is_1_1 = _read_status(first)
        headers = tuple(map(_recall_field if len(head) <= REMEMBERED_HEAD else _read_field, lines))
        if status == 101:
            raise ProtocolFault("switched protocols unasked")
        if status < 200:
            return
        self.status = status
        self.headers = headers
        self.has_head = True
        self._frame(is_1_1)

    def _frame(self, is_1_1: bool) -> None:
        """Decide how the body ends (RFC 9112 6.3) and whether the connection lives on (9.3)."""
        fields = dict(self.headers)
        if len(fields) != len(self.headers):  # some field stands there twice
            self._refuse_two_framings()
        connection = fields.get("connection")
        if connection is None:
            self.reusable = is_1_1
        else:
            self.reusable = "close" not in connection.lower() if is_1_1 else "keep-alive" in connection.lower()
        length = fields.get("content-length")
        if self._method == "HEAD" or self.status in BODILESS_STATUS:
            self.done = True
        elif "transfer-encoding" in fields:
            if not is_1_1 or fields["transfer-encoding"].lower() != "chunked":
                raise ProtocolFault("unknown transfer coding")
            self._framing = _CHUNKED
            self.reusable = self.reusable and length is None
        elif length is not None:
            self._frame_by_length(length)
        else:
            self._framing = _UNTIL_CLOSE
            self.reusable = False

    def _frame_by_length(self, length: str) -> None:
        if not length.isdecimal() or len(length) > 18:  # of Latin-1 only 0 to 9 are decimal
            raise ProtocolFault("content-length is not a number")
        self._framing = _BY_LENGTH
        self._left = int(length)
        self.done = self._left == 0

    def _refuse_two_framings(self) -> None:
        names = [name for name, _ in self.headers]  # mostly it was cookies
        for field in ("content-length", "transfer-encoding"):
            if names.count(field) > 1 and len({value for name, value in self.headers if name == field}) > 1:
                raise ProtocolFault("two different framings of one body")

    def _feed_length(self, data: bytes) -> None:
        excess = len(data) - self._left
        if excess > 0:
            self.reusable = False
            data = data[: self._left]
        self._left -= len(data)
        self.done = self._left == 0
        self.parts.append(data)

    def _feed_chunked(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            if self.done:
                self.reusable = False
                return
            if self._left:
                at = self._read_chunk(data, at)
            elif self._in_trailer:
                at = self._read_trailer(data, at)
            else:
                at = self._read_size(data, at)

    def _read_size(self, data: bytes, at: int) -> int:
        line = _CHUNK_SIZE.match(data, at)
        if line is None:
            if data.find(b"\r\n", at) >= 0 or len(data) - at > MAX_SIZE_LINE:
                raise ProtocolFault("malformed chunk size")
            self._tail = data[at:]
            return len(data)
        size = int(line[1], 16)
        self._in_trailer = size == 0
        self._left = size + 2 if size else 0
        return line.end()

    def _read_chunk(self, data: bytes, at: int) -> int:
        content_end = at + self._left - 2
        end = content_end + 2
        if end <= len(data):
            if data[content_end:end] != b"\r\n":
                raise ProtocolFault("malformed chunk end")
            if content_end > at:
                self.parts.append(data[at:content_end])
            self._left = 0
            return end
        cut = min(content_end, len(data))
        if cut > at:
            self.parts.append(data[at:cut])
        self._left -= cut - at
        self._tail = data[cut:]
        return len(data)

    def _read_trailer(self, data: bytes, at: int) -> int:
        end = data.find(b"\r\n", at)
        if end < 0:
            if len(data) - at > MAX_HEAD:
                raise ProtocolFault("trailer section is too large")
            self._tail = data[at:]
            return len(data)
        self.done = end == at
        return end + 2
