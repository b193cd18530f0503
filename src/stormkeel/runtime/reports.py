"""Reports over a data folder, while a gateway runs or with none: sums are made by SQLite, and nothing grows with the attempts.

Never writes into the folder. What stands in the journals and is not folded yet counts too, and once:

    journals opened --> database read-only, one transaction --> what is not folded: beside it, in a temporary table
                                                                  booked = stored rows, overlaid with those
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import SettingsError
from ..ledger.booking import Booking
from ..ledger.lines import read_lines
from ..ledger.query import Query
from ..ledger.reports import PERCENTS, Failures, Percentiles, Sum, rank
from ..types.usage import Usage
from .folding import READ_SIZE
from .journal import writer_of
from .ledger import open_parts, rescued
from .stores.select import COUNTS, LARGE, SPANS_NS, conditions, counts, failures, spans, sums
from .stores.sqlite import READ, add, booking_of, make_empty, open_read_only, progress, shape_of, stored

PAGE = 2_000
"""Attempts listed at a time; between two pages the database is free for whoever folds."""

SPANS = ("latency", "ttft")

_OVERLAY = (
    "CREATE TEMP VIEW stored AS {stored}",
    "CREATE TEMP TABLE attempt AS SELECT * FROM stored WHERE 0",
    "CREATE UNIQUE INDEX temp.attempt_id ON attempt (id)",
)
_BOOKED = """
    CREATE TEMP VIEW booked AS
    SELECT * FROM stored WHERE NOT EXISTS (SELECT 1 FROM temp.attempt fresh WHERE fresh.id = stored.id)
    UNION ALL SELECT * FROM temp.attempt
"""
_ALL_FOLDED = "CREATE TEMP VIEW booked AS SELECT * FROM stored"
"""The same where nothing waits to be folded, and a quarter faster."""


class View:
    """The ledger at one moment. Use `open_view`.

    Attributes:
        damages: how many damaged places were found.
        begun: when the first attempt of all began, nanoseconds since the epoch; None where there is none.
    """

    def __init__(self, base: sqlite3.Connection, damages: int) -> None:
        self._base = base
        self.damages = damages
        self.begun: int | None = base.execute("SELECT min(at) FROM booked").fetchone()[0]

    def sums(self, query: Query, columns: Sequence[str] = SPANS) -> Iterator[Sum]:
        """Yield a sum for each group of a query, in the order of the names.

        Args:
            query: what to sum up, and by what.
            columns: of which of `SPANS` percentiles are wanted; each takes a while.
        """
        ordered = {column: self._base.execute(*spans(query, column)) for column in columns}
        for row in self._base.execute(*sums(query)):
            yield _sum(query, row, ordered)

    def total(self, query: Query, columns: Sequence[str] = SPANS) -> Sum:
        """Return the sum over all attempts of a query, whatever it is summed up by."""
        return next(self.sums(Query(query.since, query.until, (), query.where), columns))

    def failures(self, query: Query) -> list[Failures]:
        """Return what failed, by the query's groups and the kind of failure, the most frequent first within a group."""
        wholes = {_names(query, row[:-1]): row[-1] for row in self._base.execute(*counts(query))}
        found = [_failures(query, row, wholes) for row in self._base.execute(*failures(query))]
        return sorted(found, key=lambda one: (one.names, -one.attempts, one.kind))

    def holds(self, query: Query) -> bool:
        """Tell whether there is any attempt of a query."""
        chosen, values = conditions(query)
        return self._base.execute(f"{READ} booked b WHERE {chosen} LIMIT 1", values).fetchone() is not None

    def attempts(self, query: Query) -> Iterator[Booking]:
        """Yield the attempts of a query, oldest first, however many there are."""
        tables = ("stored b", "temp.attempt b")
        return merge(*(self._pages(query, table) for table in tables), key=lambda booking: (booking.at, booking.attempt))

    def _pages(self, query: Query, table: str) -> Iterator[Booking]:
        """Yield the attempts of one table, page by page; the transaction ends with each, lest a slow reader stop the folding."""
        chosen, values = conditions(query)
        at, name = -1, ""
        fresh = "EXISTS (SELECT 1 FROM temp.attempt fresh WHERE fresh.id = b.id)" if table.startswith("stored") else "0"
        condition = f"{chosen} AND b.at >= ? AND (b.at, b.id) > (?, ?) AND NOT {fresh}"
        statement = f"{READ} {table} WHERE {condition} ORDER BY b.at, b.id LIMIT {PAGE}"
        while page := [booking_of(row) for row in self._base.execute(statement, (*values, at, at, name))]:
            at, name = page[-1].at, page[-1].attempt
            if self._base.in_transaction:
                self._base.execute("COMMIT")
            yield from page

    def dearest(self, query: Query, top: int) -> list[Booking]:
        """Return the attempts that cost most, or hold most where they are under way; those of unknown price last."""
        chosen, values = conditions(query)
        amount = "CASE WHEN b.settled_at IS NULL THEN b.reserved ELSE b.amount END"
        statement = f"{READ} booked b WHERE {chosen} ORDER BY {amount} DESC, b.at, b.id LIMIT ?"
        return [booking_of(row) for row in self._base.execute(statement, (*values, top))]


@contextmanager
def open_view(folder: Path) -> Iterator[View]:
    """Open a data folder to report on it, without writing; a gateway may run.

    Journals are opened before the database is read, so a part that is folded and deleted meanwhile is still in hand.

    Raises:
        SettingsError: there is no such folder, or it can not be read.
    """
    with ExitStack() as held:
        try:
            view = _look(folder, held)
        except (sqlite3.Error, OSError) as fault:
            raise _unreadable(folder, fault) from fault
        try:
            yield view
        except sqlite3.Error as fault:
            raise _unreadable(folder, fault) from fault


def _unreadable(folder: Path, fault: Exception) -> SettingsError:
    return SettingsError(f'the ledger in "{folder}" can not be read: {fault}')


def _look(folder: Path, held: ExitStack) -> View:
    parts = [(part, held.enter_context(file)) for part, file in open_parts(folder)]
    base = rescued(folder, _begin)
    held.callback(base.close)
    folded, damages = progress(base)
    _lay_over(base)
    for part, file in parts:
        damages += _overlay(base, writer_of(part), file, folded.get(part.name, 0))
    waits = base.execute("SELECT 1 FROM temp.attempt LIMIT 1").fetchone() is not None
    base.execute(_BOOKED if waits else _ALL_FOLDED)
    return View(base, damages)


@contextmanager
def nothing() -> Iterator[View]:
    """Open a view of a ledger that holds nothing, where there is no folder yet."""
    with closing(make_empty()) as base:
        _lay_over(base)
        base.execute(_BOOKED)
        yield View(base, 0)


def _lay_over(base: sqlite3.Connection) -> None:
    shape = shape_of(base)
    for statement in _OVERLAY:
        base.execute(statement.format(stored=stored(shape)))


def _begin(path: Path) -> sqlite3.Connection:
    """Open the database, and hold it at this moment."""
    base = open_read_only(path) if path.exists() else make_empty()
    try:
        base.execute("BEGIN")
        if shape_of(base):
            return base
    except BaseException:
        base.close()
        raise
    base.close()
    return make_empty()


def _overlay(base: sqlite3.Connection, writer: str, file: BinaryIO, offset: int) -> int:
    """Lay what is not folded of a journal part over the stored rows; return how many damaged places it has."""
    damages = 0
    while data := os.pread(file.fileno(), READ_SIZE, offset):
        lines = read_lines(data, offset, is_final=False)
        names = {entry.attempt for entry in lines.entries}
        base.executemany("INSERT OR IGNORE INTO temp.attempt SELECT * FROM stored WHERE id = ?", [(name,) for name in names])
        add(base, writer, lines.entries)
        damages += len(lines.damages)
        if lines.offset == offset:
            break
        offset = lines.offset
    return damages


def _sum(query: Query, row: tuple[Any, ...], ordered: Mapping[str, Iterator[Any]]) -> Sum:
    keys, values = row[: len(query.by)], row[len(query.by) :]
    count = {name: value or 0 for name, value in zip(COUNTS, values, strict=False)}
    timed, begun = count.pop("timed"), count.pop("begun")
    large = dict(zip(LARGE, _joined(values[len(COUNTS) :]), strict=True))
    fallbacks, retries = divmod(large.pop("again"), 1 << 32)
    return Sum(
        _names(query, keys), retries=retries, fallbacks=fallbacks,
        usage=Usage(*(large.pop(name) for name in Usage.__struct_fields__)),
        latencies=_percentiles(ordered["latency"], timed) if "latency" in ordered else None,
        ttfts=_percentiles(ordered["ttft"], begun) if "ttft" in ordered else None,
        **count, **large,
    )  # fmt: skip


def _failures(query: Query, row: tuple[Any, ...], wholes: dict[tuple[str, ...], int]) -> Failures:
    names = _names(query, row[: len(query.by)])
    kind, attempts, requests, answered, unpriced, *halves = row[len(query.by) :]
    (cost,) = _joined(halves)
    return Failures(names, kind, attempts, attempts / wholes[names], requests, answered, cost, unpriced)


def _joined(halves: Any) -> list[int]:
    """Put sums together that came as high and low halves."""
    return [((high or 0) << 32) + (low or 0) for high, low in zip(halves[::2], halves[1::2], strict=True)]


def _names(query: Query, keys: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(_name(field, key) for field, key in zip(query.by, keys, strict=True))


def _name(field: str, key: Any) -> str:
    if field not in SPANS_NS:
        return str(key)
    moment = datetime.fromtimestamp(key * SPANS_NS[field] // 10**9, UTC)
    return moment.strftime("%Y-%m-%d %H:00Z" if field == "hour" else "%Y-%m-%d")


def _percentiles(ordered: Iterator[Any], count: int) -> Percentiles | None:
    """Take a group's spans, so many and in ascending order, and return their percentiles."""
    if not count:
        return None
    found, taken, value = [], 0, 0.0
    for place in (rank(count, percent) for percent in PERCENTS):
        if place >= taken:
            value = next(islice(ordered, place - taken, None))[-1]
            taken = place + 1
        found.append(value)
    deque(islice(ordered, count - taken), maxlen=0)
    return (found[0], found[1], found[2])
