"""`stormkeel completion`: the script that makes a shell complete our commands."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command("completion", short_help="make your shell complete commands and options")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the completion script of a shell; have the shell read it at its start.

    \b
    bash   stormkeel completion bash > ~/.local/share/bash-completion/completions/stormkeel
    zsh    stormkeel completion zsh > "${fpath[1]}/_stormkeel"
    fish   stormkeel completion fish > ~/.config/fish/completions/stormkeel.fish
    """
    from click.shell_completion import get_completion_class

    from . import cli

    kind = get_completion_class(shell)
    assert kind is not None, "click knows these three"
    click.echo(kind(cli, {}, "stormkeel", "_STORMKEEL_COMPLETE").source())
