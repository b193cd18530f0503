"""The chat dialect: requests in and out, whole answers, errors, model lists."""

from __future__ import annotations

import json

import msgspec
import pytest

from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.values import ModelCard
from stormkeel.types.content import Refusal, Text, ToolCall
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Options, Request
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage

DIALECT = OpenAIChat()


def request(raw: bytes) -> Request:
    """Return a good body's request."""
    read = DIALECT.read_request(raw, "r1")
    assert isinstance(read, Request), read
    return read


def test_read_request() -> None:
    """A request carries what routing and billing need, the headers and options it was given, and the untouched body."""
    raw = b'{"model":"gpt-x","n":2,"max_tokens":5,"stream":true,"future":{"a":1}}'
    headers, options = (("openai-beta", "x"),), Options(user="u")
    read = DIALECT.read_request(raw, "r1", headers, options)
    assert isinstance(read, Request)
    assert (read.id, read.dialect, read.model) == ("r1", "openai_chat", "gpt-x")
    assert (read.stream, read.max_output, read.choices) == (True, 5, 2)
    assert read.raw is raw
    assert (read.headers, read.options, read.wants_usage) == (headers, options, False)


def test_usage_is_wanted_where_it_comes_anyway() -> None:
    """Without a stream the answer holds its usage; with one only where the client asked."""
    assert request(b'{"model":"m"}').wants_usage
    assert request(b'{"model":"m","stream":true,"stream_options":{"include_usage":true}}').wants_usage
    assert not request(b'{"model":"m","stream":true,"stream_options":{"include_usage":false}}').wants_usage


def test_a_bad_body_is_a_callers_failure() -> None:
    """What cannot be routed or billed for certain is refused."""
    read = DIALECT.read_request(b'{"model":"a","model":"b"}', "r1")
    assert isinstance(read, Failure)
    assert read.kind is FailureKind.CALLER


@pytest.mark.parametrize(
    ("raw", "model", "bills", "sent"),
    [
        (b'{ "model" : "a"}', "b", True, b'{ "model" : "b"}'),
        (b'{"model":"a","stream":true}', "a", False, b'{"model":"a","stream":true}'),
        (b'{"model":"a","stream":true}', "a", True, b'{"model":"a","stream_options":{"include_usage":true},"stream":true}'),
        (b'{"stream":true,"model":"a"}', "b", True, b'{"stream":true,"model":"b","stream_options":{"include_usage":true}}'),
        (
            b'{"stream_options":{"x":[1, 2]},"stream":true,"model":"a"}', "longer", True,
            b'{"stream_options":{"x":[1, 2],"include_usage":true},"stream":true,"model":"longer"}',
        ),
        (
            b'{"model":"a","stream":true,"stream_options":{"include_usage":false,"include_obfuscation":false}}', "b", True,
            b'{"model":"b","stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}',
        ),
        (
            b'{"model":"a","stream":true,"stream_options":null}', "a", True,
            b'{"model":"a","stream":true,"stream_options":{"include_usage":true}}',
        ),
        (
            b'{"model":"a","stream":true,"stream_options":{ "include_usage" : true }}', "a", True,
            b'{"model":"a","stream":true,"stream_options":{ "include_usage" : true }}',
        ),
        (b'{"model":"a","stream":false,"stream_options":{}}', "a", True, b'{"model":"a","stream":false,"stream_options":{}}'),
    ],
)  # fmt: skip
def test_write_request(raw: bytes, model: str, bills: bool, sent: bytes) -> None:
    """Only the model's name and the wish for usage are ever edited, and only where they must be."""
    assert DIALECT.write_request(request(raw), model, bills) == sent


def body(message: dict, finish: object = "stop", **fields: object) -> bytes:
    """Return a whole answer's body."""
    choices = [{"index": 0, "message": {"role": "assistant"} | message, "finish_reason": finish}]
    told = {"id": "c1", "object": "chat.completion", "model": "gpt-x", "choices": choices} | fields
    return json.dumps(told).encode()


def test_read_response() -> None:
    """A whole answer gives text, finish and usage."""
    told = body({"content": "Hé"}, "length", usage={"prompt_tokens": 3, "completion_tokens": 2})
    assert DIALECT.read_response(told) == Response("c1", "gpt-x", (Text("Hé"),), Finish.LENGTH, Usage(input=3, output=2))
    calls = [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    response = DIALECT.read_response(body({"content": None, "refusal": "No.", "tool_calls": calls}, "stop"))
    assert response is not None
    assert response.content == (Refusal("No."), ToolCall("t", "f", "{}"))


@pytest.mark.parametrize(
    ("message", "finish", "text", "read", "filtered"),
    [
        ({"content": None, "tool_calls": [{"id": "t"}]}, "tool_calls", "", Finish.TOOL_CALLS, False),
        ({"content": None, "refusal": "No."}, "stop", "No.", Finish.REFUSAL, True),
        ({"content": ""}, "content_filter", "", Finish.CONTENT_FILTER, True),
        ({"content": [{"type": "text", "text": "a"}, {"type": "thinking", "thinking": []}]}, "stop", "a", Finish.STOP, False),
        ({"content": "a"}, "unheard_of", "a", Finish.OTHER, False),
        ({"content": "a"}, None, "a", None, False),
    ],
)
def test_finishes(message: dict, finish: object, text: str, read: Finish | None, filtered: bool) -> None:
    """Every way to end is read, and a refusal counts as one although it says stop."""
    told = body(message, finish)
    response, outcome = DIALECT.read_response(told), DIALECT.read_outcome(told)
    assert response is not None
    assert outcome is not None
    assert (response.text, response.finish, outcome.finish, outcome.content_filtered) == (text, read, read, filtered)


@pytest.mark.parametrize(
    "told",
    [
        b"", b"<html>", b"[]", b"{}", b'{"choices":[]}', b'{"choices":null}', b'{"choices":[7]}', b'{"error":{"message":"m"}}',
        body({}, object="chat.completion.chunk"), body({})[:-1], b"[" * 10**5,
    ],
)  # fmt: skip
def test_nonsense_is_no_answer(told: bytes) -> None:
    """A body that is no chat completion is neither an outcome nor a response."""
    assert DIALECT.read_outcome(told) is None
    assert DIALECT.read_answer(told) is None
    assert DIALECT.read_response(told) is None


def test_text_is_read_in_one_look() -> None:
    """An answer of nothing but text is read together with what is booked of it, its terms included; another is only peeked at."""
    text = body({"content": "a"}, service_tier="flex")
    once = DIALECT.read_answer(text)
    assert once is not None
    assert (once.response, once.terms) == (DIALECT.read_response(text), {"service_tier": "flex"})
    assert msgspec.structs.replace(once, response=None) == DIALECT.read_outcome(text)
    called = body({"content": None, "tool_calls": [{"id": "t"}]}, "tool_calls")
    assert DIALECT.read_answer(called) == DIALECT.read_outcome(called)


def test_odd_usage_spoils_no_answer() -> None:
    """Usage that makes no sense is no usage; NaN elsewhere, which clients read, is no fault."""
    outcome = DIALECT.read_outcome(body({"content": "a"}, usage={"prompt_tokens": "x"}, logprobs=float("nan")))
    assert outcome is not None
    assert (outcome.usage, outcome.finish) == (None, Finish.STOP)


def test_write_models() -> None:
    """A model list has the shape of this dialect."""
    told = json.loads(DIALECT.write_models([ModelCard("fast", 5, "us")]))
    assert told == {"object": "list", "data": [{"id": "fast", "object": "model", "created": 5, "owned_by": "us"}]}


def test_errors_keep_a_callers_own_code() -> None:
    """A caller's mistake is told by its own code, any other failure by the code clients know or by its kind."""
    for failure, code in (
        (Failure(FailureKind.CALLER, "m", code="duplicate_field"), "duplicate_field"),
        (Failure(FailureKind.CALLER, "m"), "caller"),
        (Failure(FailureKind.SERVER, "m", code="secret_of_theirs"), "server"),
        (Failure(FailureKind.CONTEXT_LENGTH, "m", code="x"), "context_length_exceeded"),
    ):
        assert json.loads(DIALECT.write_error(failure, "r1")[1])["error"]["code"] == code
