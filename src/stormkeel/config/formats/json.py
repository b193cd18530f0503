"""JSON, by the standard library, with the spot of every key. A name that comes twice in a table is refused.

Never knows what a setting means.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

from ..origins import Path
from .document import NO_TABLE, TOO_DEEP, Document, Lines, Spot, Unreadable

_BLANK = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r"[^\s,\]}]+")


def parse(text: str) -> Document:
    """Read a JSON document.

    Raises:
        Unreadable: it is none, or names something twice.
    """
    try:
        tree = json.loads(text, parse_constant=_refuse_constant)
        if not isinstance(tree, dict):
            raise Unreadable((1, 1), NO_TABLE.format("list" if isinstance(tree, list) else "single value"))
        return Document(tree, _Scanner(text).spots())
    except json.JSONDecodeError as error:
        what = f"{error.msg[:1].lower()}{error.msg[1:]}"
        raise Unreadable((error.lineno, error.colno), f"this is not JSON: {what}; mend the syntax here") from None
    except RecursionError:
        raise Unreadable(None, TOO_DEEP) from None
    except ValueError as error:
        raise Unreadable(None, f"this is not JSON: {_words(error)}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON; write a finite one")


def _words(error: ValueError) -> str:
    return str(error) if str(error).endswith("one") else "a number has too many digits; shorten it"


class _Scanner:
    """Walks a text that is JSON once, noting the offset of each path."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines = Lines(text)
        self._spots: dict[Path, Spot] = {}

    def spots(self) -> dict[Path, Spot]:
        """Return the spot of every key and element."""
        self._value(())
        return self._spots

    def _skip(self) -> str:
        """Step over blanks, and return the character that follows."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._text[self._at : self._at + 1]

    def _take(self, kind: re.Pattern[str]) -> str:
        found = kind.match(self._text, self._at)
        assert found is not None, "the text is JSON"
        self._at = found.end()
        return found[0]

    def _value(self, path: Path) -> None:
        first = self._skip()
        if first == "{":
            self._table(path)
        elif first == "[":
            self._list(path)
        elif first == '"':
            self._string()
        else:
            self._take(_SCALAR)

    def _string(self) -> str:
        spot = self._lines.spot(self._at)
        text: str = json.loads(self._take(_STRING))
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Unreadable(spot, "this text has half a character (a lone surrogate); write the whole one") from None
        return text

    def _table(self, path: Path) -> None:
        self._at += 1
        while self._skip() != "}":
            spot = self._lines.spot(self._at)
            name = self._string()
            first = self._spots.setdefault((*path, name), spot)
            if first is not spot:
                raise Unreadable(spot, f"this name stands in line {first[0]} already; rename or merge them")
            self._skip()
            self._at += 1  # the colon
            self._value((*path, name))
            self._comma()
        self._at += 1

    def _list(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._skip() != "]":
            self._spots[*path, index] = self._lines.spot(self._at)
            self._value((*path, index))
            index += 1
            self._comma()
        self._at += 1

    def _comma(self) -> None:
        if self._skip() == ",":
            self._at += 1
