"""What came of an arm, in numbers.

Never judges them: that is `claims.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec

from ..ledger.booking import Booking
from ..ledger.reports import percentile, request_of
from .arrival import BREAKS, Arrival, by_request, count_kinds
from .drive import Outcome

Bookings = Mapping[str, Booking]
Percentiles = tuple[float, float, float] | None


class Figures(msgspec.Struct, frozen=True):
    """One arm, summed up.

    Attributes:
        requests: asked by the SDKs.
        answered: whole and right.
        broken: streams that broke off after their first content: nobody can save those unseen.
        broken_silently: the part of `broken` of which the caller was told nothing.
        silent: answers that are wrong or cut short without an error, whatever the cause.
        errors: how often each exception was raised.
        attempts: that reached a provider.
        failed: of these, the ones that failed (the gateway's ledger) or met a fault (the sandboxes).
        retries: of the same deployment.
        failovers: to another deployment.
        latency: p50, p95, p99 in seconds of answered requests.
        added: the same of what it took beyond the attempt that answered.
        input, output, cost: tokens and nano-dollars on the providers' bill.
        kinds: how often each fault was met.
    """

    requests: int
    answered: int
    broken: int
    broken_silently: int
    silent: int
    errors: dict[str, int]
    attempts: int
    failed: int
    retries: int
    failovers: int
    latency: Percentiles
    added: Percentiles
    input: int
    output: int
    cost: int
    kinds: dict[str, int]

    @property
    def savable(self) -> int:
        """Requests that could be saved: all but the broken streams."""
        return self.requests - self.broken

    @property
    def success(self) -> float:
        """The share of savable requests that were answered."""
        return self.answered / self.savable if self.savable else 0.0


def figure(outcomes: Sequence[Outcome], arrivals: Sequence[Arrival], bookings: Bookings | None) -> Figures:
    """Sum an arm up; `bookings` is the gateway's ledger, None for an arm without one."""
    came = by_request(arrivals)
    broken = [one for one in outcomes if is_broken(one, came.get(one.ask.number, []))]
    answered = [one for one in outcomes if one.answered and one not in broken]
    retries, failovers = (len(arrivals) - len(came), 0) if bookings is None else turns(bookings)
    met = sum(arrival.kind is not None for arrival in arrivals)
    return Figures(
        requests=len(outcomes),
        answered=len(answered),
        broken=len(broken),
        broken_silently=sum(not one.error for one in broken),
        silent=sum(one.silent for one in outcomes),
        errors=dict(Counter(one.error for one in outcomes if one.error).most_common()),
        attempts=len(arrivals),
        failed=met if bookings is None else _failed(bookings),
        retries=retries,
        failovers=failovers,
        latency=percentiles([one.seconds for one in answered]),
        added=percentiles(added_by_bill(answered, came) if bookings is None else added_by_ledger(answered, bookings)),
        input=sum(arrival.input for arrival in arrivals),
        output=sum(arrival.output for arrival in arrivals),
        cost=sum(arrival.cost for arrival in arrivals),
        kinds=count_kinds(arrivals),
    )


def is_broken(outcome: Outcome, came: Sequence[Arrival]) -> bool:
    """Did a request's last attempt break off as a stream, after content had reached the caller?

    A stream that brought the whole answer and no complaint is none, though its terminal marker was missing: the SDK took it.
    """
    if not came or outcome.answered or not outcome.text:
        return False
    return came[-1].streamed and came[-1].fault in BREAKS


def percentiles(values: Iterable[float]) -> Percentiles:
    """Return p50, p95 and p99 by nearest rank, None of nothing."""
    ordered = sorted(values)
    return (percentile(ordered, 50), percentile(ordered, 95), percentile(ordered, 99)) if ordered else None


def added_by_bill(answered: Iterable[Outcome], came: Mapping[int, Sequence[Arrival]]) -> list[float]:
    """Return the seconds until the attempt that answered arrived at the provider, of each request."""
    return [max(0.0, came[one.ask.number][-1].at - one.started) for one in answered]


def added_by_ledger(answered: Iterable[Outcome], bookings: Bookings) -> list[float]:
    """Return the seconds the caller waited beyond the answering attempt's own latency, of each request."""
    won = {
        booking.reserved.task: booking.settled.latency
        for booking in bookings.values()
        if booking.reserved and booking.settled and booking.settled.outcome == "ok"
    }
    return [max(0.0, one.seconds - won[str(one.ask.number)]) for one in answered]


def turns(bookings: Bookings) -> tuple[int, int]:
    """Count the retries (the same deployment again) and failovers (another one) in a ledger."""
    retries = failovers = 0
    for attempts in _in_order(bookings):
        for before, after in pairwise(attempts):
            same = before == after
            retries += same
            failovers += not same
    return retries, failovers


def _in_order(bookings: Bookings) -> Iterable[list[str]]:
    """Yield the deployments each request was sent to, in order."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name, booking in bookings.items():
        deployment = booking.reserved.deployment if booking.reserved else ""
        found.setdefault(request_of(booking), []).append((int(name.rpartition(".")[2]), deployment))
    return ([deployment for _, deployment in sorted(attempts)] for attempts in found.values())


def _failed(bookings: Bookings) -> int:
    return sum(booking.settled is not None and booking.settled.outcome != "ok" for booking in bookings.values())


class ModelCost(msgspec.Struct, frozen=True):
    """One model by both sides: attempts, tokens by the bill, nano-dollars on the bill and in the ledger."""

    attempts: int
    input: int
    output: int
    bill: int
    ledger: int


def by_model(arrivals: Iterable[Arrival], bookings: Bookings) -> dict[str, ModelCost]:
    """Sum up cost by model."""
    billed, booked = list(arrivals), list(bookings.values())
    names = sorted({one.model for one in billed} | {one.reserved.model for one in booked if one.reserved})
    return {name: _model(name, billed, booked) for name in names}


def _model(name: str, arrivals: Sequence[Arrival], bookings: Sequence[Booking]) -> ModelCost:
    ours = [one for one in arrivals if one.model == name]
    booked = sum(one.amount or 0 for one in bookings if one.reserved and one.reserved.model == name)
    return ModelCost(
        len(ours), sum(one.input for one in ours), sum(one.output for one in ours), sum(one.cost for one in ours), booked
    )
