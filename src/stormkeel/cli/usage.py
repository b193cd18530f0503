"""`stormkeel usage`: what was asked, what came of it and what it cost, from the ledger on this machine.

Never writes, never needs a gateway to run, and never counts an unknown price as nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from ..config.paths import data_folder
from ..errors import SettingsError
from ..ledger.booking import Booking
from ..ledger.reports import GROUPINGS, Sum, grouped, request_of, total
from ..runtime.credentials.sources import read_environment
from ..runtime.ledger import Reading, read
from ..types.money import NanoDollars, dollars, format_dollars
from .choice import config_options
from .finite import Finite

HOUR_NS = 3_600_000_000_000

Row = tuple[str, ...]


@click.command("usage")
@click.option("--hours", type=Finite(0, 1_000_000, min_open=True), default=24.0, show_default=True, help="How far to look back.")
@click.option("--by", type=click.Choice(list(GROUPINGS)), default="model", show_default=True, help="What to sum up by.")
@click.option("--attempts", "every", is_flag=True, help="List every attempt instead of sums.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: money in nano-dollars and in dollars as text.")
@config_options
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The data folder [default: the configuration's, $STORMKEEL_DATA, or ~/.local/share/stormkeel].",
)
def command(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    hours: float, by: str, every: bool, as_json: bool, config: Path | None, profile: str, data: Path | None
) -> None:
    """Show requests, tokens and cost of the last hours, while a gateway runs or with none."""
    try:
        folder = data or _usual_folder(config, profile)
        is_unused = data is None and not folder.exists()
        reading = Reading({}, 0) if is_unused else read(folder, time.time_ns() - int(hours * HOUR_NS))
    except SettingsError as fault:
        click.echo(f"error: {fault}", err=True)
        sys.exit(2)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(_as_data(reading, by, hours, every))).decode())
    elif not reading.bookings:
        click.echo(_nothing(folder, hours))
    else:
        click.echo("\n".join(_attempts(reading) if every else _sums(reading, by, hours)))


def _usual_folder(config: Path | None, profile: str) -> Path:
    """Return the data folder that a gateway started here would use.

    Only the place of the ledger is read of the configuration: the providers' keys may be known to the gateway alone.

    Raises:
        SettingsError: the configuration can't be read, or keeps no ledger.
    """
    from ..assemble import MEMORY
    from ..assemble.reading import read_place
    from ..config.loaded import Choice

    environ = read_environment()
    place = read_place(config, environ, Choice(profile))
    if place.data == MEMORY:
        raise SettingsError(f'{place.origin} says data = "{MEMORY}", so nothing is kept; name a folder with --data')
    return Path(place.data) if place.data else data_folder(environ, place.profile)


def _nothing(folder: Path, hours: float) -> str:
    return (
        f'No attempts in the last {hours:g} hours in the ledger of "{folder}".\n'
        "A gateway or client that uses this data folder fills it: see `stormkeel serve --help`, or set STORMKEEL_DATA."
    )


def _sums(reading: Reading, by: str, hours: float) -> list[str]:
    everything = list(reading.bookings.values())
    whole = total("total", everything)
    head: Row = (by, "requests", "ok", "attempts", "in", "cached", "out", "cost", "p50 s", "p95 s", "p99 s")
    rows = [_sum_row(one) for one in grouped(everything, by)]
    return [f"The last {hours:g} hours", "", *_table([head, *rows, _sum_row(whole)]), "", *_footer(whole, reading.damages)]


def _sum_row(one: Sum) -> Row:
    success = "" if one.success is None else f"{100 * one.success:.1f}%"
    tokens = (f"{one.usage.total_input:,}", f"{one.usage.cache_read:,}", f"{one.usage.total_output:,}")
    latencies = tuple(f"{value:.2f}" for value in one.latencies) if one.latencies else ("", "", "")
    return (one.name, f"{one.requests:,}", success, f"{one.attempts:,}", *tokens, _cost(one), *latencies)


def _cost(one: Sum) -> str:
    """Write a cost; attempts without a known price show as "?", alone or beside the sum of the others."""
    if not one.unpriced:
        return format_dollars(one.cost)
    return "?" if one.unpriced == one.attempts else f"{format_dollars(one.cost)} + ?"


def _footer(whole: Sum, damages: int) -> Iterable[str]:
    if whole.guessed:
        yield f"of which estimated: {format_dollars(whole.guessed)}"
    if whole.unpriced:
        yield f"price unknown (?): {whole.unpriced:,} attempts, not in the sum"
    if whole.open:
        yield f"open reservations: {whole.open:,}, holding {format_dollars(whole.held)}"
    if damages:
        yield f"damaged places in journals: {damages:,}; what stood there is not counted (the log names file and offset)"


def _attempts(reading: Reading) -> list[str]:
    head: Row = ("when (UTC)", "attempt", "route", "deployment", "outcome", "in", "out", "cost", "by", "seconds")
    ordered = sorted(reading.bookings.items(), key=lambda item: (item[1].at, item[0]))
    return _table([head, *(_attempt_row(name, booking) for name, booking in ordered)])


def _attempt_row(name: str, booking: Booking) -> Row:
    when = datetime.fromtimestamp(booking.at // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    route, deployment = (booking.reserved.route, booking.reserved.deployment) if booking.reserved else ("-", "-")
    if booking.settled is None:
        return (when, name, route, deployment, "open", "", "", format_dollars(booking.amount), "held", "")
    end = booking.settled
    tokens = (f"{end.usage.total_input:,}", f"{end.usage.total_output:,}")
    return (
        when,
        name,
        route,
        deployment,
        end.outcome,
        *tokens,
        format_dollars(end.amount),
        end.usage_source,
        f"{end.latency:.2f}",
    )


_LEFT = frozenset({"when (UTC)", "attempt", "route", "deployment", "outcome", "by", *GROUPINGS})


def _table(rows: Sequence[Row]) -> list[str]:
    """Align columns: text to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = [name in _LEFT for name in rows[0]]
    return ["  ".join(_cell(*cell) for cell in zip(row, widths, left, strict=True)).rstrip() for row in rows]


def _cell(text: str, width: int, left: bool) -> str:
    return text.ljust(width) if left else text.rjust(width)


def _as_data(reading: Reading, by: str, hours: float, every: bool) -> dict[str, object]:
    everything = list(reading.bookings.values())
    found: dict[str, object] = {"hours": hours, "damages": reading.damages, "total": _sum_data(total("total", everything))}
    if every:
        found["attempts"] = [_attempt_data(name, booking) for name, booking in reading.bookings.items()]
    else:
        found[f"by_{by}"] = [_sum_data(one) for one in grouped(everything, by)]
    return found


def _sum_data(one: Sum) -> dict[str, object]:
    data: dict[str, object] = msgspec.to_builtins(one)
    latencies = dict(zip(("p50", "p95", "p99"), one.latencies or (None, None, None), strict=True))
    money = {name: _money(getattr(one, name)) for name in ("cost", "guessed", "held")}
    counts = {"input": one.usage.total_input, "cached": one.usage.cache_read, "output": one.usage.total_output}
    return {**data, **money, "success": one.success, "tokens": counts, "latencies": latencies}


def _attempt_data(name: str, booking: Booking) -> dict[str, object]:
    halves = [half for half in (booking.reserved, booking.settled) if half]
    about = {key: value for half in halves for key, value in msgspec.structs.asdict(half).items()}
    return {**about, "at": booking.at, "attempt": name, "request": request_of(booking), "amount": _money(booking.amount)}


def _money(amount: NanoDollars | None) -> dict[str, object] | None:
    return None if amount is None else {"nano_dollars": amount, "dollars": f"{dollars(amount):f}"}
