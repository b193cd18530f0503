"""HTTP as values: the request we send and the response we got.

Never opens a socket, never parses a body.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

Headers = tuple[tuple[str, str], ...]
"""Header fields in order; names in lower case."""

NO_HEADERS: Headers = ()


class Upload(Protocol):
    """A body that is still coming.

    Attributes:
        length: its bytes in all, None where nobody said.
    """

    length: int | None

    async def read(self) -> bytes:
        """Return the next piece as it arrives, `b""` at the end. What it raises ends the request."""
        ...


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request, ready to send: absolute URL, headers without `content-length`, the body's bytes.

    Where the body is still coming, it is an `upload`, and `body` is empty; only `Transport.open` sends one.
    """

    method: str
    url: str
    headers: Headers
    body: bytes = b""
    upload: Upload | None = None

    def __repr__(self) -> str:
        """Show neither headers nor body: there are a credential and content in them (INV-17)."""
        return f"HttpRequest({self.method} {self.url.partition('?')[0]}, {len(self.body)} bytes)"


class HttpResponse(msgspec.Struct, frozen=True, gc=False):
    """One whole HTTP response: status, headers, the body's bytes as they came."""

    status: int
    headers: Headers
    body: bytes


def header(headers: Headers, name: str) -> str | None:
    """Return the first value of a header field, or None.

    Args:
        headers: fields with lower-case names.
        name: the field's name in lower case.
    """
    for field, value in headers:
        if field == name:
            return value
    return None


def packing(headers: Headers) -> str:
    """Return how a body is packed by its `content-encoding`, "" where it is plain."""
    said = header(headers, "content-encoding")
    return "" if said is None or said.strip().lower() in ("", "identity") else said
