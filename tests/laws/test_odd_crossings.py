"""Odd values anywhere in what crosses: never a fault of ours, and never a refusal that does not say where."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from stormkeel.assemble import DIALECTS, abilities, catalog
from stormkeel.dialects.across import Crossing
from stormkeel.dialects.values import Head, Target, Written
from stormkeel.types.failure import Failure, FailureKind

CHAT, MESSAGES = "openai_chat", "anthropic_messages"
OTHER = {CHAT: MESSAGES, MESSAGES: CHAT}
MODELS = {CHAT: ("openai", "gpt-5.4-mini"), MESSAGES: ("anthropic", "claude-sonnet-4-6")}
HEAD = Head("req_1", 1_700_000_000, "m", 7)
ODD: tuple[Any, ...] = (
    None, -1, 1.5, True, "", "x", "\ud800", [], {}, [1], [{}], {"a": 1}, {"type": "text"}, 10**30, "data:;base64,", [{"type": "text", "text": "\udfff"}],
)  # fmt: skip
each_dialect = pytest.mark.parametrize("dialect", [CHAT, MESSAGES])

# fmt: off
ASKED: dict[str, Any] = {
    CHAT: {
        "model": "m", "max_tokens": 50, "temperature": 0.5, "stop": ["a"], "n": 1, "modalities": ["text"], "user": "u", "service_tier": "auto",
        "messages": [
            {"role": "system", "content": "Be"},
            {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "https://x/y"}}]},
            {"role": "assistant", "content": "y", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": False}}], "tool_choice": "auto",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}},
        "reasoning_effort": "low",
    },
    MESSAGES: {
        "model": "m", "max_tokens": 50, "temperature": 0.5, "stop_sequences": ["a"], "system": [{"type": "text", "text": "Be"}],
        "messages": [
            {"role": "user", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "s"},
                                              {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "r"}], "is_error": False}]},
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}, "thinking": {"type": "enabled", "budget_tokens": 1024},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}}, "metadata": {"user_id": "u"},
    },
}
ANSWERED: dict[str, Any] = {
    CHAT: {
        "id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "x", "refusal": "no", "reasoning_content": "r",
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}, {"custom": {"name": "g", "input": "z"}}]}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}},
    },
    MESSAGES: {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use", "stop_details": {"explanation": "e"},
        "content": [{"type": "thinking", "thinking": "t", "signature": "s"}, {"type": "redacted_thinking", "data": "x"},
                    {"type": "text", "text": "x"}, {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}],
        "usage": {"input_tokens": 9, "output_tokens": 3, "cache_creation": {"ephemeral_1h_input_tokens": 1}},
    },
}
STREAMED: dict[str, list[Any]] = {
    CHAT: [
        {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "x", "reasoning_content": "r"}}]},
        {"id": "c", "choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}}]},
        {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 9, "completion_tokens": 3}},
    ],
    MESSAGES: [
        {"type": "message_start", "message": {"id": "m", "model": "m", "usage": {"input_tokens": 9, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t", "name": "f", "input": {}}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ],
}
# fmt: on


def paths(told: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where anything stands."""
    inner = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    for name, value in inner:
        yield (*path, name)
        yield from paths(value, (*path, name))


def odd(told: Any, values: tuple[Any, ...] = ODD) -> Iterator[Any]:
    """Yield it with each odd value at each place."""
    for path in paths(told):
        for value in values:
            made = copy.deepcopy(told)
            at = made
            for part in path[:-1]:
                at = at[part]
            at[path[-1]] = value
            yield made


@each_dialect
def test_odd_requests_are_written_or_refused_by_name(dialect: str) -> None:
    """A body with one odd value is written as JSON, or refused as the caller's or unsupported, with the name of a field."""
    client, provider = DIALECTS[dialect], DIALECTS[OTHER[dialect]]
    seller, model = MODELS[provider.name]
    facts = catalog().find(seller, model)
    target = Target(model, abilities().find(seller, model), facts.max_output if facts else None)
    for body in odd(ASKED[dialect]):
        reading = client.read_prompt(json.dumps(body).encode())
        made = reading if isinstance(reading, Failure) else provider.write_prompt(reading.prompt, target, True)
        if isinstance(made, Failure):
            assert made.kind in (FailureKind.CALLER, FailureKind.UNSUPPORTED)
            assert '"' in made.message or "`" in made.message or "surrogate" in made.message
        else:
            json.loads(made.body)


@each_dialect
def test_odd_answers_cross_or_make_no_sense(dialect: str) -> None:
    """An answer with one odd value is one in the other dialect, or none at all."""
    provider, client = DIALECTS[dialect], DIALECTS[OTHER[dialect]]
    for body in odd(ANSWERED[dialect], (*ODD, math.nan)):
        raw = json.dumps(body).encode()
        provider.read_outcome(raw)
        response = provider.read_response(raw)
        if response is not None:
            assert client.read_response(client.write_response(response, HEAD)) is not None


def framed(dialect: str, events: list[Any]) -> bytes:
    """A stream's bytes."""
    if dialect == CHAT:
        return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"
    return b"".join(
        f"event: any\ndata: {json.dumps(event)}\n\n".encode() for event in events if isinstance(event, dict) and "type" in event
    )


@each_dialect
def test_odd_streams_cross_whole_or_fail(dialect: str) -> None:
    """A stream with one odd value is a whole one in the other dialect, or fails by the upstream's own judge."""
    client = DIALECTS[OTHER[dialect]]
    for events in odd(STREAMED[dialect], (*ODD, math.nan)):
        reader = Crossing((client, DIALECTS[dialect]), Written(b"")).read_stream(HEAD)
        frames = reader.feed(framed(dialect, events))
        if reader.failure is None and not reader.complete:
            reader.finish()
            frames += reader.rest
        if reader.failure is None:
            judge = client.read_stream(keep_usage=True)
            judge.feed(frames)
            assert judge.complete
            assert judge.failure is None
