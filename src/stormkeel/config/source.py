"""Source: where a configuration comes from, and the faults that point into it.

Never shows a value that might be a secret.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from ..errors import SettingsError
from .origins import Fault, Origin, Origins, Path, origin_of

_SECRETIVE = re.compile(r"[\w+/=]{20,}")


MOST = 50  # faults that are kept of one configuration; the others are counted


class Source:
    """One configuration, as far as what is wrong with it needs it: where its settings come from, and the faults found so far.

    Attributes:
        name: the file's, for faults that stand nowhere in it.
        origins: where each setting comes from that was written anywhere.
        faults: the first 50, in the order they were found.
        more: how many there are beyond those.
    """

    __slots__ = ("_above", "_at", "_told", "faults", "more", "name", "origins")

    def __init__(self, name: str, origins: Origins) -> None:
        self.name = name
        self.origins = origins
        self.faults: list[Fault] = []
        self.more = 0
        self._told: set[Fault] = set()
        self._at: set[Path] = set()
        self._above: set[Path] = set()

    def add(self, path: Path, text: str) -> None:
        """Note a fault: what is wrong, then the mend. A path that nobody wrote is placed at the nearest table around it."""
        self.note(Fault(origin_of(self.origins, path) or Origin("file", self.name), text), path)

    def note(self, fault: Fault, path: Path = ()) -> None:
        """Note a fault whose origin is known; the same one counts once."""
        if path:
            self._at.add(path)
            self._above.update(path[:end] for end in range(len(path)))
        if fault in self._told:
            return
        self._told.add(fault)
        if len(self.faults) < MOST:
            self.faults.append(fault)
        else:
            self.more += 1

    def is_wrong(self, path: Path) -> bool:
        """Is a fault known at a path, around it or below it? What depends on it is then not worth a fault of its own."""
        return path in self._above or any(path[:end] in self._at for end in range(1, len(path) + 1))

    def refuse(self) -> None:
        """Raise what is wrong, if anything is.

        Raises:
            SettingsError: names the first fault and how many more there are.
        """
        refuse(self.faults, self.more)


def refuse(faults: Sequence[Fault], more: int = 0) -> None:
    """Raise the first fault, if there is any, and say how many others there are.

    Raises:
        SettingsError: "file:line:column: what, the mend".
    """
    others = len(faults) - 1 + more
    if others > 0:
        raise SettingsError(f"{faults[0]} (and {others} more mistake{'s' * (others > 1)}: run `stormkeel check`)")
    if faults:
        raise SettingsError(str(faults[0]))


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
    """Return what a configuration calls a value's type, for people."""
    if value is None:
        return "nothing"
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
