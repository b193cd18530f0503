"""Laws of the ledger: whatever order, repetition and pieces entries come in, they are counted once and to the nano-dollar."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from stormkeel.ledger.booking import Booking, gather
from stormkeel.ledger.entry import Entry, Reserved, Settled
from stormkeel.ledger.lines import Lines, read_lines, write_line
from stormkeel.ledger.query import Query
from stormkeel.runtime.reports import nothing
from stormkeel.runtime.stores.sqlite import LedgerFile, add, read_file
from stormkeel.types.usage import Usage

COUNT = st.integers(0, 2**40)
AMOUNT = st.none() | st.integers(0, 2**62)
NAME = st.text(st.characters(codec="utf-8"), max_size=6)
ATTEMPT = st.integers(1, 8).map(lambda number: f"q{number // 3}.{number}")
RESERVED = st.builds(
    lambda attempt, *about: Reserved(attempt, attempt.partition(".")[0], *about),
    *(ATTEMPT, COUNT, NAME, NAME, NAME, NAME, NAME, NAME, NAME, NAME),
    *(st.lists(NAME, max_size=2).map(tuple), COUNT, COUNT, AMOUNT, NAME),
)
SETTLED = st.builds(
    Settled,
    *(ATTEMPT, COUNT, st.sampled_from(["ok", "server", "orphaned"]), st.integers(0, 599), st.floats(0, 1e6)),
    *(
        st.none() | st.floats(0, 1e6),
        st.builds(Usage, *[COUNT] * 8),
        st.sampled_from(["provider", "estimated", "none"]),
        AMOUNT,
        NAME,
    ),
)
ENTRIES = st.lists(RESERVED | SETTLED, max_size=30)


def gathered(entries: list[Entry]) -> dict[str, Booking]:
    """Bookings of entries."""
    bookings: dict[str, Booking] = {}
    gather(bookings, entries)
    return bookings


def once(entries: list[Entry]) -> list[Entry]:
    """The first of each kind for each attempt."""
    first: dict[tuple[type, str], Entry] = {}
    for entry in entries:
        first.setdefault((type(entry), entry.attempt), entry)
    return list(first.values())


@given(ENTRIES, st.data())
def test_read_in_pieces(entries: list[Entry], data: st.DataObject) -> None:
    """A journal read in pieces cut anywhere gives its entries, each once, in order."""
    whole = b"".join(map(write_line, entries))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    read: list[Entry] = []
    offset = 0
    for end in [*cuts, len(whole)]:
        lines = read_lines(whole[offset:end], offset, is_final=False)
        read += lines.entries
        offset = lines.offset
        assert lines.damages == ()
    assert (read, offset) == (entries, len(whole))


@given(ENTRIES, st.randoms(use_true_random=False))
def test_order_does_not_matter(entries: list[Entry], random: Random) -> None:
    """Different halves of bookings may come in any order."""
    ordered = once(entries)
    shuffled = ordered.copy()
    random.shuffle(shuffled)
    assert gathered(shuffled) == gathered(ordered) == gathered(entries)


@given(ENTRIES)
def test_the_ledger_is_the_sum_of_its_entries(entries: list[Entry]) -> None:
    """Cost and held money are the sums over first settlements and open reservations (INV-6)."""
    first = once(entries)
    ended = [entry for entry in first if isinstance(entry, Settled)]
    still = [entry for entry in first if isinstance(entry, Reserved) and entry.attempt not in {end.attempt for end in ended}]
    with nothing() as view:
        add(view._base, "w", entries)
        one = view.total(Query(0, 1 << 62))
    assert one.cost == sum(entry.amount or 0 for entry in ended)
    assert one.held == sum(entry.amount or 0 for entry in still)
    assert one.unpriced == sum(entry.amount is None for entry in (*ended, *still))
    assert one.usage.total == sum(entry.usage.total for entry in ended)


@settings(max_examples=30, deadline=None)
@given(ENTRIES, st.integers(0, 30), st.integers(0, 30))
def test_the_database_is_the_journal(entries: list[Entry], cut: int, again: int) -> None:
    """Folded in two batches, the second overlapping the first, the database holds what the entries say."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        base = LedgerFile(path)
        base.fold("j", "w", Lines(tuple(entries[:cut]), 1), 0)
        base.fold("j", "w", Lines(tuple(entries[min(cut, again) :]), 2), 0)
        base.close()
        assert read_file(path, 0).bookings == gathered(entries)
