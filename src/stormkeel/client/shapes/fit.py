"""Does a JSON value fit a JSON Schema that came as a dict? The first place where it does not.

Never follows a reference out of the schema. A keyword that it does not know holds for everything, as JSON Schema says; those it
knows are in `KEYWORDS`. Formats are annotations.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .schema import MisfitError, Schema

DEPTH = 200  # of references and values inside each other

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: _is_number(value) and value == int(value),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def fit(value: Any, schema: Schema) -> None:
    """See that a value fits.

    Raises:
        MisfitError: it does not.
    """
    _Fitting(schema).look(value, schema, "$", 0)


class _Fitting:
    """One schema, whose references point into itself."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def look(self, value: Any, schema: Any, path: str, depth: int) -> None:
        if schema is False or depth > DEPTH:
            raise MisfitError(path, "Nothing is allowed" if schema is False else "Too deep")
        if not isinstance(schema, dict):
            return
        if "$ref" in schema:
            self.look(value, self._resolve(schema["$ref"]), path, depth + 1)
        for keyword, told in schema.items():
            rule = KEYWORDS.get(keyword)
            if rule is not None and (words := rule(value, told)):
                raise MisfitError(path, words)
        self._alternatives(value, schema, path, depth)
        if isinstance(value, dict):
            self._object(value, schema, path, depth)
        elif isinstance(value, list):
            self._array(value, schema, path, depth)

    def _resolve(self, reference: str) -> Any:
        found: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name, True) if isinstance(found, dict) else True
        return found

    def _fits(self, value: Any, schema: Any, path: str, depth: int) -> bool:
        try:
            self.look(value, schema, path, depth + 1)
        except MisfitError:
            return False
        return True

    def _alternatives(self, value: Any, schema: Schema, path: str, depth: int) -> None:
        for one in schema.get("allOf", ()):
            self.look(value, one, path, depth + 1)
        if "anyOf" in schema and not any(self._fits(value, one, path, depth) for one in schema["anyOf"]):
            raise MisfitError(path, "Fits none of the alternatives")
        if "oneOf" in schema and sum(self._fits(value, one, path, depth) for one in schema["oneOf"]) != 1:
            raise MisfitError(path, "Fits not exactly one of the alternatives")
        if "not" in schema and self._fits(value, schema["not"], path, depth):
            raise MisfitError(path, "Fits what it must not be")

    def _object(self, value: dict[str, Any], schema: Schema, path: str, depth: int) -> None:
        if missing := next((name for name in schema.get("required", ()) if name not in value), None):
            raise MisfitError(path, f"Object missing required field `{missing}`")
        properties, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        patterns = schema.get("patternProperties", {})
        for name, inside in value.items():
            rules = [rule for pattern, rule in patterns.items() if re.search(pattern, name)]
            if name in properties:
                rules.append(properties[name])
            elif not rules and more is False:
                raise MisfitError(path, "Object contains an unknown field")
            for rule in rules or [more]:
                self.look(inside, rule, f"{path}.{name}" if name in properties else f"{path}[...]", depth + 1)

    def _array(self, value: list[Any], schema: Schema, path: str, depth: int) -> None:
        first = schema.get("prefixItems", ())
        for place, inside in enumerate(value):
            rule = first[place] if place < len(first) else schema.get("items", True)
            self.look(inside, rule, f"{path}[{place}]", depth + 1)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _type(value: Any, told: Any) -> str:
    names = told if isinstance(told, list) else [told]
    return "" if any(_TYPES.get(name, lambda _: True)(value) for name in names) else f"Expected {' or '.join(map(str, names))}"


def _bound(test: Callable[[Any, Any], bool], words: str) -> Callable[[Any, Any], str]:
    return lambda value, told: "" if not _is_number(value) or test(value, told) else f"Expected a number {words} {told}"


def _length(kind: type, least: bool, what: str) -> Callable[[Any, Any], str]:
    def rule(value: Any, told: Any) -> str:
        if not isinstance(value, kind) or (len(value) >= told if least else len(value) <= told):  # type: ignore[arg-type]  # str or list
            return ""
        return f"Expected at {'least' if least else 'most'} {told} {what}"

    return rule


def _unique(value: Any, told: Any) -> str:
    if not told or not isinstance(value, list):
        return ""
    return "Expected no item twice" if any(_same(a, b) for at, a in enumerate(value) for b in value[:at]) else ""


KEYWORDS: Mapping[str, Callable[[Any, Any], str]] = {
    "type": _type,
    "enum": lambda value, told: "" if any(_same(value, one) for one in told) else "Expected one of the values of the enum",
    "const": lambda value, told: "" if _same(value, told) else "Expected the constant",
    "minimum": _bound(lambda value, told: value >= told, "from"),
    "maximum": _bound(lambda value, told: value <= told, "up to"),
    "exclusiveMinimum": _bound(lambda value, told: value > told, "above"),
    "exclusiveMaximum": _bound(lambda value, told: value < told, "below"),
    "multipleOf": _bound(lambda value, told: abs(value / told - round(value / told)) < 1e-9, "that is a multiple of"),
    "minLength": _length(str, True, "characters"),
    "maxLength": _length(str, False, "characters"),
    "minItems": _length(list, True, "items"),
    "maxItems": _length(list, False, "items"),
    "uniqueItems": _unique,
    "pattern": lambda value, told: (
        "" if not isinstance(value, str) or re.search(told, value) else f"Expected a text of the pattern {told}"
    ),
}
"""What is looked at beside references, alternatives, properties and items: each says what is wrong, "" for nothing."""
