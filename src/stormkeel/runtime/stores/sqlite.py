"""The ledger's database file: one SQLite file, one owner, one thread that writes.

Never in WAL mode: the journal is our write-ahead log, and without a WAL the WAL-reset corruption of SQLite before 3.51.3 has
nothing to bite on (https://sqlite.org/wal.html). Rollback journal, `synchronous=FULL`: what is committed outlives a power
cut. Never a float in a money column. Readers elsewhere open the file read-only and wait for a commit at most `BUSY_S`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from ...errors import SettingsError
from ...ledger.booking import ORPHANED, Booking
from ...ledger.entry import Entry, Reserved, Settled
from ...ledger.lines import Lines
from ...types.usage import Usage

BUSY_S = 5.0

MIGRATIONS = (
    """
    CREATE TABLE attempt (
        id TEXT PRIMARY KEY, writer TEXT NOT NULL, at INTEGER NOT NULL,
        reserved_at INTEGER, request TEXT, route TEXT, deployment TEXT, provider TEXT, model TEXT, dialect TEXT,
        key TEXT, task TEXT, user TEXT, tags TEXT, input_bound INTEGER, output_bound INTEGER,
        reserved INTEGER CHECK (reserved >= 0), prices TEXT,
        settled_at INTEGER, outcome TEXT, status INTEGER, latency REAL, ttft REAL,
        input INTEGER, cache_read INTEGER, cache_write INTEGER, cache_write_long INTEGER, audio_input INTEGER,
        output INTEGER, reasoning INTEGER, audio_output INTEGER,
        usage_source TEXT, amount INTEGER CHECK (amount >= 0), provider_request TEXT
    ) STRICT;
    CREATE INDEX attempt_at ON attempt (at);
    CREATE INDEX attempt_open ON attempt (writer) WHERE settled_at IS NULL;
    CREATE TABLE journal (file TEXT PRIMARY KEY, folded INTEGER NOT NULL) STRICT;
    CREATE TABLE damage (
        file TEXT NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL, torn INTEGER NOT NULL, found_at INTEGER NOT NULL,
        PRIMARY KEY (file, start)
    ) STRICT;
    """,
    "ALTER TABLE attempt ADD COLUMN config TEXT;",
    "ALTER TABLE attempt ADD COLUMN lost TEXT;",
)
"""Forward only; the file's `user_version` counts those it has had."""

_RESERVE = """
    INSERT INTO attempt (id, writer, at, reserved_at, request, route, deployment, provider, model, dialect, key, task, user, tags,
                         input_bound, output_bound, reserved, prices, config)
    VALUES {rows}
    ON CONFLICT (id) DO UPDATE SET
        at = excluded.at, reserved_at = excluded.reserved_at, request = excluded.request, route = excluded.route,
        deployment = excluded.deployment, provider = excluded.provider, model = excluded.model, dialect = excluded.dialect,
        key = excluded.key, task = excluded.task, user = excluded.user, tags = excluded.tags, input_bound = excluded.input_bound,
        output_bound = excluded.output_bound, reserved = excluded.reserved, prices = excluded.prices, config = excluded.config
    WHERE reserved_at IS NULL
"""
_SETTLE = """
    INSERT INTO attempt (id, writer, at, settled_at, outcome, status, latency, ttft,
                         input, cache_read, cache_write, cache_write_long, audio_input, output, reasoning, audio_output,
                         usage_source, amount, provider_request, lost)
    VALUES {rows}
    ON CONFLICT (id) DO UPDATE SET
        settled_at = excluded.settled_at, outcome = excluded.outcome, status = excluded.status, latency = excluded.latency,
        ttft = excluded.ttft, input = excluded.input, cache_read = excluded.cache_read, cache_write = excluded.cache_write,
        cache_write_long = excluded.cache_write_long, audio_input = excluded.audio_input, output = excluded.output,
        reasoning = excluded.reasoning, audio_output = excluded.audio_output, usage_source = excluded.usage_source,
        amount = excluded.amount, provider_request = excluded.provider_request, lost = excluded.lost
    WHERE settled_at IS NULL
"""
_WHOLE = """
    INSERT OR IGNORE INTO attempt (id, writer, at, reserved_at, request, route, deployment, provider, model, dialect, key, task,
                                   user, tags, input_bound, output_bound, reserved, prices, config,
                                   settled_at, outcome, status, latency, ttft, input, cache_read, cache_write, cache_write_long,
                                   audio_input, output, reasoning, audio_output, usage_source, amount, provider_request, lost)
    VALUES {rows}
"""

Row: TypeAlias = tuple[object, ...]


def _by_size(statement: str, columns: int, sizes: tuple[int, ...]) -> dict[int, str]:
    """Return a statement by how many rows it takes, the largest first."""
    row = f"({', '.join('?' * columns)})"
    return {size: statement.format(rows=", ".join([row] * size)) for size in sizes}


_RESERVES, _SETTLES = _by_size(_RESERVE, 19, (16, 8, 4, 2, 1)), _by_size(_SETTLE, 20, (16, 8, 4, 2, 1))
_WHOLES = _by_size(_WHOLE, 36, (128, 32, 8, 2, 1))
"""Many rows a statement, as sqlite3 gives the interpreter's lock away at each and has to wait for it again, and every request's
thread wakes it in vain meanwhile. No other sizes, for each that was ever used is kept prepared, by some 4 kB a row."""

_ORPHANS = """
    UPDATE attempt SET settled_at = ?, outcome = ?, status = 0, latency = 0.0, input = 0, cache_read = 0, cache_write = 0,
        cache_write_long = 0, audio_input = 0, output = 0, reasoning = 0, audio_output = 0, usage_source = 'reserved',
        amount = reserved, provider_request = ''
    WHERE writer = ? AND settled_at IS NULL
"""
READ = """
    SELECT id, request, reserved_at, route, deployment, provider, model, dialect, key, task, user, tags,
           input_bound, output_bound, reserved, prices, config, settled_at, outcome, status, latency, ttft,
           input, cache_read, cache_write, cache_write_long, audio_input, output, reasoning, audio_output,
           usage_source, amount, provider_request, lost
    FROM """
"""What `booking_of` makes a booking of; the table's name is to follow."""


class LedgerFile:
    """The owner's hold on the database. One thread at a time may use it."""

    def __init__(self, path: Path) -> None:
        """Open the file, make it if missing, and bring it to this version's shape.

        Raises:
            SettingsError: it is no ledger, it is damaged, or a newer Stormkeel wrote it.
        """
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._base = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as fault:
            raise SettingsError(f'the ledger "{path}" can not be opened ({fault}): {_MEND}') from fault
        try:
            self._settle_in()
        except sqlite3.Error as fault:
            self._base.close()
            raise SettingsError(f'the ledger "{path}" can not be opened ({fault}): {_MEND}') from fault

    def _settle_in(self) -> None:
        shape = shape_of(self._base)
        for pragma in ("journal_mode=TRUNCATE", "synchronous=FULL", "mmap_size=0", "trusted_schema=OFF"):
            self._base.execute(f"PRAGMA {pragma}")
        for number, script in enumerate(MIGRATIONS[shape:], shape + 1):
            with self._transaction():
                for statement in script.split(";"):
                    self._base.execute(statement)
                self._base.execute(f"PRAGMA user_version={number}")

    def folded(self, file: str) -> int:
        """Return up to which offset a journal part has been folded."""
        row = self._base.execute("SELECT folded FROM journal WHERE file = ?", (file,)).fetchone()
        return row[0] if row else 0

    def fold(self, file: str, writer: str, lines: Lines, now: int) -> None:
        """Add what was read of a journal part and note how far it was, in one transaction: nothing lost, nothing twice."""
        with self._transaction():
            add(self._base, writer, lines.entries)
            if lines.damages:
                self._base.executemany(
                    "INSERT OR IGNORE INTO damage VALUES (?, ?, ?, ?, ?)",
                    [(file, damage.offset, damage.length, damage.torn, now) for damage in lines.damages],
                )
            self._base.execute("INSERT OR REPLACE INTO journal VALUES (?, ?)", (file, lines.offset))

    def open_writers(self) -> set[str]:
        """Return the writers that have attempts under way."""
        return {row[0] for row in self._base.execute("SELECT DISTINCT writer FROM attempt WHERE settled_at IS NULL")}

    def settle_orphans(self, writer: str, now: int) -> int:
        """Charge what a dead writer had reserved and not settled; return how many attempts that were."""
        with self._transaction():
            return self._base.execute(_ORPHANS, (now, ORPHANED, writer)).rowcount

    def is_damaged(self, file: str) -> bool:
        """Tell whether a part has lines gone bad, a torn tail aside."""
        return self._base.execute("SELECT 1 FROM damage WHERE file = ? AND NOT torn", (file,)).fetchone() is not None

    def forget(self, file: str) -> None:
        """Drop the offset of a part that is no more."""
        self._base.execute("DELETE FROM journal WHERE file = ?", (file,))

    def close(self) -> None:
        """Let the file go."""
        self._base.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")


def add(base: sqlite3.Connection, writer: str, entries: Sequence[Entry]) -> None:
    """Add entries to the table `attempt`; of each attempt the first reservation and settlement stand. Raises `sqlite3.Error`."""
    try:
        _add(base, writer, entries)
    except (OverflowError, sqlite3.IntegrityError):
        _add(base, writer, tuple(map(_held, entries)))


def _add(base: sqlite3.Connection, writer: str, entries: Sequence[Entry]) -> None:
    whole, halves = _pair(entries)
    rows = [_reservation(writer, reserved) + _settlement(settled) for reserved, settled in whole]
    if _put(base, _WHOLES, rows) < len(rows):
        halves = entries  # some were here already, perhaps half: add what is missing, half by half
    _put(base, _RESERVES, [_reservation(writer, entry) for entry in halves if isinstance(entry, Reserved)])
    _put(base, _SETTLES, [
        (entry.attempt, writer, entry.at, *_settlement(entry)) for entry in halves if isinstance(entry, Settled)
    ])  # fmt: skip


def _put(base: sqlite3.Connection, statements: Mapping[int, str], rows: Sequence[Row]) -> int:
    """Put rows in by as few statements as can be; return how many the table had not."""
    put = done = 0
    while done < len(rows):
        size = next(size for size in statements if size <= len(rows) - done)
        put += base.execute(statements[size], tuple(chain.from_iterable(rows[done : done + size]))).rowcount
        done += size
    return put


_MEND = "if it is no ledger of ours, move it away; nothing of it was changed"


class Stored(msgspec.Struct, frozen=True):
    """What the database holds: bookings by attempt id, how far each journal part was folded, how many damages were found."""

    bookings: dict[str, Booking]
    folded: dict[str, int]
    damages: int


def read_file(path: Path, since: int) -> Stored:
    """Read bookings that began at `since` (nanoseconds since the epoch) or later, and all open ones, without writing.

    Raises:
        sqlite3.Error: the file can not be read; `OperationalError` too where a writer died within a transaction and nobody has
            rolled it back yet: that takes a writer.
    """
    base = open_read_only(path)
    try:
        base.execute("BEGIN")
        shape = shape_of(base)
        if not shape:
            return Stored({}, {}, 0)
        folded, damages = progress(base)
        rows = base.execute(f"{READ} ({stored(shape)}) WHERE at >= ? OR settled_at IS NULL", (since,))
        return Stored({row[0]: booking_of(row) for row in rows}, folded, damages)
    finally:
        base.close()


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a ledger's file to read it, waiting for a commit at most `BUSY_S`. Raises `sqlite3.Error`."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None)


def make_empty() -> sqlite3.Connection:
    """Return a database in memory, of a ledger that holds nothing yet."""
    base = sqlite3.connect(":memory:", isolation_level=None)
    for script in MIGRATIONS:
        base.executescript(script)
    return base


def stored(shape: int) -> str:
    """Return what reads all attempts of a file of any shape as this version knows them, whether an owner has seen it or not."""
    later = [f"CAST(NULL AS TEXT) AS {column}" for number, column in ((2, "config"), (3, "lost")) if shape < number]
    return f"SELECT {', '.join(['*', *later])} FROM main.attempt"  # noqa: S608 - of the names above alone


def progress(base: sqlite3.Connection) -> tuple[dict[str, int], int]:
    """Return how far each journal part was folded, and how many damages were found."""
    damages: int = base.execute("SELECT count(*) FROM damage").fetchone()[0]
    return dict(base.execute("SELECT file, folded FROM journal")), damages


def shape_of(base: sqlite3.Connection) -> int:
    """Return how many migrations the file has had. Raises `sqlite3.DatabaseError` where that is more than this version knows."""
    shape: int = base.execute("PRAGMA user_version").fetchone()[0]
    if shape > len(MIGRATIONS):
        raise sqlite3.DatabaseError(f"a newer Stormkeel wrote it (shape {shape}, this one knows {len(MIGRATIONS)}): upgrade")
    return shape


def recover(path: Path) -> None:
    """Roll back what a writer that died left half done. Only for who holds the owner's lock. Raises `sqlite3.Error`."""
    base = sqlite3.connect(path, timeout=BUSY_S)
    try:
        base.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        base.close()


LARGEST = (1 << 63) - 1
"""What an INTEGER column holds. A client may ask for any bound; one line must never stop the folding of all others."""


def _pair(entries: Sequence[Entry]) -> tuple[list[tuple[Reserved, Settled]], Sequence[Entry]]:
    """Put reservations and settlements of one attempt together; the usual case, and half the work of writing them apart."""
    held: dict[str, Reserved] = {}
    early: dict[str, Settled] = {}
    whole: list[tuple[Reserved, Settled]] = []
    for entry in entries:
        if isinstance(entry, Reserved):
            held.setdefault(entry.attempt, entry)
        elif entry.attempt in held and entry.attempt not in early:
            whole.append((held.pop(entry.attempt), entry))
        else:
            early.setdefault(entry.attempt, entry)  # its reservation stands in an earlier batch, or comes later
    return whole, [*held.values(), *early.values()]


def _reservation(writer: str, entry: Reserved) -> Row:
    return (
        entry.attempt, writer, entry.at, entry.at, entry.request, entry.route, entry.deployment, entry.provider, entry.model,
        entry.dialect, entry.key, entry.task, entry.user, _list(entry.tags) if entry.tags else "[]",
        entry.input_bound, entry.output_bound, entry.amount, entry.prices, entry.config,
    )  # fmt: skip


def _settlement(entry: Settled) -> Row:
    return (
        entry.at, entry.outcome, entry.status, entry.latency, entry.ttft, *msgspec.structs.astuple(entry.usage),
        entry.usage_source, entry.amount, entry.provider_request, _list(entry.lost) if entry.lost else None,
    )  # fmt: skip


def _list(items: tuple[str, ...]) -> str:
    return msgspec.json.encode(items).decode()


def _held(entry: Entry) -> Entry:
    """Return an entry whose numbers fit their columns."""
    if isinstance(entry, Reserved):
        amount = None if entry.amount is None else _clamped(entry.amount)
        bounds = {"input_bound": _clamped(entry.input_bound), "output_bound": _clamped(entry.output_bound)}
        return msgspec.structs.replace(entry, amount=amount, **bounds)
    amount = None if entry.amount is None else _clamped(entry.amount)
    usage = Usage(*(_clamped(count) for count in msgspec.structs.astuple(entry.usage)))
    return msgspec.structs.replace(entry, amount=amount, usage=usage)


def _clamped(number: int) -> int:
    return max(0, min(number, LARGEST))


def booking_of(row: tuple[Any, ...]) -> Booking:
    """Make a booking of a row of `READ`."""
    reserved = settled = None
    if row[2] is not None:
        values = (*row[:11], _items(row[11]), *row[12:16], row[16] or "")
        reserved = Reserved(*values)
    if row[17] is not None:
        values = (row[0], *row[17:22], Usage(*row[22:30]), *row[30:33], _items(row[33] or "[]"))
        settled = Settled(*values)
    return Booking(reserved, settled)


def _items(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
