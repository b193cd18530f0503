"""Vectors as they stand on the wire: lists of numbers, or base64 of little-endian 32-bit floats (docs/wire.md, Embeddings).

Never lets a number through that a 32-bit float can't hold: it could be told to no client.
"""

from __future__ import annotations

import binascii
import sys
from array import array
from collections.abc import Sequence
from math import isfinite

from ..types.embedding import Vector

MOST = 3.4028234663852886e38
"""The largest 32-bit float."""
_SIZE = 4  # bytes of one


def to_base64(vector: Sequence[float]) -> str:
    """Pack a vector; each number becomes the nearest 32-bit float.

    >>> to_base64([1.0, -0.5])
    'AACAPwAAAL8='
    """
    packed = array("f", vector)
    if sys.byteorder == "big":
        packed.byteswap()
    return binascii.b2a_base64(packed.tobytes(), newline=False).decode()


def from_base64(told: str) -> Vector | None:
    """Unpack a vector, None where it is none.

    >>> from_base64("AACAPwAAAL8="), from_base64("AACA")
    ([1.0, -0.5], None)
    """
    try:
        raw = binascii.a2b_base64(told.encode("ascii"), strict_mode=True)
    except ValueError:
        return None
    if not raw or len(raw) % _SIZE:
        return None
    packed = array("f", raw)
    if sys.byteorder == "big":
        packed.byteswap()
    vector = packed.tolist()
    return vector if isfinite(sum(vector)) else None


def checked(vector: Vector) -> Vector | None:
    """Return a vector of numbers that are numbers and that a 32-bit float holds, None where it is empty or has another."""
    if not vector or not isfinite(sum(vector)):  # whatever is no number makes the sum none, and numbers of this size never do
        return None
    return vector if min(vector) >= -MOST and max(vector) <= MOST else None
