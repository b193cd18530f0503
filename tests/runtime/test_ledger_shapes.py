"""A ledger that an older Stormkeel wrote: read as it is, and brought up to date by its owner, with every row."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from stormkeel.ledger.entry import Reserved, Settled
from stormkeel.ledger.lines import read_lines, write_line
from stormkeel.runtime.stores.sqlite import MIGRATIONS, LedgerFile, read_file

OLD = (
    "INSERT INTO attempt (id, writer, at, reserved_at, request, route, deployment, provider, model, dialect, key, task, user, tags,"
    " input_bound, output_bound, reserved, prices) VALUES ('r.1','w',5,5,'r','fast','d','p','m','x','k','','','[]',1,1,100,'s')"
)


def old(path: Path) -> None:
    """Write a file of the first shape with one attempt under way."""
    base = sqlite3.connect(path)
    base.executescript(MIGRATIONS[0] + "PRAGMA user_version=1;")
    base.execute(OLD)
    base.commit()
    base.close()


def test_an_older_file_is_read_as_it_is(tmp_path: Path) -> None:
    """Who only reads sees the rows of the first shape, without a version of the configuration, and changes nothing."""
    path = tmp_path / "ledger.db"
    old(path)
    before = path.read_bytes()
    stored = read_file(path, 0)
    reserved = stored.bookings["r.1"].reserved
    assert reserved is not None and (reserved.amount, reserved.config) == (100, "")
    assert path.read_bytes() == before


def test_an_owner_brings_it_up_to_date(tmp_path: Path) -> None:
    """Its owner adds what is new; old rows stay, new ones say on which version they ran."""
    path = tmp_path / "ledger.db"
    old(path)
    base = LedgerFile(path)
    new = Reserved("r.2", "r", 6, "fast", "d", "p", "m", "x", "k", "", "", (), 1, 1, 100, "s", "0123456789")
    entries = (new, Settled("r.2", 7, "ok", 200, 0.1, None))
    base.fold("f", "w", read_lines(b"".join(map(write_line, entries)), 0, is_final=True), 8)
    base.close()
    bookings = read_file(path, 0).bookings
    assert {name: one.reserved and one.reserved.config for name, one in bookings.items()} == {"r.1": "", "r.2": "0123456789"}


def test_losses_are_kept_and_old_rows_have_none(tmp_path: Path) -> None:
    """A file of the second shape gets its column for losses; what was lost comes back as it was, and old rows lost nothing."""
    path = tmp_path / "ledger.db"
    base = sqlite3.connect(path)
    base.executescript(f"{MIGRATIONS[0]}{MIGRATIONS[1]}PRAGMA user_version=2;")
    base.execute(OLD)
    base.execute("UPDATE attempt SET settled_at = 6, outcome = 'ok', status = 200, latency = 0.1, input = 0, cache_read = 0,"
                 " cache_write = 0, cache_write_long = 0, audio_input = 0, output = 0, reasoning = 0, audio_output = 0,"
                 " usage_source = 'none', amount = 0, provider_request = ''")  # fmt: skip
    base.commit()
    base.close()
    (old_one,) = read_file(path, 0).bookings.values()
    assert old_one.settled is not None and old_one.settled.lost == ()
    owner = LedgerFile(path)
    lossy = Settled("r.2", 7, "ok", 200, 0.1, None, lost=("seed", "messages[].name"))
    reserved = Reserved("r.2", "r", 6, "fast", "d", "p", "m", "x", "k", "", "", (), 1, 1, 100, "s")
    half = Settled("r.3", 8, "ok", 200, 0.1, None, lost=("top_k",))
    owner.fold("f", "w", read_lines(b"".join(map(write_line, (reserved, lossy, half))), 0, is_final=True), 8)
    owner.close()
    found = {name: one.settled and one.settled.lost for name, one in read_file(path, 0).bookings.items()}
    assert found == {"r.1": (), "r.2": ("seed", "messages[].name"), "r.3": ("top_k",)}


def test_a_settlement_of_old_is_read() -> None:
    """A line written before losses were kept is one of an attempt that lost nothing; a newer line has one field more."""
    now = Settled("r.1", 7, "ok", 200, 0.1, None, provider_request="id")
    assert msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(now)[:-1]), type=Settled) == now


def test_a_journal_line_of_old_is_read() -> None:
    """A reservation written without a version of the configuration is one with an empty one."""
    now = Reserved("r.1", "r", 5, "fast", "d", "p", "m", "x", "k", "", "", (), 1, 1, 100, "s")
    values = msgspec.to_builtins(now)
    line = msgspec.json.encode(values[:-1])
    assert msgspec.json.decode(line, type=Reserved) == now
