"""Other providers' thoughts in the input of a response, taken out: the API refuses the whole body for one of them.

Never touches a body that has none. They come from answers across dialects: a client is told what proves a thought to its maker as
`encrypted_content`, and sends it back (docs/wire.md, Across dialects).
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from ..seal import MARK, is_sealed

_MARK = f'"{MARK}'.encode()
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_items = msgspec.json.Decoder(list[Raw]).decode


class _Item(msgspec.Struct, gc=False):
    type: Any = None
    encrypted_content: Any = None


_item = msgspec.json.Decoder(_Item).decode


def without_sealed(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without them, and the paths of what was taken out."""
    if _MARK not in body:
        return body, ()
    try:
        fields = _fields(body)
        items = _items(fields["input"])
        sealed = [place for place, item in enumerate(items) if _is_foreign(item)]
    except (KeyError, ValueError, RecursionError):
        return body, ()  # its provider will say what is wrong with it
    if not sealed:
        return body, ()
    gone = set(sealed)
    left = [item for place, item in enumerate(items) if place not in gone]
    return msgspec.json.encode(fields | {"input": left}), tuple(f"input[{place}]" for place in sealed)


def _is_foreign(item: Raw) -> bool:
    told = _item(item)
    return told.type == "reasoning" and isinstance(told.encrypted_content, str) and is_sealed(told.encrypted_content)
