"""The forms a report takes: sums, failures, single attempts; for people, as JSON, as CSV.

Never reads more of a ledger than it shows, and lists attempts for programs one by one, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
import msgspec

from ...ledger.booking import Booking
from ...ledger.forecast import Seen
from ...ledger.query import TIMES, Query
from ...ledger.reports import Sum, in_order
from ...types.money import NanoDollars, format_dollars
from ..bars import bar, sparkline
from ..show import Column, Row, extra, is_terminal, printable, show_json, show_table, text
from .columns import (
    ATTEMPT_FIELDS,
    ATTEMPT_VIEW,
    FAILURE_FIELDS,
    FAILURE_VIEW,
    MONEY_VIEW,
    SUM_FIELDS,
    attempt_row,
    failure_row,
    sum_row,
)
from .data import attempt_data, failure_data, head_data, sum_data
from .outlook import Outlook, outlook_data, outlook_lines
from .period import Period

if TYPE_CHECKING:
    from ...runtime.reports import View

BAR = 24
"""Cells a bar has at most."""
LONGEST_LINE = 120
"""Hours or days a sparkline shows at most."""


class Wish(msgspec.Struct, frozen=True):
    """What somebody wants to see.

    Attributes:
        query: of which attempts, summed up by what.
        period: its span, in words.
        form: "text", "json" or "csv".
        sort, top: the order, and how many of it; None for the usual.
        limit: nano-dollars to compare with; None for none.
    """

    query: Query
    period: Period
    form: str = "text"
    sort: str | None = None
    top: int | None = None
    limit: NanoDollars | None = None


def show_sums(view: View, wish: Wish, columns: Sequence[Column] = MONEY_VIEW) -> None:
    """Show sums, and where a limit or a month is in question what follows from them."""
    query = wish.query
    spans = ("latency",) if wish.form == "text" and columns is MONEY_VIEW else ("latency", "ttft")
    found = in_order(view.sums(query, spans), query.by, wish.sort, wish.top)
    keys = [text(name) for name in query.by]
    rows = [sum_row(query.by, one) for one in found]
    if wish.form == "csv":
        show_table(rows, [*keys, *SUM_FIELDS], as_csv=True)
        return
    whole = view.total(query, spans)
    outlook = _outlook(view, wish, whole)
    if wish.form == "json":
        ahead = {"outlook": outlook_data(outlook)} if outlook else {}
        data = {"total": sum_data((), whole), "rows": [sum_data(query.by, one) for one in found]}
        show_json({**head_data(query, wish.period, view.damages), **ahead, **data})
        return
    _head(wish, outlook, _trend(query.by, found) if is_terminal() else "")
    shown = [*keys, *columns]
    if is_terminal() and set(query.by) & set(TIMES):
        rows, shown = _with_bars(rows, found), [*shown, extra(text("bar", ""))]
    last = {**sum_row((), whole), query.by[0] if query.by else "": "total"}
    show_table(rows, shown, last=last)
    _foot(_remarks(whole, view.damages))


def show_failures(view: View, wish: Wish) -> None:
    """Show what failed, how often, and how much of it a caller never noticed."""
    query = wish.query
    found = view.failures(query)
    if wish.top is not None:
        found = sorted(found, key=lambda one: -one.attempts)[: wish.top]
    rows = [failure_row(query.by, one) for one in found]
    keys = [text(name) for name in query.by]
    if wish.form == "json":
        show_json({**head_data(query, wish.period, view.damages), "failures": [failure_data(query.by, one) for one in found]})
    elif wish.form == "csv":
        show_table(rows, [*keys, *FAILURE_FIELDS], as_csv=True)
    elif not rows:
        click.echo(f"No failures in {wish.period.words}.")
    else:
        _head(wish, None, "")
        show_table(rows, [*keys, *FAILURE_VIEW])


def show_attempts(view: View, wish: Wish) -> None:
    """List attempts one by one, oldest first, or the dearest ones."""
    found: Iterable[Booking] = view.attempts(wish.query) if wish.top is None else view.dearest(wish.query, wish.top)
    if wish.form == "json":
        data = {**head_data(wish.query, wish.period, view.damages), "total": sum_data((), view.total(wish.query))}
        _show_long_json(data, "attempts", map(attempt_data, found))
    elif wish.form == "csv":
        show_table(map(attempt_row, found), ATTEMPT_FIELDS, as_csv=True)
    else:
        show_table(map(attempt_row, found), ATTEMPT_VIEW)


def _show_long_json(data: dict[str, object], name: str, items: Iterator[dict[str, object]]) -> None:
    """Print an object whose last member is a list, an item a line, without holding the list."""
    start = msgspec.json.encode({**data, name: []}).decode().removesuffix("]}")
    click.echo(start, nl=False)
    for place, item in enumerate(items):
        click.echo((",\n" if place else "\n") + msgspec.json.encode(item).decode(), nl=False)
    click.echo("]}")


def _outlook(view: View, wish: Wish, whole: Sum) -> Outlook | None:
    period = wish.period
    if wish.limit is None and period.end is None:
        return None
    begun = max(period.since, min(view.begun or period.until, period.until))
    return Outlook(Seen(whole.cost, begun, period.until), whole, wish.limit, period.end)


def _head(wish: Wish, outlook: Outlook | None, trend: str) -> None:
    chosen = " and ".join(f"{where.field} {'is not' if where.is_not else 'is'} {where.pattern}" for where in wish.query.where)
    words = wish.period.words
    click.echo(f"{words[0].upper()}{words[1:]}{f', {printable(chosen)}' if chosen else ''}\n")
    if outlook:
        click.echo("\n".join(outlook_lines(outlook)) + "\n")
    if trend:
        click.echo(f"cost  {trend}\n")


def _foot(remarks: Iterable[str]) -> None:
    if lines := list(remarks):
        click.echo("\n" + "\n".join(lines))


def _remarks(whole: Sum, damages: int) -> Iterator[str]:
    if whole.guessed:
        yield f"of which estimated: {format_dollars(whole.guessed)}"
    if whole.unpriced:
        yield f"price unknown (?): {whole.unpriced:,} attempts, not in the sum"
    if whole.retries or whole.fallbacks:
        yield f"asked again: {whole.retries:,} times the same deployment, {whole.fallbacks:,} times another"
    if whole.open:
        yield f"open reservations: {whole.open:,}, holding {format_dollars(whole.held)}"
    if damages:
        yield f"damaged places in journals: {damages:,}; what stood there is not counted (the log names file and offset)"


def _amounts(found: Sequence[Sum]) -> list[int]:
    """Return what bars show: costs, or where nothing costs anything the attempts."""
    costs = [one.cost for one in found]
    return costs if any(costs) else [one.attempts for one in found]


def _with_bars(rows: Sequence[Row], found: Sequence[Sum]) -> list[Row]:
    amounts = _amounts(found)
    largest = max(amounts, default=0)
    return [{**row, "bar": bar(amount, largest, BAR)} for row, amount in zip(rows, amounts, strict=True)]


def _trend(by: Sequence[str], found: Sequence[Sum]) -> str:
    """Return a line of costs over time, hours and days without any among them; "" where it would show nothing."""
    if len(by) != 1 or by[0] not in TIMES or len(found) < 3:
        return ""
    step = timedelta(hours=1) if by[0] == "hour" else timedelta(days=1)
    known: dict[datetime, Any] = {_moment(one.names[0]): one.cost for one in found}
    first, last = min(known), max(known)
    length = (last - first) // step + 1
    if length > LONGEST_LINE or not any(known.values()):
        return ""
    return sparkline([known.get(first + place * step, 0) for place in range(length)])


def _moment(name: str) -> datetime:
    return (
        datetime.fromisoformat(name).astimezone(UTC) if name.endswith("Z") else datetime.fromisoformat(name).replace(tzinfo=UTC)
    )
