"""Where each setting of a TOML file stands: path -> line and column, so that an error can name them.

Never judges: it takes text that `tomllib` has accepted, and knows just enough of the grammar to follow keys through it.

    ("providers", "openai", "base_url") -> (7, 1)        ("routes", "fast", "groups", 0, 1) -> (12, 5)
"""

from __future__ import annotations

import re
import tomllib

from ..origins import Path
from .document import Lines, Spot

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r"[A-Za-z0-9_-]+|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"(?!""))*"{3,5}|\'\'\'[\s\S]*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\''
)
_SCALAR = re.compile(r"[^,\]}\n#]+")


def find_spots(text: str) -> dict[Path, Spot]:
    """Return the spot of every key, table and array element of a valid TOML document; a key's first one where it has several."""
    scanner = _Scanner(text)
    scanner.document()
    lines = Lines(text)
    return {path: lines.spot(offset) for path, offset in scanner.offsets.items()}


class _Scanner:
    """Walks a document once, noting the offset of each path."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.offsets: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}  # arrays of tables: the index of their last one

    def document(self) -> None:
        """Walk tables and their keys to the end."""
        table: Path = ()
        while self._skip():
            if self._takes("[["):
                table = self._header("]]", is_array=True)
            elif self._takes("["):
                table = self._header("]", is_array=False)
            else:
                self._pair(table)

    def _skip(self) -> bool:
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at
        return self.at < len(self.text)

    def _takes(self, mark: str) -> bool:
        if not self.text.startswith(mark, self.at):
            return False
        self.at += len(mark)
        return True

    def _note(self, path: Path, offset: int) -> None:
        self.offsets.setdefault(path, offset)

    def _key(self) -> list[tuple[str, int]]:
        """A key, dotted or not: its parts, each with its offset."""
        parts = []
        while self._skip():
            found = _KEY.match(self.text, self.at)
            if found is None:
                break
            raw = found[0]
            parts.append((tomllib.loads(f"k = {raw}")["k"] if raw[0] in "\"'" else raw, self.at))
            self.at = found.end()
            self._skip()
            if not self._takes("."):
                break
        return parts

    def _header(self, end: str, is_array: bool) -> Path:
        path: Path = ()
        start = self.at
        parts = self._key()
        for place, (part, start) in enumerate(parts):
            path = (*path, part)
            self._note(path, start)
            if is_array and place == len(parts) - 1:
                self._tables[path] = self._tables.get(path, -1) + 1
            if path in self._tables:
                path = (*path, self._tables[path])
        self._note(path, start)
        self._takes(end)
        return path

    def _pair(self, table: Path) -> None:
        """key = value"""
        path = table
        for part, start in self._key():
            path = (*path, part)
            self._note(path, start)
        self._takes("=")
        self._value(path)

    def _value(self, path: Path) -> None:
        self._skip()
        if self._takes("["):
            self._elements(path)
        elif self._takes("{"):
            while self._skip() and not self._takes("}"):
                self._pair(path)
                self._skip()
                self._takes(",")
        else:
            found = _STRING.match(self.text, self.at) or _SCALAR.match(self.text, self.at)
            self.at = found.end() if found else self.at + 1

    def _elements(self, path: Path) -> None:
        index = 0
        while self._skip() and not self._takes("]"):
            self._note((*path, index), self.at)
            self._value((*path, index))
            index += 1
            self._skip()
            self._takes(",")
