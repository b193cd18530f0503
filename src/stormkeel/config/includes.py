"""Included files: one layer of the file that is named and of all it includes.

Never opens a file itself: `Files` does.

    include = ["providers.toml", "keys/*.yaml"]      relative to the file it stands in

    first included  <  next included  <  ...  <  the file itself          tables merged, lists replaced, [[keys]] of all kept
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Protocol

from .formats import parse
from .formats.document import Unreadable
from .layers import Layer, layer_of, overlay
from .origins import DEFAULT, Fault, Origin, Path
from .shape import WRONG, read_value
from .source import Source

DEEPEST = 8  # files that include one another
MOST_FILES = 200
EDITORS = "$schema"
"""Where an editor finds the schema of a JSON file, by custom; it is nothing to us."""


class Files(Protocol):
    """Where files are read from; the disk is one (`assemble/reading.py`)."""

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            OSError: it can't be read; its `strerror` says why.
        """
        ...

    def find(self, pattern: str) -> list[str]:
        """Return the files that a pattern with `*`, `?` or `[...]` matches, sorted."""
        ...


class Gatherer:
    """Reads a file with all it includes.

    Attributes:
        read: every file that was read or should have been, in order.
        folders: where patterns look.
    """

    def __init__(self, files: Files, source: Source) -> None:
        self.read: dict[str, None] = {}
        self.folders: dict[str, None] = {}
        self._files = files
        self._source = source

    def gather(self, name: str, asked: Origin = DEFAULT, chain: tuple[str, ...] = ()) -> Layer:
        """Return the layer of a file; the source notes what can't be read.

        Args:
            name: the file.
            asked: where it is included.
            chain: the files that include one another down to this one.
        """
        fault = self._fault_of(name, chain)
        if fault:
            self._source.note(Fault(asked, fault))
            return Layer()
        self.read[name] = None
        own = self._parsed(name, asked)
        layer = Layer()
        for included, origin in self._included(own, name, (*chain, name)):
            layer = _stacked(layer, self.gather(included, origin, (*chain, name)))
        return _stacked(layer, own.without(["include", EDITORS]))

    def _fault_of(self, name: str, chain: tuple[str, ...]) -> str | None:
        if _plain(name) in map(_plain, chain):
            return f"these files include one another: {' -> '.join((*chain, name))}; take one include out"
        if len(chain) >= DEEPEST:
            return f"files include one another more than {DEEPEST} deep; include them from one file"
        if len(self.read) >= MOST_FILES:
            return f"more than {MOST_FILES} files are included; put some together"
        return None

    def _parsed(self, name: str, asked: Origin) -> Layer:
        try:
            return layer_of(parse(self._files.read(name), name), name)
        except Unreadable as error:
            self._source.note(error.fault(name))
        except OSError as error:
            what = "included file" if asked.name else "configuration"
            text = f'the {what} "{name}" can\'t be read: {error.strerror}; name another, or mend its rights'
            self._source.note(Fault(asked, text))
        return Layer()

    def _included(self, own: Layer, name: str, chain: tuple[str, ...]) -> Iterator[tuple[str, Origin]]:
        """The files that a file's own layer includes, each with the place that says so."""
        local = Source(name, own.origins)
        said = read_value(local, tuple[str, ...], own.tree.get("include", []), ("include",))
        for fault in local.faults:
            self._source.note(fault)
        for index, one in enumerate(() if said is WRONG else said):
            if one is WRONG:
                continue
            origin = own.origins["include", index]
            wanted = str(PurePath(name).parent / one)
            if any(mark in one for mark in "*?["):
                self.folders[str(PurePath(wanted).parent)] = None
                found = self._files.find(wanted)
                yield from ((other, origin) for other in found if _plain(other) not in map(_plain, chain))
            else:
                yield wanted, origin


def _stacked(base: Layer, top: Layer) -> Layer:
    """Lay a file over those before it. Callers' keys are a list of independent things: those of all files count."""
    below, above = base.tree.get("keys"), top.tree.get("keys")
    if not isinstance(below, list) or not isinstance(above, list):
        return overlay(base, top)
    moved = {_moved(path, len(below)): origin for path, origin in top.origins.items()}
    kept = {path: origin for path, origin in base.origins.items() if path[0] == "keys" and len(path) > 1}
    return overlay(base, Layer({**top.tree, "keys": [*below, *above]}, {**moved, **kept}))


def _moved(path: Path, by: int) -> Path:
    if path[0] == "keys" and len(path) > 1 and isinstance(path[1], int):
        return ("keys", path[1] + by, *path[2:])
    return path


def _plain(name: str) -> PurePath:
    """A file's name without detours, to know it again."""
    parts: list[str] = []
    for part in PurePath(name).parts:
        if part == ".." and parts and parts[-1] != ".." and parts[-1] != PurePath(name).anchor:
            parts.pop()
        else:
            parts.append(part)
    return PurePath(*parts)
