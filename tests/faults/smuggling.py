"""Requests that two readers could read in two ways, and a few that only look so: bytes, what our server does, and what the rule says.

The table of docs/http.md is written from it: `python tests/faults/smuggling.py`; a test compares it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "http.md"
BEGIN, END = "<!-- smuggling -->", "<!-- /smuggling -->"
AFTER = b"GET /second HTTP/1.1\r\nhost: a\r\n\r\n"
"""What follows each on its connection: a request that may be seen only where the one before it was read whole."""


class Case(NamedTuple):
    """One request.

    Attributes:
        name: in words.
        wire: its bytes.
        status: what it is answered; from 400 on it is refused, and its connection ends.
        rule: what RFC 9112 (or 9110 where it says so) asks of a server.
        is_ours: do we differ from what it asks or advises? Always by being stricter.
        body: what the application sees of its body, where it is served.
        goes_on: is the connection used again, where it is served?
    """

    name: str
    wire: bytes
    status: int
    rule: str
    is_ours: bool = False
    body: bytes = b""
    goes_on: bool = True


def post(*fields: str, body: bytes = b"", version: str = "1.1", host: str = "host: a\r\n") -> bytes:
    """A request with these fields, as they stand."""
    return f"POST / HTTP/{version}\r\n{host}".encode() + "".join(fields).encode("latin-1") + b"\r\n" + body


def get(*fields: str, target: str = "/", version: str = "HTTP/1.1", host: str = "host: a\r\n") -> bytes:
    """A request without a body."""
    return f"GET {target} {version}\r\n{host}".encode("latin-1") + "".join(fields).encode("latin-1") + b"\r\n"


def chunked(body: bytes) -> bytes:
    """A request whose body is in chunks, as they stand."""
    return post("transfer-encoding: chunked\r\n", body=body)


LENGTH, CODING, EMPTY = "content-length: 4\r\n", "transfer-encoding: chunked\r\n", b"0\r\n\r\n"
MAY, MUST = "may be refused", "must be refused"

CASES = (
    # two framings, or none that is certain
    Case("a length and then a coding", post(LENGTH, CODING, body=EMPTY), 400, f"§6.1: {MAY}"),
    Case("a coding and then a length", post(CODING, LENGTH, body=EMPTY), 400, f"§6.1: {MAY}"),
    Case("two lengths", post(LENGTH, "content-length: 5\r\n", body=b"abcde"), 400, f"§6.3: {MUST}"),
    Case("one length twice", post(LENGTH, LENGTH, body=b"abcd"), 400, f"§6.3: {MAY}"),
    Case("a list of one length", post("content-length: 4, 4\r\n", body=b"abcd"), 400, f"§6.3: {MAY}"),
    Case("a length with a sign", post("content-length: +4\r\n", body=b"abcd"), 400, f"§6.3: {MUST}"),
    Case("a negative length", post("content-length: -4\r\n", body=b"abcd"), 400, f"§6.3: {MUST}"),
    Case("a hexadecimal length", post("content-length: 0x4\r\n", body=b"abcd"), 400, f"§6.3: {MUST}"),
    Case("an empty length", post("content-length: \r\n", body=b"abcd"), 400, f"§6.3: {MUST}"),
    Case("a length beyond any number", post("content-length: 99999999999999999999999\r\n"), 400, f"§6.3: {MUST}"),
    Case("a length with blanks around it", post("content-length: \t 4 \t\r\n", body=b"abcd"), 200, "§5.1: blanks are no part of it", body=b"abcd"),
    Case("a length with zeros before it", post("content-length: 0004\r\n", body=b"abcd"), 200, "RFC 9110 §8.6: digits", body=b"abcd"),
    Case("a body without any length", post(body=b""), 200, "§6.3: it is empty"),
    # codings
    Case("an unknown coding", post("transfer-encoding: xchunked\r\n", body=EMPTY), 400, "§6.1: 501 is advised", True),
    Case("two codings", post("transfer-encoding: gzip, chunked\r\n", body=EMPTY), 400, "§6.1: may be served, or 501", True),
    Case("a coding after chunked", post("transfer-encoding: chunked, identity\r\n", body=EMPTY), 400, f"§6.3: {MUST}"),
    Case("chunked twice", post(CODING, CODING, body=EMPTY), 400, f"§6.1: {MUST}"),
    Case("chunked twice in one field", post("transfer-encoding: chunked, chunked\r\n", body=EMPTY), 400, f"§6.1: {MUST}"),
    Case("a coding of a version that has none", post(CODING, body=EMPTY, version="1.0"), 400, "§6.1: its framing is faulty"),
    Case("a coding with a control character", post("transfer-encoding: chunked\x0b\r\n", body=EMPTY), 400, f"§6.1: {MUST}"),
    Case("a coding behind a control character", post("transfer-encoding: \x0bchunked\r\n", body=EMPTY), 400, f"§6.1: {MUST}"),
    Case("a quoted coding", post('transfer-encoding: "chunked"\r\n', body=EMPTY), 400, f"§6.1: {MUST}"),
    Case("a coding with a blank before the colon", post("transfer-encoding : chunked\r\n", body=EMPTY), 400, f"§5.1: {MUST}"),
    Case("a coding on a folded line", post("transfer-encoding:\r\n chunked\r\n", body=EMPTY), 400, f"§5.2: {MAY}"),
    Case("a coding in capitals", post("Transfer-Encoding:  CHUNKED\r\n", body=EMPTY), 200, "§7: case does not count"),
    Case("a coding with a tab behind it", post("transfer-encoding: chunked\t\r\n", body=EMPTY), 400, "§5.1: blanks are no part of it", True),
    Case("a field that is spelt like a coding", post("transfer_encoding: chunked\r\n"), 200, "no field of the framing"),
    # lines
    Case("lines that end in LF alone", b"GET / HTTP/1.1\nhost: a\n\n", 400, "§2.2: may be served", True),
    Case("one line that ends in LF alone", b"GET / HTTP/1.1\r\nhost: a\nx: y\r\n\r\n", 400, "§2.2: may be served", True),
    Case("an empty line of LF alone", b"GET / HTTP/1.1\r\nhost: a\r\n\n", 400, "§2.2: may be served", True),
    Case("a CR within a value", get("x: y\rz\r\n"), 400, f"§2.2: {MUST}, or made a blank"),
    Case("lines that end in CR alone", b"GET / HTTP/1.1\rhost: a\r\r", 400, f"§2.2: {MUST}"),
    Case("a NUL within a value", get("x: y\0z\r\n"), 400, "RFC 9110 §5.5: must be refused, or made a blank"),
    Case("a folded line", get("x: y\r\n z\r\n"), 400, f"§5.2: {MAY}"),
    Case("a first field that begins with a blank", b"GET / HTTP/1.1\r\n host: a\r\n\r\n", 400, f"§2.2: {MUST}"),
    Case("a blank before a colon", post("content-length : 4\r\n", body=b"abcd"), 400, f"§5.1: {MUST}"),
    Case("a tab before a colon", post("content-length\t: 4\r\n", body=b"abcd"), 400, f"§5.1: {MUST}"),
    Case("a field without a name", get(": y\r\n"), 400, f"§5: {MUST}"),
    Case("a field without a colon", get("x\r\n"), 400, f"§5: {MUST}"),
    Case("a name with a blank in it", get("x y: z\r\n"), 400, f"§5: {MUST}"),
    Case("a name with a NUL in it", get("x\0y: z\r\n"), 400, f"§5: {MUST}"),
    Case("a name beyond ASCII", get("x\xe4: z\r\n"), 400, f"§5: {MUST}"),
    Case("a value beyond ASCII", get("x: \xe4\r\n"), 200, "RFC 9110 §5.5: may be served"),
    Case("an empty line before the request", b"\r\n" + get(), 200, "§2.2: should be served"),
    # chunks
    Case("a chunk extension", chunked(b"2;a=b\r\nab\r\n0\r\n\r\n"), 200, "§7.1.1: must be ignored", body=b"ab"),
    Case("an LF in a chunk extension", chunked(b"2;\nxx\r\nab\r\n0\r\n\r\n"), 400, f"§7.1.1: {MUST}"),
    Case("a CR in a chunk extension", chunked(b"2;\rxx\r\nab\r\n0\r\n\r\n"), 400, f"§7.1.1: {MUST}"),
    Case("an LF after a chunk's size", chunked(b"2\nab\r\n0\r\n\r\n"), 400, f"§7.1: {MUST}"),
    Case("an LF after a chunk", chunked(b"2\r\nab\n0\r\n\r\n"), 400, f"§7.1: {MUST}"),
    Case("a chunk longer than its size", chunked(b"2\r\nabXX0\r\n\r\n"), 400, f"§7.1: {MUST}"),
    Case("a size beyond any number", chunked(b"10000000000000002\r\nab\r\n"), 400, f"§7.1: {MUST}"),
    Case("a size with a sign", chunked(b"+2\r\nab\r\n0\r\n\r\n"), 400, f"§7.1: {MUST}"),
    Case("a size with its base", chunked(b"0x2\r\nab\r\n0\r\n\r\n"), 400, f"§7.1: {MUST}"),
    Case("a size behind a blank", chunked(b" 2\r\nab\r\n0\r\n\r\n"), 400, f"§7.1: {MUST}"),
    Case("a chunk without a size", chunked(b"\r\nab\r\n0\r\n\r\n"), 400, f"§7.1: {MUST}"),
    Case("a trailer", chunked(b"0\r\nauthorization: Bearer x\r\n\r\n"), 200, "§7.1.2: must not become a field; it is dropped"),
    Case("an endless chunk extension", chunked(b"2;" + b"x" * 2_000_000), 431, "§7.1.1: must have a limit"),
    Case("an endless trailer", chunked(b"0\r\nx: " + b"y" * 2_000_000), 431, "§7.1.2: may have a limit"),
    # whom it is for
    Case("no host", get(host=""), 400, f"§3.2: {MUST}"),
    Case("two hosts", get("host: b\r\n"), 400, f"§3.2: {MUST}"),
    Case("an empty host", get(host="host: \r\n"), 400, "§3.2: for a target without a host", True),
    Case("a host like a path", get(host="host: a/b?c#d\r\n"), 400, f"§3.2: {MUST}"),
    Case("a host with a user", get(host="host: x@a\r\n"), 400, f"§3.2: {MUST}"),
    Case("a host with a backslash", get(host="host: a\\b\r\n"), 400, f"§3.2: {MUST}"),
    Case("a list of hosts", get(host="host: a, b\r\n"), 400, f"§3.2: {MUST}"),
    Case("a target with a host", get(target="http://evil/"), 400, "§3.2.2: must be served", True),
    Case("a target with another host than the field's", get(target="http://evil/", host="host: a\r\n"), 400, "§3.2.2: the target's counts", True),
    Case("a target of a host alone", b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", 400, "RFC 9110 §9.3.6: for proxies"),
    Case("a target for the whole server", b"OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", 400, "§3.2.4: may be served", True),
    Case("a fragment", get(target="/a#b"), 400, f"§3.2: {MUST}"),
    Case("a blank in the target", get(target="/a b"), 400, f"§3: {MUST}"),
    Case("a control character in the target", get(target="/a\x01b"), 400, f"§3.2: {MUST}"),
    # what it is
    Case("no version", b"GET /\r\n\r\n", 505, "HTTP/0.9 is obsolete"),
    Case("version 1.9", get(version="HTTP/1.9"), 400, "RFC 9110 §2.5: as 1.1", True),
    Case("version 2.0", get(version="HTTP/2.0"), 505, "RFC 9110 §15.6.6"),
    Case("HTTP/2 at once", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "RFC 9113 §3.4: not spoken here"),
    Case("a small method", b"get / HTTP/1.1\r\nhost: a\r\n\r\n", 400, "RFC 9110 §9.1: 501 is advised", True),
    Case("an unknown method", b"SMUGGLE / HTTP/1.1\r\nhost: a\r\n\r\n", 400, "RFC 9110 §9.1: 501 is advised", True),
    Case("two blanks in the first line", b"GET  / HTTP/1.1\r\nhost: a\r\n\r\n", 200, "§3: may be served"),
    Case("TLS on a plain port", b"\x16\x03\x01\x00\xa5", 400, "no HTTP"),
    Case("another protocol", get("connection: upgrade\r\n", "upgrade: h2c\r\n"), 200, "RFC 9110 §7.8: may be ignored; nothing more is read", goes_on=False),
    Case("version 1.0", get(version="HTTP/1.0"), 200, "§9.3: its connection ends", goes_on=False),
    Case("version 1.0 that would go on", get("connection: keep-alive\r\n", version="HTTP/1.0"), 200, "§9.3: may end its connection", goes_on=False),
    # sizes
    Case("200 KB in one field", get("x: " + "y" * 200_000 + "\r\n"), 431, "RFC 6585 §5"),
    Case("200 KB of target", get(target="/" + "y" * 200_000), 431, "§3: 414 is advised", True),
    Case("500 fields", get("x: y\r\n" * 500), 431, "RFC 6585 §5"),
)  # fmt: skip
"""Every case; the rows that are refused make the corpus of S-33."""


def table(cases: Iterable[Case] = CASES) -> str:
    """Return the table of the page."""
    lines = ["| a request with | is | the rule |", "|---|---|---|"]
    for case in cases:
        done = f"refused, {case.status}" if case.status >= 400 else "served" if case.goes_on else "served, and its connection ends"
        lines.append(f"| {case.name} | {done} | {case.rule}{'; **stricter here**' if case.is_ours else ''} |")
    return "\n".join(lines)


def page() -> str:
    """Return the page with the table as it should stand in it."""
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
