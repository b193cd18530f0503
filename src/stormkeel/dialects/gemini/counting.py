"""How many tokens contents have, by Google's own count: `models/{model}:countTokens` (docs/wire.md, Counting).

Never generates anything. The body names the contents alone, or holds a whole request, which must say whose it is:

    {"contents": [...]}    {"generateContentRequest": {"model": "models/gemini-x", "contents": [...], "tools": ...}}
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...types.failure import Failure, FailureKind
from ..counting import read_number
from .call import COLLECTION, COUNT, WHOLE, path_for

REQUESTS = ("generateContentRequest", "generate_content_request")
"""Where a whole request stands; the contents beside it mean nothing then (REST reference, `models.countTokens`)."""

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class GeminiCounting:
    """See `dialects.counting.Counting`."""

    def path_for(self, model: str) -> str:
        """Return where a model's count is asked for, relative to a provider's base URL."""
        return path_for(model, False).removesuffix(WHOLE) + COUNT

    def read_body(self, raw: bytes) -> bytes | Failure:
        """Return the request whose tokens are counted, without the model it names: the URL says who counts.

        What is no JSON object is left to the codec to refuse.
        """
        try:
            fields = _fields(raw)
        except (ValueError, RecursionError):
            return raw
        told = [name for name in REQUESTS if name in fields]
        if not told:
            return _without_model(fields, raw)
        whole = bytes(fields[told[0]])
        if len(told) > 1 or not whole.startswith(b"{"):
            message = f'the field "{told[0]}" of the body is wrong: send it once, as an object'
            return Failure(FailureKind.CALLER, message, status=400, code="invalid_type")
        return _without_model(_fields(whole), whole)

    def pass_body(self, body: bytes, model: str) -> bytes:
        """Return the contents alone, where there is nothing else; else the whole request."""
        return self.write_body(body, model)

    def write_body(self, body: bytes, model: str) -> bytes:
        """Do the same for a request that was written for this model."""
        fields: dict[str, Any] = _fields(body)
        if fields.keys() <= {"contents"}:
            return msgspec.json.encode(fields)
        name = model if "/" in model else COLLECTION + model
        return msgspec.json.encode({REQUESTS[0]: {"model": name} | fields})

    def read_tokens(self, body: bytes) -> int | None:
        """Read `totalTokens`."""
        return read_number(body, "totalTokens")

    def write_tokens(self, tokens: int) -> bytes:
        """Write `totalTokens`."""
        return msgspec.json.encode({"totalTokens": tokens})


def _without_model(fields: dict[str, msgspec.Raw], body: bytes) -> bytes:
    """Return a body without its model: itself, where it names none."""
    if "model" not in fields:
        return body
    return msgspec.json.encode({name: value for name, value in fields.items() if name != "model"})
