"""The ledger's place: SQLite, the data folder and its disk, who owns it, what waits in it, and whether it is whole.

Never writes into the folder. The lock is tried for an instant: nobody asks the kernel who holds one without taking it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from ..folding import ASIDE
from ..journal import journal_parts
from ..ledger import DATABASE, JOURNALS, LOCK
from ..stores.sqlite import open_read_only, progress, shape_of
from .finding import Finding, fail, ok, size_words, warn

OLDEST = (3, 37, 0)
"""STRICT tables."""
FIXED = (3, 51, 3)
BACK_PORTS: dict[tuple[int, ...], int] = {(3, 50): 7, (3, 44): 6}
"""The WAL-reset fault is in 3.7.0 to 3.51.2 but for these releases (https://sqlite.org/wal.html)."""
LEAST_FREE, LITTLE_FREE = 100 << 20, 1 << 30
BACKLOG = 64 << 20
DISTANT = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "9p",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "fuse.sshfs",
        "fuse.s3fs",
        "fuse.gcsfuse",
    }
)
FLEETING = frozenset({"tmpfs", "ramfs", "overlay"})
INTEGRITY_S = 6.0
"""Seconds after which the look through the database is given up."""


def look_at_storage(folder: Path) -> Iterator[Finding]:
    """Look at a data folder, which may not be there yet."""
    yield judge_sqlite(sqlite3.sqlite_version_info)
    yield from _look_at_folder(folder)
    if folder.is_dir():
        yield look_at_lock(folder)
        yield from _look_at_ledger(folder)


def judge_sqlite(version: tuple[int, ...]) -> Finding:
    """Judge SQLite's version."""
    words = "SQLite " + ".".join(map(str, version))
    if version < OLDEST:
        return fail("sqlite", words, f"use a Python with SQLite {'.'.join(map(str, OLDEST))} or newer")
    if has_wal_fault(version):
        return ok(
            "sqlite", f"{words}; it can corrupt a WAL (mended in 3.51.3), and the ledger has none: it keeps a rollback journal"
        )
    return ok("sqlite", words)


def has_wal_fault(version: tuple[int, ...]) -> bool:
    """Tell whether a version of SQLite has the WAL-reset fault."""
    mended = BACK_PORTS.get(version[:2])
    return (3, 7, 0) <= version < FIXED and (mended is None or version[2] < mended)


def _look_at_folder(folder: Path) -> Iterator[Finding]:
    near = folder
    while not near.exists() and near != near.parent:
        near = near.parent
    if not os.access(near, os.W_OK | os.X_OK) or not near.is_dir():
        mend = "make it writable for this user, or name another with STORMKEEL_DATA"
        yield fail("data folder", f'"{folder}" can not be {"used" if near == folder else "made"}', mend)
        return
    if near != folder:
        yield ok("data folder", f'"{folder}" is not there yet; the first start makes it')
    elif folder.stat().st_mode & 0o077:
        yield warn("data folder", f'"{folder}" can be looked into by others', f'chmod 700 "{folder}"')
    else:
        yield ok("data folder", f'"{folder}"')
    yield judge_space(shutil.disk_usage(near).free)
    yield judge_disk(_kind_of(near.resolve(), _mounts()))


def judge_space(free: int) -> Finding:
    """Judge the space left on the disk, in bytes."""
    words = f"{size_words(free)} free"
    mend = "make room: where the journal can not be written no request is sent"
    if free < LEAST_FREE:
        return fail("disk space", words, mend)
    return warn("disk space", words, mend) if free < LITTLE_FREE else ok("disk space", words)


def judge_disk(kind: str) -> Finding:
    """Judge the kind of the file system."""
    if kind in DISTANT:
        mend = "put the data folder on a local disk: two owners that see no lock spoil the ledger"
        return warn("file system", f"{kind}, on which locks are not to be relied on", mend)
    if kind in FLEETING:
        mend = "mount a volume for the data folder: it is what budgets are rebuilt from"
        return warn("file system", f"{kind}: gone with the container or the machine's next start", mend)
    return ok("file system", kind or "of a kind nobody told")


def _mounts() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text()
    except OSError:
        return ""


def _kind_of(path: Path, mounts: str) -> str:
    """Return the kind of the file system that a path is on, "" where nobody knows."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        point = fields[4].encode().decode("unicode_escape") if len(fields) > 4 and after else ""
        if point and path.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), after.split()[0]
    return kind


def look_at_lock(folder: Path) -> Finding:
    """Tell who owns a data folder."""
    try:
        with (folder / LOCK).open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                owner = file.read(32).decode("ascii", "replace").strip()
                return ok(
                    "owner",
                    f"process {owner or 'unknown'}{_name_of(owner)} owns the data folder; another gateway needs one of its own",
                )
    except FileNotFoundError:
        return ok("owner", "nobody has used the data folder yet")
    except OSError as fault:
        return fail(
            "owner", f"the lock can not be read ({fault.strerror})", "give the data folder to the user that runs the gateway"
        )
    return ok("owner", "nobody owns the data folder now")


def _name_of(process: str) -> str:
    try:
        return f" ({Path(f'/proc/{int(process)}/comm').read_text().strip()})"
    except (OSError, ValueError):
        return ""


def _look_at_ledger(folder: Path) -> Iterator[Finding]:
    path = folder / DATABASE
    folded: dict[str, int] = {}
    if path.exists():
        try:
            with closing(open_read_only(path)) as base:
                if shape_of(base):
                    folded, damages = progress(base)
                    yield from judge_damages(damages, [part.name for part in (folder / JOURNALS).glob(f"*{ASIDE}")])
                yield _look_through(base)
        except sqlite3.Error as fault:
            mend = "where a gateway starts it mends what a crash left; else move the file away, its journals are folded again"
            yield fail("ledger", f'"{path}" can not be read: {fault}', mend)
    yield judge_backlog(sum(_size(part) - folded.get(part.name, 0) for part in journal_parts(folder / JOURNALS)))


def _look_through(base: sqlite3.Connection) -> Finding:
    """Have the whole database looked through, for a while."""
    mode = base.execute("PRAGMA journal_mode").fetchone()[0]
    if mode == "wal":
        risk = ", which this SQLite can corrupt" if has_wal_fault(sqlite3.sqlite_version_info) else ""
        found = f"somebody put the database into WAL mode{risk}"
        return fail("ledger", found, "start the gateway, which puts it back, and leave its mode alone")
    late = time.monotonic() + INTEGRITY_S
    base.set_progress_handler(lambda: time.monotonic() > late, 10_000)
    try:
        told = [row[0] for row in base.execute("PRAGMA integrity_check(3)")]
    except sqlite3.OperationalError as fault:
        if time.monotonic() <= late:
            raise
        return ok("ledger", f"large: after {INTEGRITY_S:g} s no fault was found, and the rest was not looked at ({fault})")
    if told != ["ok"]:
        mend = "stop the gateway, and keep a copy; `sqlite3 ledger.db .recover` saves what can be read"
        return fail("ledger", f"the database is damaged: {'; '.join(told)[:300]}", mend)
    (count,) = base.execute("SELECT count(*) FROM attempt").fetchone() if shape_of(base) else (0,)
    return ok("ledger", f"whole, with {count:,} attempts")


def judge_damages(places: int, aside: list[str]) -> Iterator[Finding]:
    """Tell of places in journals that were no entries."""
    if places or aside:
        kept = f"; kept in {', '.join(sorted(aside))}" if aside else ""
        mend = "look at the disk and its cable; what stood there is not counted, and nothing else is lost"
        yield warn("journal", f"{places:,} damaged places were found{kept}", mend)


def judge_backlog(waiting: int) -> Finding:
    """Judge what stands in journals and is not in the database yet, in bytes."""
    if waiting > BACKLOG:
        mend = "see why nobody folds it: the log of the folder's owner says so"
        return warn("backlog", f"{size_words(waiting)} of journals wait to be folded into the database", mend)
    return ok("backlog", f"{size_words(max(0, waiting))} of journals wait to be folded")


def _size(part: Path) -> int:
    try:
        return part.stat().st_size
    except FileNotFoundError:
        return 0
