"""From a parsed tree to settings: unknown names, wrong types and ranges, each with its place.

Never checks one setting against another: that is `check.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from ..errors import SettingsError
from .places import Path
from .settings import CredentialSettings, TargetSettings
from .source import Source, quoted, suggestion, type_name

T = TypeVar("T", bound=msgspec.Struct)

WANTED: dict[object, str] = {str: "text in quotes", int: "a whole number", float: "a number", bool: "true or false"}
_FIELD = re.compile(r"`(\w+)`")


def read_struct(source: Source, kind: type[T], value: object, path: Path) -> T:
    """Read a table as a settings struct.

    Raises:
        SettingsError: with the line of the setting that is wrong.
    """
    if isinstance(value, str) and kind in SHORT_FORMS:
        value = SHORT_FORMS[kind](value)
    if not isinstance(value, dict):
        raise _wrong_type(source, path, "a table", value)
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for name in value:
        if name not in fields:
            raise source.error((*path, name), f"unknown setting {quoted(name)}{_inside(path)}; {suggestion(name, fields)}")
    read = {name: _read(source, fields[name].type, given, (*path, name)) for name, given in value.items()}
    for name, field in fields.items():
        if field.required and name not in read:
            raise source.error(path, f'"{name}" is missing{_inside(path)}; add it')
    try:
        return kind(**read)
    except ValueError as error:
        raise _out_of_range(source, path, str(error)) from None


def _read(source: Source, kind: Any, value: object, path: Path) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        return _read(source, next(one for one in inner if one is not type(None)), value, path)
    if origin is dict:
        return _read_table(source, inner[1], value, path)
    if origin is tuple:
        return _read_list(source, inner[0], value, path)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return read_struct(source, kind, value, path)
    return _read_leaf(source, kind, value, path)


def _read_table(source: Source, kind: Any, value: object, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(source, path, "a table", value)
    return {name: _read(source, kind, given, (*path, name)) for name, given in value.items()}


def _read_list(source: Source, kind: Any, value: object, path: Path) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong_type(source, path, "a list", value)
    return tuple(_read(source, kind, given, (*path, index)) for index, given in enumerate(value))


def _read_leaf(source: Source, kind: Any, value: object, path: Path) -> Any:
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            known = ", ".join(f'"{one}"' for one in get_args(kind))
            raise source.error(path, f"{_name(path)} is {quoted(value)}; give one of {known}")
        return value
    try:
        return msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError:
        raise _wrong_type(source, path, WANTED[kind], value) from None


def _wrong_type(source: Source, path: Path, wanted: str, value: object) -> SettingsError:
    return source.error(path, f"{_name(path)} must be {wanted}, not a {type_name(value)}".replace("not a text", "not text"))


def _out_of_range(source: Source, path: Path, text: str) -> SettingsError:
    """A range error of a policy's own: it names its setting in backticks."""
    field = _FIELD.search(text)
    return source.error((*path, field[1]) if field else path, text.replace("`", '"'))


def _name(path: Path) -> str:
    """The last name of a path, for people: list places are counted from 1."""
    if not path:
        return "the file"
    last = path[-1]
    return f'"{last}"' if isinstance(last, str) else f'number {last + 1} of {_name(path[:-1])}'


def _inside(path: Path) -> str:
    names = [str(part) for part in path if isinstance(part, str)]
    return f" in [{'.'.join(names)}]" if names else ""


def _target(text: str) -> dict[str, str]:
    """The short form of a target: "provider/model#credential"."""
    name, _, credential = text.partition("#")
    provider, _, model = name.partition("/")
    return {"provider": provider, "model": model, "credential": credential}


def _credential(text: str) -> dict[str, str]:
    return {"ref": text}


SHORT_FORMS: dict[Any, Callable[[str], dict[str, str]]] = {TargetSettings: _target, CredentialSettings: _credential}
"""Structs that may be written as one text."""
