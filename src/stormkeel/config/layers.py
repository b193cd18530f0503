"""Layers: trees of settings with their origins, laid one over the other.

Never knows what a setting means; tables are merged leaf by leaf, anything else is replaced whole.

    default  <  file (included files, the file, its profile)  <  environment  <  argument
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from .formats.document import Document
from .origins import Origin, Path


class Layer(msgspec.Struct, frozen=True):
    """Settings as somebody wrote them.

    Attributes:
        tree: tables as dicts, lists, and plain values.
        origins: of every table, leaf and element of a list in the tree.
    """

    tree: Mapping[str, Any] = {}
    origins: Mapping[Path, Origin] = {}

    def without(self, names: Iterable[str]) -> Layer:
        """Return the layer without some of its outermost settings."""
        gone = set(names)
        return Layer(
            {name: value for name, value in self.tree.items() if name not in gone},
            {path: origin for path, origin in self.origins.items() if path[0] not in gone},
        )

    def inside(self, path: Path) -> Layer:
        """Return a table of the layer as a layer of its own."""
        tree: Any = self.tree
        for name in path:
            tree = tree[name]
        depth = len(path)
        return Layer(tree, {at[depth:]: one for at, one in self.origins.items() if at[:depth] == path and len(at) > depth})


def layer_of(document: Document, name: str) -> Layer:
    """Return a file's document as a layer."""
    return Layer(document.tree, {path: Origin("file", name, *spot) for path, spot in document.spots.items()})


def layer_of_leaves(leaves: Iterable[tuple[Path, Any, Origin]]) -> Layer:
    """Return single settings, each with its path and origin, as a layer; the tables around them are made."""
    tree: dict[str, Any] = {}
    origins: dict[Path, Origin] = {}
    for path, value, origin in leaves:
        table: Any = tree
        for end, name in enumerate(path[:-1], 1):
            table = table.setdefault(name, {})
            origins.setdefault(path[:end], origin)
        table[path[-1]] = value
        origins[path] = origin
        origins.update((at, origin) for at in _inside(value, path))
    return Layer(tree, origins)


def _inside(value: Any, path: Path) -> Iterator[Path]:
    """Every path below a value."""
    parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for part, one in parts:
        yield (*path, part)
        yield from _inside(one, (*path, part))


def overlay(base: Layer, top: Layer, is_whole: Callable[[Path], bool] = lambda path: False) -> Layer:
    """Lay one layer over another.

    Args:
        base: what is below.
        top: what wins.
        is_whole: which tables are replaced whole, instead of leaf by leaf.
    """
    replaced: set[Path] = set()
    tree = _merged(base.tree, top.tree, (), is_whole, replaced)
    kept = {path: origin for path, origin in base.origins.items() if not _is_within(path, replaced)}
    return Layer(tree, {**top.origins, **kept})


def _merged(
    base: Mapping[str, Any], top: Mapping[str, Any], path: Path, is_whole: Callable[[Path], bool], replaced: set[Path]
) -> dict[str, Any]:
    tree = dict(base)
    for name, value in top.items():
        at, below = (*path, name), base.get(name)
        if isinstance(value, Mapping) and isinstance(below, Mapping) and not is_whole(at):
            tree[name] = _merged(below, value, at, is_whole, replaced)
        else:
            tree[name] = value
            replaced.add(at)
    return tree


def _is_within(path: Path, tables: set[Path]) -> bool:
    return any(path[:end] in tables for end in range(1, len(path) + 1))
