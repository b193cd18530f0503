"""Words of the messages dialect that its reading and its writing half share, and how both say no.

Never reads or writes a whole body.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import msgspec

from ...types.prompt import Effort

Block = dict[str, Any]
"""A content block, or any other object, as the wire has it."""

IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PDF = "application/pdf"
PLAIN = "text/plain"

EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")
"""What `output_config.effort` may be, weakest first (docs/wire.md, Anthropic messages)."""

LEAST_BUDGET = 1024  # tokens of thinking; fewer are refused (docs/wire.md, Anthropic messages)

_is_id = re.compile(r"[a-zA-Z0-9_-]+").fullmatch
_BAD_ID = re.compile(r"[^a-zA-Z0-9_-]")


def tool_id(told: str) -> str:
    """Return a tool call's id as this API takes it: itself, or a likeness with a digest, so that two never become one.

    >>> tool_id("call_1"), tool_id("functions.look:0")
    ('call_1', 'functions_look_0_ec0002042636dd8a')
    """
    if _is_id(told):
        return told
    digest = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_BAD_ID.sub('_', told)[:40]}_{digest}"


def read_arguments(told: str) -> msgspec.Raw | None:
    """Return a tool call's arguments, the very JSON they are: none at all as an empty object, None where they are no object."""
    if not told.strip():
        return _NO_ARGUMENTS
    try:
        _decode_object(told)
    except (ValueError, RecursionError):
        return None
    return msgspec.Raw(told.encode())


_NO_ARGUMENTS = msgspec.Raw(b"{}")
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def encode(value: Block) -> bytes:
    """Write JSON; half of a surrogate pair, which servers in the wild send, as the escape it came as."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, default=_unfold).encode()


def _unfold(value: object) -> Any:
    return json.loads(bytes(value)) if isinstance(value, msgspec.Raw) else str(value)
