"""From a parsed tree to settings: unknown names, wrong types and ranges, each with its place.

Never checks one setting against another: that is `check.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from enum import Enum
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from ..policies.hedge import HedgeSettings
from .fallbacks import NOBODY, WaySettings
from .origins import Path
from .settings import CredentialSettings, TargetSettings
from .source import Source, quoted, suggestion, type_name

T = TypeVar("T", bound=msgspec.Struct)
V = TypeVar("V")

WANTED: dict[object, str] = {
    str: "text in quotes", int: "a whole number", float: "a number", bool: "true or false", date: "a date, as in 2026-08-01",
}  # fmt: skip
_FIELDS = re.compile(r"`(\w+)`")


class Wrong(Enum):
    """What stands for a value that could not be read; the fault is noted."""

    WRONG = "wrong"


WRONG = Wrong.WRONG


def read_struct(source: Source, kind: type[T], value: object, path: Path) -> T | Wrong:
    """Read a table as a settings struct; each setting that is wrong is noted and keeps its default."""
    value = _in_full(kind, value)
    if not isinstance(value, dict):
        return _wrong_type(source, path, "a table", value)
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    read: dict[str, Any] = {}
    for name, given in value.items():
        if name not in fields:
            known = [*fields, *ALSO] if not path else fields
            source.add((*path, name), f"unknown setting {quoted(name)}{_inside(path)}; {suggestion(name, known)}")
        elif (found := read_value(source, fields[name].type, given, (*path, name))) is not WRONG:
            read[name] = found
    missing = [name for name, field in fields.items() if field.required and name not in read]
    if not value.keys() - fields:  # an unknown name may be the missing one, misspelt
        for name in set(missing) - value.keys():
            source.add(path, f'"{name}" is missing{_inside(path)}; add it')
    return WRONG if missing else _build(source, kind, read, path)


def _in_full(kind: Any, value: object) -> object:
    """A value in its long form, where its table has a short one."""
    if isinstance(value, str) and kind in SHORT_FORMS:
        return SHORT_FORMS[kind](value)
    if value is True and kind in SWITCHES:
        return {}
    return {LIST_FORMS[kind]: value} if isinstance(value, list) and kind in LIST_FORMS else value


def _build(source: Source, kind: type[T], read: dict[str, Any], path: Path) -> T | Wrong:
    """Build the struct; what its own checks refuse is noted and left out, until they are content with what is left."""
    while True:
        try:
            return kind(**read)
        except ValueError as error:  # a policy's own words, which name their settings in backticks
            named = [name for name in _FIELDS.findall(str(error)) if name in read]
            source.add((*path, named[0]) if named else path, str(error).replace("`", '"'))
            if not named:
                return WRONG
            del read[named[0]]
        except TypeError:  # what was left out is required
            return WRONG


def read_value(source: Source, kind: Any, value: object, path: Path) -> Any:
    """Read a value as a setting's type; what is wrong is noted, and WRONG stands for it."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        one = next(one for one in inner if one is not type(None))
        return None if value is False and one in SWITCHES else read_value(source, one, value, path)
    if origin is dict:
        return _read_table(source, inner[1], value, path)
    if origin is tuple:
        return _read_list(source, inner[0], value, path)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return read_struct(source, kind, value, path)
    return _read_leaf(source, kind, value, path)


def _read_table(source: Source, kind: Any, value: object, path: Path) -> dict[str, Any] | Wrong:
    if not isinstance(value, dict):
        return _wrong_type(source, path, "a table", value)
    read = {name: read_value(source, kind, given, (*path, name)) for name, given in value.items()}
    return {name: one for name, one in read.items() if one is not WRONG}


def _read_list(source: Source, kind: Any, value: object, path: Path) -> tuple[Any, ...] | Wrong:
    """A list of plain values is read whole or not at all. In one of tables a wrong one keeps its place: `sound` steps over it."""
    if not isinstance(value, list):
        return _wrong_type(source, path, "a list", value)
    read = tuple(read_value(source, kind, given, (*path, index)) for index, given in enumerate(value))
    return WRONG if kind in WANTED and WRONG in read else read


def sound(items: Iterable[V]) -> Iterator[tuple[int, V]]:
    """Yield the elements of a list that could be read, each with its index."""
    return ((index, item) for index, item in enumerate(items) if item is not WRONG)


def _read_leaf(source: Source, kind: Any, value: object, path: Path) -> Any:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            source.add(path, f"{_name(path)} is {quoted(value)}; {_one_of(value, get_args(kind))}")
            return WRONG
        return value
    if kind is Any:
        return value
    if isinstance(value, int) and abs(value) > LARGEST:
        source.add(path, f"{_name(path)} has too many digits; shorten it")
        return WRONG
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        return _wrong_type(source, path, WANTED[kind], value)


def _one_of(value: object, known: tuple[str, ...]) -> str:
    """Name the choices, or of many the nearest."""
    if len(known) > MANY:
        return suggestion(str(value), known, len(known))
    return "give one of " + ", ".join(f'"{one}"' for one in known)


def _wrong_type(source: Source, path: Path, wanted: str, value: object) -> Wrong:
    given = type_name(value)
    source.add(path, f"{_name(path)} must be {wanted}, not {given if given in MASS else f'a {given}'}")
    return WRONG


MANY = 8  # choices that are all named
LARGEST = 2**63
"""No number of a configuration is larger."""
MASS = {"text", "nothing"}
"""Type names without an article."""
ALSO = ("include", "profiles")
"""Settings of a file that say how the settings come together."""


def _name(path: Path) -> str:
    """The last name of a path, for people: list places are counted from 1."""
    if not path:
        return "the file"
    last = path[-1]
    return f'"{last}"' if isinstance(last, str) else f'number {last + 1} of {_name(path[:-1])}'


def _inside(path: Path) -> str:
    names = [str(part) for part in path if isinstance(part, str)]
    return f" in [{'.'.join(names)}]" if names else ""


def target_of(text: str) -> dict[str, str]:
    """Return the settings of a target in its short form: "provider/model#credential"."""
    name, _, credential = text.partition("#")
    provider, _, model = name.partition("/")
    return {"provider": provider, "model": model, "credential": credential}


def _credential(text: str) -> dict[str, str]:
    return {"ref": text}


def _way(text: str) -> dict[str, Any]:
    return {"to": [] if text == NOBODY else [text]}


SHORT_FORMS: dict[Any, Callable[[str], dict[str, Any]]] = {
    TargetSettings: target_of, CredentialSettings: _credential, WaySettings: _way,
}  # fmt: skip
"""Structs that may be written as one text."""
SWITCHES: tuple[Any, ...] = (HedgeSettings,)
"""Structs that may be written as true, for their defaults, or false for none."""
LIST_FORMS: dict[Any, str] = {WaySettings: "to"}
"""Structs that may be written as one list, with the setting that it is."""
