"""Reads a JSON body the strict way, before a dialect looks at its fields.

Never knows a field but the top-level `model`: that one is wanted for the bill even when the rest is wrong.
"""

from __future__ import annotations

import json

import msgspec

from stormkeel.sandbox.line import Inbound


def duplicates(body: bytes) -> list[str]:
    """Return the top-level keys that stand twice in a JSON object, in order; [] for anything else.

    A parser that takes the first and one that takes the last would not see the same request.
    """
    latest: list[tuple[str, object]] = []

    def note(pairs: list[tuple[str, object]]) -> dict[str, object]:
        latest[:] = pairs
        return dict(pairs)

    try:
        whole = json.loads(body, object_pairs_hook=note)
    except (ValueError, RecursionError):
        return []
    if not isinstance(whole, dict):
        return []
    keys = [key for key, _ in latest]  # the outermost object is the last to be finished
    return [key for place, key in enumerate(keys) if key in keys[:place]]


class _Named(msgspec.Struct):
    model: str


def model_named(body: bytes) -> str | None:
    """Return the top-level `model`, or None where there is none to be read."""
    try:
        return msgspec.json.decode(body, type=_Named).model
    except (msgspec.DecodeError, RecursionError):
        return None


def named(inbound: Inbound) -> str | None:
    """Return the model a request names in its body."""
    return model_named(inbound.body)


def media_type(content_type: str | None) -> str:
    """Return a content-type without its parameters, in lower case."""
    return (content_type or "").partition(";")[0].strip().lower()
