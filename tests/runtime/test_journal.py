"""The journal keeps what it acknowledged, whatever the disk does."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from stormkeel.engine.ports import JournalFault
from stormkeel.errors import SettingsError
from stormkeel.ledger.entry import Entry, Reserved, Settled
from stormkeel.ledger.lines import read_lines, write_line
from stormkeel.runtime.journal import FileJournal, MemoryJournal, journal_parts


class Clock:
    """A clock that stands still, but never tells the same moment twice."""

    def __init__(self) -> None:
        self.moment = 1_000

    def now(self) -> float:
        """Not asked."""
        return 0.0

    def wall(self) -> int:
        """One nanosecond later each time."""
        self.moment += 1
        return self.moment


def reserved(name: str) -> Reserved:
    """A reservation."""
    return Reserved(name, name, 1, "r", "d", "p", "m", "x", "k", "", "", (), 1, 1, 100, "s")


def settled(name: str) -> Settled:
    """A settlement."""
    return Settled(name, 2, "ok", 200, 1.0, None, amount=10)


class Disk:
    """`os.write` on a disk with `room` bytes left: a write that does not fit is cut short, the next ones fail."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd: int, data: bytes) -> int:
        """Write what fits."""
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = os.write(fd, data[: self.room])
        self.room -= written
        return written


def entries(folder: Path, *, is_final: bool = True) -> list[Entry]:
    """All entries of all parts in a folder."""
    return [entry for part in journal_parts(folder) for entry in read_lines(part.read_bytes(), 0, is_final=is_final).entries]


def test_written_at_once(tmp_path: Path) -> None:
    """When `reserve` returns, the entry is in the file: nothing is buffered."""
    journal = FileJournal(tmp_path, Clock())
    journal.reserve(reserved("a"))
    assert entries(tmp_path) == [reserved("a")]
    journal.settle(settled("a"))
    assert entries(tmp_path) == [reserved("a"), settled("a")]
    journal.close()


def test_private(tmp_path: Path) -> None:
    """Folder and file are the user's own."""
    journal = FileJournal(tmp_path / "deep" / "journal", Clock())
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert journal.path.parent.stat().st_mode & 0o777 == 0o700
    journal.close()


@pytest.mark.parametrize("room", range(len(write_line(reserved("a"))) + 1))
def test_a_full_disk_refuses(tmp_path: Path, room: int) -> None:
    """Wherever the disk fills up, `reserve` wrote its line or raises and left no entry behind; when there is room it goes on."""
    disk = Disk(room)
    journal = FileJournal(tmp_path, Clock(), write=disk.write)
    fits = room == len(write_line(reserved("a")))
    with nullcontext() if fits else pytest.raises(JournalFault, match=f"{tmp_path}.*has room"):
        journal.reserve(reserved("a"))
    kept = [reserved("a")] if fits else []
    disk.room = 10_000
    journal.reserve(reserved("b"))
    journal.close()
    assert entries(tmp_path) == [*kept, reserved("b")]


@pytest.mark.parametrize("room", range(len(write_line(settled("a"))) + 1))
def test_a_settlement_waits_for_room(tmp_path: Path, room: int) -> None:
    """A settlement that finds no room is not lost and not written twice: it stands ahead of the next entry."""
    disk = Disk(10_000)
    journal = FileJournal(tmp_path, Clock(), write=disk.write)
    journal.reserve(reserved("a"))
    disk.room = room
    journal.settle(settled("a"))
    with pytest.raises(JournalFault):
        journal.reserve(reserved("b"))
    disk.room = 10_000
    journal.reserve(reserved("c"))
    journal.close()
    assert entries(tmp_path) == [reserved("a"), settled("a"), reserved("c")]
    assert journal.postponed == (0 if room == len(write_line(settled("a"))) else 1)


def test_flush_writes_what_waits(tmp_path: Path) -> None:
    """`flush` tells whether anything still waits, and writes it when it can."""
    disk = Disk(0)
    journal = FileJournal(tmp_path, Clock(), write=disk.write)
    journal.settle(settled("a"))
    assert not journal.flush()
    disk.room = 10_000
    assert journal.flush()
    assert entries(tmp_path) == [settled("a")]
    journal.close()


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.EDQUOT])
def test_other_faults_refuse_too(tmp_path: Path, number: int) -> None:
    """Any error of the disk is a refusal, never a crash."""

    def write(fd: int, data: bytes) -> int:
        raise OSError(number, os.strerror(number))

    journal = FileJournal(tmp_path, Clock(), write=write)
    with pytest.raises(JournalFault, match=os.strerror(number)):
        journal.reserve(reserved("a"))
    journal.settle(settled("a"))
    assert journal.postponed == 1
    journal.close()


def test_after_close(tmp_path: Path) -> None:
    """A closed journal refuses reservations; closing twice is harmless."""
    journal = FileJournal(tmp_path, Clock())
    journal.close()
    journal.close()
    with pytest.raises(JournalFault):
        journal.reserve(reserved("a"))


def test_rotation(tmp_path: Path) -> None:
    """A full part is followed by the next; all entries are kept in their order."""
    journal = FileJournal(tmp_path, Clock(), rotate_at=200)
    names = [f"a{number}" for number in range(20)]
    for name in names:
        journal.reserve(reserved(name))
    journal.close()
    assert len(journal_parts(tmp_path)) > 5
    assert [entry.attempt for entry in entries(tmp_path)] == names


def test_rotation_that_fails(tmp_path: Path) -> None:
    """Where no new part can be made, the old one grows on."""
    folder = tmp_path / "journal"
    journal = FileJournal(folder, Clock(), rotate_at=10)
    journal.reserve(reserved("a"))
    moved = folder.rename(tmp_path / "away")
    journal.reserve(reserved("b"))
    journal.close()
    assert entries(moved) == [reserved("a"), reserved("b")]


def test_an_unwritable_folder(tmp_path: Path) -> None:
    """A folder that can not be made is a clear error with its mend."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="make it writable"):
        FileJournal(tmp_path / "file" / "journal", Clock())


@pytest.mark.parametrize("act", [lambda j: j.reserve(reserved("a")), lambda j: j.settle(settled("a"))])
def test_memory(act: Callable[[MemoryJournal], None]) -> None:
    """Without a folder the latest entries are kept, and no more than asked."""
    journal = MemoryJournal(keep=2)
    for _ in range(3):
        act(journal)
    assert len(journal.entries) == 2
    journal.close()
