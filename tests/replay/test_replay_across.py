"""Recorded real traffic across dialects: accepted by the strict sandbox, parsed by the other SDK, usage conserved, losses listed."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import recordings as source
from anthropic.types import Message as AnthropicMessage
from openai.types.chat import ChatCompletion

from stormkeel.assemble import DIALECTS, abilities, catalog
from stormkeel.dialects.across import Crossing, cross
from stormkeel.dialects.base import Head, Target, Written
from stormkeel.sandbox.anthropic import reading as strict_messages
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.openai import reading as strict_chat
from stormkeel.types.events import fold
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request
from stormkeel.types.response import Response

OTHER = {"openai_chat": "anthropic_messages", "anthropic_messages": "openai_chat"}
MODELS = {"openai_chat": ("openai", "gpt-5.4-mini"), "anthropic_messages": ("anthropic", "claude-sonnet-4-6")}
STRICT = {"openai_chat": strict_chat, "anthropic_messages": strict_messages}
HEADERS = (("content-type", "application/json"), ("anthropic-version", "2023-06-01"), ("authorization", "Bearer sk-x"))
HEAD = Head("req_1", 1_700_000_000, "m", 7, wants_usage=True)
each_dialect = pytest.mark.parametrize("recorded", list(OTHER), indirect=True)


def target(dialect: str) -> Target:
    """The model that a dialect's requests are written for here."""
    seller, model = MODELS[dialect]
    facts = catalog().find(seller, model)
    return Target(model, abilities().find(seller, model), facts.max_output if facts else None)


def crossed(row: dict[str, Any]) -> Crossing | Failure:
    """Take a recorded request to the other dialect."""
    client, provider = DIALECTS[row["dialect"]], DIALECTS[OTHER[row["dialect"]]]
    raw = json.dumps(row["request"], ensure_ascii=False).encode()
    reading = client.read_prompt(raw)
    if isinstance(reading, Failure):
        return reading
    request = client.read_request(raw, "r1")
    assert isinstance(request, Request)
    return cross(request, reading, (client, provider), target(provider.name))


@each_dialect
def test_recorded_requests_are_accepted_across(recorded: list[dict[str, Any]]) -> None:
    """Each recorded good request is taken by the strict provider of the other dialect, or refused by us with a reason."""
    refused: Counter[str] = Counter()
    taken = 0
    for row in recorded:
        if row["status"] != 200:
            continue
        made = crossed(row)
        if isinstance(made, Failure):
            assert made.kind is FailureKind.UNSUPPORTED, made.message
            refused[made.message] += 1
            continue
        other = OTHER[row["dialect"]]
        STRICT[other].read(Inbound("POST", "/", "", HEADERS, made.body), model_rules=True)
        taken += 1
    assert taken > sum(refused.values())


def whole(dialect: str, response: Response) -> Response:
    """Take an answer to the other dialect and back; the other SDK's own model must take it on its way."""
    other = DIALECTS[OTHER[dialect]]
    body = other.write_response(response, HEAD)
    kind: Any = ChatCompletion if other.name == "openai_chat" else AnthropicMessage
    kind.model_validate_json(body, strict=True)
    back = other.read_response(body)
    assert back is not None
    return back


def assert_same(told: Response, back: Response) -> None:
    """The words, the calls and the totals of usage are the same."""
    assert back.text == told.text
    assert [(call.name, call.arguments or "{}") for call in back.tool_calls] == [(call.name, call.arguments or "{}") for call in told.tool_calls]
    if told.usage is not None and back.usage is not None:
        assert (back.usage.total_input, back.usage.total_output) == (told.usage.total_input, told.usage.total_output)
        assert back.usage.cache_read == told.usage.cache_read


@each_dialect
def test_recorded_answers_go_across_and_keep_their_words(recorded: list[dict[str, Any]]) -> None:
    """Each recorded whole answer, written in the other dialect, is valid to its SDK and says the same."""
    seen = 0
    for row in recorded:
        if row["status"] != 200 or not isinstance(row["response"], dict) or row["request"].get("stream"):
            continue
        told = DIALECTS[row["dialect"]].read_response(json.dumps(row["response"], ensure_ascii=False).encode())
        if told is None:
            continue
        assert_same(told, whole(row["dialect"], told))
        seen += 1
    assert seen > 10


@pytest.mark.parametrize("dialect", list(OTHER))
def test_recorded_streams_go_across_and_keep_their_words(dialect: str) -> None:
    """Each recorded stream, written as the other dialect's frames and read back, folds to the same answer."""
    streams = source.streams(dialect)
    if not streams:
        pytest.skip(f"no recordings of {dialect} in {source.FOLDER}")
    client = DIALECTS[OTHER[dialect]]
    for stream in streams:
        told = fold(DIALECTS[dialect].read_events().feed(stream))
        reader = Crossing((client, DIALECTS[dialect]), Written(b"")).read_stream(HEAD)
        frames = b"".join(reader.feed(stream[at : at + 97]) for at in range(0, len(stream), 97))
        if reader.failure is None and not reader.complete:
            reader.finish()
            frames += reader.rest
        if reader.failure is not None:
            continue
        judge = client.read_stream(keep_usage=True)
        judge.feed(frames)
        assert judge.complete
        assert judge.failure is None
        assert_same(told, fold(client.read_events().feed(frames)))
