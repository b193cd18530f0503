"""`stormkeel key`: make a key for a caller of the gateway."""

from __future__ import annotations

import json
import os

import click


@click.command("key", short_help="make a key for a caller of the gateway")
@click.argument("name")
@click.option("--admin", is_flag=True, help="Its owner may look at the gateway's inside (/admin/...).")
def command(name: str, admin: bool) -> None:
    """Make a key for the caller NAME. It is shown once; the configuration keeps its hash."""
    from ..config.keys import RANDOM_BYTES, keep, make

    if not name.strip() or not name.isprintable():
        raise click.BadParameter("a name has at least one character, and no control characters.", param_hint="NAME")
    secret = None
    while secret is None:
        secret = make(os.urandom(RANDOM_BYTES))
    kept = keep(name, secret)
    click.echo(f"the key of {name}, shown this once:\n\n  {secret.reveal()}\n", err=True)
    click.echo("put this into stormkeel.toml:\n", err=True)
    quoted = json.dumps(kept.name, ensure_ascii=False)  # of printable text, a TOML string as well
    click.echo(f'[[keys]]\nname = {quoted}\nid = "{kept.id}"\nhash = "{kept.hash}"' + ("\nadmin = true" if admin else ""))
