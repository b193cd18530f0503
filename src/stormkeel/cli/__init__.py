"""The command line: one file a command, imported only when it is called."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from .._version import __version__

COMMANDS = {
    "init": "write a first configuration from what is found here",
    "check": "what a configuration would run, and what is wrong with it",
    "doctor": "look at everything a gateway needs, and say what to do",
    "config": "show, compare and describe configurations",
    "serve": "run the gateway",
    "ask": "ask a model one question",
    "models": "what can be asked for, with windows and prices",
    "usage": "what was used and what it cost",
    "explain": "what would happen to a request, without sending it",
    "fleet": "how every deployment of a running gateway stands",
    "alerts": "try out whom alerts are told to",
    "key": "make a key for a caller of the gateway",
    "sandbox": "run a provider that misbehaves on command",
    "demo": "watch Stormkeel go through a storm",
    "simulate": "hours of traffic in seconds, with every invariant checked",
    "completion": "make your shell complete commands and options",
}


class Lazy(click.Group):
    """A group that imports a command's file when the command is called or its help is shown."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command, or None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f".{cmd_name}", __name__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", prog_name="stormkeel")
def cli() -> None:
    """Call many LLM providers through one gateway that stays upright when they don't."""


def main() -> None:
    """Run the command line; a user's mistake is one clear message and exit code 2, never a traceback."""
    from ..errors import SettingsError, StormkeelError

    try:
        cli()
    except SettingsError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    except StormkeelError as error:
        click.echo(f"error: {type(error).__name__}: {error}", err=True)
        sys.exit(1)
    except OSError as error:  # a full disk behind standard output, and the like; a reader that left is click's to see
        click.echo(f"error: {error.strerror or error}", err=True)
        sys.exit(1)
