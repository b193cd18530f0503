"""The JSON Schema of a Python type: msgspec's own, pydantic's where a model has one, both with every definition at the root.

Never imports pydantic: a model is known by its two methods.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ...errors import InvalidRequestError

Schema = dict[str, Any]

MAPS = ("properties", "$defs", "patternProperties", "dependentSchemas")
LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
ONES = ("items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else")
_HERE = "#/$defs/"


class MisfitError(ValueError):
    """A text is not what was asked for.

    Attributes:
        path: where, as in "$.ports[0].number"; "$" is the whole.
        words: what is wrong there, without the value itself.
    """

    def __init__(self, path: str, words: str) -> None:
        super().__init__(f"{words} at {path}")
        self.path = path
        self.words = words


def is_model(kind: Any) -> bool:
    """Tell whether a type is a pydantic model."""
    return isinstance(kind, type) and hasattr(kind, "model_json_schema") and hasattr(kind, "model_validate_json")


def schema_of(kind: Any) -> Schema:
    """Return a type's schema, its root spelt out and its definitions at the root.

    Raises:
        InvalidRequestError: the type has none.
    """
    try:
        found = kind.model_json_schema() if is_model(kind) else msgspec.json.schema(kind, schema_hook=_of_model)
    except KeyError as error:  # msgspec's word for it
        raise InvalidRequestError(f"two different types are both called {error}: rename one of them") from None
    except (TypeError, NotImplementedError) as error:
        shown = getattr(kind, "__qualname__", None) or repr(kind)
        raise InvalidRequestError(
            f'there is no JSON Schema for "{shown}": {error}. Give a pydantic model, a msgspec Struct, a dataclass, a TypedDict, '
            "a type made of these, or a JSON Schema as a dict"
        ) from None
    return _rooted(_gathered(found))


def children(schema: Schema) -> Iterator[Schema]:
    """Return the schemas directly inside one."""
    for name in MAPS:
        if isinstance(inside := schema.get(name), dict):
            yield from (one for one in inside.values() if isinstance(one, dict))
    for name in LISTS:
        if isinstance(several := schema.get(name), list):
            yield from (one for one in several if isinstance(one, dict))
    yield from (one for name in ONES if isinstance(one := schema.get(name), dict))


def mapped(schema: Schema, change: Any) -> Schema:
    """Return a copy with every schema directly inside replaced by what `change` makes of it."""
    copy = dict(schema)
    for name in MAPS:
        if isinstance(inside := schema.get(name), dict):
            copy[name] = {key: change(one) if isinstance(one, dict) else one for key, one in inside.items()}
    for name in LISTS:
        if isinstance(several := schema.get(name), list):
            copy[name] = [change(one) if isinstance(one, dict) else one for one in several]
    for name in ONES:
        if isinstance(one := schema.get(name), dict):
            copy[name] = change(one)
    return copy


def validate(kind: type, value: object) -> object:
    """Make a value of a type that msgspec does not know: a pydantic model.

    Raises:
        MisfitError: it does not fit.
    """
    if not is_model(kind):
        raise NotImplementedError  # msgspec's word for a type that a hook does not know
    try:
        return kind.model_validate(value)  # type: ignore[attr-defined]  # a model, as just seen
    except ValueError as error:
        raise misfit_of(error) from None


def misfit_of(error: ValueError) -> MisfitError:
    """Return what msgspec's or pydantic's word on a value says, without the value."""
    if isinstance(error, MisfitError):
        return error
    told = getattr(error, "errors", None)
    if callable(told):
        first = told(include_url=False, include_input=False, include_context=False)[0]
        return MisfitError("$" + "".join(f"[{at}]" if isinstance(at, int) else f".{at}" for at in first["loc"]), first["msg"])
    words, _, path = str(error).rpartition(" - at `") if " - at `" in str(error) else (str(error), "", "")
    inner = error.__cause__
    if isinstance(inner, MisfitError):  # of a model inside
        return MisfitError(path.rstrip("`") + inner.path[1:], inner.words)
    return MisfitError(path.rstrip("`") or "$", re.sub(r" '[^']*'", "", words))


def _of_model(kind: type) -> Schema:
    if not is_model(kind):
        raise NotImplementedError  # msgspec's word for a type that a hook does not know
    schema: Schema = kind.model_json_schema()  # type: ignore[attr-defined]  # a model, as just seen
    return schema


def _gathered(schema: Schema) -> Schema:
    """Move the definitions of models inside to the root, where the references look for them."""
    found: Schema = {}

    def gather(one: Schema) -> Schema:
        copy = mapped(one, gather)
        for name, inside in copy.pop("$defs", {}).items():
            if found.setdefault(name, inside) != inside:
                raise InvalidRequestError(f'two different types are called "{name}": rename one of them')
        return copy

    rest = gather(schema)
    return rest | {"$defs": found} if found else rest


def _rooted(schema: Schema) -> Schema:
    """Return a schema whose root is no reference, without definitions that nobody refers to any more."""
    name = str(schema.get("$ref", "")).removeprefix(_HERE)
    definitions = schema.get("$defs", {})
    if name not in definitions:
        return schema
    root = dict(definitions[name])
    used = _used(root, definitions)
    kept = {known: inside for known, inside in definitions.items() if known in used}
    return root | {"$defs": kept} if kept else root


def _used(schema: Schema, definitions: Schema) -> set[str]:
    used: set[str] = set()
    waiting = [schema]
    while waiting:
        one = waiting.pop()
        name = str(one.get("$ref", "")).removeprefix(_HERE)
        if name in definitions and name not in used:
            used.add(name)
            waiting.append(definitions[name])
        waiting.extend(children(one))
    return used
