"""The ledger on disk: owned by one, folded once, readable by all."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from stormkeel.errors import SettingsError
from stormkeel.ledger.booking import Booking, orphan
from stormkeel.ledger.entry import Reserved, Settled
from stormkeel.ledger.lines import Lines, write_line
from stormkeel.runtime.folding import _fold_part
from stormkeel.runtime.journal import FileJournal, journal_parts
from stormkeel.runtime.ledger import DATABASE, JOURNALS, LOCK, Ledger, read, take_lock
from stormkeel.runtime.stores.sqlite import LedgerFile
from stormkeel.types.usage import Usage

NEVER_S = 3_600.0
NOW = 77_000


class Clock:
    """A wall clock one nanosecond further each time it is asked."""

    def __init__(self, moment: int = NOW) -> None:
        self.moment = moment

    def now(self) -> float:
        """Not asked."""
        return 0.0

    def wall(self) -> int:
        """A later moment."""
        self.moment += 1
        return self.moment


def reserved(name: str, amount: int | None = 100, at: int = 1) -> Reserved:
    """A reservation."""
    return Reserved(name, name, at, "r", "d", "p", "m", "x", "k", "t", "u", ("a", "b"), 5, 6, amount, "s")


def settled(name: str, amount: int | None = 10, at: int = 2) -> Settled:
    """A settlement."""
    return Settled(name, at, "ok", 200, 1.5, 0.25, Usage(1, 2, 3, 4, 5, 6, 7, 8), "provider", amount, "id")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that is not there yet."""
    return tmp_path / "data"


@pytest.fixture
def ledger(data: Path) -> Iterator[Ledger]:
    """An owned ledger that folds when told."""
    opened = Ledger.open(data, Clock(), every_s=NEVER_S)
    yield opened
    opened.close()


def stored(data: Path) -> dict[str, Booking]:
    """What the database alone holds."""
    for part in journal_parts(data / JOURNALS):
        part.rename(part.with_suffix(".hidden"))
    found = read(data, 0).bookings
    for part in (data / JOURNALS).glob("*.hidden"):
        part.rename(part.with_suffix(".journal"))
    return found


def test_any_number_of_attempts_takes_few_statements(data: Path, ledger: Ledger) -> None:
    """However many attempts are folded at once, whole or in halves, each is there once; statements, which are kept, are few (INV-14)."""
    rows, number = defaultdict[str, list[int]](list), 0

    def note(statement: str) -> None:
        kind = "whole" if "OR IGNORE INTO attempt" in statement else "half" if "INTO attempt" in statement else ""
        rows[kind].append(statement.count("('"))

    assert ledger._base is not None
    ledger._base._base.set_trace_callback(note)
    for count in (*range(24), 64, 85, 341, 700):
        names = [str(number + one) for one in range(2 * count)]
        number += len(names)
        for name in names[:count]:
            ledger.journal.reserve(reserved(name))
            ledger.journal.settle(settled(name))
        for name in names[count:]:
            ledger.journal.reserve(reserved(name))
        ledger.fold()
        for name in names[count:]:
            ledger.journal.settle(settled(name))
        ledger.fold()
    found = stored(data)
    assert sorted(found) == sorted(map(str, range(number)))
    assert all(booking.reserved and booking.settled for booking in found.values())
    assert set(rows["whole"]) == {1, 2, 8, 32, 128}
    assert set(rows["half"]) == {1, 2, 4, 8, 16}


def test_there_and_back(data: Path, ledger: Ledger) -> None:
    """Every field of a booking comes back from the database as it went into the journal."""
    ledger.journal.reserve(reserved("a"))
    ledger.journal.settle(settled("a"))
    ledger.journal.reserve(reserved("b", amount=None))
    assert ledger.fold().entries == 3
    assert stored(data) == {"a": Booking(reserved("a"), settled("a")), "b": Booking(reserved("b", amount=None))}


def test_read_before_and_after_folding(data: Path, ledger: Ledger) -> None:
    """A reader sees what stands in the journal only, and counts it once when half of it is folded."""
    ledger.journal.reserve(reserved("a"))
    before = read(data, 0).bookings
    ledger.fold()
    ledger.journal.settle(settled("a"))
    ledger.journal.reserve(reserved("b"))
    assert before == {"a": Booking(reserved("a"))}
    assert read(data, 0).bookings == {"a": Booking(reserved("a"), settled("a")), "b": Booking(reserved("b"))}


def test_since(data: Path, ledger: Ledger) -> None:
    """Bookings that began earlier are left out, also where their settlement is not folded yet."""
    ledger.journal.reserve(reserved("old", at=10))
    ledger.fold()
    ledger.journal.settle(settled("old", at=30))
    ledger.journal.reserve(reserved("new", at=20))
    assert set(read(data, 20).bookings) == {"new"}


def test_an_open_attempt_of_the_living_stays_open(data: Path, ledger: Ledger) -> None:
    """Passes of folding never charge what a living writer has not settled."""
    ledger.journal.reserve(reserved("a"))
    assert [ledger.fold().orphans for _ in range(3)] == [0, 0, 0]
    assert read(data, 0).bookings["a"].is_open


def test_orphans_of_the_dead(data: Path) -> None:
    """What a dead writer left open is charged as reserved, flagged, and stays unknown where the price was (INV-5)."""
    gone = FileJournal(data / JOURNALS, Clock(1))
    gone.reserve(reserved("a"))
    gone.reserve(reserved("b", amount=None))
    gone.reserve(reserved("c"))
    gone.settle(settled("c"))
    gone.close()
    ledger = Ledger.open(data, Clock(), every_s=NEVER_S)
    found = read(data, 0).bookings
    ledger.close()
    at = found["a"].settled.at if found["a"].settled else 0
    assert at > NOW
    assert found["a"] == Booking(reserved("a"), orphan("a", 100, at))
    assert found["b"] == Booking(reserved("b", amount=None), orphan("b", None, at))
    assert found["c"] == Booking(reserved("c"), settled("c"))


def test_orphans_whose_journal_is_gone(data: Path, ledger: Ledger) -> None:
    """An open booking of a writer that has no journal any more is charged too."""
    ledger.journal.reserve(reserved("a"))
    ledger.fold()
    ledger.journal.path.unlink()
    assert ledger.fold().orphans == 1


def test_another_process_only_journals(data: Path, ledger: Ledger) -> None:
    """A second process is refused as owner by name of the first; told to, it journals beside it, and its entries are folded."""
    with pytest.raises(SettingsError, match=f"in use by process {os.getpid()}"):
        Ledger.open(data, Clock(5))
    beside = Ledger.open(data, Clock(5), must_own=False, every_s=NEVER_S)
    beside.journal.reserve(reserved("a"))
    beside.journal.settle(settled("a"))
    assert (beside.is_owner, beside.fold().entries, ledger.fold().entries) == (False, 0, 2)
    beside.close()
    assert stored(data) == {"a": Booking(reserved("a"), settled("a"))}


def test_taking_over(data: Path) -> None:
    """When the owner is gone, a process that only journaled takes the folder over."""
    owner = Ledger.open(data, Clock(1), every_s=NEVER_S)
    beside = Ledger.open(data, Clock(2), must_own=False, every_s=0.001)
    beside.journal.reserve(reserved("a"))
    owner.close()
    for _ in range(5_000):
        if beside.is_owner:
            break
        beside._stop.wait(0.001)
    assert beside.is_owner
    beside.close()
    assert "a" in stored(data)


def test_a_folder_that_can_not_be_locked_for_a_while(data: Path) -> None:
    """A process that only journals goes on asking for the folder after it could not even open the lock once."""
    owner = Ledger.open(data, Clock(1), every_s=NEVER_S)
    beside = Ledger.open(data, Clock(2), must_own=False, every_s=0.001)
    lock, aside = data / LOCK, data / "aside"
    lock.rename(aside)
    lock.mkdir()
    for _ in range(5_000):
        if "can not be locked" in beside.fault or not beside._thread.is_alive():
            break
        beside._stop.wait(0.001)
    lock.rmdir()
    aside.rename(lock)
    owner.close()
    for _ in range(5_000):
        if beside.is_owner:
            break
        beside._stop.wait(0.001)
    assert beside.is_owner
    beside.close()


def test_closed_parts_are_cleared(data: Path) -> None:
    """Parts folded to their end are deleted but the one being written; the part boundary orphans nobody."""
    ledger = Ledger.open(data, Clock(), every_s=NEVER_S)
    ledger.journal._rotate_at = 300
    for number in range(10):
        ledger.journal.reserve(reserved(f"a{number}"))
    assert ledger.fold().orphans == 0
    for number in range(10):
        ledger.journal.settle(settled(f"a{number}"))
    ledger.fold()
    assert len(journal_parts(data / JOURNALS)) == 1
    ledger.close()
    assert journal_parts(data / JOURNALS) == []
    assert all(booking.settled == settled(name) for name, booking in stored(data).items())


def test_folding_again_changes_nothing(data: Path, ledger: Ledger) -> None:
    """Where the offset is lost the journal is folded from its start, and no amount is counted twice (INV-3)."""
    ledger.journal.reserve(reserved("a"))
    ledger.journal.settle(settled("a"))
    ledger.fold()
    once = stored(data)
    base = sqlite3.connect(data / DATABASE)
    with base:
        base.execute("DELETE FROM journal")
    base.close()
    assert ledger.fold().entries == 2
    assert stored(data) == once


def test_damage_is_reported_and_kept(data: Path) -> None:
    """A line gone bad is passed over, reported with file and place, counted for readers, and its file is set aside."""
    folder = data / JOURNALS
    folder.mkdir(parents=True)
    bad = bytearray(write_line(reserved("a")) + write_line(reserved("b")))
    bad[20] ^= 1
    (folder / "1-1.000000.journal").write_bytes(bad + write_line(reserved("c"))[:10])
    before = read(data, 0)
    ledger = Ledger.open(data, Clock(), every_s=NEVER_S)
    after = read(data, 0)
    ledger.close()
    assert (set(before.bookings), before.damages) == ({"b"}, 1)
    assert (set(after.bookings), after.damages) == ({"b"}, 2)
    assert (folder / "1-1.000000.damaged").read_bytes()[: len(bad)] == bad


def test_damage_is_counted_once(data: Path, ledger: Ledger) -> None:
    """A damaged place of a journal still being written, folded already, is not found again by a reader."""
    with ledger.journal.path.open("ab") as file:
        file.write(b"no entry\n")
    ledger.fold()
    assert (read(data, 0).damages, ledger.fold().damages) == (1, ())


def test_a_database_that_fails(data: Path, ledger: Ledger) -> None:
    """While the database can not be written requests go on, nothing is lost, and the next pass catches up (S-13)."""
    blocker = sqlite3.connect(data / DATABASE, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    assert ledger._base is not None
    ledger._base._base.execute("PRAGMA busy_timeout=0")
    ledger.journal.reserve(reserved("a"))
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        ledger.fold()
    ledger.journal.settle(settled("a"))
    blocker.execute("ROLLBACK")
    blocker.close()
    assert ledger.fold().entries == 2
    assert stored(data) == {"a": Booking(reserved("a"), settled("a"))}


def test_numbers_no_column_holds(data: Path, ledger: Ledger) -> None:
    """A bound beyond 64 bits does not stop the folding of everything else."""
    ledger.journal.reserve(reserved("a", amount=10**25))
    ledger.journal.reserve(reserved("b"))
    ledger.fold()
    assert (stored(data)["a"].amount, stored(data)["b"].amount) == (2**63 - 1, 100)


def test_a_newer_file_is_refused(data: Path) -> None:
    """A file that a newer version wrote is neither read nor changed, and the error says what to do."""
    data.mkdir()
    base = sqlite3.connect(data / DATABASE)
    base.execute("PRAGMA user_version=99")
    base.close()
    before = (data / DATABASE).read_bytes()
    with pytest.raises(SettingsError, match="upgrade"):
        Ledger.open(data, Clock())
    with pytest.raises(SettingsError, match="upgrade"):
        read(data, 0)
    assert (data / DATABASE).read_bytes() == before
    assert take_lock(data) >= 0, "the lock was kept"


def test_a_file_that_is_no_database(data: Path) -> None:
    """Some other file under our name is left alone."""
    data.mkdir()
    (data / DATABASE).write_text("not a database, but long enough to be looked at" * 10)
    with pytest.raises(SettingsError, match="move it away"):
        Ledger.open(data, Clock())


def test_a_folder_that_can_not_be(tmp_path: Path) -> None:
    """A folder below a file is a clear error, for owners and readers."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="can not be used"):
        Ledger.open(tmp_path / "file" / "data", Clock())
    with pytest.raises(SettingsError, match="can not be read"):
        read(tmp_path / "nowhere", 0)


def test_private_files(data: Path, ledger: Ledger) -> None:
    """Folder 0700, files 0600."""
    assert data.stat().st_mode & 0o777 == 0o700
    files = {path.name: path.stat().st_mode & 0o777 for path in data.iterdir() if path.is_file()}
    assert {LOCK, DATABASE} <= files.keys()
    assert set(files.values()) == {0o600}


def test_not_in_wal_mode(data: Path, ledger: Ledger) -> None:
    """No WAL, so its reset bug has nothing to bite on; commits are on the disk when they return."""
    assert ledger._base is not None
    mode = ledger._base._base.execute("PRAGMA journal_mode").fetchone()[0]
    sync = ledger._base._base.execute("PRAGMA synchronous").fetchone()[0]
    assert (mode, sync) == ("truncate", 2)


def test_no_float_in_money(data: Path, ledger: Ledger) -> None:
    """Only latencies are floats, and no amount can be below zero (INV-25)."""
    base = sqlite3.connect(data / DATABASE)
    kinds = {row[1]: row[2] for row in base.execute("PRAGMA table_info(attempt)")}
    assert {name for name, kind in kinds.items() if kind == "REAL"} == {"latency", "ttft"}
    with pytest.raises(sqlite3.IntegrityError):
        base.execute("INSERT INTO attempt (id, writer, at, amount) VALUES ('x', 'w', 1, -1)")
    with pytest.raises(sqlite3.IntegrityError):
        base.execute("INSERT INTO attempt (id, writer, at, amount) VALUES ('x', 'w', 1, 1.5)")
    base.close()


def test_a_transaction_left_half_done(data: Path) -> None:
    """A reader alone with a database whose writer died within a commit rolls it back instead of failing."""
    ledger = Ledger.open(data, Clock(), every_s=NEVER_S)
    for number in range(200):
        ledger.journal.reserve(reserved(f"a{number}"))
    ledger.fold()
    ledger.close()
    program = (
        "import os, sqlite3, sys\n"
        "base = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "base.execute('PRAGMA journal_mode=TRUNCATE'); base.execute('PRAGMA cache_size=1'); base.execute('BEGIN')\n"
        "base.execute('UPDATE attempt SET amount = 7, settled_at = 1')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(data / DATABASE)], check=False, timeout=30)
    assert (data / f"{DATABASE}-journal").stat().st_size > 0, "the writer died too early for this test to mean anything"
    found = read(data, 0).bookings
    assert len(found) == 200
    assert {booking.amount for booking in found.values()} == {100}


class Busy(LedgerFile):
    """A database beside a writer that never rests: each batch that is folded finds one more line behind it."""

    part: Path
    batches = 0

    def fold(self, file: str, writer: str, lines: Lines, now: int) -> None:
        """Fold, and let the writer write."""
        super().fold(file, writer, lines, now)
        self.batches += 1
        with self.part.open("ab") as file_:
            file_.write(write_line(reserved(f"later{self.batches}")))


def test_a_busy_writer_does_not_hold_the_folding_up(tmp_path: Path) -> None:
    """A pass folds what is there when it looks, in one batch; what comes meanwhile waits, for each commit costs syncs."""
    base = Busy(tmp_path / DATABASE)
    base.part = tmp_path / "1-1.0.journal"
    base.part.write_bytes(write_line(reserved("first")))
    entries, damages = _fold_part(base.part, base, 1, is_final=False)
    base.close()
    assert (entries, damages, base.batches) == (1, [], 1)
