"""`stormkeel config`: what is configured and where each setting comes from, the schema, and what two configurations differ in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .choice import PROFILE_HELP, config_options
from .show import Row, show_json, show_table, table_options, text

if TYPE_CHECKING:
    from ..config.loaded import Loaded

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("config", short_help="show, compare and describe configurations")
def command() -> None:
    """Look at configurations; nothing is started and nobody asked, and no secret is read."""


@command.command("show")
@config_options
@click.option("--origin", is_flag=True, help="Say where each setting comes from.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a configuration, or with --origin a list of settings.")
@click.option("--toml", "as_toml", is_flag=True, help="Print TOML: one file that says the same, without profiles and variables.")
def show(config: Path | None, profile: str, origin: bool, as_json: bool, as_toml: bool) -> None:
    """Show every setting that counts, defaults among them: argument > environment > file > default."""
    from ..config.tree import toml_of, tree_of

    if as_toml and (as_json or origin):
        raise click.UsageError("--toml can be joined with neither --json nor --origin: ask for one of them")
    loaded = _load(config, profile)
    if as_toml:
        click.echo(toml_of(tree_of(loaded.checked())), nl=False)
    elif as_json and not origin:
        show_json(tree_of(loaded.checked()))
    else:
        columns = [text("setting"), text("value")] + [text("origin")] * origin
        show_table(_rows(loaded), columns, as_json=as_json)


def _rows(loaded: Loaded) -> Iterator[Row]:
    from ..config.flat import dotted, leaves_of
    from ..config.origins import DEFAULT
    from ..config.tree import toml_value

    for path, value in leaves_of(loaded.checked()):
        own = loaded.origins.get(path, DEFAULT)
        inside = (one for at, one in loaded.origins.items() if at[: len(path)] == path and one.kind != own.kind)
        origin = ", ".join(map(str, dict.fromkeys([own, *inside])))
        yield {"setting": dotted(path), "value": toml_value(value), "origin": origin}


@command.command("schema")
def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of a configuration file, for editors to complete and check by."""
    from ..config.schema import schema as whole

    show_json(whole())


@command.command("diff")
@click.argument("a", required=False, type=FILE)
@click.argument("b", required=False, type=FILE)
@click.option("--profile", default="", help=PROFILE_HELP)
@click.option("--against", default="", help="The profile to compare with, of the second file or the same one.")
@table_options
def diff(a: Path | None, b: Path | None, profile: str, against: str, as_json: bool, as_csv: bool) -> None:
    """Compare two files A and B, or two profiles of one: what is added, removed and changed, each with its places.

    A alone, or none (the usual file), is compared with itself under the profile --against. Exit code 0 where nothing differs,
    else 1.
    """
    if b is None and not against:
        raise click.UsageError("there is nothing to compare with: name a second file, or a profile with --against")
    rows = list(_differences(_load(a, profile), _load(b or a, against or profile)))
    columns = [text("change"), text("setting"), text("before"), text("after"), text("from"), text("to")]
    if rows or as_json or as_csv:
        show_table(rows, columns, as_json=as_json, as_csv=as_csv)
    else:
        click.echo("no differences")
    if rows:
        sys.exit(1)


def _differences(one: Loaded, other: Loaded) -> Iterator[Row]:
    before, after = ({row["setting"]: row for row in _rows(loaded)} for loaded in (one, other))
    for setting in dict.fromkeys([*before, *after]):
        first, second = before.get(setting), after.get(setting)
        if first and second and first["value"] == second["value"]:
            continue
        change = "changed" if first and second else "removed" if first else "added"
        told = {"change": change, "setting": setting}
        old = {"before": first["value"], "from": first["origin"]} if first else {}
        new = {"after": second["value"], "to": second["origin"]} if second else {}
        yield {**told, **old, **new}


def _load(config: Path | None, profile: str) -> Loaded:
    """Read a configuration.

    Raises:
        SettingsError: it is wrong.
    """
    from ..assemble import read_loaded
    from ..config.loaded import Choice
    from ..runtime.credentials.sources import read_environment

    loaded = read_loaded(config, read_environment(), Choice(profile))
    loaded.checked()
    return loaded
