"""The table: what every cell came to, as docs/conformance.md, on a terminal, or as JSON. `make conformance` runs this.

Never edits a result: a section of the page is the verdicts of a run, and a test holds it against another run.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click
import msgspec
import uvloop
import vectors
from cases import CASES
from judge import DIFFERS, RED, TELLS, WORKS, Verdict
from matrix import CLIENTS, UPSTREAMS, WAYS, Cell, cells, run

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"
SDKS = ("openai", "anthropic", "google-genai")
HEAD = """# Conformance

Each official SDK, unmodified, against a provider of each dialect, through the gateway over real sockets. The finished object is compared
with what [the sandbox](sandbox.md) was told to answer, and the bytes that the provider got with what was asked: text, calls and their
arguments, ids, the reason of the end in the dialect's own words, usage in its own counting against the sandbox's bill, thoughts, refusals.
The sandbox is as strict as the provider it stands for and shares no code with the gateway's dialects.

This page is written by a run, and a test compares it with another one. `make conformance` runs it again and prints it
(`ARGS=--json` for one JSON object, `ARGS=--write` to write this page). It was written with {versions}.

A row is a case, a column the provider that answers. Each cell stands for four runs: whole and by the SDK's stream helper, with its async
and its blocking client; they agree unless the cell says otherwise.

| a cell | means |
|---|---|
| yes | as scripted, nothing lost |
| yes: `field` | as scripted; what is named was left out or changed, and `x-stormkeel-lossy` says so |
| differs (1) | what can't be told here, for the reason below the table; all else is as scripted |

"given back to its model" is a second turn with a tool's result, and the history as the SDK keeps it: what proves the thoughts
(`signature`, `encrypted_content`, `thoughtSignature`) must reach the model that made them. "begun with another model" is the same with
a history made by each of the other providers, and by another model of the same one: the provider must take it, and see nobody else's proofs.
"""


def section(client: str, verdicts: Sequence[Verdict]) -> str:
    """Return a client's part of the page."""
    found = {
        (one.cell.case, one.cell.upstream, one.cell.way, one.cell.sync): one for one in verdicts if one.cell.client == client
    }
    reasons: dict[str, int] = {}
    lines = [
        f"## {CLIENTS[client].TITLE}", "", f"The `{CLIENTS[client].SDK}` package.", "",
        f"| asked for | {' | '.join(CLIENTS[name].TITLE for name in UPSTREAMS)} |", f"|---|{'---|' * len(UPSTREAMS)}",
    ]  # fmt: skip
    for name, case in CASES.items():
        row = []
        for upstream in UPSTREAMS:
            told = {way: shown(found[name, upstream, way, False], reasons) for way in WAYS}
            row.append(told["plain"] if len(set(told.values())) == 1 else ", ".join(f"{way}: {one}" for way, one in told.items()))
        lines.append(f"| {case.title} | {' | '.join(row)} |")
    lines += ["", *(f"{number}. {reason[0].upper()}{reason[1:]}." for reason, number in reasons.items())]
    return "\n".join(lines).rstrip() + "\n"


def shown(verdict: Verdict, reasons: dict[str, int]) -> str:
    """Return a cell's text; a new reason gets the next number."""
    if verdict.state == RED:
        return "**RED**"
    told = ", ".join(f"`{name}`" for name in dict.fromkeys(re.sub(r"\[\d+\]", "[]", name) for name in verdict.lost))
    if verdict.state == DIFFERS:
        number = reasons.setdefault(verdict.why, len(reasons) + 1)
        return f"differs ({number})" + (f": {told}" if told else "")
    return f"yes: {told}" if verdict.state == TELLS else "yes"


def page(verdicts: Sequence[Verdict], embedded: Sequence[Verdict]) -> str:
    """Return the whole page: the verdicts of answers, and those of vectors."""
    versions = ", ".join(f"{name} {version(name)}" for name in SDKS)
    return "\n".join([HEAD.format(versions=versions), *(section(client, verdicts) for client in CLIENTS), vectors_of(embedded)])


def vectors_of(embedded: Sequence[Verdict]) -> str:
    """Return the embeddings' part of the page."""
    return vectors.section(list(embedded), lambda verdict: shown(verdict, {}))


def sections(text: str) -> dict[str, str]:
    """Return the parts of a page by their titles."""
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return {part.partition("\n")[0].removeprefix("## "): part.rstrip() + "\n" for part in parts[1:]}


def every_cell() -> list[Cell]:
    """Return all there is, of async and of blocking clients."""
    return [cell for client in CLIENTS for sync in (False, True) for cell in cells(client, sync=sync)]


def _run(asked: list[Cell]) -> tuple[list[Verdict], list[Verdict]]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        task = progress.add_task("asking", total=len(asked) + len(vectors.cells()))
        found = runner.run(run(Path(folder), asked, lambda _: progress.advance(task)))
        return found, runner.run(vectors.run(Path(folder), lambda _: progress.advance(task)))


def _print(text: str) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for title, part in sections(text).items():
        rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
        table = Table(*rows[0], title=title, title_justify="left")
        for row in rows[1:]:
            table.add_row(*row)
        console.print(table)
        console.print("\n".join(line for line in part.splitlines() if re.match(r"\d+\. ", line)), highlight=False)


def _json(verdicts: Sequence[Verdict]) -> str:
    rows = [{**msgspec.to_builtins(one.cell), "state": one.state, "lost": one.lost, "why": one.why} for one in verdicts]
    told = {"versions": {name: version(name) for name in SDKS}, "counts": Counter(one.state for one in verdicts), "cells": rows}
    return msgspec.json.encode(told).decode()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--write", is_flag=True, help="Write docs/conformance.md.")
def main(as_json: bool, write: bool) -> None:
    """Run every cell, and print the table; the exit code is 1 where a cell is red."""
    answers, embedded = _run(every_cell())
    text, verdicts = page(answers, embedded), [*answers, *embedded]
    if write:
        PAGE.write_text(text, encoding="utf-8")
    if as_json:
        click.echo(_json(verdicts))
    else:
        _print(text)
    counts = Counter(one.state for one in verdicts)
    told = ", ".join(f"{counts[state]} {state}" for state in (WORKS, TELLS, DIFFERS, RED))
    click.echo(f"{len(verdicts)} runs: {told}", err=True)
    for one in verdicts:
        if one.state == RED:
            click.echo(f"red: {one.cell}: {one.why}", err=True)
    sys.exit(1 if counts[RED] else 0)


if __name__ == "__main__":
    main()
