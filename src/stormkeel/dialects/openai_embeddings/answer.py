"""The answer to an embeddings request: peeked at, read whole, written (docs/wire.md, Embeddings).

Never guesses: an answer with a vector that is none, or with vectors out of count, is no answer.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...types.embedding import Vector, Vectors
from ...types.usage import Usage
from ..reader import convert
from ..values import Head, Outcome, is_token_count
from ..vectors import checked, from_base64, to_base64


class _Usage(msgspec.Struct, gc=False):
    prompt_tokens: int | None = None
    total_tokens: int | None = None


class _Item(msgspec.Struct, gc=False):
    embedding: msgspec.Raw


class _Answer(msgspec.Struct, gc=False):
    """A whole answer, its vectors as they came."""

    data: list[_Item]
    model: Any = ""
    usage: Any = None


class _FullItem(msgspec.Struct, gc=False):
    embedding: str | Vector
    index: Any = None


class _Full(msgspec.Struct, gc=False):
    data: list[_FullItem]
    model: Any = ""
    usage: Any = None


_peek = msgspec.json.Decoder(_Answer).decode
_decode = msgspec.json.Decoder(_Full).decode


def read_outcome(body: bytes) -> Outcome | None:
    """Peek at a whole answer: the vectors stay as they are."""
    try:
        told = _peek(body)
    except (ValueError, RecursionError):
        return None
    return Outcome("", str(told.model or ""), None, read_usage(told.usage)) if told.data else None


def read_vectors(body: bytes) -> Vectors | None:
    """Read a whole answer, None where it makes no sense."""
    told = _read(body)
    if told is None or not told.data:
        return None
    vectors = [_vector(item.embedding) for item in _in_order(told.data)]
    if any(vector is None for vector in vectors):
        return None
    return Vectors(tuple(vector for vector in vectors if vector), str(told.model or ""), read_usage(told.usage))


def _read(body: bytes) -> _Full | None:
    try:
        return _decode(body)
    except (ValueError, RecursionError):
        return None


def _in_order(items: list[_FullItem]) -> list[_FullItem]:
    """Return the vectors in the order of the inputs: by their index, where each has one."""
    places = {item.index for item in items if type(item.index) is int}
    return sorted(items, key=lambda item: item.index) if places == set(range(len(items))) else items


def _vector(told: str | Vector) -> Vector | None:
    return from_base64(told) if isinstance(told, str) else checked(told)


def read_usage(told: object) -> Usage | None:
    """Return the report, None where there is none or it makes no sense; some servers fill in only the total."""
    usage = None if told is None else convert(told, _Usage)
    tokens = None if usage is None else usage.prompt_tokens or usage.total_tokens
    return Usage(input=tokens) if tokens and is_token_count(tokens) else None


def write_vectors(answer: Vectors, head: Head) -> bytes:
    """Write a whole answer; base64 where the client asked for it."""
    tokens = answer.usage.total_input if answer.usage else head.input_estimate
    form = to_base64 if head.wants_base64 else list
    return msgspec.json.encode({
        "object": "list",
        "data": [
            {"object": "embedding", "index": place, "embedding": form(vector)} for place, vector in enumerate(answer.vectors)
        ],
        "model": answer.model or head.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })
