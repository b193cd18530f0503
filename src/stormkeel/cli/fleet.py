"""`stormkeel fleet`: how every deployment of a running gateway stands, once or live.

Never asks a provider: it shows what `GET /admin/fleet` says.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import click
import msgspec

from .gateway import HERE, URL, Place, ask, key_option, place_of
from .show import Column, Row, aligned, count, extra, fitting, is_terminal, seconds, share, show_json, text

if TYPE_CHECKING:
    from rich.console import RenderableType

REFRESH = 1.0  # seconds between two looks
PATH = "/admin/fleet"

DEPLOYMENTS: list[Column] = [
    text("deployment"), text("state"), seconds("for_s", "for s"), text("why"), count("in_flight", "in flight"),
    extra(text("left")), extra(text("limits")), extra(text("shared in")), extra(count("waiting")),
    seconds("latency_s", "latency s"), extra(seconds("ttft_s", "first s")), extra(count("attempts")),
    share("success"), text("errors"), extra(text("last")),
]  # fmt: skip
CREDENTIALS: list[Column] = [
    text("credential"), text("state"), text("why"), seconds("next_probe", "probe in s"), count("age_days", "age in days"),
]  # fmt: skip
PROVIDERS: list[Column] = [
    text("provider"), text("state"), share("retries_left", "retries left"), seconds("latency_s", "latency s"),
]  # fmt: skip
PROBES: list[Column] = [
    text("probe"), text("result"), text("why"), seconds("latency_s", "latency s"), seconds("ago_s", "ago s"),
]  # fmt: skip


@click.command("fleet", short_help="how every deployment of a running gateway stands")
@click.option("--url", default=HERE, envvar=URL, show_default=True, help=f"The gateway's address; {URL} as well.")
@key_option
@click.option("--watch/--once", default=None, help="Look again every second; on a terminal it does unless told --once.")
@click.option("--json", "as_json", is_flag=True, help="Print what the gateway says, as JSON.")
def command(url: str, key: str, watch: bool | None, as_json: bool) -> None:
    """Show how every deployment stands: its state and why, limits left, load, latency, errors of the last minutes.

    Ctrl-C ends a live view. A gateway with callers' keys asks for one with `admin = true`.
    """
    place = place_of(url, key)
    first = _look(place)
    if as_json and watch:
        raise click.UsageError("--json and --watch exclude each other: ask again as often as you like")
    if as_json:
        show_json(first)
    elif watch or (watch is None and is_terminal()):
        _follow(place, first)
    else:
        click.echo("\n".join(lines_of(first)))


def _look(place: Place) -> dict[str, Any]:
    said: dict[str, Any] = msgspec.json.decode(ask(place, "GET", PATH))
    return said


def _follow(place: Place, first: dict[str, Any]) -> None:
    try:
        if is_terminal():
            _follow_drawn(place, first)
            return
        said = first
        while True:
            click.echo("\n".join([*lines_of(said), ""]))
            time.sleep(REFRESH)
            said = _look(place)
    except KeyboardInterrupt:
        return


def _follow_drawn(place: Place, first: dict[str, Any]) -> None:
    from rich.live import Live

    with Live(_drawn(place, first, ""), auto_refresh=False, screen=False) as live:
        said = first
        while True:
            live.refresh()
            time.sleep(REFRESH)
            try:
                said = _look(place)
                live.update(_drawn(place, said, ""))
            except click.ClickException as error:  # it may come back
                live.update(_drawn(place, said, error.message))


def _drawn(place: Place, said: dict[str, Any], trouble: str) -> RenderableType:
    from rich.console import Console, Group
    from rich.text import Text

    console = Console()
    tables = [fitting(rows, columns, console) for rows, columns in tables_of(said)]
    shown = [Text(f"\n{one}\n") if isinstance(one, str) else one for one in tables]
    last = [Text(f"as it was: {trouble}", style="bold red")] if trouble else []
    return Group(Text(f"{place.url}  {headline(said)}", style="bold"), *shown, *last)


def lines_of(said: dict[str, Any]) -> list[str]:
    """Return the picture as plain text, a line each."""
    lines = [headline(said)]
    for rows, columns in tables_of(said):
        lines += ["", *aligned(rows, columns)]
    return lines


def headline(said: dict[str, Any]) -> str:
    """Say the whole in one line."""
    fleet, served_by = said["fleet"], f"stormkeel {said['version']}, configuration {said['config']}"
    return f"{fleet['status']}, {fleet['active_requests']} requests under way, {served_by}"


def tables_of(said: dict[str, Any]) -> list[tuple[list[Row], list[Column]]]:
    """Return the tables of a picture; a table without rows is left out, and a column in which nothing stands."""
    fleet = said["fleet"]
    counted = Counter(row["quota"] for row in fleet["deployments"])
    deployments: list[Row] = [_deployment(row, counted[row["quota"]] > 1) for row in fleet["deployments"]]
    credentials: list[Row] = [
        {**row, "credential": f"{row['provider']}#{row['name']}", "age_days": row["age_days"] and round(row["age_days"])}
        for row in fleet["credentials"]
    ]
    providers: list[Row] = [{**row, "provider": row["name"], "state": row["status"]} for row in fleet["providers"]]
    probes: list[Row] = [{**row, "probe": f"{row['provider']}#{row['credential']}".rstrip("#")} for row in said["probes"]]
    tables = ((deployments, DEPLOYMENTS), (providers, PROVIDERS), (credentials, CREDENTIALS), (probes, PROBES))
    return [(rows, [column for column in columns if _says_something(column, rows)]) for rows, columns in tables if rows]


def _says_something(column: Column, rows: list[Row]) -> bool:
    return any(row.get(column.name) not in {None, ""} for row in rows)


def _deployment(row: dict[str, Any], is_shared: bool) -> Row:
    left = {"rpm": row["left"]["requests"], "tpm": row["left"]["tokens"], "at once": row["left"]["places"]}
    last = row["last_error"]
    return {
        **row,
        "deployment": row["name"],
        "left": ", ".join(f"{amount:,} {name}" for name, amount in left.items() if amount is not None),
        "limits": ", ".join(f"{one['left']:,} of {one['amount']:,} {one['name']} ({one['source']})" for one in row["limits"]),
        "shared in": row["quota"] if is_shared and row["limits"] else "",
        "waiting": row["waiting"] or None,
        "errors": ", ".join(f"{kind} {number}" for kind, number in row["errors"].items()),
        "last": f"{last['kind']} {last['ago_s']:.0f} s ago" if last else "",
    }
