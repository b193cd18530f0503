"""`stormkeel simulate`: hours of traffic in seconds, in virtual time, with every invariant checked.

Never asks anybody and never reads a configuration: all of it is drawn by seeds.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import click

from .show import show_json

if TYPE_CHECKING:
    from ..simulate.outcome import Outcome

SEEDS, HOURS = 20, 1.0


@click.command("simulate", short_help="hours of traffic in seconds, with every invariant checked")
@click.option("--seeds", type=click.IntRange(1, 1_000_000), default=SEEDS, show_default=True, help="How many, from 1 on.")
@click.option("--seed", type=click.IntRange(0), help="Play this one alone, and print what happened in it.")
@click.option(
    "--hours", type=click.FloatRange(0.01, 24.0), default=HOURS, show_default=True, help="Virtual hours of traffic for each seed."
)
@click.option("--processes", type=click.IntRange(1, 256), help="How many at a time; as many as there are cores unless told.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
def command(seeds: int, seed: int | None, hours: float, processes: int | None, as_json: bool) -> None:
    """Put the engine, in virtual time, among providers that fail by a schedule and callers that behave badly, all of it drawn by
    a seed, and check each invariant by what the transport saw and callers got. Exit code 0 only if all of them hold.
    """
    from ..simulate.report import as_data, as_text

    outcome = _one(seed, hours, as_json) if seed is not None else _many(seeds, hours, processes or os.cpu_count() or 1)
    if as_json:
        show_json(as_data(outcome))
    else:
        click.echo(as_text(outcome, f"stormkeel simulate --seed {{}} --hours {hours:g}"))
    sys.exit(0 if outcome.ok else 1)


def _one(seed: int, hours: float, as_json: bool) -> Outcome:
    from ..simulate.report import as_trace
    from ..simulate.run import replay

    played = replay(seed, hours)
    if not as_json:
        click.echo(as_trace(played) + "\n")
    return played.outcome


def _many(seeds: int, hours: float, processes: int) -> Outcome:
    from ..simulate.outcome import Outcome
    from ..simulate.run import play_many

    total = Outcome()
    with ExitStack() as held:
        advance = held.enter_context(_bar(seeds, hours)) if sys.stderr.isatty() else None
        for outcome in play_many(range(1, seeds + 1), hours, min(processes, seeds)):
            total = total.plus(outcome)
            if advance is not None:
                advance(total)
    return total


@contextmanager
def _bar(seeds: int, hours: float) -> Iterator[Callable[[Outcome], None]]:
    """Draw how far it is, and how many violations there are, on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as drawn:
        row = drawn.add_task(f"seeds of {hours:g} virtual hours", total=seeds)
        yield lambda total: drawn.update(row, completed=total.seeds, description=_described(hours, total))


def _described(hours: float, total: Outcome) -> str:
    return f"seeds of {hours:g} virtual hours, {sum(total.broken.values())} violations"
