"""Google's `Schema`, a subset of OpenAPI's, read as JSON Schema (google-genai 3.6, `types.Schema`).

Never drops a rule: what JSON Schema says in another way is said so. Only the order in which a model is to write properties has no
keyword there; the properties are put into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .fields import camel

JsonSchema = dict[str, Any]

_COUNTS = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_LISTS: Mapping[str, str] = {"anyOf": "anyOf"}
_TABLES: Mapping[str, str] = {"properties": "properties", "defs": "$defs", "$defs": "$defs"}
_SCHEMAS = frozenset({"items", "additionalProperties"})
_ELSEWHERE = frozenset({"type", "nullable", "propertyOrdering", "example", "ref", "$ref"})


def read_schema(told: Mapping[str, Any]) -> JsonSchema:
    """Return a schema as JSON Schema.

    >>> read_schema({"type": "STRING", "nullable": True, "max_length": "9"})
    {'type': ['string', 'null'], 'maxLength': 9}
    """
    known = {camel(name): value for name, value in told.items() if value is not None}
    schema: JsonSchema = _type(known)
    for name, value in known.items():
        if name not in _ELSEWHERE:
            schema[_TABLES.get(name, name)] = _value(name, value)
    if "example" in known:
        schema["examples"] = [known["example"]]
    if ref := known.get("ref") or known.get("$ref"):
        schema["$ref"] = str(ref).replace("#/defs/", "#/$defs/")
    if known.get("format") == "enum":
        del schema["format"]  # says no more than the list of its values
    return _nullable(_ordered(schema, known.get("propertyOrdering")), known)


def _type(known: Mapping[str, Any]) -> JsonSchema:
    told = known.get("type")
    if isinstance(told, list):
        return {"type": [str(one).lower() for one in told]}
    name = str(told or "").lower()
    return {} if name in ("", "type_unspecified") else {"type": name}


def _value(name: str, value: Any) -> Any:
    if name in _COUNTS and isinstance(value, str) and value.isdecimal():
        return int(value)  # 64-bit numbers are texts in protobuf's JSON
    if name in _TABLES and isinstance(value, dict):
        return {key: _one(one) for key, one in value.items()}
    if name in _LISTS and isinstance(value, list):
        return [_one(one) for one in value]
    return _one(value) if name in _SCHEMAS else value


def _one(value: Any) -> Any:
    return read_schema(value) if isinstance(value, dict) else value


def _ordered(schema: JsonSchema, order: Any) -> JsonSchema:
    properties = schema.get("properties")
    if isinstance(order, list) and isinstance(properties, dict):
        first = {name: properties[name] for name in order if isinstance(name, str) and name in properties}
        schema["properties"] = first | properties
    return schema


def _nullable(schema: JsonSchema, known: Mapping[str, Any]) -> JsonSchema:
    if known.get("nullable") is not True:
        return schema
    if isinstance(schema.get("enum"), list) and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    elif "anyOf" in schema:
        schema["anyOf"] = [*schema["anyOf"], {"type": "null"}]
    return schema
