"""Reports over a data folder that somebody else writes, or wrote long ago."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from stormkeel.ledger.entry import Reserved, Settled
from stormkeel.ledger.lines import write_line
from stormkeel.ledger.query import Query, Where
from stormkeel.runtime.ledger import DATABASE, JOURNALS
from stormkeel.runtime.reports import open_view
from stormkeel.runtime.stores.select import Statement, failures, sums
from stormkeel.runtime.stores.sqlite import MIGRATIONS, LedgerFile
from stormkeel.types.usage import Usage

ALL = Query(0, 1 << 62, ("model",))


def reserved(attempt: str, at: int = 1) -> Reserved:
    """A reservation of 100 nano-dollars."""
    return Reserved(attempt, attempt[:-2], at, "r", "d", "p", "m", "x", "k", "t", "u", ("a",), 5, 6, 100, "s")


def settled(attempt: str) -> Settled:
    """A settlement of 10 nano-dollars."""
    return Settled(attempt, 2, "ok", 200, 1.5, 0.25, Usage(input=1), "provider", 10)


def journal(folder: Path, *entries: Reserved | Settled) -> None:
    """Write a journal that nobody has folded."""
    (folder / JOURNALS).mkdir()
    (folder / JOURNALS / "1-1.000000.journal").write_bytes(b"".join(map(write_line, entries)))


def test_a_file_of_an_older_shape(tmp_path: Path) -> None:
    """A database that no owner has brought up to date yet is read as it is, together with what is not folded."""
    base = sqlite3.connect(tmp_path / DATABASE)
    base.executescript(MIGRATIONS[0])
    columns = "id, writer, at, reserved_at, request, route, deployment, provider, model, dialect, key, task, user, tags, reserved, prices"
    base.execute(f"INSERT INTO attempt ({columns}) VALUES ('a.1','w',1,1,'a','r','d','p','m','x','k','t','u','[]',100,'s')")
    base.execute("PRAGMA user_version=1")
    base.commit()
    base.close()
    journal(tmp_path, settled("a.1"), reserved("b.1"))
    with open_view(tmp_path) as view:
        (one,) = view.sums(ALL)
        assert (one.attempts, one.cost, one.held, one.open) == (2, 10, 100, 1)
        assert [booking.attempt for booking in view.attempts(ALL)] == ["a.1", "b.1"]


def test_an_attempt_without_its_reservation_is_in_the_group_of_nobody(tmp_path: Path) -> None:
    """Its request counts there, whatever tags the request has by its other attempts, and once where those are in the group too."""
    by_tag = Query(0, 1 << 62, ("tag",))
    journal(tmp_path, reserved("a.1"), settled("a.1"), settled("a.2"), settled("a.3"))
    with open_view(tmp_path) as view:
        told = {one.names[0]: (one.requests, one.succeeded, one.attempts, one.cost) for one in view.sums(by_tag)}
    assert told == {"a": (1, 1, 1, 10), "-": (1, 1, 2, 20)}


def test_beside_a_writer_in_the_middle_of_a_transaction(tmp_path: Path) -> None:
    """What is being written is not seen, nor waited for; the journal has it."""
    LedgerFile(tmp_path / DATABASE).close()
    journal(tmp_path, reserved("a.1"))
    writer = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO attempt (id, writer, at, reserved) VALUES ('a.1', 'w', 1, 100)")
    with open_view(tmp_path) as view:
        assert view.total(ALL).held == 100
    writer.execute("ROLLBACK")
    writer.close()


def test_a_slow_reader_does_not_stop_the_folding(tmp_path: Path) -> None:
    """While attempts are listed the database can be written; what comes meanwhile changes nothing that was listed."""
    base = LedgerFile(tmp_path / DATABASE)
    journal(tmp_path, reserved("a.1"), reserved("b.1", at=2))
    with open_view(tmp_path) as view:
        listed = view.attempts(ALL)
        first = next(listed)
        base._base.execute("PRAGMA busy_timeout=0")
        base._base.execute("INSERT INTO attempt (id, writer, at, reserved) VALUES ('a.1', 'w', 1, 100)")
        assert [first.attempt, *(booking.attempt for booking in listed)] == ["a.1", "b.1"]
    base.close()


@pytest.mark.parametrize("shape", [1, len(MIGRATIONS)])
@pytest.mark.parametrize("make", [sums, failures])
def test_attempts_are_looked_up_by_their_ids(make: Callable[[Query], Statement], shape: int, tmp_path: Path) -> None:
    """No report reads the whole ledger for each of its attempts, whatever shape the file has."""
    base = sqlite3.connect(tmp_path / DATABASE)
    for script in MIGRATIONS[:shape]:
        base.executescript(script)
    base.execute(f"PRAGMA user_version={shape}")
    base.commit()
    base.close()
    query = Query(0, 1 << 62, ("model", "tag", "hour"), (Where("user", "a*"), Where("outcome", "ok", True)))
    with open_view(tmp_path) as view:
        statement, values = make(query)
        plan = [row[1:] for row in view._base.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert any("SEARCH o USING INDEX" in detail and "id>? AND id<?" in detail for _, _, detail in plan)
    assert [detail for _, _, detail in plan if detail.startswith(("SCAN o", "SCAN main.attempt"))] == []


def test_nothing_there_yet(tmp_path: Path) -> None:
    """A folder without a database or journal holds nothing."""
    with open_view(tmp_path) as view:
        assert (view.begun, view.total(ALL).attempts, list(view.sums(ALL)), view.holds(ALL)) == (None, 0, [], False)
