"""What the options of a command say about the configuration: its profile, and single settings that win over all others.

Never reads a configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..config.loaded import Choice

Function = TypeVar("Function", bound=Callable[..., Any])
PROFILE_HELP = "The profile of the configuration [default: $STORMKEEL_PROFILE, or what the file says]."
PATHS = {"host": ("server", "host"), "port": ("server", "port"), "data": ("ledger", "data")}
"""The setting that each option gives."""


def config_options(command: Function) -> Function:
    """Give a command `--config` and `--profile`."""
    named = click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The configuration [default: $STORMKEEL_CONFIG, or ./stormkeel.toml, .yaml, .json].",
    )
    return named(click.option("--profile", default="", help=PROFILE_HELP)(command))


def chosen(profile: str, options: Mapping[str, object]) -> Choice:
    """Return the choice that options make, by their names; those that are None say nothing."""
    from ..config.loaded import Choice

    return Choice(profile, {f"--{name}": (PATHS[name], value) for name, value in options.items() if value is not None})
