"""`stormkeel doctor`: look at everything a gateway needs, and say what to do about what is not well."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .choice import config_options
from .show import is_terminal, printable, show_json

if TYPE_CHECKING:
    from ..runtime.checkup.finding import Finding

WIDTH = 4
MARKS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command("doctor", short_help="look at everything a gateway needs, and say what to do")
@config_options
@click.option("--data", help="The data folder; the configuration's where it is left out.")
@click.option("--offline", is_flag=True, help="Ask no provider.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(config: Path | None, profile: str, data: str | None, offline: bool, as_json: bool) -> None:
    """Look at configuration, credentials, clock, limits, disk, ledger, port and providers; each finding says what to do.

    Providers are asked for their list of models, which is free. Takes ten seconds at most.

    Exit code 0 where nothing stops a gateway, 1 where something does; warnings change nothing.
    """
    from ..assemble.examining import patient_of
    from ..runtime.checkup.run import examine
    from ..runtime.credentials.sources import read_environment
    from .choice import chosen

    patient = patient_of(config, read_environment(), chosen(profile, {"data": data}), may_ask=not offline)
    with _telling(as_json) as tell:
        findings = asyncio.run(examine(patient, tell))
    failed = any(finding.state == "fail" for finding in findings)
    if as_json:
        show_json({"ok": not failed, "findings": findings})
    else:
        click.echo(_summary(findings))
    if failed:
        sys.exit(1)


@contextmanager
def _telling(as_json: bool) -> Iterator[Callable[[Finding], None]]:
    """Show findings as they come, and on a terminal that more are on their way."""
    if as_json:
        yield lambda finding: None
    elif is_terminal():
        from rich.console import Console

        console = Console(highlight=False)
        with console.status("looking"):
            yield lambda finding: console.print("\n".join(_lines(finding, in_colour=True)), soft_wrap=True)
    else:
        yield lambda finding: click.echo("\n".join(_lines(finding)))


def _lines(finding: Finding, *, in_colour: bool = False) -> Iterator[str]:
    from rich.markup import escape

    state, subject, found, mend = finding.state.value, *map(printable, (finding.subject, finding.found, finding.mend))
    if in_colour:
        colour = MARKS[state]
        state, subject, found, mend = f"[{colour}]{state:<{WIDTH}}[/{colour}]", *map(escape, (subject, found, mend))
    yield f"{state:<{WIDTH}}  {subject}: {found}"
    if mend:
        yield f"{'':<{WIDTH}}  -> {mend}"


def _summary(findings: list[Finding]) -> str:
    counts = {state: sum(finding.state == state for finding in findings) for state in MARKS}
    return f"\n{counts['ok']} well, {counts['warn']} to look at, {counts['fail']} to mend"
