"""`stormkeel check`: what a configuration would run, and everything that is wrong or doubtful with it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .choice import PROFILE_HELP

if TYPE_CHECKING:
    from ..assemble.checking import Report
    from ..config.origins import Fault


@click.command("check", short_help="what a configuration would run, and what is wrong with it")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--profile", default="", help=PROFILE_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(file: Path | None, profile: str, as_json: bool) -> None:
    """Check a configuration without starting anything or asking anybody.

    Shows each mistake with file, line, column and mend; where there is none, warnings and what would run. FILE is the usual one
    where it is left out.

    Exit code 0 where it would start as far as the file goes, 1 where it has a mistake; warnings change nothing.
    """
    from ..assemble.checking import check
    from ..config.loaded import Choice
    from ..runtime.credentials.sources import read_environment
    from .show import show_json

    report = check(file, read_environment(), Choice(profile))
    if as_json:
        show_json(_data(report))
    else:
        click.echo("\n".join(_lines(report)))
    if report.loaded.faults:
        sys.exit(1)


def _data(report: Report) -> dict[str, object]:
    from ..assemble.checking import summary

    faults = report.loaded.faults
    return {
        "ok": not faults,
        "files": report.loaded.files,
        "mistakes": _places(faults),
        "more": report.loaded.more,
        "warnings": _places(report.warnings),
        "runs": None if faults else summary(report),
    }


def _places(faults: Iterable[Fault]) -> list[dict[str, object]]:
    return [
        {
            "kind": fault.origin.kind, "name": fault.origin.name, "line": fault.origin.line or None,
            "column": fault.origin.column or None, "text": fault.text,
        }
        for fault in faults
    ]  # fmt: skip


def _lines(report: Report) -> Iterator[str]:
    from .show import printable

    loaded = report.loaded
    yield from (printable(str(fault)) for fault in loaded.faults)
    if loaded.faults:
        found = len(loaded.faults) + loaded.more
        yield f"\n{found} mistake{'s' * (found > 1)}" + (f", the first {len(loaded.faults)} shown" if loaded.more else "")
        return
    yield from (printable(f"warning: {fault}") for fault in report.warnings)
    yield from [""] * bool(report.warnings)
    yield from _runs(report)


def _runs(report: Report) -> Iterator[str]:
    """What would run, one thing a paragraph."""
    from ..assemble.checking import summary
    from .show import aligned, count, printable, text

    runs: dict[str, Any] = summary(report)
    files = ", ".join(report.loaded.files) or "no file: the environment alone"
    profile = f' (profile "{runs["profile"]}")' if runs["profile"] else ""
    yield printable(f"{files}{profile}: no mistakes")
    providers = [{**one, "credentials": _words(one["credentials"]) or "none"} for one in runs["providers"]]
    yield from ("", *aligned(providers, [text("provider"), text("address"), text("credentials")]))
    if runs["routes"]:
        routes = [{**one, "groups": " > ".join(" | ".join(group) for group in one["groups"])} for one in runs["routes"]]
        for one in routes:
            one["strategy"] += "" if one["sticky"] == "off" else f", sticky by {one['sticky']}"
        columns = [text("route"), text("strategy"), text("groups", "targets (> when those before are down)")]
        yield from ("", *aligned(routes, columns))
    if runs["limits"]:
        columns = [
            text("quota"), text("model"), text("pool", "shared in"), text("limit"), count("amount"), text("source", "said in"),
        ]  # fmt: skip
        yield from ("", *aligned(runs["limits"], columns))
    facts = [
        {"what": "server", "value": runs["server"]},
        {"what": "keys", "value": ", ".join(runs["keys"]) or "none: this machine only"},
        {"what": "ledger", "value": runs["ledger"]},
        *([{"what": "alerts", "value": runs["alerts"]}] if runs["alerts"] else []),
        {"what": "default model", "value": runs["default_model"] or "none"},
        *({"what": one["setting"], "value": f"{one['value']} (usual: {one['usual']})"} for one in runs["policies"]),
    ]
    yield from ("", *(line for line in aligned(facts, [text("what"), text("value")])[1:]))


def _words(references: dict[str, str]) -> str:
    return ", ".join(f"{label} ({reference})" for label, reference in references.items())
