"""`stormkeel sandbox`: a provider that misbehaves on command, as a process of its own.

Never makes an answer or a fault itself; it fills in the settings, starts the server and says where it is.
"""

from __future__ import annotations

import json
import os

import click

from stormkeel.sandbox import Sandbox, SandboxSettings, Storm, read_storm, run

from .finite import Finite


def _storm(context: click.Context, parameter: click.Parameter, value: str | None) -> Storm | None:
    del context, parameter
    try:
        return None if value is None else read_storm(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def _names(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    del context, parameter
    return tuple(name.strip() for name in value.split(",") if name.strip())


def _ready_line(sandbox: Sandbox, as_json: bool) -> str:
    if not as_json:
        return f"sandbox ready at {sandbox.url}"
    where = {"host": sandbox.host, "port": sandbox.port, "url": sandbox.url}
    bases = {"openai_base_url": f"{sandbox.url}/v1", "anthropic_base_url": sandbox.url, "gemini_base_url": sandbox.url}
    return json.dumps({"status": "ready", **where, **bases})


@click.command("sandbox", short_help="Run a provider that misbehaves on command.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 lets the system choose.")
@click.option("--seed", default=0, show_default=True, type=int, help="Answers, ids and storms follow from it.")
@click.option("--pace", default=0.0, show_default=True, type=Finite(0), help="Milliseconds between stream events.")
@click.option("--models", default="", callback=_names, help="The only models to serve, by commas; any name if left out.")
@click.option("--storm", default=None, callback=_storm, help="Faults by schedule, e.g. share=0.4,faults=reset|rate_limit.")
@click.option("--json", "as_json", is_flag=True, help="Tell where it listens as one JSON object.")
def command(  # noqa: PLR0913 (one parameter an option: click's way)
    *, host: str, port: int, seed: int, pace: float, models: tuple[str, ...], storm: Storm | None, as_json: bool
) -> None:
    """Run a server that speaks OpenAI, Anthropic and Gemini, fails when told to, and keeps a bill.

    OpenAI clients take http://HOST:PORT/v1 as base URL (OPENAI_BASE_URL), Anthropic and Gemini clients http://HOST:PORT
    (ANTHROPIC_BASE_URL, GOOGLE_GEMINI_BASE_URL). Any key that starts with "sk-" is accepted.
    """
    settings = SandboxSettings(host=host, port=port, seed=seed, pace_s=pace / 1000, models=models, storm=storm)

    def ready(sandbox: Sandbox) -> None:
        click.echo(_ready_line(sandbox, as_json))  # echo flushes

    try:
        run(settings, ready)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        raise click.ClickException(f'cannot listen on "{host}:{port}": {why}. Choose another --port.') from error
