"""`make storm`: python -m bench.storm. Exit code 0 where every scenario holds, 1 where one does not, 2 for a mistake."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import click

from .ask import Manner
from .door import DoorError, own, standing
from .play import Way, play, runs
from .report import as_data, lines, listed, progress
from .scenario import PLAIN, Scenario
from .table import table

JOBS = 8


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="Only the scenario of this name or number; may be repeated.")
@click.option("--list", "as_list", is_flag=True, help="List the scenarios with their bounds and reasons.")
@click.option("--json", "as_json", is_flag=True, help="Print everything that was seen, as JSON.")
@click.option("--jobs", default=JOBS, show_default=True, type=click.IntRange(1), help="Runs at once, a gateway for each.")
@click.option("--gateway", metavar="URL", help="Another gateway's OpenAI base URL (docs/storm.md): one run after the other.")
@click.option("--primary-port", default=0, type=click.IntRange(0, 65535), help="The primary provider's port, for --gateway.")
@click.option("--fallback-port", default=0, type=click.IntRange(0, 65535), help="The fallback provider's port, for --gateway.")
@click.option("--pause", default=90.0, show_default=True, help="Seconds between two runs before one --gateway.")
@click.option("--model", default=PLAIN, show_default=True, help="What the --gateway calls the route.")
@click.option("--header", "headers", multiple=True, metavar="NAME:VALUE", help="A header the --gateway needs; may be repeated.")
@click.option("--body", default="{}", metavar="JSON", help="Fields the --gateway needs in each body.")
def main(  # one parameter an option: click's way
    *,
    only: tuple[str, ...],
    as_list: bool,
    as_json: bool,
    jobs: int,
    gateway: str | None,
    primary_port: int,
    fallback_port: int,
    pause: float,
    model: str,
    headers: tuple[str, ...],
    body: str,
) -> None:
    """Sixteen troubles of a provider, and what a client of the gateway sees of them."""
    chosen = _chosen(only, everything=not gateway)
    if as_list:
        print("\n".join(listed(chosen)))
        return
    if gateway and not (primary_port and fallback_port):
        raise click.UsageError("--gateway needs --primary-port and --fallback-port: those that it has been told to ask")
    way = Way(own, jobs)
    if gateway:
        manner = Manner(model, dict(map(_header, headers)), _body(body))
        way = Way(lambda primary, fallback: standing(gateway), 1, (primary_port, fallback_port), pause, manner)
    todo, began = runs(chosen), time.monotonic()
    with progress(len(todo), quiet=False) as told:
        try:
            judged = asyncio.run(play(todo, way, told))
        except* (DoorError, OSError, TimeoutError) as faults:
            raise click.ClickException(str(faults.exceptions[0]) or type(faults.exceptions[0]).__name__) from None
    seconds = time.monotonic() - began
    print(json.dumps(as_data(judged, seconds)) if as_json else "\n".join(lines(judged, seconds)))
    sys.exit(not all(one.ok for one in judged))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise click.UsageError(f'"{name}" is no header: write NAME:VALUE')
    return name.strip(), value.strip()


def _body(text: str) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError):
        raise click.UsageError("--body takes a JSON object") from None


def _chosen(only: tuple[str, ...], *, everything: bool) -> list[Scenario]:
    known = sorted(table(), key=lambda one: one.number)
    unknown = [name for name in only if not any(name in {one.name, str(one.number)} for one in known)]
    if unknown:
        raise click.UsageError(f'there is no scenario "{unknown[0]}"; --list shows them')
    if not only:
        return [one for one in known if everything or not one.mode]
    return [one for one in known if one.name in only or (str(one.number) in only and (everything or not one.mode))]


if __name__ == "__main__":
    main()
