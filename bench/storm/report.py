"""The result for people (a table and what is wrong) and for programs (JSON), and the progress while it runs.

Never judges.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from .judge import Judged
from .play import Told
from .scenario import Run, Scenario

HEAD = ("#", "scenario", "SDK retries", "rescued", "longest", "primary", "fallback", "what the client saw", "")


def scenarios(judged: Sequence[Judged]) -> dict[int, bool]:
    """Return for each number whether all of its runs hold."""
    found: dict[int, bool] = {}
    for one in judged:
        number = one.evidence.run.scenario.number
        found[number] = found.get(number, True) and one.ok
    return dict(sorted(found.items()))


def as_data(judged: Sequence[Judged], seconds: float) -> dict[str, Any]:
    """Return everything as JSON values; spans in seconds, amounts in nano-dollars."""
    held = scenarios(judged)
    return {
        "ok": all(held.values()),
        "seconds": seconds,
        "scenarios": len(held),
        "held": sum(held.values()),
        "runs": [_run_data(one) for one in judged],
    }


def _run_data(one: Judged) -> dict[str, Any]:
    scenario, evidence = one.evidence.run.scenario, one.evidence
    return {
        "name": one.evidence.run.name,
        "number": scenario.number,
        "title": scenario.title,
        "sdk_retries": evidence.run.retries,
        "ok": one.ok,
        "requests": len(evidence.seen),
        "rescued": one.rescued,
        "longest": one.longest,
        "primary_attempts": len(evidence.primary),
        "fallback_attempts": len(evidence.fallback),
        "client": client_saw(one),
        "because": scenario.wanted.because,
        "verdicts": [msgspec.to_builtins(verdict) for verdict in one.verdicts if verdict.found],
        "seen": [{**msgspec.to_builtins(seen), "end": end} for seen, end in zip(evidence.seen, one.ends, strict=True)],
        "primary": msgspec.to_builtins(evidence.primary),
        "fallback": msgspec.to_builtins(evidence.fallback),
        "books": msgspec.to_builtins(evidence.books),
    }


def client_saw(one: Judged) -> str:
    """What the client saw, in a few words; of several requests the worst, or else the last."""
    seen, end = max(zip(one.evidence.seen, one.ends, strict=True), key=lambda pair: (bool(pair[0].error), pair[0].number))
    if seen.error:
        after = f" after {len(seen.text)} characters" if seen.text else ""
        return f"{seen.error}{f' {seen.status}' if seen.status else ''}{after}"
    return f"{end}, {seen.model or 'no model'}"


def lines(judged: Sequence[Judged], seconds: float) -> Iterator[str]:
    """Yield the table, what does not hold and why it is asked for, and the sum."""
    rows = [HEAD, *map(_row, judged)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
    for one in judged:
        yield from _faults(one)
    held = scenarios(judged)
    yield ""
    yield from _unjudged(judged)
    runs = f"{sum(one.ok for one in judged)} of {len(judged)} runs"
    yield f"{sum(held.values())} of {len(held)} scenarios hold ({runs}), {seconds:.0f} s"


def _unjudged(judged: Sequence[Judged]) -> Iterator[str]:
    names = [
        one.evidence.run.name
        for one in judged
        for verdict in one.verdicts
        if verdict.check == "in time" and verdict.holds is None
    ]
    if names:
        yield f"Not judged by their time, as this machine was too busy: {', '.join(names)}"


def _row(one: Judged) -> tuple[str, ...]:
    run, evidence = one.evidence.run, one.evidence
    return (
        str(run.scenario.number), run.scenario.title, str(run.retries or "off"), f"{one.rescued}/{len(evidence.seen)}",
        f"{one.longest:.2f} s", str(len(evidence.primary)), str(len(evidence.fallback)), client_saw(one), "✓" if one.ok else "✗",
    )  # fmt: skip


def _faults(one: Judged) -> Iterator[str]:
    wrong = [verdict for verdict in one.verdicts if verdict.holds is False]
    if wrong:
        yield ""
        yield f"✗ {one.evidence.run.name}: {one.evidence.run.scenario.wanted.because}"
        yield from (f"    {verdict.check}: {verdict.found}" for verdict in wrong)


def listed(table: Sequence[Scenario]) -> Iterator[str]:
    """Yield the scenarios with their bounds and reasons."""
    for one in table:
        retries = " and ".join(str(count or "off") for count in one.retries)
        yield f"{one.number:>2}  {one.name:<18} {one.title} (SDK retries {retries})"
        yield f"    {' or '.join(one.wanted.ends)} within {one.wanted.within:g} s: {one.wanted.because}"


@contextmanager
def progress(total: int, quiet: bool) -> Iterator[Told]:
    """Show how far the runs are, on a terminal; elsewhere a line a run on standard error."""
    if quiet:
        yield lambda run, judged: None
    elif sys.stderr.isatty():
        yield from _bar(total)
    else:
        yield _say


def _say(run: Run, judged: Judged | None) -> None:
    if judged is not None:
        print(f"{'✓' if judged.ok else '✗'} {run.name}, {judged.longest:.1f} s", file=sys.stderr, flush=True)


def _bar(total: int) -> Iterator[Told]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=total)
        going: list[str] = []

        def told(run: Run, judged: Judged | None) -> None:
            if judged is None:
                going.append(run.name)
            else:
                going.remove(run.name)
                bar.advance(task)
                bar.console.print(f"{'[green]✓' if judged.ok else '[red]✗'}[/] {run.name}, {judged.longest:.1f} s")
            bar.update(task, description=", ".join(going))

        yield told
