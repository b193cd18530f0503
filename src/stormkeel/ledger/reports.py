"""Reports: bookings summed up, as a person or a budget wants to know.

Never adds an unknown price as 0: such attempts are counted beside the sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import msgspec

from ..types.money import NanoDollars
from ..types.usage import Usage
from .booking import ORPHANED, Booking

GUESSED = frozenset({"estimated", "reserved"})
"""Usage sources that are not the provider's word."""


class Sum(msgspec.Struct, frozen=True):
    """Bookings of one name, summed up.

    Attributes:
        name: what they have in common.
        requests: different requests.
        succeeded: requests of which an attempt succeeded.
        attempts: all attempts.
        open: attempts under way; their money is held, not booked.
        usage: tokens by bucket.
        cost: nano-dollars booked.
        guessed: the part of `cost` that rests on an estimate or a reservation.
        held: nano-dollars of open attempts.
        unpriced: attempts whose price is unknown: `cost` and `held` do not hold them.
        latencies: p50, p95 and p99 of the seconds that finished attempts took; None where there is none.
    """

    name: str
    requests: int
    succeeded: int
    attempts: int
    open: int
    usage: Usage
    cost: NanoDollars
    guessed: NanoDollars
    held: NanoDollars
    unpriced: int
    latencies: tuple[float, float, float] | None

    @property
    def success(self) -> float | None:
        """The share of requests that succeeded, of those that are not under way; None where there is none."""
        done = self.requests - self.open_requests
        return self.succeeded / done if done > 0 else None

    open_requests: int = 0
    """Requests that have not succeeded and have an attempt under way."""


def total(name: str, bookings: Sequence[Booking]) -> Sum:
    """Sum bookings up."""
    settled = [booking.settled for booking in bookings if booking.settled]
    still = [booking.reserved for booking in bookings if booking.is_open and booking.reserved]
    requests = {request_of(booking) for booking in bookings}
    succeeded = {request_of(booking) for booking in bookings if booking.settled and booking.settled.outcome == "ok"}
    latencies = sorted(half.latency for half in settled if half.outcome != ORPHANED)
    return Sum(
        name=name,
        requests=len(requests),
        succeeded=len(succeeded),
        attempts=len(bookings),
        open=len(still),
        usage=_added(half.usage for half in settled),
        cost=sum(half.amount or 0 for half in settled),
        guessed=sum(half.amount or 0 for half in settled if half.usage_source in GUESSED),
        held=sum(half.amount or 0 for half in still),
        unpriced=sum(booking.amount is None for booking in bookings),
        latencies=(percentile(latencies, 50), percentile(latencies, 95), percentile(latencies, 99)) if latencies else None,
        open_requests=len({half.request for half in still} - succeeded),
    )


def _added(usages: Iterable[Usage]) -> Usage:
    columns = zip(*(msgspec.structs.astuple(usage) for usage in usages), strict=True)
    return Usage(*(sum(column) for column in columns))


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile of values in ascending order: the smallest that so many percent do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def request_of(booking: Booking) -> str:
    """Return the id of a booking's request; without its reservation, the attempt's id up to the last dot (`Reserved.attempt`)."""
    if booking.reserved:
        return booking.reserved.request
    return booking.settled.attempt.rpartition(".")[0] if booking.settled else ""


def _field(name: str) -> Callable[[Booking], tuple[str, ...]]:
    return lambda booking: (getattr(booking.reserved, name, "") or "-",)


def _time(form: str) -> Callable[[Booking], tuple[str, ...]]:
    return lambda booking: (datetime.fromtimestamp(booking.at // 1_000_000_000, UTC).strftime(form),)


GROUPINGS: dict[str, Callable[[Booking], tuple[str, ...]]] = {
    **{name: _field(name) for name in ("model", "provider", "deployment", "route", "key", "task", "user")},
    "tag": lambda booking: (booking.reserved.tags if booking.reserved else ()) or ("-",),
    "hour": _time("%Y-%m-%d %H:00Z"),
    "day": _time("%Y-%m-%d"),
    "outcome": lambda booking: (booking.settled.outcome if booking.settled else "open",),
}
"""How bookings can be grouped: the names each belongs under. With two tags it is under both; "-" is for none. Times are UTC."""

IN_ORDER = frozenset({"hour", "day"})
"""Groupings told in the order of their names; all others with the dearest first."""


def grouped(bookings: Iterable[Booking], by: str) -> list[Sum]:
    """Sum bookings up by one of `GROUPINGS`."""
    groups: dict[str, list[Booking]] = {}
    for booking in bookings:
        for name in GROUPINGS[by](booking):
            groups.setdefault(name, []).append(booking)
    sums = [total(name, members) for name, members in groups.items()]
    return sorted(sums, key=lambda one: (0 if by in IN_ORDER else -one.cost, one.name))
