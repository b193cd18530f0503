"""From a file's bytes and the environment, or from the environment alone, to Settings.

Never reads the file or the environment itself, and never resolves a credential.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import SettingsError
from .check import complete
from .environment import offered
from .places import find_places
from .settings import Kinds, Settings
from .shape import read_struct
from .source import Source

FILE = "stormkeel.toml"
_AT = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def load(raw: bytes, environ: Mapping[str, str], kinds: Kinds, name: str = FILE) -> Settings:
    """Read a configuration file. One that names no provider uses those the environment offers.

    Args:
        raw: the file's bytes.
        environ: names and values; a `.env` is already merged in.
        kinds: what is known of providers (`providers.KINDS`).
        name: the file's name in errors.

    Raises:
        SettingsError: "file:line: what is wrong, the mend".
    """
    text, tree = _parse(raw, name)
    source = Source(name, find_places(text))
    settings = read_struct(source, Settings, tree, ())
    if "providers" not in tree:
        settings = msgspec.structs.replace(settings, providers=offered(environ, kinds))
    return complete(source, settings, kinds)


def from_environment(environ: Mapping[str, str], kinds: Kinds) -> Settings:
    """Return the settings of somebody who wrote no file; `fault_of_nothing` tells whether any provider was found.

    Raises:
        SettingsError: a base URL makes no sense; names its variable.
    """
    return complete(Source("the environment", {}), Settings(providers=offered(environ, kinds)), kinds)


def fault_of_nothing(settings: Settings) -> str | None:
    """Say that no provider is set up, with the mend, or None."""
    if settings.providers:
        return None
    return (
        "no provider is set up; set OPENAI_API_KEY, ANTHROPIC_API_KEY or another provider's key in the environment or in .env, "
        f"or name providers in {FILE}"
    )


def _parse(raw: bytes, name: str) -> tuple[str, dict[str, Any]]:
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
        return text, tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{name}:{line}: this is not UTF-8; save the file as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(name, str(error), raw) from None
    except RecursionError:
        raise SettingsError(f"{name}: its tables and lists are nested too deep; flatten them") from None


def _not_toml(name: str, text: str, raw: bytes) -> SettingsError:
    at = _AT.search(text)
    line = int(at[1]) if at and at[1] else raw.count(b"\n") + 1
    what = _AT.sub("", text)
    mend = "rename or merge them" if "overwrite" in what or "twice" in what else "mend the syntax of this line"
    return SettingsError(f"{name}:{line}: this is not TOML: {what[:1].lower()}{what[1:]}; {mend}")
