"""A head that a connection has sent before: clients send the same one again and again, but for the length of the body.

Never keeps a head beyond its connection, and never takes one for known that the parser and the rules have not let pass: what is
compared are its bytes, all of them but the digits of the length.

    POST /v1/... HTTP/1.1 CR LF ... content-length:␣ | 1234 | CR LF ... CR LF CR LF | a body of just so many bytes
    '------------------ before -------------------'  digits  '------- after -------'
"""

from __future__ import annotations

import re
from typing import Any

from .head import Field

PLAIN = re.compile(rb"[A-Z]{3,10} /[!-~]* HTTP/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*\r\n)+\r\n")
"""A head written as nearly every client does; what it looks like otherwise is the parser's business alone."""
LENGTH = re.compile(rb"\r\ncontent-length: (0|[1-9][0-9]{0,8})\r\n", re.IGNORECASE)
DIGITS = 9
SPARE = 16  # bytes below the limit that a head must stay, so that a longer length can't carry it beyond


class KnownHead:
    """One head that has passed.

    Attributes:
        method, target: what is asked.
        memo: what the application made of it (`Turn.memo`), None before it was asked.
    """

    __slots__ = ("_after", "_before", "_fields", "_place", "_scope", "memo", "method", "target")

    def __init__(self, before: bytes, after: bytes, scope: dict[str, Any]) -> None:
        """Take the bytes around the length, and the scope that the application was given."""
        self._before = before
        self._after = after
        self._fields: list[Field] = scope["headers"]
        self._place = next(place for place, (name, _) in enumerate(self._fields) if name == b"content-length")
        self._scope = {name: value for name, value in scope.items() if name not in ("headers", "extensions")}
        self.memo: object = None
        self.method: str = scope["method"]
        self.target: bytes = scope["raw_path"]

    def body_in(self, data: bytes) -> bytes | None:
        """Return the body, where the data are this head, a whole body and nothing else; None where they are not."""
        before, after = self._before, self._after
        if not data.startswith(before):
            return None
        at = len(before)
        end = data.find(b"\r", at, at + DIGITS + 1)
        digits = data[at:end] if end > at else b""
        if not digits.isdigit() or not data.startswith(after, end):
            return None
        start = end + len(after)
        is_whole = len(data) - start == int(digits) and (digits[0] != 48 or digits == b"0")
        return data[start:] if is_whole else None

    def scope(self, length: int) -> dict[str, Any]:
        """Return the scope of a request with this head and a body of so many bytes; all of it but its strings is its own."""
        fields = self._fields.copy()
        fields[self._place] = (b"content-length", b"%d" % length)
        return {**self._scope, "headers": fields}


def known_head(data: bytes, scope: dict[str, Any], limit: int) -> KnownHead | None:
    """Return a head to be known again, None where it is not of the plain kind.

    Args:
        data: what the head came in, from its first byte on.
        scope: of the request that was let pass.
        limit: the most bytes that a head may have.
    """
    end = data.find(b"\r\n\r\n") + 4
    length = LENGTH.search(data, 0, end)
    names = [name for name, _ in scope["headers"]]
    if length is None or names.count(b"content-length") != 1 or end + SPARE > limit or not PLAIN.fullmatch(data, 0, end):
        return None
    return KnownHead(data[: length.start(1)], data[length.end(1) : end], scope)
