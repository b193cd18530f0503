"""YAML: the nodes by PyYAML, their meaning by YAML 1.2, and every value that 1.1 and 1.2 read differently refused.

Never runs a constructor, never follows a tag, and never lets aliases grow without end.

    port: 8_787     refused: 8787 by YAML 1.1, a text by 1.2          <<: *base     merged, what is written beside it wins
    level: no       refused: false by YAML 1.1, a text by 1.2         a: 1, a: 2    refused
    mode: 010       refused: 8 by YAML 1.1, 10 by 1.2                 --- ... ---   refused: one document
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from ..origins import Path
from .document import NO_TABLE, TOO_DEEP, Document, Lines, Spot, Unreadable

MOST_NODES = 100_000  # aliases counted as often as they are used; no sensible configuration has more
_CORE = "tag:yaml.org,2002:"
_PLAIN_TAGS = {f"{_CORE}{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")}

_NULL = {"", "~", "null", "Null", "NULL"}
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL, _HEX = re.compile(r"0o[0-7]+"), re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}

_TRAPS = (
    (re.compile(r"yes|no|on|off", re.IGNORECASE),
     "a truth in YAML 1.1 and a text in 1.2; write true or false, or put it in quotes"),
    (re.compile(r"[-+]?0[0-9_]+"), "octal in YAML 1.1 and decimal in 1.2; write it without the leading 0, or put it in quotes"),
    (re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F]*_[0-9a-fA-F_]*|[0-9][0-9_.]*_[0-9_.]*(?:[eE][-+]?[0-9]+)?)"),
     "a number in YAML 1.1 and a text in 1.2; write it in plain digits, or put it in quotes"),
    (re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"),
     "a number to the base of 60 in YAML 1.1 and a text in 1.2; put it in quotes"),
)  # fmt: skip


def parse(text: str) -> Document:
    """Read a YAML document.

    Raises:
        Unreadable: it is none, is more than one, or says something that readers of YAML understand differently.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        reader = _Reader()
        tree = {} if node is None else reader.value(node, ())
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error) from None
    except yaml.reader.ReaderError as error:
        spot = Lines(text).spot(error.position)
        raise Unreadable(spot, f"this is not YAML: it holds the character U+{error.character:04X}; take it out") from None
    except RecursionError:
        raise Unreadable(None, TOO_DEEP) from None
    if not isinstance(tree, dict):
        raise Unreadable((1, 1), NO_TABLE.format("list" if isinstance(tree, list) else "single value"))
    return Document(tree, {path: spot for path, spot in reader.spots.items() if _is_there(tree, path)})


def _not_yaml(error: yaml.MarkedYAMLError) -> Unreadable:
    mark = error.problem_mark or error.context_mark
    spot = (mark.line + 1, mark.column + 1) if mark else None
    problem = error.problem or error.context or "it makes no sense"
    if "another document" in problem:
        return Unreadable(spot, "a second document begins here; put it into a file of its own, and include that")
    if "alias" in problem or "anchor" in problem or "tag" in problem:
        problem = problem.partition("'")[0].rstrip()  # what is in the quotes may be a secret that begins with * or &
    return Unreadable(spot, f"this is not YAML: {problem}; mend the syntax here, or put the text in quotes")


class _Reader:
    """Turns nodes into plain values, noting the spot of each path."""

    def __init__(self) -> None:
        self.spots: dict[Path, Spot] = {}
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        """Return what a node says."""
        self._count += 1
        if self._count > MOST_NODES:
            raise Unreadable(_spot(node), f"its aliases make more than {MOST_NODES:,} values; write less")
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if node.tag not in {f"{_CORE}map", f"{_CORE}seq"}:
            raise _tagged(node)
        if id(node) in self._open:
            raise Unreadable(_spot(node), "this contains itself, by an alias; write it out")
        self._open.add(id(node))
        value = self._table(node, path) if isinstance(node, yaml.MappingNode) else self._list(node, path)
        self._open.discard(id(node))
        return value

    def _list(self, node: yaml.Node, path: Path) -> list[Any]:
        for index, one in enumerate(node.value):
            self.spots[*path, index] = _spot(one)
        return [self.value(one, (*path, index)) for index, one in enumerate(node.value)]

    def _table(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: list[yaml.MappingNode] = []
        for key, value in node.value:
            if key.tag == f"{_CORE}merge":
                merged += _merged(value)
                continue
            name = _name(key)
            if name in own:
                raise Unreadable(_spot(key), f"this name stands in line {_spot(own[name][0])[0]} already; rename or merge them")
            own[name] = (key, value)
        table: dict[str, Any] = {}
        for one in reversed(merged):  # the first of several wins, by the merge key's own rules
            table.update(self.value(one, path))
        for name, (key, value) in own.items():
            self.spots[*path, name] = _spot(key)
            table[name] = self.value(value, (*path, name))
        return table


def _is_there(tree: Any, path: Path) -> bool:
    """Is a path still in the tree, or was the table it stood in merged away?"""
    for part in path:
        inside = range(len(tree)) if isinstance(tree, list) else tree if isinstance(tree, dict) else ()
        if part not in inside:
            return False
        tree = tree[part]
    return True


def _merged(value: yaml.Node) -> list[yaml.MappingNode]:
    nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
    for node in nodes:
        if not isinstance(node, yaml.MappingNode):
            raise Unreadable(_spot(node), "<< merges tables; give it the alias of one, or a list of them")
    return list(nodes)


def _name(key: yaml.Node) -> str:
    """The name of a setting: as it is written, whatever type the same word would have as a value."""
    if not isinstance(key, yaml.ScalarNode):
        raise Unreadable(_spot(key), "a name is a list or a table; write a word")
    return _text(key)


def _scalar(node: yaml.ScalarNode) -> Any:
    if node.style is not None:
        if node.tag != f"{_CORE}str":
            raise _tagged(node)
        return _text(node)
    if node.tag not in _PLAIN_TAGS:
        raise _tagged(node)
    for trap, words in _TRAPS:
        if trap.fullmatch(node.value):
            raise Unreadable(_spot(node), f'"{node.value[:20]}" without quotes is {words}')
    return _plain(node)


def _plain(node: yaml.ScalarNode) -> Any:
    """An unquoted value, by the core schema of YAML 1.2 (its section 10.3.2)."""
    text = node.value
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text) or _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        if len(text) > 100:
            raise Unreadable(_spot(node), "a number has too many digits; shorten it")
        return int(text, 10 if _INT.fullmatch(text) else 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if text.lower() in _SPECIAL:
        return float(_SPECIAL[text.lower()])
    return _text(node)


def _text(node: yaml.ScalarNode) -> str:
    text: str = node.value
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unreadable(_spot(node), "this text has half a character (a lone surrogate); write the whole one") from None
    return text


def _tagged(node: yaml.Node) -> Unreadable:
    return Unreadable(_spot(node), "this has a tag (!), which no setting needs; take it out")


def _spot(node: yaml.Node) -> Spot:
    return node.start_mark.line + 1, node.start_mark.column + 1
