"""Reports as JSON: money in nano-dollars as integers and in dollars as text, what is unknown as null.

Never reads a ledger.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ...ledger.booking import Booking
from ...ledger.query import Query
from ...ledger.reports import PERCENTS, Failures, Percentiles, Sum, request_of
from ...types.money import NanoDollars
from ..show import exact_dollars
from .period import HOUR_NS, Period, moment_iso


def head_data(query: Query, period: Period, damages: int) -> dict[str, object]:
    """Return what a report is about."""
    return {
        "since": moment_iso(period.since),
        "until": moment_iso(period.until),
        "hours": (period.until - period.since) / HOUR_NS,
        "by": query.by,
        "where": [msgspec.to_builtins(where) for where in query.where],
        "damages": damages,
    }


def sum_data(by: Sequence[str], one: Sum) -> dict[str, object]:
    """Return a sum."""
    counts = (
        "requests",
        "succeeded",
        "success",
        "attempts",
        "failures",
        "retries",
        "fallbacks",
        "open",
        "open_requests",
        "unpriced",
    )
    return {
        **dict(zip(by, one.names, strict=False)),
        **{name: getattr(one, name) for name in counts},
        **{name: money_data(getattr(one, name)) for name in ("cost", "guessed", "held")},
        "tokens": {"input": one.usage.total_input, "cached": one.usage.cache_read, "output": one.usage.total_output},
        "usage": msgspec.structs.asdict(one.usage),
        "cached_share": one.cached,
        "latencies": _spans(one.latencies),
        "ttfts": _spans(one.ttfts),
    }


def _spans(spans: Percentiles | None) -> dict[str, float | None]:
    return {f"p{percent}": span for percent, span in zip(PERCENTS, spans or (None,) * len(PERCENTS), strict=True)}


def failure_data(by: Sequence[str], one: Failures) -> dict[str, object]:
    """Return a kind of failure."""
    data = msgspec.structs.asdict(one)
    return {**dict(zip(by, data.pop("names"), strict=True)), "failure": data.pop("kind"), **data, "cost": money_data(one.cost)}


def attempt_data(booking: Booking) -> dict[str, object]:
    """Return an attempt, all the ledger knows of it."""
    halves = [half for half in (booking.reserved, booking.settled) if half]
    about = {key: value for half in halves for key, value in msgspec.structs.asdict(half).items()}
    held = None if booking.reserved is None else money_data(booking.reserved.amount)
    return {**about, "at": booking.at, "request": request_of(booking), "amount": money_data(booking.amount), "reserved": held}


def money_data(amount: NanoDollars | None) -> dict[str, object] | None:
    """Return an amount, exact; None where it is unknown."""
    return None if amount is None else {"nano_dollars": amount, "dollars": exact_dollars(amount)}
