"""Answers written as responses, read by the unmodified SDK: whole, by its stream helper, and where they fail."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from openai.types.responses import Response as SdkResponse

from stormkeel.dialects.openai_responses import OpenAIResponses
from stormkeel.dialects.values import Head, ModelCard
from stormkeel.types.content import Refusal, Text, Thinking, ToolCall
from stormkeel.types.events import (
    Event,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSealed,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage

K = FailureKind
DIALECT = OpenAIResponses()
HEAD = Head("req_abc", 1, "asked-for")
USAGE = Usage(input=10, cache_read=5, cache_write=3, cache_write_long=2, audio_input=1, output=20, reasoning=4, audio_output=6)
STARTED = Started("msg_1", "claude-x")
STATUSES = {
    400: openai.BadRequestError, 401: openai.AuthenticationError, 402: openai.APIStatusError, 404: openai.NotFoundError,
    422: openai.UnprocessableEntityError, 429: openai.RateLimitError, 499: openai.APIStatusError, 500: openai.InternalServerError,
    502: openai.InternalServerError, 503: openai.InternalServerError, 504: openai.InternalServerError,
}  # fmt: skip


def sdk(body: bytes, content_type: str = "text/event-stream", status: int = 200) -> openai.OpenAI:
    """Return the SDK over a scripted wire."""
    answer = httpx2.MockTransport(lambda _: httpx2.Response(status, content=body, headers={"content-type": content_type}))
    return openai.OpenAI(api_key="sk-x", http_client=httpx2.Client(transport=answer), max_retries=0)


def whole(response: Response) -> SdkResponse:
    """Return a written answer as the SDK reads it."""
    client = sdk(DIALECT.write_response(response, HEAD), "application/json")
    return client.responses.create(model="m", input="Hi")


def written(*events: Event) -> bytes:
    """Return a written stream, with pings before it."""
    writer = DIALECT.write_events(HEAD)
    return DIALECT.keep_alive + b"".join(writer.feed([event]) for event in events) + writer.finish()


def streamed(*events: Event) -> Any:
    """Return a written stream as the SDK's helper assembles it, once each of its own events was seen."""
    with sdk(written(*events)).responses.stream(model="m", input="Hi") as stream:
        seen = list(stream)
    final = seen[-1]
    assert final.type in ("response.completed", "response.incomplete")
    return final.response


def told(response: Any) -> dict[str, Any]:
    """Return what the SDK read, without what it derives."""
    return json.loads(
        response.model_dump_json(exclude={"output": {"__all__": {"content": {"__all__": {"parsed"}}, "parsed_arguments": True}}})
    )


def test_a_text_is_the_same_whole_and_streamed() -> None:
    """A text comes out of the helper as out of a whole answer, with the usage in this dialect's totals."""
    answer = Response("msg_1", "claude-x", (Text("Hello there"),), Finish.STOP, USAGE)
    read = whole(answer)
    final = streamed(STARTED, TextDelta("Hello "), TextDelta("there"), Finished(Finish.STOP), UsageReported(USAGE))
    assert read.output_text == final.output_text == "Hello there"
    assert (read.id, read.model, read.status, read.object) == ("resp_abc", "claude-x", "completed", "response")
    assert read.usage is not None
    assert (read.usage.input_tokens, read.usage.output_tokens, read.usage.total_tokens) == (21, 30, 51)
    assert read.usage.input_tokens_details.cached_tokens == 5
    assert read.usage.input_tokens_details.cache_write_tokens == 5
    assert read.usage.output_tokens_details.reasoning_tokens == 4
    assert told(read) == told(final)


def test_thoughts_texts_and_calls_are_the_same_whole_and_streamed() -> None:
    """Reasoning with its seal, text, parallel calls and free text come out of the helper item by item, as out of a whole answer."""
    content = (
        Thinking("Hm.", "sig"), Thinking(redacted="hidden"), Text("So:"), ToolCall("call_1", "look", '{"a":1}'),
        ToolCall("call_2", "go_on"), ToolCall("call_3", "say", "free", custom=True), Text("Done"),
    )  # fmt: skip
    final = streamed(
        STARTED, ThinkingDelta("H"), ThinkingDelta("m."), ThinkingSealed("sig"), ThinkingSealed(redacted="hidden"), TextDelta("So:"),
        ToolStarted(0, "call_1", "look"), ToolDelta(0, '{"a"'), ToolDelta(0, ":1}"), ToolStarted(1, "call_2", "go_on"),
        ToolStarted(2, "call_3", "say", custom=True), ToolDelta(2, "fr"), ToolDelta(2, "ee"), TextDelta("Done"),
        Finished(Finish.TOOL_CALLS), UsageReported(USAGE),
    )  # fmt: skip
    read = whole(Response("msg_1", "claude-x", content, Finish.TOOL_CALLS, USAGE))
    assert [item.type for item in final.output] == [
        "reasoning", "reasoning", "message", "function_call", "function_call", "custom_tool_call", "message",
    ]  # fmt: skip
    assert [item.arguments for item in final.output[3:5]] == ['{"a":1}', "{}"]
    assert told(read) == told(final)


def test_a_refusal_is_the_same_whole_and_streamed() -> None:
    """A refusal behind the beginning of an answer is a part of the same message."""
    final = streamed(STARTED, TextDelta("Well"), RefusalDelta("I "), RefusalDelta("won't"), Finished(Finish.REFUSAL))
    read = whole(Response("", "claude-x", (Text("Well"), Refusal("I won't")), Finish.REFUSAL))
    assert [part.type for part in final.output[0].content] == ["output_text", "refusal"]
    assert final.output[0].content[1].refusal == "I won't"
    assert told(read) == told(final)


@pytest.mark.parametrize(
    ("finish", "status", "reason"),
    [
        (Finish.STOP, "completed", None), (Finish.LENGTH, "incomplete", "max_output_tokens"), (Finish.PAUSE, "completed", None),
        (Finish.CONTENT_FILTER, "incomplete", "content_filter"), (Finish.REFUSAL, "incomplete", "content_filter"),
    ],
)  # fmt: skip
def test_why_an_answer_ended(finish: Finish, status: str, reason: str | None) -> None:
    """An end is told by status and reason, in a stream by its terminal event; what was cut off says so itself."""
    final = streamed(STARTED, TextDelta("Hel"), Finished(finish))
    read = whole(Response("", "claude-x", (Text("Hel"),), finish))
    for response in (final, read):
        assert response.status == status
        assert (response.incomplete_details and response.incomplete_details.reason) == reason
        assert response.output[0].status == ("incomplete" if finish is Finish.LENGTH else "completed")
    assert told(read) == told(final)


def test_an_answer_of_nothing_is_complete() -> None:
    """A stream without content has its first two events and its end."""
    assert streamed(Finished(Finish.STOP)).output == []
    assert whole(Response("", "")).output == []


@pytest.mark.parametrize("kind", list(K), ids=lambda kind: kind.value)
def test_each_failure_raises(kind: FailureKind) -> None:
    """The SDK raises the class of the status and reads message, type and code."""
    status, body = DIALECT.write_error(Failure(kind, 'no "thing"'), "r1")
    with pytest.raises(openai.APIStatusError) as caught:
        sdk(body, "application/json", status).responses.create(model="m", input="Hi")
    assert type(caught.value) is STATUSES[status]
    assert 'no "thing"' in str(caught.value)
    assert caught.value.code
    assert caught.value.type


@pytest.mark.parametrize("helper", [False, True], ids=["raw", "helper"])
def test_a_failure_inside_a_stream_raises(helper: bool) -> None:
    """An error frame behind good frames raises, in the helper as well, once those were handed over."""
    writer = DIALECT.write_events(HEAD)
    good = writer.feed([STARTED, TextDelta("Hel"), TextDelta("lo")])
    frames = good + DIALECT.write_error_frame(Failure(K.TRUNCATED, "it broke off"), "r1")
    got: list[Any] = []
    with pytest.raises(openai.APIError, match="it broke off") as caught:
        if helper:
            with sdk(frames).responses.stream(model="m", input="Hi") as stream:
                got.extend(stream)
        else:
            got.extend(sdk(frames).responses.create(model="m", input="Hi", stream=True))
    assert [event.type for event in got][-2:] == ["response.output_text.delta"] * 2
    assert caught.value.code == "truncated"


def test_an_error_frame_says_it_twice() -> None:
    """Who looks for the flat form of an error event finds it beside the object that the SDK raises on, and no response is named."""
    frame = DIALECT.write_error_frame(Failure(K.OVERLOADED, "too many"), "r1")
    assert frame.startswith(b"event: error\ndata: ")
    told = json.loads(frame.split(b"data: ")[1])
    assert (told["type"], told["code"], told["message"], told["param"]) == ("error", "server_is_overloaded", "too many", None)
    assert told["error"]["code"] == told["code"]
    assert told["request_id"] == "r1"
    reader = DIALECT.read_stream(keep_usage=True)
    assert reader.feed(frame) == b""
    assert reader.failure is not None
    assert reader.failure.kind is K.OVERLOADED


def test_model_lists_are_read() -> None:
    """The SDK reads the model list, and one model of it."""
    cards = [ModelCard("fast", 86400, "us", "Fast", 100, 50), ModelCard("slow")]
    listed = sdk(DIALECT.write_models(cards), "application/json").models.list()
    assert [(model.id, model.created, model.owned_by) for model in listed] == [("fast", 86400, "us"), ("slow", 0, "")]
    assert sdk(DIALECT.write_model(cards[0]), "application/json").models.retrieve("fast").id == "fast"
