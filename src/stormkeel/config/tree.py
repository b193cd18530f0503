"""Settings back to a tree that says the same, and to the text of a file.

Never writes a file.

    read_struct(tree_of(settings)) == settings
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from .flat import compact
from .settings import CredentialSettings, KeySettings, Settings, TargetSettings

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def tree_of(settings: Settings) -> dict[str, Any]:
    """Return settings as tables, lists and plain values, defaults written out; the profile is left out: it is laid in already."""
    tree = _plain(settings)
    assert isinstance(tree, dict)
    tree.pop("profile")
    return tree


def _plain(value: Any) -> Any:
    if isinstance(value, TargetSettings | CredentialSettings | KeySettings):
        return compact(value)
    if isinstance(value, msgspec.Struct):
        found = {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
        return {name: one for name, one in found.items() if one is not None}
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def toml_of(tree: Mapping[str, Any]) -> str:
    """Write a tree as TOML: plain settings first, then a table a paragraph."""
    return "\n".join(_lines(tree, ())).strip() + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    inner = {name: value for name, value in table.items() if isinstance(value, Mapping) and value}
    lists = {name: value for name, value in table.items() if _is_tables(value)}
    plain = {name: value for name, value in table.items() if name not in inner and name not in lists}
    if path and (plain or not table):
        yield f"\n[{'.'.join(map(toml_key, path))}]"
    yield from (f"{toml_key(name)} = {toml_value(value)}" for name, value in plain.items())
    for name, value in inner.items():
        yield from _lines(value, (*path, name))
    for name, value in lists.items():
        for one in value:
            yield f"\n[[{'.'.join(map(toml_key, (*path, name)))}]]"
            yield from (f"{toml_key(key)} = {toml_value(part)}" for key, part in one.items())


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def toml_key(name: str) -> str:
    """Write a name as a TOML key."""
    return name if _BARE.fullmatch(name) else _text(name)


def toml_value(value: Any) -> str:
    """Write a value as TOML on one line."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        inside = ", ".join(f"{toml_key(name)} = {toml_value(one)}" for name, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return str(value)


def _text(value: str) -> str:
    r"""A basic string; what TOML wants escaped is what JSON escapes, and DEL.

    >>> _text('a"\n'), _text("ü")
    ('"a\\"\\n"', '"ü"')
    """
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
