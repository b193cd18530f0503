"""`stormkeel serve`: run the gateway."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .choice import chosen, config_options


@click.command("serve", short_help="run the gateway")
@config_options
@click.option("--host", help="Where to listen; beyond this machine only with keys.")
@click.option("--port", type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option("--data", help='The ledger\'s folder; "memory" keeps nothing.')
@click.option("--json", "as_json", is_flag=True, help="Print the ready line as JSON.")
def command(config: Path | None, profile: str, host: str | None, port: int | None, data: str | None, as_json: bool) -> None:
    """Run the gateway until it is told to stop (SIGTERM or Ctrl-C; requests under way are finished, twice means now).

    Without a configuration it serves the providers whose credentials the environment or .env holds. Point a client at it with
    OPENAI_BASE_URL=http://127.0.0.1:8787/openai/v1, ANTHROPIC_BASE_URL=http://127.0.0.1:8787/anthropic or
    GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:8787/gemini.
    """
    from ..assemble import Origin, checked_draft
    from ..errors import SettingsError
    from ..gateway.run import serve

    draft = checked_draft(Origin(config, chosen(profile, {"host": host, "port": port, "data": data})))
    settings = draft.settings
    scheme = "https" if settings.server.tls_cert else "http"

    def ready(host: str, port: int) -> None:
        shown = f"[{host}]" if ":" in host else host
        url = f"{scheme}://{shown}:{port}"
        if as_json:
            told = {"ready": True, "url": url, "routes": list(settings.routes), "providers": list(settings.providers)}
            click.echo(json.dumps({**told, "profile": settings.profile}))
        else:
            known = f'profile "{settings.profile}"; ' if settings.profile else ""
            click.echo(f"gateway ready at {url} ({known}providers: {', '.join(settings.providers)})")

    try:
        serve(draft, None, ready)
    except OSError as error:
        raise SettingsError(str(error.args[-1] if error.args else error)) from None
