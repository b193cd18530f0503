"""JSON as it crosses: read without changing a number, written whatever a text holds.

Integers keep every digit; other numbers are what a double holds, and one that no double holds is refused. Never used on a body
that passes as it came.
"""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec


def read_json(raw: bytes) -> dict[str, Any] | None:
    """Decode a body, None where it is no JSON object; halves of surrogate pairs, which JSON can spell, are kept."""
    try:
        told = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        told = _read_slowly(raw)
    return told if isinstance(told, dict) else None


def write_json(value: object) -> bytes:
    """Encode a value; half a surrogate pair, which UTF-8 can't hold, is escaped."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def is_json(text: str) -> bool:
    """Is a text one whole JSON value?"""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _read_slowly(raw: bytes) -> object:
    try:
        return json.loads(raw, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)
