"""`stormkeel usage`: what was asked, what came of it and what it cost, from the ledger on this machine.

Never writes, never needs a gateway to run, and never counts an unknown price as nothing.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from ...errors import SettingsError
from ...ledger.query import FILTERS, GROUPINGS, LISTS, NAMES, Query, Where
from ...ledger.reports import SORTS
from ...types.money import NanoDollars
from ..choice import config_options
from ..finite import Finite
from ..show import table_options
from .columns import TIME_VIEW
from .folder import usual_folder
from .outlook import Dollars
from .period import Period, read_period
from .views import Wish, show_attempts, show_failures, show_sums

if TYPE_CHECKING:
    from ...runtime.reports import View

Function = TypeVar("Function", bound=Callable[..., object])
CHOSEN = "stormkeel.usage.where"
OPEN_END = 1 << 62
"""Nanoseconds since the epoch, a century off: a clock that was set back hides nothing."""


def _choose(ctx: click.Context, field: str, pattern: str, is_not: bool = False) -> None:
    ctx.meta.setdefault(CHOSEN, []).append(Where(field, pattern, is_not))


def _read_where(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> None:
    for words in value:
        found = re.fullmatch(r"(\w+)(!?=)(.*)", words, re.DOTALL)
        if found is None or found[1] not in FILTERS:
            raise click.BadParameter(
                f'"{words}" is no condition; expected field=name or field!=name, field one of {", ".join(FILTERS)}.'
            )
        _choose(ctx, found[1], found[3], found[2] == "!=")


def _read_name(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> None:
    for pattern in value:
        _choose(ctx, str(param.name), pattern)


def _filters(command: Function) -> Function:
    """Give the command an option for each name attempts can be chosen by."""
    for name in reversed((*NAMES, *LISTS)):
        words = f'Only this {name}; "*" stands for any text, "-" for none. May be repeated.'
        command = click.option(f"--{name}", multiple=True, expose_value=False, callback=_read_name, help=words)(command)
    where = "Only what matches: field=name or field!=name. Several names of one field are alternatives."
    return click.option("--where", multiple=True, expose_value=False, callback=_read_where, help=where)(command)


@click.command("usage")
@click.option("--hours", type=Finite(0, 1_000_000, min_open=True), help="How far to look back.  [default: 24]")
@click.option("--since", help='From when: a date, a time, "7d", "today", "yesterday", "month". UTC.')
@click.option("--until", help="Up to when, likewise; of a day or a month its end.")
@click.option("--month", is_flag=True, help="From the beginning of this month, as --since month.")
@click.option(
    "--by", type=click.Choice(list(GROUPINGS)), multiple=True, help="What to sum up by; may be repeated.  [default: model]"
)
@_filters
@click.option("--sort", type=click.Choice([*SORTS, "name"]), help="The order, the largest first; latencies by p95.")
@click.option("--top", type=click.IntRange(min=1), help="Only so many, the dearest (or what --sort says).")
@click.option("--latency", "form", flag_value="latency", help="Show times, retries and fallbacks instead of tokens.")
@click.option("--errors", "form", flag_value="errors", help="Show what failed, by kind, and how much of it was answered anyway.")
@click.option("--attempts", "form", flag_value="attempts", help="List every attempt instead of sums.")
@click.option("--limit", type=Dollars(), help="Tell what is left of so many dollars, and when they would be spent. Stops nobody.")
@table_options
@config_options
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The data folder [default: the configuration's, $STORMKEEL_DATA, or ~/.local/share/stormkeel].",
)
@click.pass_context
def command(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    ctx: click.Context,
    hours: float | None,
    since: str | None,
    until: str | None,
    month: bool,
    by: tuple[str, ...],
    sort: str | None,
    top: int | None,
    form: str | None,
    limit: NanoDollars | None,
    as_json: bool,
    as_csv: bool,
    config: Path | None,
    profile: str,
    data: Path | None,
) -> None:
    """Show requests, tokens and cost of the last hours, while a gateway runs or with none."""
    _refuse_nonsense(month and since is not None, as_json and as_csv, form in {"errors", "attempts"} and sort is not None)
    period = read_period(hours, "month" if month else since, until, time.time_ns())
    groups = tuple(dict.fromkeys(by)) or (() if form == "errors" else ("model",))
    query = Query(period.since, OPEN_END if until is None else period.until, groups, tuple(ctx.meta.get(CHOSEN, ())))
    wish = Wish(query, period, "csv" if as_csv else "json" if as_json else "text", sort, top, limit)
    try:
        folder = data or usual_folder(config, profile)
        _report(folder, wish, form, may_miss=data is None)
    except SettingsError as fault:
        click.echo(f"error: {fault}", err=True)
        sys.exit(2)


def _refuse_nonsense(two_beginnings: bool, two_forms: bool, order_of_no_sums: bool) -> None:
    if two_beginnings:
        raise click.UsageError("--month and --since exclude each other: name one beginning")
    if two_forms:
        raise click.UsageError("--json and --csv exclude each other: ask for one of them")
    if order_of_no_sums:
        raise click.UsageError(
            "--sort is for sums; with --errors or --attempts, --top alone names the most frequent or the dearest"
        )


def _report(folder: Path, wish: Wish, form: str | None, *, may_miss: bool) -> None:
    """Report on a folder; the usual one may not be there yet."""
    from ...runtime.reports import nothing, open_view

    with nothing() if may_miss and not folder.exists() else open_view(folder) as view:
        if wish.form == "text" and not view.holds(wish.query):
            click.echo(_empty(folder, wish.period, is_chosen=bool(wish.query.where)))
        else:
            _show(view, wish, form)


def _show(view: View, wish: Wish, form: str | None) -> None:
    if form == "attempts":
        show_attempts(view, wish)
    elif form == "errors":
        show_failures(view, wish)
    elif form == "latency":
        show_sums(view, wish, TIME_VIEW)
    else:
        show_sums(view, wish)


def _empty(folder: Path, period: Period, *, is_chosen: bool) -> str:
    if is_chosen:
        return f'No such attempts in {period.words} in the ledger of "{folder}": look without the conditions, or further back.'
    return (
        f'No attempts in {period.words} in the ledger of "{folder}".\n'
        "A gateway or client that uses this data folder fills it: see `stormkeel serve --help`, or set STORMKEEL_DATA."
    )
