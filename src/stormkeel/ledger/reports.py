"""Reports: attempts summed up, as a person or a budget wants to know.

Never adds an unknown price as 0: such attempts are counted beside the sum. Never reads: the sums are made where the attempts are
(`runtime/reports.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from heapq import nsmallest
from typing import Any

import msgspec

from ..types.money import NanoDollars
from ..types.usage import NO_USAGE, Usage
from .booking import Booking
from .query import TIMES

GUESSED = frozenset({"estimated", "reserved"})
"""Usage sources that are not the provider's word."""

PERCENTS = (50, 95, 99)

Percentiles = tuple[float, float, float]
"""By `PERCENTS`, in seconds."""


class Sum(msgspec.Struct, frozen=True):
    """Attempts that have names in common, summed up.

    Attributes:
        names: what they have in common, by the query's `by`; hours and days as their beginnings in UTC.
        requests: different requests.
        succeeded: requests of which an attempt succeeded.
        attempts: all attempts.
        failures: attempts that failed.
        retries: attempts whose request had asked the same deployment just before.
        fallbacks: attempts whose request had asked another deployment just before.
        open: attempts under way; their money is held, not booked.
        open_requests: requests that have not succeeded and have an attempt under way.
        usage: tokens by bucket.
        cost: nano-dollars booked.
        guessed: the part of `cost` that rests on an estimate or a reservation.
        held: nano-dollars of open attempts.
        unpriced: attempts whose price is unknown: `cost` and `held` do not hold them.
        latencies: of the seconds that finished attempts took; None where there is none.
        ttfts: of the seconds to the first content; None where none came.
    """

    names: tuple[str, ...] = ()
    requests: int = 0
    succeeded: int = 0
    attempts: int = 0
    failures: int = 0
    retries: int = 0
    fallbacks: int = 0
    open: int = 0
    open_requests: int = 0
    usage: Usage = NO_USAGE
    cost: NanoDollars = 0
    guessed: NanoDollars = 0
    held: NanoDollars = 0
    unpriced: int = 0
    latencies: Percentiles | None = None
    ttfts: Percentiles | None = None

    @property
    def success(self) -> float | None:
        """The share of requests that succeeded, of those that are not under way; None where there is none."""
        done = self.requests - self.open_requests
        return self.succeeded / done if done > 0 else None

    @property
    def cached(self) -> float | None:
        """The share of input tokens that were read from the provider's cache; None where there is no input."""
        return self.usage.cache_read / self.usage.total_input if self.usage.total_input else None

    @property
    def known_cost(self) -> NanoDollars | None:
        """Nano-dollars booked, None where every attempt's price is unknown."""
        return None if self.unpriced and self.unpriced == self.attempts else self.cost


class Failures(msgspec.Struct, frozen=True):
    """Attempts that failed in one way.

    Attributes:
        names: as in `Sum`.
        kind: the failure's kind, or "orphaned" where the process died.
        attempts: how many.
        share: of all attempts with these names.
        requests: different requests they belong to.
        answered: of those requests, the ones that another attempt answered all the same.
        cost: nano-dollars booked for them.
        unpriced: attempts whose price is unknown.
    """

    names: tuple[str, ...]
    kind: str
    attempts: int
    share: float
    requests: int
    answered: int
    cost: NanoDollars
    unpriced: int


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile of values in ascending order: the smallest that so many percent do not exceed."""
    return ordered[rank(len(ordered), percent)]


def rank(count: int, percent: int) -> int:
    """Return the place, from 0, of a percentile among so many values in ascending order."""
    return max(0, math.ceil(count * percent / 100) - 1)


def request_of(booking: Booking) -> str:
    """Return the id of a booking's request; without its reservation, the attempt's id up to the last dot (`Reserved.attempt`)."""
    if booking.reserved:
        return booking.reserved.request
    return booking.settled.attempt.rpartition(".")[0] if booking.settled else ""


SORTS: dict[str, Callable[[Sum], float]] = {
    "cost": lambda one: one.cost,
    "requests": lambda one: one.requests,
    "attempts": lambda one: one.attempts,
    "failures": lambda one: one.failures,
    "tokens": lambda one: one.usage.total,
    "latency": lambda one: one.latencies[1] if one.latencies else -1.0,
    "ttft": lambda one: one.ttfts[1] if one.ttfts else -1.0,
}
"""What sums can be put in order by, the largest first; latencies by p95. Besides, `name`: in the order of the names."""


def in_order(sums: Iterable[Sum], by: Sequence[str], sort: str | None, top: int | None) -> list[Sum]:
    """Put sums in order, and keep the first.

    Args:
        sums: read one by one, so that with `top` only so many are kept.
        by: what they are summed up by.
        sort: a key of `SORTS`, or "name"; None for times in their order, all else with the dearest first.
        top: how many to keep, None for all.
    """
    if sort is None:
        sort = "name" if top is None and set(by) & set(TIMES) else "cost"

    def key(one: Sum) -> Any:
        return one.names if sort == "name" else (-SORTS[sort](one), one.names)

    return sorted(sums, key=key) if top is None else nsmallest(top, sums, key)
