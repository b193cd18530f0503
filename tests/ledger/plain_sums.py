"""The judge of reports: the same sums, made one booking after the other, in the plainest way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from itertools import product

import msgspec

from stormkeel.ledger.booking import ORPHANED, Booking
from stormkeel.ledger.query import Query
from stormkeel.ledger.reports import GUESSED, PERCENTS, Failures, Percentiles, Sum, percentile, request_of
from stormkeel.types.usage import Usage


def chosen(bookings: Iterable[Booking], query: Query) -> list[Booking]:
    """The bookings a query is about."""
    return [booking for booking in bookings if query.since <= booking.at < query.until and _fits(booking, query)]


def _fits(booking: Booking, query: Query) -> bool:
    for field in {where.field for where in query.where}:
        names = _names(booking, field)
        hits = {
            (where.is_not, any(fnmatchcase(name, where.pattern.replace("[", "[[]")) for name in names))
            for where in query.where
            if where.field == field
        }
        if (True, True) in hits or ((False, False) in hits and (False, True) not in hits):
            return False
    return True


def _names(booking: Booking, field: str) -> tuple[str, ...]:
    if field in {"hour", "day"}:
        form = "%Y-%m-%d %H:00Z" if field == "hour" else "%Y-%m-%d"
        return (datetime.fromtimestamp(booking.at // 10**9, UTC).strftime(form),)
    if field == "outcome":
        return (booking.settled.outcome if booking.settled else "open",)
    if field == "tag":
        tags = booking.reserved.tags if booking.reserved else ()
        return tuple(dict.fromkeys(tag or "-" for tag in tags)) or ("-",)
    if field == "loss":
        return (booking.settled.lost if booking.settled else ()) or ("-",)
    return (getattr(booking.reserved, field, "") or "-",)


def plain_sums(bookings: Iterable[Booking], query: Query) -> list[Sum]:
    """The sums of a query, in the order of the names."""
    every = list(bookings)
    groups: dict[tuple[str, ...], list[Booking]] = {}
    for booking in chosen(every, query):
        for names in product(*(_names(booking, field) for field in query.by)):
            groups.setdefault(names, []).append(booking)
    if not query.by:
        groups.setdefault((), [])
    return [plain_sum(names, groups[names], every) for names in sorted(groups)]


def plain_sum(names: tuple[str, ...], bookings: Sequence[Booking], every: Sequence[Booking]) -> Sum:
    """One sum."""
    settled = [booking.settled for booking in bookings if booking.settled]
    still = [booking for booking in bookings if booking.is_open]
    succeeded = {request_of(booking) for booking in bookings if booking.settled and booking.settled.outcome == "ok"}
    before = [_before(booking, every) for booking in bookings]
    again = [_same(booking, last) for booking, last in zip(bookings, before, strict=True) if last]
    return Sum(
        names=names,
        requests=len({request_of(booking) for booking in bookings}),
        succeeded=len(succeeded),
        attempts=len(bookings),
        failures=sum(half.outcome != "ok" for half in settled),
        retries=again.count(True),
        fallbacks=again.count(False),
        open=len(still),
        open_requests=len({request_of(booking) for booking in still} - succeeded),
        usage=Usage(*map(sum, zip(*(msgspec.structs.astuple(half.usage) for half in settled), strict=True))),
        cost=sum(half.amount or 0 for half in settled),
        guessed=sum(half.amount or 0 for half in settled if half.usage_source in GUESSED),
        held=sum(booking.amount or 0 for booking in still),
        unpriced=sum(booking.amount is None for booking in bookings),
        latencies=_percentiles(half.latency for half in settled if half.outcome != ORPHANED),
        ttfts=_percentiles(half.ttft for half in settled if half.ttft is not None),
    )


def _before(booking: Booking, every: Sequence[Booking]) -> Booking | None:
    number = _number(booking)
    earlier = [one for one in every if request_of(one) == request_of(booking) and _number(one) < number]
    return max(earlier, key=_number, default=None)


def _number(booking: Booking) -> int:
    return int(booking.attempt.rpartition(".")[2])


def _same(booking: Booking, last: Booking) -> bool:
    return getattr(booking.reserved, "deployment", None) == getattr(last.reserved, "deployment", None)


def _percentiles(values: Iterable[float]) -> Percentiles | None:
    ordered = sorted(values)
    if not ordered:
        return None
    first, second, third = (percentile(ordered, percent) for percent in PERCENTS)
    return (first, second, third)


def plain_failures(bookings: Iterable[Booking], query: Query) -> list[Failures]:
    """The failures of a query."""
    return list(_failures(list(bookings), query))


def _failures(every: list[Booking], query: Query) -> Iterator[Failures]:
    wholes = {one.names: one.attempts for one in plain_sums(every, query)}
    finer = Query(query.since, query.until, (*query.by, "outcome"), query.where)
    answered = {request_of(booking) for booking in every if booking.settled and booking.settled.outcome == "ok"}
    for one in sorted(plain_sums(every, finer), key=lambda one: (one.names[:-1], -one.attempts, one.names[-1])):
        *names, kind = one.names
        if kind in {"ok", "open"}:
            continue
        group = [
            booking
            for booking in chosen(every, query)
            for found in product(*(_names(booking, field) for field in finer.by))
            if found == one.names
        ]
        saved = {request_of(booking) for booking in group} & answered
        yield Failures(
            tuple(names),
            kind,
            one.attempts,
            one.attempts / wholes[tuple(names)],
            one.requests,
            len(saved),
            one.cost,
            one.unpriced,
        )
