"""What has come in and what it cost: the requests, the bill, and how many are still being answered.

Never decides what is charged; `play` writes the rows.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import deque
from urllib.parse import unquote_plus

import msgspec

from stormkeel.sandbox.bill import Row, bill_json
from stormkeel.sandbox.line import Inbound

_SECRET = {"authorization", "x-api-key", "x-goog-api-key", "cookie", "proxy-authorization"}

_KEY = re.compile(r"((?:^|&)(?:key|access_token)=)([^&]+)")


class Record(msgspec.Struct):
    """One request as it came in, with what was wrong with it.

    `number` counts all requests from 1; `at` is in Unix seconds; secrets in `headers` and `query` are replaced by their
    fingerprints; `violations` are the complaints the provider had, also where a fault kept it from telling them; `body` is
    exactly what came.
    """

    number: int
    at: float
    id: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    dialect: str | None = None
    fault: str | None = None
    status: int | None = None
    violations: list[str] = []


class Book:
    """The records (the latest `keep` of them) and the bill (all of it)."""

    def __init__(self, keep: int) -> None:
        self.rows: list[Row] = []
        self.records: deque[Record] = deque(maxlen=keep)
        self.number = 0
        self._running = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._news = asyncio.Event()

    def add(self, row: Row) -> None:
        """Put a row on the bill and tell whoever waits for it."""
        self.rows.append(row)
        self._news.set()
        self._news = asyncio.Event()

    async def arrived(self, count: int) -> None:
        """Wait until there are `count` rows."""
        while len(self.rows) < count:
            await self._news.wait()

    def begin(self) -> None:
        """Note that a request is being answered."""
        self._running += 1
        self._quiet.clear()

    def finish(self) -> None:
        """Note that a request is done with."""
        self._running -= 1
        if self._running == 0:
            self._quiet.set()

    async def quiet(self) -> None:
        """Wait until no request is being answered."""
        await self._quiet.wait()

    def forget(self) -> None:
        """Drop all records and rows; requests still running keep their own."""
        self.rows.clear()
        self.records.clear()
        self.number = 0

    def bill(self) -> dict[str, object]:
        """Return the bill as JSON values."""
        return bill_json(self.rows)


def redacted(inbound: Inbound) -> dict[str, str]:
    """Return the headers, each secret replaced by its fingerprint; a header that came twice is joined by a comma."""
    shown: dict[str, str] = {}
    for name, value in inbound.headers:
        said = fingerprint(value.rpartition(" ")[2]) if name in _SECRET else value
        shown[name] = f"{shown[name]}, {said}" if name in shown else said
    return shown


def redacted_query(query: str) -> str:
    """Return a query, a key in it replaced by its fingerprint."""
    return _KEY.sub(lambda found: found[1] + fingerprint(unquote_plus(found[2])), query)


def fingerprint(secret: str) -> str:
    """Return "sha256:" and the first 12 hex digits, enough to tell credentials apart."""
    return f"sha256:{hashlib.sha256(secret.encode()).hexdigest()[:12]}"


def record_json(record: Record) -> dict[str, object]:
    """Return a record as JSON values, the body as text."""
    plain: dict[str, object] = msgspec.structs.asdict(record)
    plain["body"] = record.body.decode("utf-8", "replace")
    return plain
