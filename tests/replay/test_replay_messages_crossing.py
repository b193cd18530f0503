"""Recorded messages, crossing: what was recorded is read, written again and means the same; what can't cross says why."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import msgspec
import pytest
import recordings as source

from stormkeel.catalog.abilities import load_abilities
from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.values import Head, Reading, Target, Written
from stormkeel.sandbox.anthropic.reading import read
from stormkeel.sandbox.line import Inbound
from stormkeel.types.events import fold
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.response import Finish, Response

DIALECT = AnthropicMessages()
HEADERS = (("content-type", "application/json"), ("anthropic-version", "2023-06-01"))
HEAD = Head("req_1", 1, "m", 1)
TABLE = load_abilities(files("stormkeel.catalog").joinpath("abilities.json").read_bytes())

messages = pytest.mark.parametrize("recorded", ["anthropic_messages"], indirect=True)


def own_things(body: dict[str, Any]) -> bool:
    """Does a body lean on what only Anthropic has, by a look of our own?"""
    tools = any(tool.get("type") not in (None, "", "custom") for tool in body.get("tools", ()))
    blocks = [block for turn in body["messages"] if isinstance(turn["content"], list) for block in turn["content"]]
    blocks += [inner for block in blocks if isinstance(block.get("content"), list) for inner in block["content"]]
    portable = {"text", "image", "document", "tool_use", "tool_result", "thinking", "redacted_thinking"}
    uploaded = any(block.get("source", {}).get("type") == "file" for block in blocks)
    strange = any(block["type"] not in portable for block in blocks)
    return tools or uploaded or strange or bool(body.get("container") or body.get("mcp_servers"))


@messages
def test_recorded_requests_cross_or_say_why(recorded: list[dict[str, Any]]) -> None:
    """A recorded request is read, unless it leans on what only Anthropic has, which is then named; written again it is accepted and
    read as the same."""
    crossed = 0
    for raw in source.requests("anthropic_messages"):
        body = json.loads(raw)
        told = DIALECT.read_prompt(raw)
        if own_things(body):
            assert isinstance(told, Failure), body
            assert told.kind is FailureKind.UNSUPPORTED
            continue
        assert isinstance(told, Reading), told
        crossed += 1
        written = DIALECT.write_prompt(told.prompt, Target(body["model"], TABLE.find("anthropic", body["model"])), stream=False)
        assert isinstance(written, Written), written
        read(Inbound("POST", "/v1/messages", "", HEADERS, written.body), model_rules=True)
        again = DIALECT.read_prompt(written.body)
        assert isinstance(again, Reading)
        gone = {name: None for name in written.lost if name != "shows_thoughts"}
        shown, asked = (msgspec.structs.replace(one, shows_thoughts=False) for one in (again.prompt, told.prompt))
        assert shown == msgspec.structs.replace(asked, **gone)
        assert set(written.lost) <= {"thinking_budget", "shows_thoughts"}, (
            "the newer models take an effort only, and no thinking beside a forced tool"
        )
        assert set(again.lost) <= {"thinking"}
    assert crossed > 40


@messages
def test_recorded_losses_are_fields_that_are_there(recorded: list[dict[str, Any]]) -> None:
    """Each loss of a recorded request is the path of something in it, and few fields are ever lost."""
    lost: set[str] = set()
    for raw in source.requests("anthropic_messages"):
        told = DIALECT.read_prompt(raw)
        for path in told.lost if isinstance(told, Reading) else ():
            value: Any = json.loads(raw)
            for step in path.replace("[", ".").replace("]", "").split("."):
                value = value[int(step)] if isinstance(value, list) else value[step]
            assert value not in (None, [], {})
            lost.add(path)
    assert lost == {"thinking", "output_config.task_budget", "tools[1].defer_loading"}


def said(body: dict[str, Any]) -> tuple[str, list[tuple[str, str, Any]], list[str]]:
    """The text, the calls and the signatures of a whole answer, found without our codec."""
    blocks = body["content"]
    calls = [(block["id"], block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
    signatures = [block["signature"] for block in blocks if block["type"] == "thinking"]
    return "".join(block["text"] for block in blocks if block["type"] == "text"), calls, signatures


def read_said(response: Response) -> tuple[str, list[tuple[str, str, Any]], list[str]]:
    """The same of a response of ours."""
    calls = [(call.id, call.name, json.loads(call.arguments)) for call in response.tool_calls]
    return response.text, calls, [part.signature for part in response.content if hasattr(part, "signature")]


@messages
def test_recorded_answers_keep_all_that_was_said(recorded: list[dict[str, Any]]) -> None:
    """A recorded answer is read with all its text, calls, signatures and usage, and comes back from its written form as it was."""
    seen = 0
    for status, body in source.answers("anthropic_messages"):
        if status != 200:
            continue
        response = DIALECT.read_response(json.dumps(body).encode())
        assert response is not None
        assert read_said(response) == said(body)
        written = DIALECT.write_response(response, HEAD)
        assert DIALECT.read_response(written) == msgspec.structs.replace(response, lost=())
        told = json.loads(written)
        assert (told["id"], told["stop_reason"], told["stop_sequence"]) == (
            body["id"],
            body["stop_reason"],
            body["stop_sequence"],
        )
        for name in ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
            assert told["usage"][name] == body["usage"][name]
        seen += 1
    assert seen > 50


@messages
def test_recorded_streams_keep_all_that_was_said(recorded: list[dict[str, Any]]) -> None:
    """A recorded stream is read with all its text, calls, signatures and usage, and means the same when it is written again."""
    seen = 0
    for stream in source.streams("anthropic_messages"):
        reader, events = DIALECT.read_stream(keep_usage=True), DIALECT.read_events()
        reader.feed(stream)
        told = events.feed(stream)
        response = fold(told)
        steps = [json.loads(line[6:]) for line in stream.split(b"\n") if line.startswith(b"data: {")]
        text = "".join(step["delta"]["text"] for step in steps if step.get("delta", {}).get("type") == "text_delta")
        names = [step["content_block"]["name"] for step in steps if step.get("content_block", {}).get("type") == "tool_use"]
        assert (response.text, [call.name for call in response.tool_calls]) == (text, names)
        assert all(isinstance(json.loads(call.arguments), dict) for call in response.tool_calls)
        assert (response.id, response.model, response.usage) == (reader.id, reader.model, reader.usage)
        writer = DIALECT.write_events(HEAD)
        frames = writer.feed(told) + writer.finish()
        assert fold(DIALECT.read_events().feed(frames)) == response
        assert response.finish in set(Finish)
        seen += 1
    assert seen > 3
