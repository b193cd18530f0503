"""The JSON Schema of a configuration file, so that editors complete and check what is typed.

Never says anything of its own: types and defaults are the Settings', descriptions their docstrings, ranges what their checks say.
A table may come in parts (included files, profiles), so only what stands in a list must be whole.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from datetime import date
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from ..policies.base import OutOfRangeError
from ..policies.hedge import HedgeSettings
from .fallbacks import WaySettings
from .includes import EDITORS
from .settings import NAME, CredentialSettings, KeySettings, Settings, TargetSettings

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SHORT: dict[type[msgspec.Struct], dict[str, Any]] = {
    TargetSettings: {
        "type": "string", "description": 'In short: "provider/model#credential".', "pattern": r"^[^/#]+/[^#]+(#.+)?$",
    },
    CredentialSettings: {
        "type": "string", "description": "In short: its `ref`.", "pattern": r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$",
    },
    HedgeSettings: {"type": "boolean", "description": "In short: with the usual values, or not at all."},
    WaySettings: {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}], "description": "In short: its `to`.",
    },
}  # fmt: skip
"""What may be written as one text or list."""
_WHOLE = (TargetSettings, KeySettings)
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}
_FAR = 10**300
_ENTRY = re.compile(r"(\w+(?:, \w+)*): (.*)", re.DOTALL)
_OUTER: dict[str, dict[str, Any]] = {
    "include": {
        "type": "array", "items": {"type": "string"},
        "description": "Files that are laid below this one, relative to it; may be patterns.",
    },
    "profile": {"type": "string", "description": "The profile to take where neither --profile nor STORMKEEL_PROFILE names one."},
    EDITORS: {"type": "string", "description": "Where this schema is, for editors."},
}  # fmt: skip


def schema() -> dict[str, Any]:
    """Return the schema of a whole file (JSON Schema, draft 2020-12)."""
    book = _Book()
    inner = book.table(Settings)
    inner["properties"].pop("profile")
    profiles = {
        "type": "object", "description": "What each profile says differently.", "propertyNames": {"pattern": f"^{NAME.pattern}$"},
        "additionalProperties": {"$ref": "#/$defs/Profile"},
    }  # fmt: skip
    book.tables["Profile"] = {**inner, "description": "Any settings, laid over those of the file."}
    whole = {**inner, "properties": {**inner["properties"], **_OUTER, "profiles": profiles}}
    return {"$schema": DRAFT, "title": "stormkeel configuration", **whole, "$defs": book.tables}


class _Book:
    """The tables met so far, by name."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Any]] = {}

    def table(self, kind: type[msgspec.Struct]) -> dict[str, Any]:
        """Return the schema of a table."""
        words, ranges = dict(_described(kind)), _ranges(kind)
        properties: dict[str, Any] = {}
        for field in msgspec.structs.fields(kind):
            shape = {**self.shape(field.type), **ranges.get(field.name, {})}
            if field.name in words:
                shape["description"] = words[field.name]
            default = _default(field)
            if default is not None:
                shape["default"] = default
            properties[field.name] = shape
        needed = [field.name for field in msgspec.structs.fields(kind) if field.required] if kind in _WHOLE else []
        table: dict[str, Any] = {"type": "object", "description": _head(kind), "properties": properties}
        table["additionalProperties"] = False
        return {**table, "required": needed} if needed else table

    def shape(self, kind: Any) -> dict[str, Any]:
        """Return the schema of a type."""
        origin, inner = get_origin(kind), get_args(kind)
        if origin in {Union, UnionType}:
            return self.shape(next(one for one in inner if one is not type(None)))
        if origin is Literal:
            return {"enum": list(inner)}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.shape(inner[1])}
        if origin is tuple:
            return {"type": "array", "items": self.shape(inner[0])}
        if kind is date:
            return {"type": "string", "format": "date"}
        return {"type": _PLAIN[kind]} if kind in _PLAIN else self._reference(kind)

    def _reference(self, kind: type[msgspec.Struct]) -> dict[str, Any]:
        name = kind.__name__.removesuffix("Settings")
        if name not in self.tables:
            self.tables[name] = {}  # its place; no table contains itself, but two may contain the same
            self.tables[name] = self.table(kind)
        reference = {"$ref": f"#/$defs/{name}"}
        return {"anyOf": [SHORT[kind], reference]} if kind in SHORT else reference


def _default(field: msgspec.structs.FieldInfo) -> Any:
    """A field's default where it is a plain one that says something."""
    value = field.default
    if isinstance(value, tuple) and all(isinstance(one, int | float | str) for one in value):
        value = list(value)
    return value if isinstance(value, bool | int | float | str | list) and value not in ("", []) else None


def _head(kind: type[msgspec.Struct]) -> str:
    return (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")


def _described(kind: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    """The words of each field, from the `Attributes:` of its docstring; several fields may share them."""
    _, _, told = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    for entry in re.split(r"\n    (?=\w)", f"\n{told}"):
        found = _ENTRY.match(" ".join(entry.split()))
        if found:
            yield from ((name, f"{found[2][:1].upper()}{found[2][1:]}") for name in found[1].split(", "))


# -- ranges ------------------------------------------------------------------------------------------------------------


def _ranges(kind: type[msgspec.Struct]) -> dict[str, dict[str, float]]:
    """The range of each number, by asking: the check that refuses a number far off says which it would take.

    The end of one range may be another setting's value, so each is asked for once more with all others as far as they go.
    """
    fields = [field for field in msgspec.structs.fields(kind) if _is_number(field.type)]
    needed = {field.name: "x" for field in msgspec.structs.fields(kind) if field.required}
    found = {field.name: said for field in fields if (said := _asked(kind, field.name, _FAR, needed)) is not None}
    lows, highs = ({name: field_range[end] for name, field_range in found.items()} for end in (0, 1))
    ranges = {}
    for name, said in found.items():
        low = _asked(kind, name, -_FAR, {**needed, **lows}) or said
        high = _asked(kind, name, _FAR, {**needed, **highs}) or said
        ranges[name] = {"minimum": low[0], "maximum": high[1]}
    return ranges


def _is_number(kind: Any) -> bool:
    inner = get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)
    return int in inner or float in inner


def _asked(kind: type[msgspec.Struct], name: str, value: int, others: Mapping[str, Any]) -> tuple[float, float] | None:
    """The range that a setting's own check names, None where it has none."""
    try:
        kind(**{**others, name: value})
    except OutOfRangeError as error:
        return (error.low, error.high) if error.setting == name else None
    except ValueError:
        return None
    return None
