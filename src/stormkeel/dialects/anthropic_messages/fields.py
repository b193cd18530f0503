"""Fields: one JSON object of a messages body, taken apart name by name, so that what nobody took is known by its path.

Never changes a value: what is not needed as a Python object stays the bytes it came as.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from ..lost import Lost, Order
from ..reader import read_loosely
from ..uncrossed import explain, refuse

T = TypeVar("T")
Object = dict[str, Raw]

TEXT = msgspec.json.Decoder(str)
FLAG = msgspec.json.Decoder(bool)
COUNT = msgspec.json.Decoder(int)
NUMBER = msgspec.json.Decoder(float)
TEXTS = msgspec.json.Decoder(list[str])
SCHEMA = msgspec.json.Decoder(dict[str, Any])
RAW = msgspec.json.Decoder(Raw)
_OBJECT = msgspec.json.Decoder(Object)
_OBJECTS = msgspec.json.Decoder(list[Object])
_CONTENT: msgspec.json.Decoder[str | list[Object]] = msgspec.json.Decoder(str | list[Object])

_NOTHING = frozenset({b"null", b"[]", b"{}"})


class Fields:
    """One object; `path` is where it stands, "" for the body."""

    __slots__ = ("_left", "_lost", "_order", "_places", "path")

    def __init__(self, told: Object, lost: Lost, path: str = "", order: Order = ()) -> None:
        self._left = dict(told)
        self._places = {name: place for place, name in enumerate(told)}
        self._lost = lost
        self._order = order
        self.path = path

    def take(self, name: str, decoder: msgspec.json.Decoder[T]) -> T | None:
        """Return a field's value, None where it is absent or null; a Failure is raised where it has another type."""
        raw = self._left.pop(name, None)
        if raw is None or bytes(raw) == b"null":
            return None
        try:
            return decoder.decode(raw)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            problem, inside = explain(error)
            refuse(f'the field "{self.at(name)}{inside}" of the body is wrong: {problem}', "invalid_type")

    def need(self, name: str, decoder: msgspec.json.Decoder[T]) -> T:
        """Return a field's value; a Failure is raised where there is none."""
        value = self.take(name, decoder)
        if value is None:
            refuse(f'the body has no "{self.at(name)}": add it', "missing_field")
        return value

    def child(self, name: str) -> Fields | None:
        """Return an object inside, None where there is none."""
        told = self.take(name, _OBJECT)
        return None if told is None else self._inner(name, told)

    def children(self, name: str) -> list[Fields]:
        """Return the objects of a list."""
        return self._all(name, self.take(name, _OBJECTS) or [])

    def content(self, name: str = "content") -> str | list[Fields]:
        """Return a content: text, or its blocks; "" where there is none."""
        told = self.take(name, _CONTENT)
        return self._all(name, told) if isinstance(told, list) else told or ""

    def child_of(self, name: str, place: int, raw: Raw) -> Fields:
        """Return one object of a list whose values were told apart already."""
        try:
            told = _OBJECT.decode(raw)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            problem, inside = explain(error)
            refuse(f'the field "{self.at(name)}[{place}]{inside}" of the body is wrong: {problem}', "invalid_type")
        return Fields(told, self._lost, f"{self.at(name)}[{place}]", (*self._order, self._places[name], place))

    def look(self, name: str) -> bytes:
        """Return a field's value as it came, without taking it; b"" where it is absent."""
        return bytes(self._left.get(name, b""))

    def skip(self, name: str) -> None:
        """Take a field that was read otherwise."""
        self._left.pop(name, None)

    def lose(self, name: str) -> None:
        """Note that a field, present and not empty, is lost."""
        raw = self._left.pop(name, None)
        if raw is not None and bytes(raw).strip() not in _NOTHING:
            self.note(name)

    def note(self, name: str) -> None:
        """Note that a field is lost, whatever it says."""
        self._lost.add((*self._order, self._places[name]), self.at(name))

    def note_all(self) -> None:
        """Note that this object as a whole is lost."""
        self._lost.add(self._order, self.path)

    def has(self, name: str) -> bool:
        """Tell whether a field is there, not taken yet, and not empty."""
        raw = self._left.get(name)
        return raw is not None and bytes(raw).strip() not in _NOTHING

    def is_said(self, name: str) -> bool:
        """Tell whether a field is there and not null, though it may be empty."""
        raw = self._left.get(name)
        return raw is not None and bytes(raw) != b"null"

    def close(self) -> None:
        """Note all that was not taken."""
        for name in list(self._left):
            self.lose(name)

    def at(self, name: str) -> str:
        """Return a field's path."""
        return f"{self.path}.{name}" if self.path else name

    def _inner(self, name: str, told: Object) -> Fields:
        return Fields(told, self._lost, self.at(name), (*self._order, self._places[name]))

    def _all(self, name: str, told: list[Object]) -> list[Fields]:
        order = (*self._order, self._places[name]) if told else ()
        return [Fields(one, self._lost, f"{self.at(name)}[{n}]", (*order, n)) for n, one in enumerate(told)]


def read_body_fields(raw: bytes, lost: Lost) -> Fields:
    """Return the fields of a whole body; a Failure is raised where it is no JSON object."""
    try:
        return Fields(_OBJECT.decode(raw), lost)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        if read_loosely(raw) is not None:  # some write what is nearly JSON
            refuse('a text of the body has half of a surrogate pair, or a number is "NaN" or infinite: send JSON', "invalid_json")
        refuse(f"the body is not a JSON object: {explain(error)[0]}; send one JSON object", "invalid_json")
