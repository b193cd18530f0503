"""`stormkeel init`: write a first configuration from what is found here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..config.first import Form


@click.command("init", short_help="write a first configuration from what is found here")
@click.option("--format", "form", type=click.Choice(["toml", "yaml", "json"]), default="toml", show_default=True)
@click.option("--force", is_flag=True, help="Replace the file that is there.")
@click.option("--stdout", is_flag=True, help="Print it instead of writing a file.")
def command(form: Form, force: bool, stdout: bool) -> None:
    """Write ./stormkeel.toml (or .yaml, .json) with the providers whose credentials the environment or .env holds, and the local
    servers that listen on this machine. No secret is written, only where it is. A file that is there is never replaced without
    --force.
    """
    from ..assemble.beginning import is_listening, look
    from ..config.first import first_file
    from ..runtime.credentials.sources import read_environment

    found = look(read_environment(), is_listening)
    groups = [[one.target] for one in found.values() if one.target]
    text = first_file({name: (one.why, one.settings) for name, one in found.items()}, groups, form)
    if stdout:
        click.echo(text, nl=False)
        return
    name = f"stormkeel.{form}"
    _write(name, text, force)
    click.echo(f"wrote {name}: {', '.join(found)}\n\nnext:")
    click.echo("  stormkeel check                 # what it would run, and what is missing")
    if groups:
        click.echo('  stormkeel ask "Say hello."      # one question')
    click.echo("  stormkeel serve                 # the gateway")


def _write(name: str, text: str, force: bool) -> None:
    """Write the file.

    Raises:
        SettingsError: there is one.
    """
    from ..config.formats import USUAL
    from ..errors import SettingsError

    others = [one for one in USUAL if one != name and Path(one).exists()]
    if others:
        raise SettingsError(f'"{others[0]}" is there already, and two would be refused; take it away, or write its format')
    try:
        with open(name, "w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SettingsError(f'"{name}" is there already; see `stormkeel check`, or replace it with --force') from None
    except OSError as error:
        raise SettingsError(f'"{name}" can\'t be written: {error.strerror}; go to a folder of yours, or use --stdout') from None
