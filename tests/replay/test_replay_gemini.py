"""Recorded Gemini traffic: passed through unchanged and judged right; read, and taken to the other dialects' clients and providers."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import recordings as source
from google.genai import types

from stormkeel.assemble import abilities
from stormkeel.dialects.gemini import Gemini
from stormkeel.dialects.gemini.call import call_of
from stormkeel.dialects.values import Call, Reading, Target, Written
from stormkeel.types.events import fold
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request

DIALECT = Gemini()
BOUND_KEYS = ("googleSearch", "fileSearch", "cachedContent", "urlContext", "codeExecution")


def rows() -> list[dict[str, Any]]:
    """All recorded exchanges, whole and streamed."""
    told = [*source.recordings("gemini_generate"), *source.recordings("gemini_stream")]
    if not told:
        pytest.skip(f"no recordings of gemini in {source.FOLDER}: set STORMKEEL_RECORDINGS to their folder")
    return told


def raw_of(row: dict[str, Any]) -> bytes:
    """The body as the SDK writes it."""
    return json.dumps(row["request"], ensure_ascii=False, separators=(",", ":")).encode()


def call_in(row: dict[str, Any]) -> Call:
    """What the recorded path asks for."""
    path = row["path"].split("?")[0]
    call = call_of("/models/" + path.rsplit("/models/", 1)[1])
    assert call is not None
    return call


def request_of(row: dict[str, Any]) -> Request:
    """A recorded request, peeked at."""
    request = DIALECT.read_request(raw_of(row), "r1", call=call_in(row))
    assert isinstance(request, Request), request
    return request


def is_bound(request: dict[str, Any]) -> bool:
    """Does a body lean on what only Google has, by a look of our own?"""
    text = json.dumps(request)
    stored = "gs://" in text or "generativelanguage.googleapis.com" in text or "youtu.be" in text
    sounds_afar = any(
        f'"{name}": "{kind}/' in text and "https://" in text for name in ("mimeType", "mime_type") for kind in ("video", "audio")
    )
    return any(f'"{key}"' in text for key in BOUND_KEYS) or stored or sounds_afar


def test_recorded_requests_pass_untouched() -> None:
    """A recorded request, in whichever of both spellings, leaves as the very bytes that came; its path names model and stream."""
    for row in rows():
        request = request_of(row)
        assert DIALECT.write_request(request, "another", bills=True) is request.raw
        assert DIALECT.without_foreign(request.raw, Target("m")) == (request.raw, ())
        assert (request.model.startswith("gemini-"), request.stream) == (True, "streamGenerateContent" in row["path"])
        told = (row["request"].get("generationConfig") or {}).get("maxOutputTokens")
        assert request.max_output == told


def test_recorded_answers_are_read() -> None:
    """A recorded answer is read whole, its totals being those reported; what the model gave up with is no answer."""
    seen: Counter[str] = Counter()
    for row in rows():
        told = row["response"]
        if not isinstance(told, dict):
            continue
        body = json.dumps(told).encode()
        outcome, response = DIALECT.read_outcome(body), DIALECT.read_response(body)
        reason = told["candidates"][0]["finishReason"]
        if reason == "UNEXPECTED_TOOL_CALL":
            assert (outcome, response) == (None, None)
            continue
        assert outcome is not None
        assert response is not None
        assert (outcome.id, outcome.model, outcome.finish, outcome.usage) == (
            response.id,
            response.model,
            response.finish,
            response.usage,
        )
        usage = told["usageMetadata"]
        assert response.usage is not None
        assert response.usage.total == usage["totalTokenCount"]
        assert response.usage.total_input == usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0)
        parts = told["candidates"][0].get("content", {}).get("parts", [])
        assert response.text == "".join(part.get("text", "") for part in parts if not part.get("thought"))
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        assert [(call.name, json.loads(call.arguments)) for call in response.tool_calls] == [
            (call["name"], call["args"]) for call in calls
        ]
        assert outcome.finish is not None
        seen[outcome.finish.value] += 1
    assert seen == {"stop": 56, "tool_calls": 65, "content_filter": 2}


def test_recorded_streams_pass_byte_for_byte_and_are_whole() -> None:
    """Every recorded stream passes unchanged however it is cut, is whole at its end and at no byte before its last event's."""
    rows()
    for stream in source.streams("gemini_stream"):
        last = json.loads(stream.rstrip().rsplit(b"data: ", 1)[1])
        step = 1 if len(stream) < 3000 else 97
        for cut in [*range(0, len(stream), step), len(stream)]:
            reader = DIALECT.read_stream(keep_usage=True)
            assert reader.feed(stream[:cut]) + reader.feed(stream[cut:]) == stream
            assert reader.finish() is None
            assert (reader.complete, reader.usage_final, reader.model) == (True, True, last["modelVersion"])
            assert reader.usage is not None
            assert reader.usage.total == last["usageMetadata"]["totalTokenCount"]
            short = DIALECT.read_stream(keep_usage=True)
            short.feed(stream[:cut])
            assert (short.finish() is None) == (cut >= len(stream.rstrip()))
        assert fold(DIALECT.read_events().feed(stream)).usage == reader.usage


def test_recorded_requests_are_read_or_say_why() -> None:
    """A recorded request is read, unless it leans on what only Google has, which is then named; written again it means the same."""
    read = 0
    for row in rows():
        told = DIALECT.read_prompt(raw_of(row))
        if isinstance(told, Failure):
            assert told.kind is FailureKind.UNSUPPORTED
            assert is_bound(row["request"]), told.message
            continue
        read += 1
        target = Target(call_in(row).model, abilities().find("google", call_in(row).model))
        written = Gemini(fetches=True).write_prompt(told.prompt, target, stream=False)
        assert isinstance(written, Written), written
        for content in json.loads(written.body)["contents"]:
            types.Content.model_validate(content)
        again = DIALECT.read_prompt(written.body)
        assert isinstance(again, Reading)
        assert set(written.lost) <= {"thinking", "name"}
        assert [tool.name for tool in again.prompt.tools] == [tool.name for tool in told.prompt.tools]
        assert (again.prompt.format, again.prompt.max_tokens, again.prompt.tool_choice) == (
            told.prompt.format,
            told.prompt.max_tokens,
            told.prompt.tool_choice,
        )
        assert [message.text for message in again.prompt.messages] == [message.text for message in told.prompt.messages]
    assert read > 100
