"""Recorded Gemini traffic: passed through unchanged and judged right; read, and taken to the other dialects' clients and providers."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import recordings as source
from anthropic.types import Message as AnthropicMessage
from google.genai import types
from openai.types.chat import ChatCompletion

from stormkeel.assemble import abilities, catalog
from stormkeel.dialects.across import Crossing, cross
from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.base import Call, Dialect, Head, Reading, Target, Written
from stormkeel.dialects.gemini import Gemini
from stormkeel.dialects.gemini.call import call_of
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.sandbox.anthropic import reading as strict_messages
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.openai import reading as strict_chat
from stormkeel.types.events import fold
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request
from stormkeel.types.response import Response

DIALECT = Gemini()
OTHERS: dict[str, tuple[Dialect, Any, str, str, Any]] = {
    "openai_chat": (OpenAIChat(), strict_chat, "openai", "gpt-4.1", ChatCompletion),
    "anthropic_messages": (AnthropicMessages(), strict_messages, "anthropic", "claude-sonnet-4-6", AnthropicMessage),
}
HEADERS = (("content-type", "application/json"), ("anthropic-version", "2023-06-01"), ("authorization", "Bearer sk-x"))
HEAD = Head("req_1", 1_700_000_000, "m", 7, wants_usage=True)
each_other = pytest.mark.parametrize("other", list(OTHERS))
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
    sounds_afar = any(f'"{name}": "{kind}/' in text and "https://" in text for name in ("mimeType", "mime_type") for kind in ("video", "audio"))
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
        assert (outcome.id, outcome.model, outcome.finish, outcome.usage) == (response.id, response.model, response.finish, response.usage)
        usage = told["usageMetadata"]
        assert response.usage is not None
        assert response.usage.total == usage["totalTokenCount"]
        assert response.usage.total_input == usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0)
        parts = told["candidates"][0].get("content", {}).get("parts", [])
        assert response.text == "".join(part.get("text", "") for part in parts if not part.get("thought"))
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        assert [(call.name, json.loads(call.arguments)) for call in response.tool_calls] == [(call["name"], call["args"]) for call in calls]
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
        assert (again.prompt.format, again.prompt.max_tokens, again.prompt.tool_choice) == (told.prompt.format, told.prompt.max_tokens, told.prompt.tool_choice)
        assert [message.text for message in again.prompt.messages] == [message.text for message in told.prompt.messages]
    assert read > 100


@each_other
def test_recorded_requests_are_accepted_across(other: str) -> None:
    """Each recorded request is taken by the strict provider of the other dialect, or refused by us with a reason."""
    provider, strict, seller, model, _ = OTHERS[other]
    facts = catalog().find(seller, model)
    target = Target(model, abilities().find(seller, model), facts.max_output if facts else None)
    taken, refused = 0, Counter[str]()
    for row in rows():
        reading = DIALECT.read_prompt(raw_of(row))
        if isinstance(reading, Failure):
            continue
        made = cross(request_of(row), reading, (DIALECT, provider), target)
        if isinstance(made, Failure):
            assert made.kind is FailureKind.UNSUPPORTED, made.message
            refused[made.message] += 1
            continue
        strict.read(Inbound("POST", "/", "", HEADERS, made.body), model_rules=True)
        assert b"stormkeel|" not in made.body
        taken += 1
    assert taken > 95
    assert sum(refused.values()) < 8, refused


def assert_same(told: Response, back: Response) -> None:
    """The words, the calls and the totals of usage are the same."""
    assert back.text == told.text
    assert [(call.name, json.loads(call.arguments or "{}")) for call in back.tool_calls] == [(call.name, json.loads(call.arguments or "{}")) for call in told.tool_calls]
    if told.usage is not None and back.usage is not None:
        assert (back.usage.total_input, back.usage.total_output, back.usage.cache_read) == (told.usage.total_input, told.usage.total_output, told.usage.cache_read)


@each_other
def test_recorded_answers_go_to_the_other_dialects_clients(other: str) -> None:
    """Each recorded whole answer, written for a client of the other dialect, is valid to its SDK and says the same."""
    client, _, _, _, kind = OTHERS[other]
    seen = 0
    for row in rows():
        told = DIALECT.read_response(json.dumps(row["response"]).encode()) if isinstance(row["response"], dict) else None
        if told is None:
            continue
        body = client.write_response(told, HEAD)
        kind.model_validate_json(body, strict=True)
        back = client.read_response(body)
        assert back is not None
        assert_same(told, back)
        assert back.finish is told.finish or {told.finish, back.finish} <= {"content_filter", "refusal"}
        seen += 1
    assert seen == 123


@each_other
def test_recorded_streams_go_to_the_other_dialects_clients(other: str) -> None:
    """Each recorded stream, written as the other dialect's frames and read back, folds to the same answer."""
    rows()
    client = OTHERS[other][0]
    for stream in source.streams("gemini_stream"):
        told = fold(DIALECT.read_events().feed(stream))
        reader = Crossing((client, DIALECT), Written(b"")).read_stream(HEAD)
        frames = b"".join(reader.feed(stream[at : at + 97]) for at in range(0, len(stream), 97))
        reader.finish()
        frames += reader.rest
        judge = client.read_stream(keep_usage=True)
        judge.feed(frames)
        assert (judge.complete, judge.failure, reader.failure) == (True, None, None)
        back = fold(client.read_events().feed(frames))
        assert_same(told, back)
        assert back.finish is told.finish


@each_other
def test_the_others_recorded_traffic_comes_to_gemini(other: str) -> None:
    """The other dialect's recorded requests are written for Gemini in its SDK's types, or refused with a reason; its answers and streams
    are read by a Gemini client as what they said."""
    theirs = OTHERS[other][0]
    target = Target("gemini-3-flash-preview", abilities().find("google", "gemini-3-flash-preview"), 65536)
    if not source.recordings(other):
        pytest.skip(f"no recordings of {other} in {source.FOLDER}")
    taken = answered = 0
    for row in source.recordings(other):
        raw = raw_of(row)
        reading, request = theirs.read_prompt(raw), theirs.read_request(raw, "r1")
        made = cross(request, reading, (theirs, DIALECT), target) if isinstance(reading, Reading) and isinstance(request, Request) else None
        if isinstance(made, Crossing):
            body = json.loads(made.body)
            [types.Content.model_validate(content) for content in body["contents"]]
            [types.Tool.model_validate(tool) for tool in body.get("tools", ())]
            types.GenerationConfig.model_validate(body.get("generationConfig", {}))
            taken += 1
        told = theirs.read_response(json.dumps(row["response"]).encode()) if isinstance(row["response"], dict) and row["status"] == 200 else None
        if told is None:
            continue
        written = DIALECT.write_response(told, HEAD)
        types.GenerateContentResponse.model_validate_json(written)
        back = DIALECT.read_response(written)
        if back is None:
            assert told.finish in ("pause", "other")
            continue
        assert_same(told, back)
        answered += 1
    assert (taken > 50, answered > 50) == (True, True)
    for stream in source.streams(other):
        told = fold(theirs.read_events().feed(stream))
        reader = Crossing((DIALECT, theirs), Written(b"")).read_stream(HEAD)
        frames = reader.feed(stream)
        if not reader.complete:
            reader.finish()
        frames += reader.rest
        if reader.failure is None:
            assert_same(told, fold(DIALECT.read_events().feed(frames)))
