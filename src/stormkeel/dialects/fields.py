"""Fields: the objects of a body, read field by field, so that what nobody took is left over, and is told.

Never guesses at a shape: a field of another type is refused by its path. Used below a dialect's `read_prompt` and `write_prompt`
alone, which turn a `CrossingError` into the failure it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Generic, TypeVar

from ..types.failure import Failure, FailureKind
from .encoded import BROKEN, base64_of
from .lost import Lost, Order
from .uncrossed import CrossingError

T = TypeVar("T", str, bool, int, float, list[Any], dict[str, Any])

_NAMES: dict[type, str] = {
    str: "a text", bool: "true or false", int: "a whole number", float: "a number", list: "a list", dict: "an object",
}  # fmt: skip


def wrong(path: str, problem: str, code: str = "invalid_value") -> CrossingError:
    """Return that a body is not of this dialect's shape.

    Args:
        path: of the field.
        problem: what is wrong with it, and its mend.
        code: for the client.
    """
    return CrossingError(Failure(FailureKind.CALLER, f'the field "{path}" of the body is wrong: {problem}', 400, code))


def bound(path: str, problem: str) -> CrossingError:
    """Return that a body asks for what only its own provider can do, so that leaving it out would change what is meant."""
    return CrossingError(Failure(FailureKind.UNSUPPORTED, f'the field "{path}" of the body can\'t cross dialects: {problem}'))


def data_at(path: str, told: str) -> str:
    """Return base64 as it may be sent on; refused by its path where it is none."""
    data = base64_of(told)
    if data is None:
        raise wrong(path, BROKEN)
    return data


class Fields:
    """One object of a body; where it stands is found out only when somebody asks."""

    __slots__ = ("_left", "_lost", "_name", "_parent", "_place", "_places", "_told")

    def __init__(self, told: object, name: str, lost: Lost, parent: Fields | None = None, place: int = -1) -> None:
        """Take an object, and where it stands: in which field of its parent ("" for the body), at which place of a list there."""
        self._lost = lost
        self._name, self._parent, self._place = name, parent, place
        self._places: dict[str, int] | None = None  # of the names; most objects need none
        if not isinstance(told, dict):
            raise wrong(self.path, "expected an object", "invalid_type")
        self._told = told
        self._left = dict(told)
        if None in told.values():
            self._left = {name: value for name, value in told.items() if value is not None}

    @property
    def path(self) -> str:
        """Where it stands, "" for the body."""
        if self._parent is None:
            return self._name
        at = self._parent.at(self._name)
        return at if self._place < 0 else f"{at}[{self._place}]"

    @property
    def _order(self) -> Order:
        if self._parent is None:
            return ()
        order = self._parent._where(self._name)
        return order if self._place < 0 else (*order, self._place)

    def at(self, name: str) -> str:
        """Return the path of a field."""
        path = self.path
        return f"{path}.{name}" if path else name

    def take(self, name: str, kind: type[T]) -> T | None:
        """Return a field's value, None where it is absent or null."""
        value = self._left.pop(name, None)
        if value is None or type(value) is kind:
            return value
        if kind is float and type(value) is int:
            return value  # a whole number is a number, and stays exact
        raise wrong(self.at(name), f"expected {_NAMES[kind]}", "invalid_type")

    def need(self, name: str, kind: type[T]) -> T:
        """Return the value of a field that must be there."""
        value = self.take(name, kind)
        if value is None:
            raise wrong(self.at(name), f"it is missing: add {_NAMES[kind]}", "missing_field")
        return value

    def choose(self, name: str, among: Collection[str]) -> str:
        """Return a text that is one of some words, "" where it is absent."""
        value = self.take(name, str) or ""
        if value and value not in among:
            raise wrong(self.at(name), f'"{value[:100]}" is none of its values: send one of {_listed(among)}')
        return value

    def has(self, name: str) -> bool:
        """Is the field there, and not null?"""
        return name in self._left

    def look(self, name: str) -> Any:
        """Return a field's value without taking it."""
        return self._left.get(name)

    def inner(self, name: str) -> Fields | None:
        """Return the object in a field, None where it is absent."""
        value = self._left.pop(name, None)
        return None if value is None else Fields(value, name, self._lost, self)

    def need_inner(self, name: str) -> Fields:
        """Return the object in a field that must be there."""
        found = self.inner(name)
        if found is None:
            raise wrong(self.at(name), "it is missing: add an object", "missing_field")
        return found

    def inners(self, name: str) -> list[Fields]:
        """Return the objects in a field's list, none where it is absent."""
        values: list[Any] = self.take(name, list) or []
        return [Fields(value, name, self._lost, self, place) for place, value in enumerate(values)]

    def skip(self, *names: str) -> None:
        """Take fields that mean nothing, whatever they hold."""
        for name in names:
            self._left.pop(name, None)

    def lose(self, *names: str) -> None:
        """Tell fields that were taken, or parts of which were, as lost."""
        for name in names:
            self._lost.add(self._where(name), self.at(name))

    def lose_all(self) -> None:
        """Tell this object as a whole as lost."""
        self._lost.add(self._order, self.path)

    def close(self, empty: Mapping[str, tuple[object, ...]] | None = None) -> None:
        """Tell what nobody took as lost, but for empty values and for those that mean nothing (`empty`, by name)."""
        for name, value in self._left.items():
            if value not in ("", [], {}) and value not in (empty or {}).get(name, ()):
                self.lose(name)

    def _where(self, name: str) -> Order:
        """Return where a field stands in the body."""
        if self._places is None:
            self._places = {name: place for place, name in enumerate(self._told)}
        return (*self._order, self._places.get(name, -1))


def _listed(words: Collection[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


P = TypeVar("P")


class Kinds(Generic[P]):
    """The types of parts of a dialect.

    Attributes:
        readers: how each type that can cross is read.
        bound: those that only this dialect's own models can be told; any other is none of it.
    """

    __slots__ = ("bound", "readers")

    def __init__(self, readers: Mapping[str, Callable[[Fields], P]], bound: Collection[str]) -> None:
        self.readers, self.bound = readers, bound


def read_part(part: Fields, kinds: tuple[str, ...], known: Kinds[P]) -> P:
    """Read a part of a message by its `type`.

    Args:
        part: the part.
        kinds: the types that can stand here.
        known: all that there are.

    Raises:
        CrossingError: its type can't stand here, can't cross at all, or is none.
    """
    kind = part.need("type", str)
    read = known.readers.get(kind)
    if read is None and kind in known.bound:
        raise bound(part.path, f'no other dialect has parts of type "{kind}": leave it out, or ask a model of its provider')
    if read is None:
        raise wrong(part.at("type"), f'"{kind[:100]}" is no type of a part: send one of {", ".join(kinds)}')
    if kind not in kinds:
        raise wrong(part.path, f'a part of type "{kind}" can\'t stand here: send one of {", ".join(kinds)}')
    made = read(part)
    part.close()
    return made
