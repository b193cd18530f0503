"""Source: where a configuration comes from, and the errors that point into it.

Never shows a value that might be a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from ..errors import SettingsError
from .places import Path

_SECRETIVE = re.compile(r"[\w+/=]{20,}")


class Source:
    """One configuration file, or the environment, as far as errors need it."""

    __slots__ = ("name", "places")

    def __init__(self, name: str, places: dict[Path, int]) -> None:
        self.name = name
        self.places = places

    def error(self, path: Path, text: str) -> SettingsError:
        """Return the error of a setting: "file:line: what, the mend". An unknown path is placed at its nearest known parent."""
        for end in range(len(path), 0, -1):
            line = self.places.get(path[:end])
            if line is not None:
                return SettingsError(f"{self.name}:{line}: {text}")
        return SettingsError(f"{self.name}: {text}")


TYPE_NAMES = ((bool, "boolean"), (int, "whole number"), (float, "fraction"), (str, "text"), (list, "list"), (dict, "table"))


def quoted(value: object) -> str:
    """Write a user's value into an error: text in quotes, and nothing that might be a secret.

    >>> quoted("fast"), quoted(7), quoted("sk-proj-abcdefghijklmnop")
    ('"fast"', '7', 'a text of 24 characters')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)[:40] if isinstance(value, int | float) else f"a {type_name(value)}"
    if len(value) > 60 or value.startswith("sk-") or any(_is_secretive(run) for run in _SECRETIVE.findall(value)):
        return f"a text of {len(value)} characters"
    return f'"{value}"'


def type_name(value: object) -> str:
    """Return what TOML calls a value's type, for people."""
    for kind, name in TYPE_NAMES:
        if isinstance(value, kind):
            return name
    return "date or time"


def suggestion(name: str, known: Iterable[str], many: int = 12) -> str:
    """Return the mend for a name nobody knows: the nearest known one, else the known ones."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    if not names:
        return "there is none yet"
    shown = ", ".join(f'"{name}"' for name in names[:many])
    return f"known: {shown}" + (", ..." if len(names) > many else "")


def _is_secretive(run: str) -> bool:
    """Long runs with digits and letters mixed look like keys; words with dashes between them do not."""
    return sum(char.isdigit() for char in run) >= 2 and any(char.isalpha() for char in run)
