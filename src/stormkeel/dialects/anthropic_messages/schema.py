"""A JSON Schema for an answer, as this API takes it: what its schemas have no keyword for is told in the description instead.

Never changes what a schema means where the API has a word for it, and never lets a difference pass in silence:
`Carried.is_whole`. The rules are those of Anthropic's own SDK (2.11, `lib/_parse/_transform.py`), which writes types so.
"""

from __future__ import annotations

from typing import Any

import msgspec

Schema = dict[str, Any]

KEPT = ("$defs", "$ref", "type", "title", "description", "enum", "const", "anyOf", "allOf", "properties", "required", "items")
FORMATS = frozenset({
    "date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid",
})  # fmt: skip
SILENT = frozenset({"$schema", "$id", "$comment", "discriminator", "additionalProperties", "oneOf"})
"""Keywords that are left out, or told in another way, without a word in the description."""


class Carried(msgspec.Struct, frozen=True):
    """A schema as it goes out; `is_whole` where nothing of it had to be told in words."""

    schema: Schema
    is_whole: bool


def carry_schema(schema: Schema) -> Carried:
    """Write a schema for the API."""
    carrying = _Carrying()
    return Carried(carrying.write(schema), carrying.is_whole)


class _Carrying:
    """One schema on its way."""

    def __init__(self) -> None:
        self.is_whole = True

    def write(self, schema: Schema) -> Schema:
        told = {name: self._inside(name, schema[name]) for name in KEPT if name in schema}
        if "oneOf" in schema and "anyOf" not in schema:  # what a tag tells apart excludes each other anyway
            told["anyOf"] = self._inside("anyOf", schema["oneOf"])
            self.is_whole = self.is_whole and "discriminator" in schema
        if told.get("type") == "object" or "properties" in told:
            told["additionalProperties"] = False
            self.is_whole = self.is_whole and schema.get("additionalProperties") is False
        rest = {name: value for name, value in schema.items() if name not in KEPT and name not in SILENT}
        for name in [name for name, value in rest.items() if _is_taken(name, value)]:
            told[name] = rest.pop(name)
        return self._described(told, rest)

    def _inside(self, name: str, value: Any) -> Any:
        if name in ("$defs", "properties") and isinstance(value, dict):
            return {key: self._one(one) for key, one in value.items()}
        if name in ("anyOf", "allOf") and isinstance(value, list):
            return [self._one(one) for one in value]
        return self._one(value) if name == "items" else value

    def _one(self, value: Any) -> Any:
        return self.write(value) if isinstance(value, dict) else value

    def _described(self, told: Schema, rest: Schema) -> Schema:
        """Tell the rest in words, which a model may follow, but is not held to."""
        if not rest:
            return told
        self.is_whole = False
        words = ", ".join(f"{name}: {msgspec.json.encode(value).decode()}" for name, value in rest.items())
        before = f"{told['description']}\n\n" if told.get("description") else ""
        return told | {"description": f"{before}{{{words}}}"}


def _is_taken(name: str, value: Any) -> bool:
    """Tell whether the API has the keyword for this value."""
    return (name == "format" and value in FORMATS) or (name == "minItems" and value in (0, 1))
