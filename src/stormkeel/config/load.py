"""One file's bytes, or the environment alone, to Settings: the short ways.

Never reads the file or the environment itself, and never resolves a credential. All that may make a configuration: `loaded.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .loaded import Inputs, load_all
from .settings import Kinds, Settings

FILE = "stormkeel.toml"


class _One:
    """A single file in memory."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def read(self, name: str) -> bytes:
        return self._raw

    def find(self, pattern: str) -> list[str]:
        return []


def load(raw: bytes, environ: Mapping[str, str], kinds: Kinds, name: str = FILE) -> Settings:
    """Read a configuration file that includes no other. One that names no provider uses those the environment offers.

    Args:
        raw: the file's bytes.
        environ: names and values; a `.env` is already merged in.
        kinds: what is known of providers (`providers.KINDS`).
        name: the file's name in errors; its suffix tells the format.

    Raises:
        SettingsError: "file:line:column: what is wrong, the mend".
    """
    return load_all(name, _One(raw), Inputs(environ, kinds)).checked()


def from_environment(environ: Mapping[str, str], kinds: Kinds) -> Settings:
    """Return the settings of somebody who wrote no file; `fault_of_nothing` tells whether any provider was found.

    Raises:
        SettingsError: a base URL makes no sense; names its variable.
    """
    return load_all("", _One(b""), Inputs(environ, kinds)).checked()


def fault_of_nothing(settings: Settings) -> str | None:
    """Say that no provider is set up, with the mend, or None."""
    if settings.providers:
        return None
    return (
        "no provider is set up; set OPENAI_API_KEY, ANTHROPIC_API_KEY or another provider's key in the environment or in .env, "
        f"or name providers in {FILE}"
    )
