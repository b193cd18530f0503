"""`stormkeel key`: make a key for a caller of the gateway."""

from __future__ import annotations

import os

import click


@click.command("key", short_help="make a key for a caller of the gateway")
@click.argument("name")
def command(name: str) -> None:
    """Make a key for the caller NAME. It is shown once; the configuration keeps its hash."""
    from ..config.keys import RANDOM_BYTES, keep, make

    secret = None
    while secret is None:
        secret = make(os.urandom(RANDOM_BYTES))
    kept = keep(name, secret)
    click.echo(f"the key of {name}, shown this once:\n\n  {secret.reveal()}\n", err=True)
    click.echo("put this into stormkeel.toml:\n", err=True)
    click.echo(f'[[keys]]\nname = "{kept.name}"\nid = "{kept.id}"\nhash = "{kept.hash}"')
