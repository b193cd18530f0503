"""What a report shows: columns for people, columns for programs, and the rows for both.

Never reads a ledger. The names for programs stay the same over releases.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from ...ledger.booking import Booking
from ...ledger.reports import PERCENTS, Failures, Percentiles, Sum, request_of
from ...types.money import NanoDollars, format_dollars
from ...types.usage import NO_USAGE, Usage
from ..show import Column, Row, count, money, seconds, share, text
from .period import SECOND_NS, moment_iso


def _right(name: str, title: str) -> Column:
    return msgspec.structs.replace(text(name, title), is_number=True)


_LATENCY = [seconds(f"latency_p{percent}_s", f"p{percent} s") for percent in PERCENTS]
_TTFT = [seconds(f"ttft_p{percent}_s", f"first p{percent} s") for percent in PERCENTS]
_ASKED = [count("requests"), share("success", "ok"), count("attempts")]
_BUCKETS = [count(f"{name}_tokens") for name in Usage.__struct_fields__]

MONEY_VIEW = [
    *_ASKED,
    *(count("total_input_tokens", "in"), share("cached", "cached"), count("total_output_tokens", "out")),
    *(_right("cost_words", "cost"), *_LATENCY),
]
TIME_VIEW = [*_ASKED, count("retries"), count("fallbacks"), *_LATENCY, *_TTFT]

SUM_FIELDS = [
    *(count("requests"), count("succeeded"), share("success"), count("attempts"), count("failures")),
    *(count("retries"), count("fallbacks"), count("open"), count("total_input_tokens"), count("total_output_tokens")),
    *(*_BUCKETS, share("cached"), money("cost_usd"), money("estimated_usd"), money("held_usd"), count("unpriced")),
    *(*_LATENCY, *_TTFT),
]
"""For programs: `cost_usd` is unknown where no attempt has a price, and leaves `unpriced` attempts out."""


def sum_row(by: Sequence[str], one: Sum) -> Row:
    """Return a sum's values by column."""
    return {
        **dict(zip(by, one.names, strict=False)),
        **{name: getattr(one, name) for name in ("requests", "succeeded", "success", "attempts", "failures", "retries")},
        **{name: getattr(one, name) for name in ("fallbacks", "open", "cached", "unpriced")},
        **_tokens(one.usage),
        "cost_usd": one.known_cost,
        "cost_words": cost_words(one.known_cost, one.unpriced),
        "estimated_usd": one.guessed,
        "held_usd": one.held,
        **_spans("latency", one.latencies),
        **_spans("ttft", one.ttfts),
    }


def _tokens(usage: Usage) -> dict[str, object]:
    buckets = {f"{name}_tokens": value for name, value in msgspec.structs.asdict(usage).items()}
    return {**buckets, "total_input_tokens": usage.total_input, "total_output_tokens": usage.total_output}


def _spans(name: str, spans: Percentiles | None) -> dict[str, object]:
    return {f"{name}_p{percent}_s": span for percent, span in zip(PERCENTS, spans or (None,) * len(PERCENTS), strict=True)}


def cost_words(cost: NanoDollars | None, unpriced: int) -> str:
    """Write a cost; attempts without a known price show as "?", alone or beside the sum of the others."""
    return f"{format_dollars(cost)} + ?" if unpriced and cost is not None else format_dollars(cost)


FAILURE_VIEW = [
    *(text("failure"), count("attempts"), share("share"), count("requests"), count("answered", "answered anyway")),
    _right("cost_words", "cost"),
]
FAILURE_FIELDS = [
    *(
        text("failure"),
        count("attempts"),
        share("share"),
        count("requests"),
        count("answered"),
        money("cost_usd"),
        count("unpriced"),
    )
]


def failure_row(by: Sequence[str], one: Failures) -> Row:
    """Return a kind of failure's values by column."""
    known = None if one.unpriced == one.attempts else one.cost
    return {
        **dict(zip(by, one.names, strict=True)),
        "failure": one.kind,
        "attempts": one.attempts,
        "share": one.share,
        "requests": one.requests,
        "answered": one.answered,
        "cost_usd": known,
        "cost_words": cost_words(known, one.unpriced),
        "unpriced": one.unpriced,
    }


_WHO = ("route", "deployment", "provider", "model", "dialect", "key", "task", "user")

ATTEMPT_VIEW = [
    *(text("when", "when (UTC)"), text("attempt"), text("route"), text("deployment"), text("outcome")),
    *(
        count("total_input_tokens", "in"),
        count("total_output_tokens", "out"),
        money("amount", "cost"),
        text("usage_source", "by"),
    ),
    seconds("latency_s", "seconds"),
]
ATTEMPT_FIELDS = [
    *(text("at"), text("attempt"), text("request"), *(text(name) for name in _WHO), text("tags"), text("outcome")),
    *(count("status"), count("total_input_tokens"), count("total_output_tokens"), *_BUCKETS, text("usage_source")),
    *(money("cost_usd"), money("held_usd"), seconds("latency_s"), seconds("ttft_s"), text("provider_request"), text("config")),
    text("lost"),
]
"""For programs: an attempt under way has no `cost_usd` yet, one that has ended no `held_usd`."""


def attempt_row(booking: Booking) -> Row:
    """Return an attempt's values by column."""
    begun, end = booking.reserved, booking.settled
    usage = end.usage if end else NO_USAGE
    who = {name: getattr(begun, name, "") for name in _WHO}
    return {
        **({**who, "tags": " ".join(begun.tags)} if begun else {**who, "route": "-", "deployment": "-"}),
        "at": moment_iso(booking.at),
        "when": datetime.fromtimestamp(booking.at // SECOND_NS, UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "attempt": booking.attempt,
        "request": request_of(booking),
        "amount": booking.amount,
        **(_tokens(usage) if end else {}),
        "outcome": end.outcome if end else "open",
        "usage_source": end.usage_source if end else "held",
        "status": end.status if end else None,
        "cost_usd": end.amount if end else None,
        "held_usd": begun.amount if begun and not end else None,
        "latency_s": end.latency if end else None,
        "ttft_s": end.ttft if end else None,
        "config": begun.config if begun else "",
        "provider_request": end.provider_request if end else "",
        "lost": " ".join(end.lost) if end else "",
    }
