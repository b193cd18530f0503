"""Other providers' thoughts in the input of a response, taken out: the API refuses the whole body for one of them.

Never touches a body that has none. They come from answers across dialects: a client is told what proves a thought to its maker as
`encrypted_content`, and sends it back (docs/wire.md, Across dialects).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw

from ..seal import MARK, is_sealed

CALLS = ("function_call", "custom_tool_call")
_MARK = f'"{MARK}'.encode()
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_items = msgspec.json.Decoder(list[Raw]).decode


class _Item(msgspec.Struct, gc=False):
    type: Any = None
    id: Any = None
    encrypted_content: Any = None


_item = msgspec.json.Decoder(_Item).decode


def without_sealed(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without them, and the paths of what was taken out."""
    return _without(body, _is_foreign) if _MARK in body else (body, ())


def without_reasoning(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without any reasoning, and the paths of what was taken out."""
    return _without(body, _is_reasoning) if b'"reasoning"' in body else (body, ())


def _without(body: bytes, is_gone: Callable[[_Item], bool]) -> tuple[bytes, tuple[str, ...]]:
    try:
        fields = _fields(body)
        items = _items(fields["input"])
        sealed = [place for place, item in enumerate(items) if is_gone(_item(item))]
    except (KeyError, ValueError, RecursionError):
        return body, ()  # its provider will say what is wrong with it
    if not sealed:
        return body, ()
    gone = set(sealed)
    left = [_loose(item) for place, item in enumerate(items) if place not in gone]
    return msgspec.json.encode(fields | {"input": left}), tuple(f"input[{place}]" for place in sealed)


def _loose(item: Raw) -> Raw:
    """Return an item without its id, where it is a call: by that the API would ask for the reasoning that led to it."""
    told = _item(item)
    if told.type not in CALLS or told.id is None:
        return item
    return Raw(msgspec.json.encode({name: value for name, value in _fields(item).items() if name != "id"}))


def _is_reasoning(told: _Item) -> bool:
    return bool(told.type == "reasoning")


def _is_foreign(told: _Item) -> bool:
    return told.type == "reasoning" and isinstance(told.encrypted_content, str) and is_sealed(told.encrypted_content)
