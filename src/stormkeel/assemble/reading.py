"""From a file's path or the environment to Settings: the only place where a configuration is read from the disk.

Never judges what it reads: that is `config/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from glob import glob
from pathlib import Path

import msgspec

from ..config.check import complete
from ..config.formats import USUAL
from ..config.load import fault_of_nothing
from ..config.loaded import Choice, Inputs, Loaded, Place, load_all, load_place
from ..config.origins import DEFAULT, Fault
from ..config.settings import Settings
from ..config.source import Source
from ..errors import SettingsError
from ..providers import KINDS

CONFIG = "STORMKEEL_CONFIG"
DATA = "STORMKEEL_DATA"
MEMORY = "memory"


class Disk:
    """The files of this machine."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        return Path(name).read_bytes()

    def find(self, pattern: str) -> list[str]:
        """Return the files that a pattern matches, sorted."""
        return sorted(name for name in glob(pattern) if Path(name).is_file())


def read_settings(config: str | Path | Settings | None, environ: Mapping[str, str], choice: Choice | None = None) -> Settings:
    """Return the settings of a file, of the environment, or as they are given.

    Args:
        config: a file's path, ready settings, or None for the usual file or the environment.
        environ: names and values; a `.env` is already merged in.
        choice: profile and single settings of arguments.

    Raises:
        SettingsError: the file is missing or wrong, or nothing is configured at all.
    """
    if isinstance(config, Settings):
        source = Source("the settings", {})
        settings = complete(source, config, KINDS)
        source.refuse()
    else:
        settings = read_loaded(config, environ, choice).checked()
    fault = fault_of_nothing(settings)
    if fault:
        raise SettingsError(fault)
    return settings


def read_loaded(config: str | Path | None, environ: Mapping[str, str], choice: Choice | None = None) -> Loaded:
    """Read a file or the environment as it is now: settings, where each comes from, the files that count, and all that is wrong.

    Args:
        config: a file's path, None for the usual file or the environment.
        environ: names and values; a `.env` is already merged in.
        choice: profile and single settings of arguments; keep it for reading again.

    Never raises for what is wrong with a configuration: look at `Loaded.faults`, or ask `Loaded.checked()`.
    """
    try:
        name = str(config or usual_file(environ) or "")
    except SettingsError as error:
        return Loaded(Settings(), faults=(Fault(DEFAULT, str(error)),))
    loaded = load_all(name, Disk(), Inputs(environ, KINDS, choice or Choice()))
    fault = None if loaded.faults else fault_of_nothing(loaded.settings)
    return msgspec.structs.replace(loaded, faults=(Fault(DEFAULT, fault),)) if fault else loaded


def read_place(config: str | Path | None, environ: Mapping[str, str], choice: Choice | None = None) -> Place:
    """Read only where the ledger is: what looks at it needs no provider.

    Raises:
        SettingsError: the files or the profile can't be read.
    """
    return load_place(str(config or usual_file(environ) or ""), Disk(), Inputs(environ, KINDS, choice or Choice()))


def usual_file(environ: Mapping[str, str]) -> Path | None:
    """Return the configuration that is read where none is named: `$STORMKEEL_CONFIG`, else the one in the working directory.

    Raises:
        SettingsError: there are two.
    """
    named = environ.get(CONFIG)
    if named:
        return Path(named)
    found = [name for name in USUAL if Path(name).is_file()]
    if len(found) > 1:
        shown = " and ".join(f'"{name}"' for name in found)
        raise SettingsError(f"there are {shown} here; keep one of them, or name one with --config or {CONFIG}")
    return Path(found[0]) if found else None
