"""`stormkeel alerts`: try out whom a gateway tells of what somebody should look at."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .choice import PROFILE_HELP


@click.group("alerts", short_help="try out whom alerts are told to")
def command() -> None:
    """Alerts of refused credentials, empty accounts, missing models and breakers that stay open."""


@command.command("test", short_help="send one alert")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--profile", default="", help=PROFILE_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test(file: Path | None, profile: str, as_json: bool) -> None:
    """Send one alert to the webhook of [alerts], as a gateway with this configuration would.

    FILE is the usual one where it is left out.

    Exit code 0 where it was taken, 1 where not.
    """
    import asyncio

    from ..assemble.alerting import send_test
    from ..config.loaded import Choice
    from .show import show_json

    told = asyncio.run(send_test(file, Choice(profile)))
    if as_json:
        show_json({"ok": not told.why, "url": told.ref, "format": told.form, "error": told.why or None})
    elif told.why:
        click.echo(f"not told: {told.why}", err=True)
    else:
        click.echo(f"told: {told.ref} ({told.form}) took the alert")
    if told.why:
        sys.exit(1)
