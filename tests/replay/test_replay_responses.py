"""Recorded responses: passed on byte for byte, read with all that was said, and taken to the other dialects, or refused with a reason."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import recordings as source
from openai.types.responses import Response as SdkResponse

from stormkeel.dialects.openai_responses import OpenAIResponses
from stormkeel.dialects.seal import unseal
from stormkeel.dialects.values import Head, Reading, Target, Written
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.responses import reading as strict_responses
from stormkeel.sandbox.responses.shelf import Shelf
from stormkeel.types.content import Message, Thinking
from stormkeel.types.events import fold
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.response import Response

DIALECT = OpenAIResponses()
HEAD = Head("req_1", 1_700_000_000, "m", 7)
HEADERS = (("content-type", "application/json"), ("anthropic-version", "2023-06-01"), ("authorization", "Bearer sk-x"))
DONE = b"data: [DONE]\n\n"

responses = pytest.mark.parametrize("recorded", ["openai_responses"], indirect=True)


def own_things(body: dict[str, Any]) -> bool:
    """Does a body lean on what its own provider keeps or runs, by a look of our own?"""
    tools = any(tool["type"] not in ("function", "custom") for tool in body.get("tools", ()))
    portable = {
        None,
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
    }
    items = body["input"] if isinstance(body["input"], list) else []
    strange = any(item.get("type") not in portable for item in items)
    kept = any(body.get(name) for name in ("previous_response_id", "conversation", "background"))
    return tools or strange or kept


def ending(stream: bytes) -> dict[str, Any]:
    """The whole response at a stream's end."""
    told = [json.loads(line[6:]) for line in stream.split(b"\n") if line.startswith(b"data: {")]
    found: dict[str, Any] = told[-1]["response"]
    return found


def totals(body: dict[str, Any]) -> tuple[int, int, int] | None:
    """Input, output and cached tokens by the provider's own report."""
    told = body.get("usage")
    return told and (told["input_tokens"], told["output_tokens"], told["input_tokens_details"]["cached_tokens"])


def counted(usage: Any) -> tuple[int, int, int] | None:
    """The same of a usage of ours."""
    return usage and (usage.total_input, usage.total_output, usage.cache_read)


def without_proof(response: Response) -> Response:
    """An answer without what proves its thoughts: a stream's end may encrypt the same reasoning once more."""
    content = [msgspec.structs.replace(part, signature="") if isinstance(part, Thinking) else part for part in response.content]
    return msgspec.structs.replace(response, content=tuple(content))


@responses
def test_recorded_streams_pass_unchanged(recorded: list[dict[str, Any]]) -> None:
    """A recorded stream passes byte for byte up to its terminal event, whatever the pieces, with the usage that it reports."""
    seen = 0
    for stream in source.streams("openai_responses"):
        for size in (1, 97, len(stream)):
            reader = DIALECT.read_stream(keep_usage=True)
            passed = b"".join(reader.feed(stream[at : at + size]) for at in range(0, len(stream), size))
            assert reader.failure is None
            assert passed == stream.removesuffix(DONE)
            assert (reader.complete, reader.committed, reader.usage_final) == (True, True, True)
            told = ending(stream)
            assert (reader.id, reader.model, counted(reader.usage)) == (told["id"], told["model"], totals(told))
        seen += 1
    assert seen > 5


@responses
def test_recorded_streams_cut_short_are_told(recorded: list[dict[str, Any]]) -> None:
    """A recorded stream that breaks off before its terminal event is no answer (S-28)."""
    for stream in source.streams("openai_responses"):
        end = stream.rindex(b'"type":"response.completed"')
        for share in (0.2, 0.5, 0.8, 1.0):
            reader = DIALECT.read_stream(keep_usage=True)
            assert stream.startswith(reader.feed(stream[: int(end * share)]))
            failure = reader.finish()
            assert failure is not None
            assert failure.kind is FailureKind.TRUNCATED


@responses
def test_recorded_streams_keep_all_that_was_said(recorded: list[dict[str, Any]]) -> None:
    """A recorded stream folds to the whole response at its end, and means the same when it is written again."""
    for stream in source.streams("openai_responses"):
        reader = DIALECT.read_events()
        events = reader.feed(stream)
        response = msgspec.structs.replace(fold(events), lost=reader.lost)
        whole = DIALECT.read_response(json.dumps(ending(stream)).encode())
        assert whole is not None
        assert without_proof(response) == without_proof(whole)
        writer = DIALECT.write_events(HEAD)
        again = fold(DIALECT.read_events().feed(writer.feed(events) + writer.finish()))
        assert (again.text, again.tool_calls, again.finish, again.usage) == (
            response.text,
            response.tool_calls,
            response.finish,
            response.usage,
        )


@responses
def test_recorded_answers_keep_all_that_was_said(recorded: list[dict[str, Any]]) -> None:
    """A recorded answer is read with all its text, calls, thoughts and usage, by the short look as by the long one."""
    seen = 0
    for status, body in source.answers("openai_responses"):
        raw = json.dumps(body).encode()
        response, outcome = DIALECT.read_response(raw), DIALECT.read_outcome(raw)
        if status != 200:
            assert response is None
            continue
        assert response is not None
        assert outcome is not None
        assert (outcome.id, outcome.model, outcome.finish, outcome.usage) == (
            response.id, response.model, response.finish, response.usage,
        )  # fmt: skip
        assert counted(response.usage) == totals(body)
        items = body["output"]
        texts = [part["text"] for item in items if item["type"] == "message" for part in item["content"]]
        calls = [(item["call_id"], item["name"], item["arguments"]) for item in items if item["type"] == "function_call"]
        assert response.text == "".join(texts)
        assert [(call.id, call.name, call.arguments) for call in response.tool_calls] == calls
        sealed = [unseal(part.signature, body["model"]) for part in response.content if isinstance(part, Thinking)]
        told = [(item["id"], item["encrypted_content"]) for item in items if item.get("encrypted_content")]
        assert [found for found in sealed if found] == told
        written = DIALECT.write_response(response, HEAD)
        SdkResponse.model_validate_json(written, strict=True)
        again = DIALECT.read_response(written)
        assert again is not None
        assert (again.text, again.tool_calls, again.usage) == (response.text, response.tool_calls, response.usage)
        seen += 1
    assert seen > 70


@responses
def test_recorded_requests_cross_or_say_why(recorded: list[dict[str, Any]]) -> None:
    """A recorded request is read, unless it leans on what only its provider has, which is then named; written again it is read as the
    same, but for what is told as lost."""
    crossed, lost = 0, set()
    for raw in source.requests("openai_responses"):
        body, told = json.loads(raw), DIALECT.read_prompt(raw)
        if own_things(body):
            assert isinstance(told, Failure), body
            assert told.kind is FailureKind.UNSUPPORTED
            continue
        assert isinstance(told, Reading), told
        crossed += 1
        lost |= set(told.lost)
        written = DIALECT.write_prompt(told.prompt, Target(body["model"]), stream=False)
        assert isinstance(written, Written), written
        inbound = Inbound("POST", "/v1/responses", "", HEADERS, written.body)
        strict_responses.read(inbound, Shelf(1), model_rules=True, ownership=False)
        again = DIALECT.read_prompt(written.body)
        assert isinstance(again, Reading)
        assert again.lost == ()
        if not written.lost:
            assert again.prompt == told.prompt
        assert set(written.lost) <= {"thinking", "cache"}
    assert crossed > 50
    assert lost == {"reasoning.context", "reasoning.summary", "include", "prompt_cache_key", "prompt_cache_options"}


@responses
def test_recorded_reasoning_goes_back_to_its_maker_alone(recorded: list[dict[str, Any]]) -> None:
    """Encrypted reasoning that was answered goes back as it came to the model that made it, and to no other."""
    seen = 0
    for status, body in source.answers("openai_responses"):
        told = DIALECT.read_response(json.dumps(body).encode()) if status == 200 else None
        if told is None or not told.content or not isinstance(told.content[0], Thinking) or not told.content[0].signature:
            continue
        prompt = DIALECT.read_prompt(b'{"model":"m","input":"Go on"}')
        assert isinstance(prompt, Reading)
        turns = (*prompt.prompt.messages, Message("assistant", told.content), *prompt.prompt.messages)
        for model, goes in ((body["model"], True), ("another", False)):
            asked = DIALECT.write_prompt(msgspec.structs.replace(prompt.prompt, messages=turns), Target(model), stream=False)
            assert isinstance(asked, Written)
            sent = [item for item in json.loads(asked.body)["input"] if item.get("type") == "reasoning"]
            first = next(item for item in body["output"] if item["type"] == "reasoning")
            assert [item["encrypted_content"] for item in sent[:1]] == ([first["encrypted_content"]] if goes else [])
            assert ("thinking" in asked.lost) is not goes or len(told.content) == 1
        seen += 1
    assert seen > 10
