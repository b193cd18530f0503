"""The journal: the ledger's write-ahead, one append-only file per process.

Never buffers: one `write(2)` an entry, so what was acknowledged outlives a `kill -9`; a power cut may cost what the kernel had
not yet put on disk. Never waits for a database: folding the file into one is `runtime/ledger.py`'s work.

    <folder>/<start ns>-<pid>.<part>.journal     flock'ed by its writer while it lives: a file that can be locked has no writer
    rotation: the next part is made and locked before the last is let go, so a living writer is never without a locked part
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ..engine.ports import Clock, JournalFault
from ..errors import SettingsError
from ..ledger.entry import Entry, Reserved, Settled
from ..ledger.lines import GUARD, write_line

SUFFIX = ".journal"
FRESH = ".new"
"""A part before it is locked and gets its name; one that stays was left by a writer that died right there, and is empty."""
ROTATE_AT = 64 << 20
"""Bytes after which a new part is begun."""


class FileJournal:
    """A journal in a folder. Safe to use from several threads of one process; not over a fork.

    Attributes:
        writer: the writer's name: all parts of its journal begin with it.
        path: the part being written.
        postponed: settlements that could not be written at once, since the start.
    """

    def __init__(
        self, folder: Path, clock: Clock, *, rotate_at: int = ROTATE_AT, write: Callable[[int, bytes], int] = os.write
    ) -> None:
        """Begin a journal in a folder, which is made if missing.

        Args:
            folder: where journals live.
            clock: gives the start that is part of the name.
            rotate_at: bytes after which a new part is begun.
            write: `os.write`, or what a test puts in its place.

        Raises:
            SettingsError: the folder can not be made or written.
        """
        self.writer = f"{clock.wall()}-{os.getpid()}"
        self.postponed = 0
        self._folder = folder
        self._rotate_at = rotate_at
        self._write = write
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._part = 0
        self._is_torn = False
        try:
            make_private(folder)
            self.path, self._fd = self._begin()
        except OSError as fault:
            raise SettingsError(f'the journal folder "{folder}" can not be written ({fault.strerror}): {MEND}') from fault
        self._size = 0

    def reserve(self, entry: Reserved) -> None:
        """Write a reservation; when this returns it outlives the process. Raises `JournalFault`: then nothing may be sent."""
        line = write_line(entry)
        with self._lock:
            try:
                if self._waiting:
                    self._drain()
                self._append(line)
            except OSError as fault:
                raise JournalFault(f'the journal "{self.path}" can not be written ({fault.strerror}): {MEND}') from fault

    def settle(self, entry: Settled) -> None:
        """Write a settlement, or keep it and write it ahead of the next entry. Never raises."""
        line = write_line(entry)
        with self._lock:
            try:
                if self._waiting:
                    self._drain()
                self._append(line)
            except OSError:
                self._waiting.append(line)
                self.postponed += 1

    def flush(self) -> bool:
        """Write what waits; tell whether nothing waits any more."""
        with self._lock:
            try:
                self._drain()
            except OSError:
                return False
            return True

    def close(self) -> None:
        """Write what waits, if it can be, and let the file go. Safe to call twice."""
        self.flush()
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _drain(self) -> None:
        while self._waiting:
            self._append(self._waiting[0])
            self._waiting.popleft()

    def _append(self, line: bytes) -> None:
        """Write one line whole, or raise; a part of a line left behind is closed off before the next."""
        if self._size >= self._rotate_at:
            self._rotate()
        data = GUARD + line if self._is_torn else line
        self._is_torn = True
        written = self._write(self._fd, data)
        self._size += written
        if written < len(data):
            raise OSError(errno.ENOSPC, "only a part of the line was written: the disk is probably full")
        self._is_torn = False

    def _rotate(self) -> None:
        """Begin the next part; where that fails the old one grows on."""
        try:
            path, fd = self._begin()
        except OSError:
            return
        os.close(self._fd)
        self.path, self._fd, self._size, self._is_torn = path, fd, 0, False

    def _begin(self) -> tuple[Path, int]:
        """Make the next part; again where whoever sweeps up behind the dead took its first name from us before it was locked."""
        try:
            return self._make()
        except FileNotFoundError:
            return self._make()

    def _make(self) -> tuple[Path, int]:
        """Make and lock the next part; it appears under its name already locked, so nobody takes it for a dead writer's."""
        path = self._folder / f"{self.writer}.{self._part:06d}{SUFFIX}"
        if path.exists():
            raise FileExistsError(errno.EEXIST, "a journal of this name is there already", str(path))
        fresh = path.with_suffix(FRESH)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            fresh.rename(path)
        except OSError:
            os.close(fd)
            raise
        self._part += 1
        return path, fd


MEND = "make it writable for this user and see that its disk has room"


class MemoryJournal:
    """A journal for a process without a data folder: the latest entries, gone with the process.

    Attributes:
        entries: the latest, oldest first.
    """

    def __init__(self, keep: int = 10_000) -> None:
        self.entries: deque[Entry] = deque(maxlen=keep)

    def reserve(self, entry: Reserved) -> None:
        """Remember a reservation."""
        self.entries.append(entry)

    def settle(self, entry: Settled) -> None:
        """Remember a settlement."""
        self.entries.append(entry)

    def close(self) -> None:
        """Do nothing: there is nothing to let go."""


def make_private(folder: Path) -> None:
    """Make a folder and its parents, readable by this user only (the folder itself; parents as the user's umask says).

    Raises:
        OSError: it can not be made, or is not writable.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def writer_of(path: Path) -> str:
    """Return the name of a journal part's writer."""
    return path.name.split(".", 1)[0]


def journal_parts(folder: Path) -> list[Path]:
    """Return the parts of all journals in a folder, each writer's in their order."""
    return sorted(folder.glob(f"*{SUFFIX}"))
