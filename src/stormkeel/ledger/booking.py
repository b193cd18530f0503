"""Bookings: a reservation and its settlement as one thing, gathered from entries in whatever order and number they come.

Never counts an attempt twice: the first reservation and the first settlement of an id stand, replays change nothing (INV-3).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..types.money import NanoDollars
from ..types.usage import NO_USAGE
from .entry import Entry, Reserved, Settled

ORPHANED = "orphaned"
"""Outcome of an attempt whose process died before it settled: the whole reservation is charged (INV-5)."""


class Booking(msgspec.Struct, frozen=True):
    """What the ledger knows of an attempt; at least one of the two halves is there.

    Attributes:
        reserved: None where its line was lost to damage.
        settled: None while the attempt is under way.
    """

    reserved: Reserved | None = None
    settled: Settled | None = None

    @property
    def attempt(self) -> str:
        """The attempt's id."""
        half = self.reserved or self.settled
        return half.attempt if half else ""

    @property
    def at(self) -> int:
        """When it began, nanoseconds since the epoch; when it ended, where the beginning was lost."""
        half = self.reserved or self.settled
        return half.at if half else 0

    @property
    def is_open(self) -> bool:
        """Is the money still held, not booked?"""
        return self.settled is None

    @property
    def amount(self) -> NanoDollars | None:
        """What it counts for: the amount booked, or while it is open the amount held. None where the price is unknown."""
        half = self.settled or self.reserved
        return half.amount if half else 0


def gather(bookings: dict[str, Booking], entries: Iterable[Entry]) -> None:
    """Add entries to bookings by attempt id; the order does not matter, nor does a repetition."""
    for entry in entries:
        known = bookings.get(entry.attempt, _NOTHING)
        if isinstance(entry, Reserved):
            if known.reserved is None:
                bookings[entry.attempt] = Booking(entry, known.settled)
        elif known.settled is None:
            bookings[entry.attempt] = Booking(known.reserved, entry)


_NOTHING = Booking()


def orphan(attempt: str, amount: NanoDollars | None, at: int) -> Settled:
    """Return the settlement of an attempt whose process died: the amount held, by nobody's word but our own."""
    return Settled(attempt, at, ORPHANED, 0, 0.0, None, NO_USAGE, "reserved", amount)
