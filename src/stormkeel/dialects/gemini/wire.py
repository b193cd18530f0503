"""Words of the Gemini dialect that its reading and its writing half share, and how both say no.

Never reads or writes a whole body.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ...types.response import Finish

Block = dict[str, Any]
"""A part of a content, or any other object, as the wire has it."""

FINISHES: dict[str, Finish] = {
    "STOP": Finish.STOP,
    "MAX_TOKENS": Finish.LENGTH,
    "CONTINUATION": Finish.LENGTH,  # the answer is not at its end, and its token means nothing elsewhere
    **dict.fromkeys(
        ("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "ESCALATION",
         "PUP_LIMITED_DISABLED", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_OTHER", "IMAGE_RECITATION"),
        Finish.CONTENT_FILTER,
    ),
}  # fmt: skip
"""Why an answer ended, by `finishReason` (google-genai 3.6); any other is `Finish.OTHER`."""

FAILED = frozenset({
    "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE",
    "OTHER", "NO_IMAGE",
})  # fmt: skip
"""Reasons that are no answer but the model's own failure: another try may do better."""

REASONS = {
    Finish.LENGTH: "MAX_TOKENS", Finish.CONTENT_FILTER: "SAFETY", Finish.REFUSAL: "SAFETY", Finish.PAUSE: "OTHER",
    Finish.OTHER: "OTHER",
}  # fmt: skip
"""`finishReason` by finish; any other is "STOP", tool calls among them."""


def reason_of(finish: Finish | None) -> str:
    """Return the `finishReason` a client is told."""
    return "STOP" if finish is None else REASONS.get(finish, "STOP")


def minted(owner: str, place: int) -> str:
    """Return an id for a call that came without one: the same again for the same answer, unlike any other answer's.

    >>> minted("QUVV-adT", 1)
    'call_QUVVadT_1'
    """
    return f"call_{''.join(letter for letter in owner if letter.isalnum() and letter.isascii())[-24:]}_{place}"


def read_arguments(told: str) -> msgspec.Raw | None:
    """Return a call's arguments, the very JSON they are: none at all as an empty object, None where they are no object."""
    if not told.strip():
        return _NO_ARGUMENTS
    try:
        _decode_object(told)
    except (ValueError, RecursionError):
        return None
    return msgspec.Raw(told.strip().encode())


_NO_ARGUMENTS = msgspec.Raw(b"{}")
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def wrap(text: str, arguments: msgspec.Raw | None) -> object:
    """Return a call's `args`: its arguments, or where they are no JSON object the text in one, as `custom` tools have it."""
    return {"input": text} if arguments is None else arguments


def encode(value: object) -> bytes:
    """Write JSON; half of a surrogate pair, which servers in the wild send, as the escape it came as."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, default=_unfold, separators=(",", ":")).encode()


def _unfold(value: object) -> Any:
    return json.loads(bytes(value)) if isinstance(value, msgspec.Raw) else str(value)
