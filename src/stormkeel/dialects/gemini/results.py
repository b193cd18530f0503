"""What functions answered: which call a result belongs to, and the text of its object.

Never looks at a part's other fields: those are `turns`'.
"""

from __future__ import annotations

from collections import deque

import msgspec

from ...types.content import Text

NO_OBJECT = msgspec.Raw(b"{}")
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode


class Calls:
    """The calls so far that nobody answered yet, so that a result without an id finds its own."""

    __slots__ = ("_by_name", "_done", "_ids")

    def __init__(self) -> None:
        self._ids: set[str] = set()  # of all calls
        self._done: set[str] = set()
        self._by_name: dict[str, deque[str]] = {}  # oldest first

    def ask(self, id_: str, name: str) -> None:
        """Note a call."""
        self._ids.add(id_)
        self._done.discard(id_)
        self._by_name.setdefault(name, deque()).append(id_)

    def answered(self, id_: str, name: str) -> str | None:
        """Return the id of the call that a result answers, None where there is none."""
        waiting = self._by_name.get(name, deque())
        while id_ not in self._ids and waiting:
            first = waiting.popleft()
            if first not in self._done:
                id_ = first
        self._done.add(id_)
        return id_ if id_ in self._ids else None


def read_answered(response: msgspec.Raw) -> tuple[tuple[Text, ...], bool] | None:
    """Return what a function answered, and whether it failed: the text of {"output"} or {"error"}, any other object as JSON.

    None where it is no object.
    """
    try:
        fields = _fields_of(response)
    except (ValueError, RecursionError):
        return None
    if not fields:
        return (), False
    if len(fields) == 1:
        ((name, value),) = fields.items()
        if name in ("output", "error"):
            text = _text(value)
            return ((Text(text),) if text else ()), name == "error"
    return (Text(bytes(response).decode()),), False


def _text(raw: msgspec.Raw) -> str:
    if not bytes(raw).startswith(b'"'):
        return bytes(raw).decode()
    try:
        return _decode_text(raw)
    except ValueError:
        return bytes(raw).decode()  # halves of surrogate pairs, which JSON can spell
