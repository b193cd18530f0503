"""Laws of shapes: what is strict is strict to the last corner, and what a type makes of JSON its schema agrees with."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, Literal, Optional, TypedDict, Union

import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormkeel.client.shapes import MisfitError, shape_of
from stormkeel.client.shapes.fit import fit
from stormkeel.client.shapes.schema import children
from stormkeel.errors import InvalidRequestError

NUMBERS = itertools.count()
PLAIN = st.sampled_from([int, str, bool, float, type(None), Literal["a", "b"], Literal[1, 2]])


def objects(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Structs, dataclasses, TypedDicts and pydantic models of fields of these types, some with defaults."""

    def make(kinds: list[Any], defaults: bool, how: str) -> Any:
        names = [f"f{at}" for at in range(len(kinds))]
        if defaults:
            kinds = [Optional[kind] for kind in kinds]  # noqa: UP045 - made at run time
        fields = list(zip(names, kinds, strict=True))
        name = f"{how.title()}{next(NUMBERS)}"
        if how == "struct":
            return msgspec.defstruct(name, [(n, k, None) if defaults else (n, k) for n, k in fields])
        if how == "data":
            return dataclasses.make_dataclass(name, [(n, k, None) if defaults else (n, k) for n, k in fields])
        if how == "typed":
            return TypedDict(name, dict(fields), total=not defaults)  # type: ignore[operator]  # made at run time
        return pydantic.create_model(name, **{n: (k, None if defaults else ...) for n, k in fields})

    return st.builds(make, st.lists(inside, min_size=1, max_size=4), st.booleans(), st.sampled_from(["struct", "data", "typed"]))


KINDS = st.recursive(
    PLAIN,
    lambda inside: st.one_of(
        objects(inside), inside.map(lambda kind: list[kind]), inside.map(lambda kind: dict[str, kind]),
        st.tuples(st.sampled_from([int, type(None)]), inside).map(lambda two: Union[two]),  # noqa: UP007 - made at run time
    ),
    max_leaves=6,
)  # fmt: skip


def every(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """A schema and all inside."""
    return [schema, *(deeper for one in children(schema) for deeper in every(one))]


@settings(max_examples=200, deadline=None)
@given(kind=KINDS)
def test_strict_to_the_last_corner(kind: Any):
    """A schema that is called strict has an object at its root; every object in it is closed and requires all it has; no
    default; every reference is found."""
    try:
        shape = shape_of(kind)
    except InvalidRequestError:
        return  # unions that JSON can't tell apart have no schema
    schema = shape.format.schema
    assert schema["type"] == "object"
    references = {one["$ref"].removeprefix("#/$defs/") for one in every(schema) if "$ref" in one}
    assert references <= set(schema.get("$defs", {}))
    objects = [one for one in every(schema) if "properties" in one]
    assert all(one.get("additionalProperties") is False for one in objects), "every object with names is closed"
    if shape.format.strict:
        for one in every(schema):
            assert "default" not in one
            if one.get("type") == "object":
                assert set(one["required"]) == set(one["properties"])
                assert one["additionalProperties"] is False
    else:
        assert shape.format.strict is None


@settings(max_examples=200, deadline=None)
@given(kind=KINDS, data=st.data())
def test_a_type_and_its_schema_agree(kind: Any, data: st.DataObject):
    """Where a type reads a value of JSON, the value fits its schema too, by our own reading of JSON Schema."""
    try:
        shape = shape_of(kind)
    except InvalidRequestError:
        return
    value = data.draw(values(shape.format.schema, shape.format.schema))
    text = msgspec.json.encode(value).decode()
    try:
        shape.read(text)
    except MisfitError:
        return
    fit(msgspec.json.decode(text), shape.format.schema)


def values(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    """JSON values that a schema describes, mostly."""
    if "$ref" in schema:
        return values(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    if "anyOf" in schema:
        return st.one_of(*(values(one, root) for one in schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            return st.fixed_dictionaries({name: values(one, root) for name, one in schema.get("properties", {}).items()})
        case "array":
            return st.lists(values(schema["items"], root), max_size=3)
        case "integer":
            return st.integers(-9, 9) | st.just(1.5)
        case "number":
            return st.floats(-9, 9)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    return st.text(max_size=3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.floats(-9, 9) | st.text(max_size=3),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from("abc"), inside, max_size=3),
    max_leaves=8,
)


@given(value=JSON)
def test_every_value_fits_itself(value: Any):
    """A constant fits its own constant, an enum with it, anything the empty schema and nothing the forbidding one."""
    fit(value, {"const": value})
    fit(value, {"enum": [1, value]})
    fit(value, {})
    with pytest.raises(MisfitError):
        fit({"a": value}, {"properties": {"a": False}})


@pytest.mark.parametrize(
    ("schema", "good", "bad", "path"),
    [
        ({"type": "integer"}, 3, "3", "$"),
        ({"type": "integer"}, 3.0, True, "$"),
        ({"type": ["string", "null"]}, None, 1, "$"),
        ({"type": "object", "required": ["a"]}, {"a": 1}, {}, "$"),
        ({"properties": {"a": {"type": "array", "items": {"type": "string"}}}}, {"a": ["x"]}, {"a": ["x", 1]}, "$.a[1]"),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, {"SECRET": 1}, "$"),
        ({"additionalProperties": {"type": "integer"}}, {"x": 1}, {"x": "1"}, "$[...]"),
        ({"$ref": "#/$defs/N", "$defs": {"N": {"minimum": 3}}}, 3, 2, "$"),
        ({"anyOf": [{"type": "string"}, {"minimum": 3}]}, 4, 2, "$"),
        ({"oneOf": [{"type": "integer"}, {"minimum": 3}]}, 1, 4, "$"),
        ({"allOf": [{"minimum": 1}, {"maximum": 3}]}, 2, 4, "$"),
        ({"not": {"type": "string"}}, 1, "x", "$"),
        ({"minLength": 2, "maxLength": 3, "pattern": "^a"}, "ab", "b", "$"),
        ({"minItems": 1, "maxItems": 2, "uniqueItems": True}, [1], [1, 1], "$"),
        ({"prefixItems": [{"type": "string"}], "items": False}, ["a"], ["a", 1], "$[1]"),
        ({"exclusiveMinimum": 1, "exclusiveMaximum": 3, "multipleOf": 0.5}, 1.5, 1.7, "$"),
        ({"enum": [1, "a"]}, "a", True, "$"),
    ],
)
def test_what_fits(schema: dict[str, Any], good: Any, bad: Any, path: str):
    """Each keyword lets the good one pass and names the place of the bad one, without its value."""
    fit(good, schema)
    with pytest.raises(MisfitError) as caught:
        fit(bad, schema)
    assert caught.value.path == path
    assert "SECRET" not in str(caught.value)


def test_two_types_of_one_name():
    """Two types of one name can't both be defined, and that is said."""
    first, second = (msgspec.defstruct("Same", [(name, int)]) for name in "ab")
    with pytest.raises(InvalidRequestError, match="Same"):
        shape_of(msgspec.defstruct("Both", [("a", first), ("b", second)]))
    models = [pydantic.create_model("Same", **{name: (int, ...)}) for name in "ab"]
    outer = msgspec.defstruct(
        "Outer", [("a", pydantic.create_model("A", x=(models[0], ...))), ("b", pydantic.create_model("B", x=(models[1], ...)))]
    )
    with pytest.raises(InvalidRequestError, match="Same"):
        shape_of(outer)


def test_endless_references_end():
    """A schema that refers to itself without end is told as too deep instead of never ending."""
    with pytest.raises(MisfitError, match="deep"):
        fit(1, {"$ref": "#"})
