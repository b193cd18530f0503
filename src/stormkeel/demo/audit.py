"""The ledger against the bill, attempt by attempt: what we booked, and what the provider charges.

Never forgives a difference: where usage was reported both are equal to the nano-dollar, everywhere else
bill <= ledger <= reservation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from ..ledger.booking import Booking
from .arrival import Arrival

PROVIDER = "provider"
"""The ledger's word for usage that the provider reported (`ledger.entry.Settled.usage_source`)."""


class Side(msgspec.Struct, frozen=True):
    """Attempts of one kind, summed up in nano-dollars; `faults` says which are wrong and why."""

    attempts: int
    bill: int
    ledger: int
    reserved: int
    faults: tuple[str, ...]


class Audit(msgspec.Struct, frozen=True):
    """What the comparison found.

    Attributes:
        reported: attempts whose usage the provider reported: ledger and bill must be equal.
        elsewhere: all others: bill <= ledger <= reservation.
        strays: attempts only one side knows, or that are not finished.
    """

    reported: Side
    elsewhere: Side
    strays: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Is everything as it must be?"""
        return not (self.reported.faults or self.elsewhere.faults or self.strays)


class Pair(msgspec.Struct, frozen=True):
    """One attempt by both sides; `bill` is 0 where it never reached the provider."""

    attempt: str
    reported: bool
    bill: int
    ledger: int | None
    reserved: int | None


FaultOf = Callable[[Pair], str]


def audit(arrivals: Iterable[Arrival], bookings: Mapping[str, Booking]) -> Audit:
    """Compare what came in at the sandboxes with what the ledger says."""
    came: dict[str, Arrival] = {}
    strays: list[str] = []
    for arrival in arrivals:
        if arrival.attempt in came:
            strays.append(f"{arrival.attempt}: twice on the bill")
        came[arrival.attempt] = arrival
    strays += [f"{name}: on the bill, not in the ledger" for name in came if name not in bookings]
    strays += [f"{name}: not finished" for name, booking in bookings.items() if booking.reserved is None or booking.is_open]
    strays += [f"{name}: still being answered" for name, arrival in came.items() if arrival.open]
    pairs = [_pair(name, booking, came.get(name)) for name, booking in bookings.items()]
    equal = _side([pair for pair in pairs if pair.reported], _fault_of_equal)
    bounded = _side([pair for pair in pairs if not pair.reported], _fault_of_bounded)
    return Audit(equal, bounded, tuple(strays))


def _pair(name: str, booking: Booking, arrival: Arrival | None) -> Pair:
    settled = booking.settled
    ok = settled is not None and settled.outcome == "ok"
    reported = settled is not None and settled.usage_source == PROVIDER
    told = ok and arrival is not None and arrival.reported  # an answer that came whole with its usage must be booked by it
    held = None if booking.reserved is None else booking.reserved.amount
    return Pair(name, reported or told, 0 if arrival is None else arrival.cost, booking.amount, held)


def _side(pairs: list[Pair], fault_of: FaultOf) -> Side:
    faults = tuple(f"{pair.attempt}: {fault}" for pair in pairs if (fault := fault_of(pair)))
    return Side(
        len(pairs),
        sum(pair.bill for pair in pairs),
        sum(pair.ledger or 0 for pair in pairs),
        sum(pair.reserved or 0 for pair in pairs),
        faults,
    )


def _fault_of_equal(pair: Pair) -> str:
    return "" if pair.ledger == pair.bill else f"bill {pair.bill}, ledger {pair.ledger} nano-dollars"


def _fault_of_bounded(pair: Pair) -> str:
    if pair.ledger is None or pair.reserved is None:
        return "no price is known"
    if pair.bill <= pair.ledger <= pair.reserved:
        return ""
    return f"bill {pair.bill}, ledger {pair.ledger}, reservation {pair.reserved} nano-dollars"
