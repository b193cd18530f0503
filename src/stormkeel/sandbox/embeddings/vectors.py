"""Vectors of length 1 from bytes: the same for the same bytes, and a shorter one is the longer one's beginning, made unit again.

Never tells what is like what: two texts that mean the same have nothing in common here.
"""

from __future__ import annotations

import base64
import hashlib
import math
import struct


def vector(source: bytes, dimensions: int) -> list[float]:
    """Return a unit vector whose numbers are exact as 32-bit floats.

    >>> len(vector(b"x", 8)), abs(sum(number**2 for number in vector(b"x", 8)) - 1) < 1e-6
    (8, True)
    """
    drawn = struct.unpack(f"<{dimensions}h", hashlib.shake_256(source).digest(2 * dimensions))
    numbers = [number + 0.5 for number in drawn]  # never all zero
    length = math.hypot(*numbers)
    return list(struct.unpack(f"<{dimensions}f", struct.pack(f"<{dimensions}f", *(number / length for number in numbers))))


def base64_of(numbers: list[float]) -> str:
    """Return the numbers as little-endian 32-bit floats in base64."""
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
