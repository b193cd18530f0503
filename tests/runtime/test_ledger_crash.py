"""kill -9 at any moment: what was acknowledged is there, once, and what was under way is charged (S-9)."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from stormkeel.ledger.booking import ORPHANED
from stormkeel.runtime.ledger import DATABASE, JOURNALS, Ledger, read

CHILD = """
import os, sys, time
from pathlib import Path
from stormkeel.ledger.entry import Reserved, Settled
from stormkeel.runtime.ledger import Ledger

class Clock:
    def now(self): return 0.0
    def wall(self): return time.time_ns()

name = sys.argv[2]
ledger = Ledger.open(Path(sys.argv[1]), Clock(), must_own=False, every_s=0.002)
ledger.journal._rotate_at = 20_000
number = 0
while True:
    number += 1
    attempt = f"{name}-{number}.1"
    ledger.journal.reserve(Reserved(attempt, attempt[:-2], 1, "r", "d", "p", "m", "x", "k", "", "", (), 1, 1, 1000, "s"))
    os.write(1, f"r {attempt}\\n".encode())
    if number % 3:
        ledger.journal.settle(Settled(attempt, 2, "ok", 200, 1.0, None, amount=number))
        os.write(1, f"s {attempt} {number}\\n".encode())
"""


class Clock:
    """The wall clock of whoever cleans up."""

    def now(self) -> float:
        """Not asked."""
        return 0.0

    def wall(self) -> int:
        """Some moment."""
        return 9


def acknowledged(data: Path, name: str, lines: int) -> list[list[str]]:
    """Run a child until it has acknowledged so many entries, kill it, and return all that it acknowledged."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(data), name], stdout=subprocess.PIPE)
    assert child.stdout is not None
    timer = threading.Timer(30, child.kill)
    timer.start()
    try:
        told = [child.stdout.readline() for _ in range(lines)]
        os.kill(child.pid, signal.SIGKILL)
        told += child.stdout.read().splitlines(keepends=True)
    finally:
        timer.cancel()
        child.kill()
        child.wait()
        child.stdout.close()
    return [line.decode().split() for line in told if line.endswith(b"\n")]


def test_reading_beside_a_writer(tmp_path: Path) -> None:
    """While a gateway journals, folds and clears, every reading holds all that was acknowledged before it, at its amount."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path), "one"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    timer = threading.Timer(60, child.kill)
    timer.start()
    settled: dict[str, int] = {}
    try:
        for _ in range(60):
            told = [child.stdout.readline().decode().split() for _ in range(100)]
            settled |= {line[1]: int(line[2]) for line in told if line[0] == "s"}
            found = read(tmp_path, 0).bookings
            assert {name: found[name].amount for name in settled} == settled
    finally:
        timer.cancel()
        child.kill()
        child.wait()
        child.stdout.close()
    assert len(settled) > 2_000


@pytest.mark.parametrize("lines", [1, 2, 7, 50, 151, 400, 777, 1_500, 2_500, 4_001])
def test_killed(tmp_path: Path, lines: int) -> None:
    """No acknowledged row is lost, none is there twice, what was open is charged as reserved, and the database is sound."""
    told = acknowledged(tmp_path, "one", lines) + acknowledged(tmp_path, "two", 20)
    while_dead = read(tmp_path, 0).bookings
    Ledger.open(tmp_path, Clock(), every_s=3_600).close()
    found = read(tmp_path, 0).bookings
    settled = {line[1]: int(line[2]) for line in told if line[0] == "s"}
    opened = {line[1] for line in told if line[0] == "r"} - settled.keys()

    assert {name: found[name].amount for name in settled} == settled
    assert set(while_dead) == set(found)
    for name in opened:
        booking = found[name]
        assert booking.settled is not None
        # a settlement may have been written and its acknowledgement not yet sent when the process died
        assert (booking.settled.outcome, booking.amount) in {(ORPHANED, 1000), ("ok", int(name.split("-")[1][:-2]))}
    assert not any(booking.is_open for booking in found.values())
    base = sqlite3.connect(tmp_path / DATABASE)
    assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert base.execute("SELECT count(*), count(DISTINCT id) FROM attempt").fetchone() == (len(found), len(found))
    assert base.execute("SELECT count(*) FROM damage WHERE NOT torn").fetchone() == (0,)
    base.close()
    assert list((tmp_path / JOURNALS).iterdir()) == []
