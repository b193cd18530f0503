"""The ledger on disk: a data folder with journals and a database, its owner, and how anybody reads it.

Never loses what the journal acknowledged, never counts it twice, and never needs the database to be up for a request to pass:
a database that fails costs freshness, and is tried again.

    <data>/lock          held by the owner while it lives; holds its process id
    <data>/journal/      one journal per process, the owner's among them
    <data>/ledger.db     written by the owner's folding thread alone
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from ..engine.ports import Clock
from ..errors import SettingsError
from ..ledger.booking import Booking, gather
from ..ledger.lines import Lines, read_lines
from .folding import Folded, fold
from .journal import MEND, FileJournal, journal_parts, make_private
from .stores.sqlite import LedgerFile, Stored, read_file, recover

log = logging.getLogger("stormkeel.ledger")

JOURNALS = "journal"
DATABASE = "ledger.db"
LOCK = "lock"
EVERY_S = 1.0
Found = TypeVar("Found")


class Ledger:
    """A process's own journal, and the folding of all journals if it owns the folder. Use `Ledger.open`.

    Attributes:
        folder: the data folder.
        journal: write reservations and settlements here.
        fault: what the last pass of folding died of, "" if it did not.
    """

    def __init__(self, folder: Path, clock: Clock, every_s: float = EVERY_S) -> None:
        self.fault = ""
        self.folder = folder
        self._clock = clock
        self._every_s = every_s
        self._lock_fd = -1
        self._base: LedgerFile | None = None
        self._folding = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stormkeel-ledger", daemon=True)
        self.journal = FileJournal(folder / JOURNALS, clock)

    @classmethod
    def open(cls, folder: Path, clock: Clock, *, must_own: bool = True, every_s: float = EVERY_S) -> Ledger:
        """Open a data folder, fold what a process before us left, and begin to fold in the background.

        Args:
            folder: the data folder, made (0700) if missing.
            clock: the wall clock for names and orphans.
            must_own: refuse where another process owns the folder; else only journal, and take over when that process is gone.
            every_s: seconds between two passes of folding.

        Raises:
            SettingsError: the folder is owned, unwritable, or its database is not ours to read.
        """
        try:
            make_private(folder)
        except OSError as fault:
            raise SettingsError(f'the data folder "{folder}" can not be used ({fault.strerror}): {MEND}') from fault
        lock_fd = take_lock(folder)
        if lock_fd < 0 and must_own:
            raise SettingsError(_taken(folder))
        try:
            ledger = cls(folder, clock, every_s)
            ledger._own(lock_fd)
        except SettingsError:
            _let_go(lock_fd)
            raise
        ledger._thread.start()
        return ledger

    @property
    def is_owner(self) -> bool:
        """Does this process fold, or only journal?"""
        return self._base is not None

    def fold(self) -> Folded:
        """Write settlements that wait, and fold all journals now; does nothing where another process owns the folder.

        Raises:
            sqlite3.Error, OSError: the pass broke off; nothing is lost, the next one goes on.
        """
        with self._folding:
            self.journal.flush()
            if self._base is None:
                return Folded()
            done = fold(self.folder / JOURNALS, self._base, self._clock.wall())
        for part, damage in done.damages:
            log.warning(
                "%s:%d: %d bytes are no entry (%s)", part, damage.offset, damage.length, "torn" if damage.torn else "damaged"
            )
        if done.orphans:
            log.warning("%d attempts of processes that died were charged at what they had reserved", done.orphans)
        return done

    def close(self) -> None:
        """End the journal, fold to its end, and give the folder back. Safe to call twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.journal.close()
        self._pass()
        with self._folding:
            if self._base is not None:
                self._base.close()
                self._base = None
            self._lock_fd = _let_go(self._lock_fd)

    def _own(self, lock_fd: int) -> None:
        """Take the database in hand, if we hold the lock, and fold what is there."""
        if lock_fd < 0:
            return
        self._base = LedgerFile(self.folder / DATABASE)
        self._lock_fd = lock_fd
        self._pass()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            if self._base is None:
                self._take_over()
            self._pass()

    def _take_over(self) -> None:
        fd = -1
        try:
            fd = take_lock(self.folder)
            self._own(fd)
        except SettingsError as fault:
            self._complain(str(fault))
            _let_go(fd)

    def _pass(self) -> None:
        try:
            self.fold()
            self.fault = ""
        except (sqlite3.Error, OSError) as fault:
            self._complain(f"folding the journals of {self.folder} waits: {fault}")

    def _complain(self, fault: str) -> None:
        if fault != self.fault:
            log.error("%s", fault)
        self.fault = fault


def take_lock(folder: Path) -> int:
    """Take a data folder's lock; return the descriptor that holds it, -1 where another process does. Raises `SettingsError`."""
    try:
        fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise SettingsError(f'the data folder "{folder}" can not be locked ({fault.strerror}): {MEND}') from fault
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return -1
    os.truncate(fd, 0)
    os.pwrite(fd, b"%d\n" % os.getpid(), 0)
    return fd


def _let_go(fd: int) -> int:
    if fd >= 0:
        os.close(fd)
    return -1


def _taken(folder: Path) -> str:
    owner = (folder / LOCK).read_text().strip() or "unknown"
    return (
        f'the data folder "{folder}" is in use by process {owner}: stop that process, or give this one another folder '
        "(STORMKEEL_DATA); two gateways that should share a budget need a shared store"
    )


class Reading(msgspec.Struct, frozen=True):
    """The ledger at one moment: bookings by attempt id, and how many damaged places were found."""

    bookings: dict[str, Booking]
    damages: int = 0


def read(folder: Path, since: int) -> Reading:
    """Read the bookings that began at `since` (nanoseconds since the epoch) or later, without writing; a gateway may run.

    What stands in the journals and is not folded yet counts too, and once: journals are opened before the database is read, so a
    part that is folded and deleted meanwhile is still in hand.

    Raises:
        SettingsError: there is no such folder, or it can not be read.
    """
    with ExitStack() as held:
        try:
            files = [(part.name, held.enter_context(file)) for part, file in open_parts(folder)]
            stored = rescued(folder, lambda path: read_file(path, since) if path.exists() else Stored({}, {}, 0))
            tails = [_tail(file, stored.folded.get(name, 0)) for name, file in files]
        except (sqlite3.Error, OSError) as fault:
            raise SettingsError(f'the ledger in "{folder}" can not be read: {fault}') from fault
    for lines in tails:
        gather(stored.bookings, lines.entries)
    bookings = {name: booking for name, booking in stored.bookings.items() if booking.at >= since}
    return Reading(bookings, stored.damages + sum(len(lines.damages) for lines in tails))


def open_parts(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open the parts of all journals, each for its caller to close. Raises `OSError` where the folder can not be read."""
    os.listdir(folder)  # a folder that is not there, or not ours to read, is told apart from an empty one
    for part in journal_parts(folder / JOURNALS):
        with suppress(FileNotFoundError):  # folded and deleted since it was listed: the database has it
            yield part, part.open("rb")


def _tail(file: BinaryIO, offset: int) -> Lines:
    file.seek(offset)
    return read_lines(file.read(), offset, is_final=False)


def rescued(folder: Path, look: Callable[[Path], Found]) -> Found:
    """Look into the database; where its writer died within a commit, and nobody owns the folder, roll that back and look again.

    Raises:
        sqlite3.Error, SettingsError: it can not be read.
    """
    path = folder / DATABASE
    try:
        return look(path)
    except sqlite3.OperationalError:
        fd = take_lock(folder)
        if fd < 0:
            raise
        try:
            recover(path)
        finally:
            _let_go(fd)
        return look(path)
