"""The messages dialect: requests in and out, whole answers, errors, model lists."""

from __future__ import annotations

import json

import pytest

from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.base import ModelCard
from stormkeel.types.content import Message, Prompt
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage

DIALECT = AnthropicMessages()


def test_requests_pass_but_for_the_model() -> None:
    """A request keeps its bytes; a renamed one differs by the model's name; usage never needs to be asked for."""
    raw = b'{ "max_tokens": 9, "model": "a", "stream": true, "n": 3, "thread": {"model": "x"} }'
    read = DIALECT.read_request(raw, "r1")
    assert isinstance(read, Request)
    assert (read.model, read.stream, read.max_output, read.choices, read.wants_usage) == ("a", True, 9, 1, True)
    assert DIALECT.write_request(read, "a", bills=True) is raw
    assert DIALECT.write_request(read, "b", bills=True) == raw.replace(b'"a"', b'"b"')


def test_a_bad_body_is_a_callers_failure() -> None:
    """What cannot be routed or billed for certain is refused."""
    read = DIALECT.read_request(b'{"model":"a","max_tokens":1,"max_tokens":9}', "r1")
    assert isinstance(read, Failure)
    assert read.kind is FailureKind.CALLER


def test_write_prompt() -> None:
    """Leading system turns become the system text; a later one stays a message."""
    turns = (Message("system", "A"), Message("system", "B"), Message("user", "Hi"), Message("system", "C"))
    told = json.loads(DIALECT.write_prompt(Prompt(turns, max_tokens=9, temperature=0.5), "claude-x", stream=True))
    assert told == {
        "model": "claude-x", "max_tokens": 9, "system": "A\n\nB", "temperature": 0.5, "stream": True,
        "messages": [{"role": "user", "content": "Hi"}, {"role": "system", "content": "C"}],
    }  # fmt: skip
    bare = json.loads(DIALECT.write_prompt(Prompt(turns[2:3], max_tokens=9), "claude-x", stream=False))
    assert bare == {"model": "claude-x", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}


def test_system_parts_become_blocks() -> None:
    """System turns of parts keep their blocks, texts among them become blocks too."""
    part = {"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}}
    turns = (Message("system", [part]), Message("system", "B"), Message("user", "Hi"))
    told = json.loads(DIALECT.write_prompt(Prompt(turns, max_tokens=1), "c", stream=False))
    assert told["system"] == [part, {"type": "text", "text": "B"}]


def test_a_prompt_needs_its_limit() -> None:
    """Without max_tokens, which this dialect demands, a prompt cannot be written."""
    with pytest.raises(ValueError, match="max_tokens"):
        DIALECT.write_prompt(Prompt((Message("user", "Hi"),)), "c", stream=False)


def body(content: list, stop: object = "end_turn", **fields: object) -> bytes:
    """Return a whole answer's body."""
    told = {"id": "m1", "type": "message", "model": "claude-x", "content": content, "stop_reason": stop} | fields
    return json.dumps(told).encode()


def test_read_response() -> None:
    """A whole answer gives the text of its text blocks, finish and usage."""
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"type": "tool_use", "input": {}}]
    told = body([*content, {"type": "text", "text": "b"}], "tool_use", usage={"input_tokens": 3, "output_tokens": 2})
    assert DIALECT.read_response(told) == Response("m1", "claude-x", "ab", Finish.TOOL_CALLS, Usage(input=3, output=2))


@pytest.mark.parametrize(
    ("stop", "finish", "filtered"),
    [
        ("end_turn", Finish.STOP, False),
        ("stop_sequence", Finish.STOP, False),
        ("max_tokens", Finish.LENGTH, False),
        ("model_context_window_exceeded", Finish.LENGTH, False),
        ("tool_use", Finish.TOOL_CALLS, False),
        ("pause_turn", Finish.PAUSE, False),
        ("refusal", Finish.REFUSAL, True),
        ("unheard_of", Finish.OTHER, False),
        (None, None, False),
    ],
)
def test_finishes(stop: object, finish: Finish | None, filtered: bool) -> None:
    """Every way to end is read; a refusal with HTTP 200 is known as one; empty content is an answer."""
    outcome = DIALECT.read_outcome(body([], stop))
    assert outcome is not None
    assert (outcome.finish, outcome.content_filtered) == (finish, filtered)


@pytest.mark.parametrize(
    "told", [b"", b"<html>", b"[]", b"{}", b'{"type":"message"}', body([], type="error"), body([])[:-1], body([7])], ids=range(8)
)
def test_nonsense_is_no_answer(told: bytes) -> None:
    """A body that is no message is neither an outcome nor a response."""
    assert DIALECT.read_outcome(told) is None
    assert DIALECT.read_response(told) is None


def test_write_models() -> None:
    """A model list has the shape of this dialect."""
    told = json.loads(DIALECT.write_models([ModelCard("a", 86400, "us", "A", 10, 5), ModelCard("b")]))
    assert (told["has_more"], told["first_id"], told["last_id"]) == (False, "a", "b")
    assert told["data"][0] == {
        "id": "a", "type": "model", "display_name": "A", "created_at": "1970-01-02T00:00:00Z", "lifecycle": "active",
        "max_input_tokens": 10, "max_tokens": 5,
    }  # fmt: skip
    assert told["data"][1]["display_name"] == "b"
    assert json.loads(DIALECT.write_models([])) == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_an_overflow_is_told_in_this_dialects_words() -> None:
    """Clients recognise an overflow by the message's beginning."""
    for message in ("too many tokens", "prompt is too long: 9 tokens"):
        told = json.loads(DIALECT.write_error(Failure(FailureKind.CONTEXT_LENGTH, message), "r1")[1])
        assert told["error"]["message"].startswith("prompt is too long: ")
        assert told["error"]["message"].count("prompt is too long") == 1
