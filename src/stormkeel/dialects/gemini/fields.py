"""Fields: one JSON object of a generateContent body, taken apart name by name, so that what nobody took is known by its path.

Never changes a value: what is not needed as a Python object stays the bytes it came as. Every name is taken in both spellings,
`maxOutputTokens` and `max_output_tokens`, because the SDK mixes them (google-genai 3.6); paths are told as the client wrote them.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeVar

import msgspec
from msgspec import Raw

from ..lost import Lost, Order
from ..uncrossed import refuse

T = TypeVar("T")
Object = dict[str, Raw]

TEXT = msgspec.json.Decoder(str)
FLAG = msgspec.json.Decoder(bool)
NUMBER: msgspec.json.Decoder[int | float] = msgspec.json.Decoder(int | float)
COUNT: msgspec.json.Decoder[int | str] = msgspec.json.Decoder(int | str)
TEXTS: msgspec.json.Decoder[list[str] | str] = msgspec.json.Decoder(list[str] | str)
SCHEMA = msgspec.json.Decoder(dict[str, Any])
RAW = msgspec.json.Decoder(Raw)
_OBJECT = msgspec.json.Decoder(Object)
_OBJECTS: msgspec.json.Decoder[list[Object] | Object] = msgspec.json.Decoder(list[Object] | Object)

_NOTHING = frozenset({b"null", b"[]", b"{}", b'""', b"false"})


@lru_cache(maxsize=1024)
def camel(name: str) -> str:
    """Return a name in the usual spelling.

    >>> camel("max_output_tokens"), camel("topP"), camel("_x")
    ('maxOutputTokens', 'topP', '_x')
    """
    first, *rest = name.split("_")
    return name if not first else first + "".join(word[:1].upper() + word[1:] for word in rest)


class Fields:
    """One object; `path` is where it stands, "" for the body."""

    __slots__ = ("_left", "_lost", "_order", "_places", "path")

    def __init__(self, told: Object, lost: Lost, path: str = "", order: Order = ()) -> None:
        self._lost = lost
        self._order = order
        self.path = path
        self._left: dict[str, Raw] = {}
        self._places: dict[str, tuple[int, str]] = {}  # where each stands, and how it is spelled
        for place, (name, value) in enumerate(told.items()):
            key = camel(name) if "_" in name else name
            if key in self._places:
                first = self._places[key][1]
                where = self.path or "the body"
                refuse(f'"{where}" names the field "{name}" twice, also as "{first}": send it once', "duplicate_field")
            self._places[key] = place, name
            self._left[key] = value

    def take(self, name: str, decoder: msgspec.json.Decoder[T]) -> T | None:
        """Return a field's value, None where it is absent or null; a Failure is raised where it has another type."""
        raw = self._left.pop(name, None)
        if raw is None or bytes(raw) == b"null":
            return None
        try:
            return decoder.decode(raw)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            refuse(f'the field "{self.at(name)}" of the body is wrong: {explain(error)}', "invalid_type")

    def need(self, name: str, decoder: msgspec.json.Decoder[T]) -> T:
        """Return a field's value; a Failure is raised where there is none."""
        value = self.take(name, decoder)
        if value is None:
            refuse(f'the body has no "{self.at(name)}": add it', "missing_field")
        return value

    def word(self, name: str) -> str:
        """Return an enumeration's word in upper case, "" where it is absent."""
        return (self.take(name, TEXT) or "").upper()

    def count(self, name: str) -> int | None:
        """Return a whole number, which may stand there as a text; None where it is absent."""
        told = self.take(name, COUNT)
        if isinstance(told, str):
            if not told.lstrip("-").isdecimal():
                refuse(f'the field "{self.at(name)}" of the body is wrong: expected a whole number', "invalid_type")
            return int(told[:20])
        return told

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; one alone may stand there without the list."""
        told = self.take(name, TEXTS)
        return (told,) if isinstance(told, str) else tuple(told or ())

    def child(self, name: str) -> Fields | None:
        """Return an object inside, None where there is none."""
        told = self.take(name, _OBJECT)
        return None if told is None else self._inner(name, told)

    def need_child(self, name: str) -> Fields:
        """Return an object inside; a Failure is raised where there is none."""
        return self._inner(name, self.need(name, _OBJECT))

    def children(self, name: str) -> list[Fields]:
        """Return the objects of a list; one alone may stand there without the list."""
        told = self.take(name, _OBJECTS)
        if isinstance(told, dict):
            return [self._inner(name, told)]
        order = (*self._order, self._places[name][0]) if told else ()
        return [Fields(one, self._lost, f"{self.at(name)}[{n}]", (*order, n)) for n, one in enumerate(told or ())]

    def has(self, name: str) -> bool:
        """Tell whether a field is there, not taken yet, and not null."""
        return name in self._left and bytes(self._left[name]) != b"null"

    def left(self) -> Iterator[str]:
        """Return the names of what is there, was not taken and is not null, in the usual spelling."""
        return (name for name in list(self._left) if self.has(name))

    def lose(self, name: str) -> None:
        """Note that a field is lost, if it is there and says anything."""
        raw = self._left.pop(name, None)
        if raw is not None and bytes(raw).strip() not in _NOTHING:
            self.note(name)

    def note(self, name: str) -> None:
        """Note that a field is lost, whatever it says."""
        self._lost.add((*self._order, self._places[name][0]), self.at(name))

    def close(self) -> None:
        """Note all that was not taken."""
        for name in list(self._left):
            self.lose(name)

    def at(self, name: str) -> str:
        """Return a field's path, as the client spells it."""
        spelled = self._places[name][1] if name in self._places else name
        return f"{self.path}.{spelled}" if self.path else spelled

    def _inner(self, name: str, told: Object) -> Fields:
        return Fields(told, self._lost, self.at(name), (*self._order, self._places[name][0]))


def read_body_fields(raw: bytes, lost: Lost) -> Fields:
    """Return the fields of a whole body; a Failure is raised where it is no JSON object."""
    try:
        told = _OBJECT.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        refuse(f"the body is not a JSON object: {explain(error)}; send one JSON object", "invalid_json")
    return Fields(told, lost)


def explain(error: Exception) -> str:
    """Return what is wrong with a value, without the value."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, msgspec.ValidationError):
        reason = str(error).replace("`", "").replace(" - at $", " at ")
        return reason[0].lower() + reason[1:]
    return "it is malformed"
