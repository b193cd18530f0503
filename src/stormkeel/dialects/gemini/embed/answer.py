"""Gemini's vectors: peeked at, read whole, written (docs/wire.md, Gemini, Embeddings).

Never makes usage up: older models of its own API report none, and then there is none. An answer with a vector that is none is no
answer.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from ....types.embedding import Vector, Vectors
from ....types.usage import Usage
from ...reader import convert
from ...values import Outcome, is_token_count
from ...vectors import checked


class _Peeked(msgspec.Struct, gc=False):
    values: Raw


class _Modality(msgspec.Struct, gc=False):
    modality: Any = None
    tokenCount: int | None = None


class _Usage(msgspec.Struct, gc=False):
    promptTokenCount: int
    promptTokenDetails: list[_Modality] | None = None  # so the API spells it here (recorded 2026)
    promptTokensDetails: list[_Modality] | None = None


class _Outcome(msgspec.Struct, gc=False):
    embeddings: list[_Peeked] | None = None
    embedding: _Peeked | None = None
    usageMetadata: Any = None


class _Embedding(msgspec.Struct, gc=False):
    values: Vector


class _Answer(msgspec.Struct, gc=False):
    embeddings: list[_Embedding] | None = None
    embedding: _Embedding | None = None
    usageMetadata: Any = None


_peek = msgspec.json.Decoder(_Outcome).decode
_decode = msgspec.json.Decoder(_Answer).decode


def read_outcome(body: bytes) -> Outcome | None:
    """Peek at a whole answer: the vectors stay as they are."""
    try:
        told = _peek(body)
    except (ValueError, RecursionError):
        return None
    return Outcome("", "", None, read_usage(told.usageMetadata)) if told.embeddings or told.embedding else None


def read_vectors(body: bytes) -> Vectors | None:
    """Read a whole answer, None where it makes no sense."""
    try:
        told = _decode(body)
    except (ValueError, RecursionError):
        return None
    found = told.embeddings or ([told.embedding] if told.embedding else [])
    vectors = tuple(vector for one in found if (vector := checked(one.values)))
    if not vectors or len(vectors) != len(found):
        return None
    return Vectors(vectors, "", read_usage(told.usageMetadata))


def read_usage(told: object) -> Usage | None:
    """Return the report, None where there is none or it makes no sense; sound has a price of its own."""
    usage = None if told is None else convert(told, _Usage)
    if usage is None or not usage.promptTokenCount or not is_token_count(usage.promptTokenCount):
        return None
    details = usage.promptTokenDetails or usage.promptTokensDetails or []
    heard = sum(part.tokenCount or 0 for part in details if part.modality == "AUDIO")
    heard = min(max(heard, 0), usage.promptTokenCount)
    return Usage(input=usage.promptTokenCount - heard, audio_input=heard)


def write_vectors(answer: Vectors, is_batch: bool) -> bytes:
    """Write a whole answer; the usage where there is one."""
    made = [{"values": vector} for vector in answer.vectors]
    told: dict[str, Any] = {"embeddings": made} if is_batch else {"embedding": made[0]}
    if answer.usage:
        tokens = answer.usage.total_input
        told["usageMetadata"] = {"promptTokenCount": tokens, "totalTokenCount": tokens}
    return msgspec.json.encode(told)
