"""Has a file changed since it was read?"""

from __future__ import annotations

import os
import time
from pathlib import Path

from stormkeel.assemble.looking import COARSE, UNSURE, look


def aged(path: Path, at: int) -> str:
    """Give a file a time of change."""
    os.utime(path, ns=(at, at))
    return str(path)


def test_a_file_looks_the_same_until_it_changes(tmp_path: Path):
    """Time, size and inode tell a change; a file that is not there looks like nothing, and "" is no file."""
    path = tmp_path / "f"
    path.write_text("one")
    name = aged(path, 1_000_000_000)
    before = look([name, ""])
    assert look([name]) == before == {name: (1_000_000_000, 3, path.stat().st_ino)}
    fresh = tmp_path / "fresh"
    fresh.write_text("two")
    aged(fresh, 1_000_000_000)
    fresh.rename(path)
    assert look([name]) != before, "another file of the same time and size"
    path.unlink()
    assert look([name]) == {name: None}


def test_a_file_that_changed_while_it_was_read_looks_changed(tmp_path: Path):
    """What was written after the reading began, or just before, may have been read half: it is read again; older ones are sure."""
    path, now = tmp_path / "f", time.time_ns()
    path.write_text("x")
    for at in (now, now - COARSE + 1):
        assert look([aged(path, at)], now) == {str(path): UNSURE}
    for at in (now - COARSE, now - 10**9, now + 10**12):
        assert look([aged(path, at)], now)[str(path)] != UNSURE
