"""Schemas for Anthropic: what its API has no keyword for is told in words, and noted as lost."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic import transform_schema
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.dialects.anthropic_messages.schema import carry_schema

SIMPLE = {
    "type": "object",
    "properties": {"a": {"type": "string", "format": "date"}, "b": {"$ref": "#/$defs/B"}},
    "required": ["a", "b"],
    "additionalProperties": False,
    "$defs": {"B": {"type": "array", "items": {"type": "integer"}, "minItems": 1}},
}


def test_what_it_takes_stays():
    """A schema of what the API takes goes out as it is."""
    carried = carry_schema(SIMPLE)
    assert (carried.schema, carried.is_whole) == (SIMPLE, True)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 1, "maximum": 9, "description": "A number"},
        {"type": "string", "pattern": "^a", "format": "iban"},
        {"type": "array", "items": {"type": "string"}, "minItems": 3},
        {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {}},
        {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": "string", "default": "x"},
    ],
)
def test_what_it_does_not_take(schema: dict[str, Any]):
    """What it does not take is gone from the keywords, and that is known."""
    carried = carry_schema(schema)
    assert not carried.is_whole
    assert not carried.schema.keys() & {"minimum", "maximum", "pattern", "default", "oneOf"}
    assert carried.schema.get("additionalProperties", False) is False


LEAVES = st.sampled_from([
    {"type": "string"}, {"type": "integer", "minimum": 1}, {"type": "string", "format": "uuid"}, {"type": "null"},
    {"type": "number", "multipleOf": 2, "description": "even"}, {"enum": ["a", "b"]}, {"const": 3}, {"$ref": "#/$defs/X"},
])  # fmt: skip
SCHEMAS = st.recursive(
    LEAVES,
    lambda inside: st.one_of(
        inside.map(lambda one: {"type": "array", "items": one, "minItems": 1}),
        st.lists(inside, min_size=1, max_size=3).map(lambda several: {"anyOf": several}),
        st.dictionaries(st.sampled_from("abc"), inside, max_size=3).map(
            lambda several: {"type": "object", "properties": several, "required": list(several), "additionalProperties": False}
        ),
    ),
    max_leaves=8,
)


@given(SCHEMAS)
def test_the_sdk_is_the_judge(schema: dict[str, Any]):
    """The SDK's own writer has nothing left to tell in words of a schema that was written here."""

    def constraints(one: Any) -> Any:
        """A schema without its words."""
        if isinstance(one, dict):
            return {key: constraints(value) for key, value in one.items() if key != "description" or not isinstance(value, str)}
        return [constraints(item) for item in one] if isinstance(one, list) else one

    ours = carry_schema(schema).schema
    assert constraints(transform_schema(ours)) == constraints(ours) == constraints(transform_schema(schema))
