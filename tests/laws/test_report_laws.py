"""Laws of reports: whatever the ledger holds, folded or not, what SQLite sums up is what a plain loop sums up."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from plain_sums import chosen, plain_failures, plain_sums

from stormkeel.ledger.booking import Booking, gather
from stormkeel.ledger.entry import Entry, Reserved, Settled
from stormkeel.ledger.lines import Lines, write_line
from stormkeel.ledger.query import FILTERS, GROUPINGS, Query, Where
from stormkeel.runtime.ledger import DATABASE, JOURNALS
from stormkeel.runtime.reports import open_view
from stormkeel.runtime.stores.sqlite import LedgerFile
from stormkeel.types.usage import Usage

HOUR_NS = 3_600 * 10**9
LARGEST = 2**63 - 1
AT = st.sampled_from([0, 1, HOUR_NS - 1, HOUR_NS, 24 * HOUR_NS, 25 * HOUR_NS + 1])
NAME = st.sampled_from(["", "a", "b", "=x", "[a]", "ü"])
COUNT = st.integers(0, 9) | st.just(LARGEST)
AMOUNT = st.none() | COUNT
ATTEMPT = st.tuples(st.sampled_from(["q", "q.1", "r"]), st.sampled_from([1, 2, 3, 11])).map(
    lambda parts: f"{parts[0]}.{parts[1]}"
)
TAGS = {"q": ("a", "b", "a"), "q.1": (), "r": ("",)}
LOST = st.sampled_from([(), ("a",), ("[a]", "a"), ("b", "messages[].x")])
RESERVED = st.builds(
    lambda attempt, *about: Reserved(
        attempt, attempt.rpartition(".")[0], *about[:-2], TAGS[attempt.rpartition(".")[0]], 1, 1, *about[-2:]
    ),
    *(ATTEMPT, AT, *[NAME] * 8, AMOUNT, NAME),
)
SETTLED = st.builds(
    Settled,
    *(ATTEMPT, AT, st.sampled_from(["ok", "server", "rate_limit", "orphaned"]), st.just(200), st.sampled_from([0.5, 1.0, 7.25])),
    *(st.none() | st.sampled_from([0.0, 0.25]), st.builds(Usage, *[COUNT] * 8)),
    *(st.sampled_from(["provider", "estimated", "reserved", "none"]), AMOUNT, NAME, LOST),
)
ENTRIES = st.lists(RESERVED | SETTLED, max_size=24)
WHERE = st.builds(Where, st.sampled_from(FILTERS), st.sampled_from(["a", "-", "*", "[a]", "?", "server", "open"]), st.booleans())
QUERY = st.builds(
    Query,
    st.sampled_from([0, 1, HOUR_NS]),
    st.sampled_from([HOUR_NS, 2**62]),
    st.lists(st.sampled_from(GROUPINGS), max_size=3, unique=True).map(tuple),
    st.lists(WHERE, max_size=3).map(tuple),
)


def lay(folder: Path, entries: Sequence[Entry], cut: int) -> None:
    """Write a data folder: entries up to the cut are folded, all of them stand in a journal."""
    (folder / JOURNALS).mkdir()
    part = folder / JOURNALS / "1-1.000000.journal"
    part.write_bytes(b"".join(map(write_line, entries)))
    offset = sum(len(write_line(entry)) for entry in entries[:cut])
    base = LedgerFile(folder / DATABASE)
    base.fold(part.name, "1-1", Lines(tuple(entries[:cut]), offset), 0)
    base.close()


def gathered(entries: Sequence[Entry]) -> list[Booking]:
    """Bookings of entries."""
    bookings: dict[str, Booking] = {}
    gather(bookings, entries)
    return list(bookings.values())


@settings(max_examples=60, deadline=None)
@given(ENTRIES, QUERY, st.integers(0, 24))
def test_a_report_is_the_sum_of_its_bookings(entries: list[Entry], query: Query, cut: int) -> None:
    """Groups, the whole, failures and the list of attempts are those of a plain loop, wherever the folding has got to."""
    bookings = gathered(entries)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay(folder, entries, cut)
        with open_view(folder) as view:
            assert list(view.sums(query)) == plain_sums(bookings, query)
            assert [view.total(query)] == plain_sums(bookings, Query(query.since, query.until, (), query.where))
            assert view.failures(query) == plain_failures(bookings, query)
            ours = chosen(bookings, query)
            assert list(view.attempts(query)) == sorted(ours, key=lambda one: (one.at, one.attempt))
            assert view.holds(query) == bool(ours)
            dearest = view.dearest(query, 3)
            assert [one.amount for one in dearest] == sorted(
                (one.amount for one in ours), key=lambda amount: -1 if amount is None else amount, reverse=True
            )[:3]
