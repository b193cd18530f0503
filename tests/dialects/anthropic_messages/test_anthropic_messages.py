"""The messages dialect: requests in and out, whole answers, errors, model lists."""

from __future__ import annotations

import json

import pytest

from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.values import ModelCard
from stormkeel.types.content import Refusal, Text, Thinking, ToolCall
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


def body(content: list, stop: object = "end_turn", **fields: object) -> bytes:
    """Return a whole answer's body."""
    told = {"id": "m1", "type": "message", "model": "claude-x", "content": content, "stop_reason": stop} | fields
    return json.dumps(told).encode()


def test_read_response() -> None:
    """A whole answer gives all its content in order, neighbouring texts as one, and passes over what ran at Anthropic."""
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "a"},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}}, {"type": "text", "text": "b", "citations": []},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"n": 1.0}}, {"type": "text", "text": ""}, {"type": "text", "text": "c"},
    ]  # fmt: skip
    told = body(content, "tool_use", usage={"input_tokens": 3, "output_tokens": 2})
    said = (Thinking("hm", "s"), Thinking(redacted="x"), Text("ab"), ToolCall("t", "f", '{"n": 1.0}'), Text("c"))
    assert DIALECT.read_response(told) == Response(
        "m1", "claude-x", said, Finish.TOOL_CALLS, Usage(input=3, output=2), lost=("server_tool_use",)
    )


def test_read_how_it_ended() -> None:
    """The stop text is told, and a refusal's explanation is the model's words for it."""
    stopped = DIALECT.read_response(body([], "stop_sequence", stop_sequence="END"))
    assert stopped == Response("m1", "claude-x", (), Finish.STOP, stop="END")
    details = {"type": "refusal", "category": None, "explanation": "No."}
    refused = DIALECT.read_response(body([{"type": "text", "text": "a"}], "refusal", stop_details=details))
    assert refused == Response("m1", "claude-x", (Text("a"), Refusal("No.")), Finish.REFUSAL)
    assert DIALECT.read_response(body([], "refusal", stop_details="odd")) == Response("m1", "claude-x", (), Finish.REFUSAL)


def test_an_answer_that_is_not_quite_json_is_read() -> None:
    """Numbers that JSON does not have, and halves of surrogate pairs, do not hide an answer."""
    content = [{"type": "text", "text": "\ud83d"}, {"type": "tool_use", "id": "t", "name": "f", "input": {"n": float("nan")}}]
    response = DIALECT.read_response(body(content))
    assert response is not None
    assert response.content == (Text("\ud83d"), ToolCall("t", "f", '{"n": NaN}'))


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
