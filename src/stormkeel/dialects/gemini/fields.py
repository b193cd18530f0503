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
from ..uncrossed import explain, refuse

T = TypeVar("T")
Object = dict[str, Raw]

TEXT = msgspec.json.Decoder(str)
FLAG = msgspec.json.Decoder(bool)
NUMBER: msgspec.json.Decoder[int | float] = msgspec.json.Decoder(int | float)
COUNT: msgspec.json.Decoder[int | str] = msgspec.json.Decoder(int | str)
TEXTS: msgspec.json.Decoder[list[str] | str] = msgspec.json.Decoder(list[str] | str)
SCHEMA = msgspec.json.Decoder(dict[str, Any])
_OBJECT = msgspec.json.Decoder(Object)
_OBJECTS: msgspec.json.Decoder[list[Object] | Object] = msgspec.json.Decoder(list[Object] | Object)

NULL = Raw(b"null")
_USUAL_WORDS = {b'"user"': "USER", b'"model"': "MODEL"}
"""Words that stand in every body, as they come."""
LONGEST_USUAL = 16
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
    """One object; where it stands is found out only when somebody asks."""

    __slots__ = ("_left", "_lost", "_name", "_names", "_parent", "_place", "_places", "_spelled")

    def __init__(self, told: Object, lost: Lost, parent: Fields | None = None, name: str = "", place: int = -1) -> None:
        """Take an object, and where it stands: in which field of its parent, at which place of a list there (-1 for no list)."""
        self._left = told
        self._names = tuple(told)  # in the body's order, in the usual spelling
        self._places: dict[str, int] = {}  # of the names; most objects need none
        self._spelled: dict[str, str] = {}  # those that the client wrote otherwise
        self._lost = lost
        self._parent, self._name, self._place = parent, name, place
        for one in self._names:
            if "_" in one:
                self._respell(told)
                break

    def _respell(self, told: Object) -> None:
        self._left = {}
        for name, value in told.items():
            key = camel(name)
            if key in self._left:
                first, where = self._spelled.get(key, key), self.path or "the body"
                refuse(f'"{where}" names the field "{name}" twice, also as "{first}": send it once', "duplicate_field")
            self._left[key] = value
            self._spelled[key] = name
        self._names = tuple(self._left)

    @property
    def path(self) -> str:
        """Where it stands, "" for the body."""
        if self._parent is None:
            return ""
        at = self._parent.at(self._name)
        return at if self._place < 0 else f"{at}[{self._place}]"

    @property
    def _order(self) -> Order:
        if self._parent is None:
            return ()
        order = self._parent.order_of(self._name)
        return order if self._place < 0 else (*order, self._place)

    def order_of(self, name: str) -> Order:
        """Return where a field stands in the body, for the order of what is told as lost."""
        if not self._places:
            self._places = {one: place for place, one in enumerate(self._names)}
        return (*self._order, self._places.get(name, -1))

    def take(self, name: str, decoder: msgspec.json.Decoder[T]) -> T | None:
        """Return a field's value, None where it is absent or null; a Failure is raised where it has another type.

        Args:
            name: in the usual spelling.
            decoder: of a type to which null does not belong.
        """
        raw = self._left.pop(name, None)
        if raw is None:
            return None
        try:
            return decoder.decode(raw)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            if raw == NULL:
                return None
            problem, inside = explain(error)
            refuse(f'the field "{self.at(name)}{inside}" of the body is wrong: {problem}', "invalid_type")

    def take_raw(self, name: str) -> Raw | None:
        """Return a field's value as it came, None where it is absent or null."""
        raw = self._left.pop(name, None)
        return None if raw is None or raw == NULL else raw

    def need(self, name: str, decoder: msgspec.json.Decoder[T]) -> T:
        """Return a field's value; a Failure is raised where there is none."""
        value = self.take(name, decoder)
        if value is None:
            refuse(f'the body has no "{self.at(name)}": add it', "missing_field")
        return value

    def word(self, name: str) -> str:
        """Return an enumeration's word in upper case, "" where it is absent."""
        raw = self._left.get(name)
        if raw is None:
            return ""
        usual = _USUAL_WORDS.get(bytes(raw)) if len(raw) < LONGEST_USUAL else None
        if usual is not None:
            del self._left[name]
            return usual
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
        return [Fields(one, self._lost, self, name, place) for place, one in enumerate(told or ())]

    def child_of(self, name: str, place: int, raw: Raw) -> Fields:
        """Return one object of a list whose values were told apart already."""
        try:
            return Fields(_OBJECT.decode(raw), self._lost, self, name, place)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            problem, inside = explain(error)
            refuse(f'the field "{self.at(name)}[{place}]{inside}" of the body is wrong: {problem}', "invalid_type")

    def look(self, name: str) -> bytes:
        """Return a field's value as it came, without taking it; b"" where it is absent."""
        return bytes(self._left.get(name, b""))

    def has(self, name: str) -> bool:
        """Tell whether a field is there, not taken yet, and not null."""
        raw = self._left.get(name)
        return raw is not None and raw != NULL

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
        self._lost.add(self.order_of(name), self.at(name))

    def close(self) -> None:
        """Note all that was not taken."""
        if self._left:
            for name in list(self._left):
                self.lose(name)

    def at(self, name: str) -> str:
        """Return a field's path, as the client spells it."""
        spelled, path = self._spelled.get(name, name), self.path
        return f"{path}.{spelled}" if path else spelled

    def _inner(self, name: str, told: Object) -> Fields:
        return Fields(told, self._lost, self, name)


def read_body_fields(raw: bytes, lost: Lost) -> Fields:
    """Return the fields of a whole body; a Failure is raised where it is no JSON object."""
    try:
        told = _OBJECT.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        refuse(f"the body is not a JSON object: {explain(error)[0]}; send one JSON object", "invalid_json")
    return Fields(told, lost)
