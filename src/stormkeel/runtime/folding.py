"""Folding: what stands in the journals is put into the database, once, whoever wrote it and whatever became of them.

Never settles for a writer that may be alive: a part that can be locked has no writer, and only when all parts of a writer can be
locked, and no new one has appeared meanwhile, are the attempts it left open charged at their reservation (INV-5).

    look    which parts are there, which of them have no writer; then look again: a writer between two parts shows up here
    fold    every part from its offset to its end; a part without a writer has no "not yet", so its torn tail is reported
    charge  what dead writers left open
    clear   parts without a writer are deleted, those with damaged lines kept aside for whoever wants to look
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from ..ledger.lines import LONGEST, Damage, read_lines
from .journal import FRESH, journal_parts, writer_of
from .stores.sqlite import LedgerFile

READ_SIZE = 4 * LONGEST
"""Bytes folded in one transaction: a few thousand entries, some tens of milliseconds."""

ASIDE = ".damaged"


class Folded(msgspec.Struct, frozen=True):
    """What one pass did: entries read, attempts charged for dead writers, and damages found, by file."""

    entries: int = 0
    orphans: int = 0
    damages: tuple[tuple[Path, Damage], ...] = ()


class _Scene(msgspec.Struct, frozen=True):
    parts: list[Path]
    abandoned: set[Path]
    living: set[str]


def fold(folder: Path, base: LedgerFile, now: int) -> Folded:
    """Do one pass over all journals of a folder.

    Args:
        folder: where the journals live.
        base: the database, owned by the caller.
        now: wall clock, nanoseconds since the epoch: when orphans are settled.

    Raises:
        sqlite3.Error, OSError: the pass broke off; what was folded stays folded, the rest waits for the next pass.
    """
    scene = _look(folder)
    entries = 0
    damages: list[tuple[Path, Damage]] = []
    for part in scene.parts:
        count, found = _fold_part(part, base, now, is_final=part in scene.abandoned)
        entries += count
        damages += [(part, damage) for damage in found]
    orphans = sum(base.settle_orphans(writer, now) for writer in base.open_writers() - scene.living)
    for part in scene.abandoned:
        _clear(part, base)
    _sweep(folder)
    return Folded(entries, orphans, tuple(damages))


def _look(folder: Path) -> _Scene:
    parts = journal_parts(folder)
    abandoned = {part for part in parts if _is_abandoned(part)}
    fresh = set(journal_parts(folder)) - set(parts)
    living = {writer_of(part) for part in set(parts) - abandoned | fresh}
    return _Scene(parts, abandoned, living)


def _is_abandoned(part: Path) -> bool:
    """Tell whether nobody writes a part. Parts appear under their name already locked (`FileJournal`)."""
    fd = os.open(part, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def _fold_part(part: Path, base: LedgerFile, now: int, *, is_final: bool) -> tuple[int, list[Damage]]:
    entries = 0
    damages: list[Damage] = []
    offset = base.folded(part.name)
    with part.open("rb") as file:
        while data := os.pread(file.fileno(), READ_SIZE, offset):
            lines = read_lines(data, offset, is_final=is_final and len(data) < READ_SIZE)
            if lines.offset == offset:
                break
            base.fold(part.name, writer_of(part), lines, now)
            offset = lines.offset
            entries += len(lines.entries)
            damages += lines.damages
            if len(data) < READ_SIZE:
                break  # what a busy writer adds meanwhile waits for the next pass: each commit costs several syncs
    return entries, damages


def _sweep(folder: Path) -> None:
    """Remove what writers left that died as they made a part. One that lives notices, and makes it again."""
    for fresh in folder.glob(f"*{FRESH}"):
        with suppress(FileNotFoundError):
            if _is_abandoned(fresh):
                fresh.unlink()


def _clear(part: Path, base: LedgerFile) -> None:
    """Delete a part that is folded to its end. Dying between the two lines leaves an offset to no file, which harms nobody."""
    if base.is_damaged(part.name):
        part.rename(part.with_suffix(ASIDE))
    else:
        part.unlink()
    base.forget(part.name)
