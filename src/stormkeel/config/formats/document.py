"""Document: one parsed file, and how every format says that it could not be parsed.

Never knows what a setting means.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import msgspec

from ..origins import Fault, Origin, Path

Spot = tuple[int, int]
"""Line and column, both from 1, in characters."""


class Document(msgspec.Struct, frozen=True):
    """One parsed file.

    Attributes:
        tree: tables as dicts, lists, and plain values.
        spots: where every key and every element of a list stands.
    """

    tree: dict[str, Any]
    spots: dict[Path, Spot]


class Unreadable(Exception):
    """A file that is none of its format."""

    def __init__(self, spot: Spot | None, text: str) -> None:
        super().__init__(text)
        self.spot = spot
        self.text = text

    def fault(self, name: str) -> Fault:
        """Return what is told of the file of a name."""
        return Fault(Origin("file", name, *(self.spot or ())), self.text)


class Lines:
    """From offsets in a text to lines and columns."""

    __slots__ = ("_starts",)

    def __init__(self, text: str) -> None:
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def spot(self, offset: int) -> Spot:
        """Return the line and the column of an offset."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


def text_of(raw: bytes) -> str:
    """Return a file's text, line ends made plain.

    Raises:
        Unreadable: it is no UTF-8.
    """
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")
        raise Unreadable(Lines(before).spot(len(before)), "this is not UTF-8; save the file as UTF-8") from None


TOO_DEEP = "its tables and lists are nested too deep; flatten them"
NO_TABLE = "a configuration must be a table of settings, not a {0}; write name and value"
