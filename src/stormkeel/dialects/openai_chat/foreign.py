"""Other providers' thoughts in the history of a chat completion, taken out where a provider refuses a body for them.

Never touches a body that has none, nor one for a provider that takes them back. They come from answers across dialects: a client
is told their thoughts as `reasoning_content`, and sends them back with the rest of the message. OpenAI's own answers have no such
field, and its API no place for it (docs/wire.md, Across dialects).
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from ..values import Target

FIELD = "reasoning_content"
NAMED = b'"reasoning_content"'
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_turns = msgspec.json.Decoder(list[dict[str, Raw]]).decode


def without_thoughts(body: bytes, target: Target) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without them, and the paths of what was taken out."""
    return (body, ()) if target.takes_thoughts or NAMED not in body else without_all(body)


def without_all(body: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return the body without any, and the paths of what was taken out."""
    if NAMED not in body:
        return body, ()
    try:
        fields = _fields(body)
        turns = _turns(fields["messages"])
    except (KeyError, ValueError, RecursionError):
        return body, ()  # its provider will say what is wrong with it
    taken = tuple(f"messages[{place}].{FIELD}" for place, turn in enumerate(turns) if turn.pop(FIELD, None) is not None)
    if not taken:
        return body, ()
    return msgspec.json.encode(fields | {"messages": turns}), taken
