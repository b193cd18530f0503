"""Recorded embeddings: passed unchanged, read whole, and taken across; the providers' own numbers judge."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from openai.types import CreateEmbeddingResponse
from recordings import FOLDER, recordings

from stormkeel.assemble import CODECS
from stormkeel.catalog.families import family_of
from stormkeel.dialects.values import Call, Head, Target, TextsReading, Written
from stormkeel.ledger.count import by_bytes
from stormkeel.types.request import Request

FILES = {"openai_embeddings": "openai_embeddings", "gemini_embed": "gemini_embeddings"}
HEAD = Head("r1", 1, "m")
OTHER = {"openai_embeddings": "gemini_embeddings", "gemini_embeddings": "openai_embeddings"}


def rows() -> list[tuple[str, dict[str, Any]]]:
    """Every recorded exchange with its codec's name."""
    found = [(name, row) for file, name in FILES.items() for row in recordings(file)]
    if not found:
        pytest.skip(f"no recordings of embeddings in {FOLDER}: set STORMKEEL_RECORDINGS to their folder")
    return found


def raw_of(row: dict[str, Any]) -> bytes:
    """The body as the SDK writes it."""
    return json.dumps(row["request"], ensure_ascii=False, separators=(",", ":")).encode()


def model_of(row: dict[str, Any]) -> str:
    """Which model was asked."""
    return str(row["request"].get("model") or row["path"].rsplit("/", 1)[1].split(":")[0])


def test_requests() -> None:
    """Each passes as it is, and is written for the other provider."""
    for name, row in rows():
        codec, other = CODECS[name], CODECS[OTHER[name]]
        request = codec.read_request(raw_of(row), "r1", call=Call(model_of(row)))
        assert isinstance(request, Request), request
        assert codec.write_request(request, request.model, True) == raw_of(row)
        reading = codec.read_prompt(raw_of(row))
        assert isinstance(reading, TextsReading), reading
        assert reading.lost == ()
        written = other.write_prompt(reading.prompt, Target("m"), False)
        assert isinstance(written, Written), written
        assert isinstance(other.read_request(written.body, "r1", call=Call("m")), Request)


def test_answers() -> None:
    """Each is read whole, its numbers stay what they are across, and the client's own type takes it."""
    for name, row in rows():
        if row["status"] != 200:
            continue
        codec, other = CODECS[name], CODECS[OTHER[name]]
        body = json.dumps(row["response"]).encode()
        outcome, vectors = codec.read_outcome(body), codec.read_response(body)
        assert outcome is not None
        assert vectors is not None
        assert outcome.usage == vectors.usage
        assert [len(vector) for vector in vectors.vectors] == [len(vectors.vectors[0])] * len(vectors.vectors)
        told = other.write_response(vectors, Head("r1", 1, "m", wants_base64=True))
        back = other.read_response(told)
        assert back is not None
        for before, after in zip(vectors.vectors, back.vectors, strict=True):
            assert after == [number for (number,) in struct.iter_unpack("<f", struct.pack(f"<{len(before)}f", *before))]
        if other.name == "openai_embeddings":
            CreateEmbeddingResponse.model_validate_json(other.write_response(vectors, HEAD))


def test_estimates() -> None:
    """What would be booked where nobody counts is within half of what was counted here, or within three tokens."""
    for name, row in rows():
        vectors = CODECS[name].read_response(json.dumps(row["response"]).encode())
        reading = CODECS[name].read_prompt(raw_of(row))
        assert isinstance(reading, TextsReading)
        if vectors is not None and vectors.usage is not None:
            counted, ours = vectors.usage.input, by_bytes(reading.prompt, family_of(model_of(row)))
            assert abs(ours - counted) <= max(3, counted / 2), (row["request"], ours, counted)
