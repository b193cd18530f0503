"""Strict schemas: what a provider can hold a model to word by word, and what it can't.

Never changes what fits: an object that its type would refuse with unknown fields is closed, and nothing else.

Strict, by OpenAI's rules for structured outputs: the root is an object; every object is closed and requires all its properties;
no defaults; no keyword outside `KNOWN`. What a strict schema can't say (a free dict, a default) goes out as it is, and is checked
when it comes back.
"""

from __future__ import annotations

from .schema import Schema, children, mapped

KNOWN = frozenset({
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref", "$defs", "title",
    "description", "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems",
    "maxItems",
})  # fmt: skip
"""The keywords of OpenAI's strict schemas (its guide to structured outputs, "Supported schemas")."""
_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_SAYS_WHAT = ("type", "anyOf", "$ref", "enum", "const")


def closed(schema: Schema) -> Schema:
    """Return a schema whose objects take no further properties, and whose alternatives are told in one way (`anyOf`).

    Alternatives that a tag tells apart exclude each other anyway, so `oneOf` says no more than `anyOf`.
    """
    copy = mapped(schema, closed)
    if "discriminator" in copy:
        del copy["discriminator"]
        if "oneOf" in copy and "anyOf" not in copy:
            copy["anyOf"] = copy.pop("oneOf")
    if "properties" in copy:
        copy.setdefault("additionalProperties", False)
    if "type" not in copy and (told := _type_of(copy)):
        copy["type"] = told
    return copy


def _type_of(schema: Schema) -> str:
    """Return the one type of an enum's or a constant's values, "" where there are several: providers want it said."""
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    types = {_NAMES.get(type(value), "") for value in values}
    return types.pop() if len(types) == 1 else ""


def is_strict(schema: Schema) -> bool:
    """Tell whether a whole schema can be asked for strictly."""
    return schema.get("type") == "object" and "properties" in schema and _all_strict(schema)


def _all_strict(schema: Schema) -> bool:
    return _is_strict(schema) and all(_all_strict(one) for one in children(schema))


def _is_strict(schema: Schema) -> bool:
    if not schema.keys() <= KNOWN or not any(name in schema for name in _SAYS_WHAT):
        return False
    type_ = schema.get("type")
    if type_ == "array" and not isinstance(schema.get("items"), dict):
        return False
    if type_ != "object" and "properties" not in schema:
        return True
    properties = schema.get("properties")
    return (
        schema.get("additionalProperties") is False
        and isinstance(properties, dict)
        and set(schema.get("required", ())) == set(properties)
    )
