"""The question behind a budget: what is spent, what is left, and when it would be gone at this rate.

Never says more than it knows: it is a report over the ledger of this machine, and stops nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import click
import msgspec

from ...ledger.forecast import DAY_NS, Seen
from ...ledger.reports import Sum
from ...types.money import NANO, NanoDollars, format_dollars
from .data import money_data
from .period import moment_iso, moment_words

MOST = 10**12
"""Dollars; a limit beyond is a slip of the hand."""


class Dollars(click.ParamType[NanoDollars]):
    """An amount of dollars, exact to the nano-dollar."""

    name = "dollars"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> NanoDollars:
        """Read an amount, with or without "$"; click tells the user where it is none."""
        if isinstance(value, int):
            return value
        try:
            amount = Decimal(str(value).removeprefix("$"))
        except InvalidOperation:
            amount = Decimal(0)
        if not amount.is_finite() or not 0 < amount <= MOST or amount * NANO != int(amount * NANO):
            self.fail(f'"{value}" is no amount of dollars; expected one as in 50 or 12.50.', param, ctx)
        return int(amount * NANO)


class Outlook(msgspec.Struct, frozen=True):
    """What was spent, and what follows from it.

    Attributes:
        seen: what was spent, and since when: the span asked for, or the part of it that the ledger knows.
        whole: the sum behind it.
        limit: nano-dollars, None where none was named.
        end: where the day or month ends, None where none was named.
    """

    seen: Seen
    whole: Sum
    limit: NanoDollars | None
    end: int | None


def outlook_lines(outlook: Outlook) -> Iterator[str]:
    """Yield the lines for people."""
    seen, whole, limit = outlook.seen, outlook.whole, outlook.limit
    yield _line("spent", seen.spent, f"since {moment_words(seen.begun)}")
    if whole.held:
        yield _line("held", whole.held, "by attempts under way, not spent yet")
    yield _line("daily average", _rounded(seen.daily), f"over {seen.elapsed / DAY_NS:.1f} days")
    if outlook.end is not None:
        yield _line("expected", _rounded(seen.expected(outlook.end)), f"by {moment_words(outlook.end)} at this rate")
    if limit is not None:
        yield _line("limit", limit, f"{100 * seen.spent / limit:.1f}% spent")
        yield _line("left", seen.left(limit), _when(outlook, limit))
    if whole.unpriced:
        yield f"{'not in it':<14}{'?':>16}  {whole.unpriced:,} attempts of unknown price: all of this is too low by them"
    yield "A report over the ledger of this machine: nothing is refused when an amount is reached."


def _line(name: str, amount: NanoDollars, words: str) -> str:
    return f"{name:<14}{format_dollars(amount):>16}  {words}"


def _rounded(amount: NanoDollars) -> NanoDollars:
    """Round what is only reckoned to a hundredth of a cent, unless there would be little left of it."""
    return amount if amount < NANO // 100 else round(amount, -5)


def _when(outlook: Outlook, limit: NanoDollars) -> str:
    at = outlook.seen.reached_at(limit)
    if not outlook.seen.left(limit):
        return "the limit is reached"
    if at is None:
        return "not reached at this rate"
    later = " (after the end of this period)" if outlook.end is not None and at >= outlook.end else ""
    return f"reached about {moment_words(at)} at this rate{later}"


def outlook_data(outlook: Outlook) -> dict[str, object]:
    """Return the same for programs."""
    seen, limit = outlook.seen, outlook.limit
    at = None if limit is None else seen.reached_at(limit)
    return {
        "since": moment_iso(seen.begun),
        "days": seen.elapsed / DAY_NS,
        "spent": money_data(seen.spent),
        "held": money_data(outlook.whole.held),
        "unpriced": outlook.whole.unpriced,
        "daily": money_data(seen.daily),
        "end": None if outlook.end is None else moment_iso(outlook.end),
        "expected": None if outlook.end is None else money_data(seen.expected(outlook.end)),
        "limit": money_data(limit),
        "left": None if limit is None else money_data(seen.left(limit)),
        "is_reached": limit is not None and not seen.left(limit),
        "reached_at": None if at is None else moment_iso(at),
    }
