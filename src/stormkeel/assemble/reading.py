"""From a file's path or the environment to Settings: the only place where a configuration is read from the disk.

Never judges what it reads: that is `config/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..config.check import complete
from ..config.load import FILE, fault_of_nothing, from_environment
from ..config.load import load as load_settings
from ..config.settings import Settings
from ..config.source import Source
from ..errors import SettingsError
from ..providers import KINDS

CONFIG = "STORMKEEL_CONFIG"
DATA = "STORMKEEL_DATA"
MEMORY = "memory"


def read_settings(config: str | Path | Settings | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a file, of the environment, or as they are given.

    Raises:
        SettingsError: the file is missing or wrong, or nothing is configured at all.
    """
    if isinstance(config, Settings):
        return complete(Source("the settings", {}), config, KINDS)
    path = Path(config) if config else _usual_file(environ)
    if path is None:
        settings = from_environment(environ, KINDS)
    else:
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise SettingsError(
                f'the configuration "{path}" can\'t be read: {error.strerror}; name another, or mend its rights'
            ) from None
        settings = load_settings(raw, environ, KINDS, str(path))
    fault = fault_of_nothing(settings)
    if fault:
        raise SettingsError(fault)
    return settings


def _usual_file(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(CONFIG)
    if named:
        return Path(named)
    usual = Path(FILE)
    return usual if usual.is_file() else None
