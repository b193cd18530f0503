"""Answers written as messages, read by the unmodified SDK: whole, and by its stream helper."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import pytest

from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.values import Head
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
    fold,
)
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage

DIALECT = AnthropicMessages()
HEAD = Head("req_abc", 1, "asked-for", input_estimate=77)
TURNS: Any = [{"role": "user", "content": "Hi"}]
USAGE = Usage(input=10, cache_read=5, cache_write=3, cache_write_long=2, audio_input=1, output=20, reasoning=4, audio_output=6)
STARTED = Started("chatcmpl-1", "gpt-x")


def sdk(body: bytes, content_type: str) -> anthropic.Anthropic:
    """Return the SDK over a scripted wire."""
    answer = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body, headers={"content-type": content_type}))
    return anthropic.Anthropic(api_key="sk-x", http_client=httpx2.Client(transport=answer), max_retries=0)


def whole(response: Response) -> anthropic.types.Message:
    """Return a written answer as the SDK reads it."""
    return sdk(DIALECT.write_response(response, HEAD), "application/json").messages.create(
        model="m", max_tokens=9, messages=TURNS
    )


def streamed(*events: Event, together: bool = False) -> anthropic.types.Message:
    """Return a written stream as the SDK's helper assembles it, once each event of the helper was seen."""
    writer = DIALECT.write_events(HEAD)
    frames = writer.feed(events) if together else b"".join(writer.feed([event]) for event in events)
    with sdk(DIALECT.keep_alive + frames + writer.finish(), "text/event-stream").messages.stream(
        model="m", max_tokens=9, messages=TURNS
    ) as stream:
        for _ in stream:
            pass
        return stream.get_final_message()


def plain(message: anthropic.types.Message) -> list[dict[str, Any]]:
    """Return the content as plain values, without what is null."""
    return [{name: value for name, value in block.to_dict().items() if value is not None} for block in message.content]


TEXT = {"type": "text", "text": "Hé"}
CASES: list[tuple[tuple[Event, ...], list[dict[str, Any]], str]] = [
    ((TextDelta("H"), TextDelta("é"), Finished(Finish.STOP)), [TEXT], "end_turn"),
    ((), [], "end_turn"),
    ((TextDelta(""), Finished(Finish.LENGTH)), [], "max_tokens"),
    (
        (ToolStarted(0, "call_1", "f"), ToolDelta(0, ""), Finished(Finish.TOOL_CALLS)),
        [{"type": "tool_use", "id": "call_1", "name": "f", "input": {}}],
        "tool_use",
    ),
    (
        (TextDelta("Hé"), ToolStarted(0, "a", "f"), ToolStarted(1, "b", "g"), ToolDelta(1, '{"y"'), ToolDelta(0, '{"x": '),
         ToolDelta(1, ": [2]}"), ToolDelta(0, "1}"), TextDelta("Hé"), Finished(Finish.STOP)),
        [TEXT, {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
         {"type": "tool_use", "id": "b", "name": "g", "input": {"y": [2]}}, TEXT],
        "tool_use",
    ),
    (
        (ToolStarted(0, "functions.f:0", "f", custom=True), ToolDelta(0, "fr"), ToolDelta(0, 'e"e'), Finished(Finish.TOOL_CALLS)),
        [{"type": "tool_use", "id": "functions_f_0_d6bdd4de328a22ed", "name": "f", "input": {"input": 'fre"e'}}],
        "tool_use",
    ),
    (
        (ThinkingDelta("hm"), ThinkingSealed("sig"), ThinkingSealed(redacted="x"), TextDelta("Hé"), Finished(Finish.STOP)),
        [{"type": "thinking", "thinking": "hm", "signature": "sig"}, {"type": "redacted_thinking", "data": "x"}, TEXT],
        "end_turn",
    ),
    (
        (ThinkingDelta("hm"), TextDelta("Hé"), Finished(Finish.STOP)),
        [{"type": "thinking", "thinking": "hm", "signature": ""}, TEXT],
        "end_turn",
    ),
    ((RefusalDelta("H"), RefusalDelta("é"), Finished(Finish.STOP)), [TEXT], "refusal"),
    ((TextDelta("Hé"), Finished(Finish.CONTENT_FILTER)), [TEXT], "refusal"),
    ((TextDelta("Hé"), Finished(Finish.PAUSE)), [TEXT], "pause_turn"),
    ((TextDelta("Hé"), Finished(Finish.OTHER)), [TEXT], "end_turn"),
    ((TextDelta("Hé"), Finished(Finish.STOP, "END")), [TEXT], "stop_sequence"),
]  # fmt: skip


@pytest.mark.parametrize(("events", "content", "stop"), CASES)
def test_the_sdk_reads_what_was_said(events: tuple[Event, ...], content: list[dict[str, Any]], stop: str) -> None:
    """The SDK's helper assembles from a written stream, and its parser reads from a written body, the content that was meant."""
    told = (STARTED, *events, UsageReported(USAGE))
    for message in (streamed(*told), streamed(*told, together=True), whole(fold(told))):
        assert plain(message) == content
        assert (message.stop_reason, message.stop_sequence) == (stop, "END" if stop == "stop_sequence" else None)
        assert (message.stop_details is not None) == (stop == "refusal")
        assert (message.id, message.model, message.role, message.type) == ("msg_abc", "gpt-x", "assistant", "message")
        usage = message.usage
        assert (usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens) == (11, 5, 5)
        assert usage.output_tokens == 30
        assert usage.output_tokens_details is not None
        assert usage.output_tokens_details.thinking_tokens == 4


def starts(*events: Event) -> list[dict[str, Any]]:
    """Return the heads among the frames that the events make, each fed alone."""
    writer = DIALECT.write_events(HEAD)
    frames = b"".join(writer.feed([event]) for event in events)
    told = [json.loads(line[6:]) for line in frames.split(b"\n") if line.startswith(b"data: ")]
    return [one["message"] for one in told if one["type"] == "message_start"]


def test_the_head_waits_for_content_and_names_an_estimate() -> None:
    """A stream's head comes with the first content: with the usage if it is known by then, else with what we expect."""
    assert starts(STARTED, UsageReported(USAGE)) == []
    assert [head["usage"]["input_tokens"] for head in starts(STARTED, TextDelta("a"), TextDelta("b"))] == [77]
    (head,) = starts(STARTED, UsageReported(Usage(input=10, cache_read=4)), TextDelta("a"))
    assert (head["usage"]["input_tokens"], head["usage"]["cache_read_input_tokens"], head["content"]) == (10, 4, [])


def test_ids_are_the_providers_where_they_fit() -> None:
    """An id of this dialect is kept, any other becomes ours; a provider that gave a call no id is given one."""
    assert streamed(Started("msg_9", ""), TextDelta("a")).id == "msg_9"
    message = streamed(TextDelta("a"), ToolStarted(0, "", "f"), ToolStarted(1, "", "f"))
    assert (message.id, message.model) == ("msg_abc", "asked-for")
    assert [block.id for block in message.content[1:]] == ["toolu_abc_0", "toolu_abc_1"]


def test_without_usage_the_estimate_stands() -> None:
    """Where nobody reported usage, the input is our estimate: a client's meter must have a number."""
    for message in (streamed(TextDelta("a")), whole(Response("", "", (Text("a"),)))):
        assert (message.usage.input_tokens, message.usage.output_tokens, message.stop_reason) == (77, 0, "end_turn")


def test_parallel_calls_stream_as_soon_as_they_can() -> None:
    """A second call streams once the first one's arguments are whole; it does not wait for the end."""
    writer = DIALECT.write_events(HEAD)
    assert b"content_block_start" in writer.feed([ToolStarted(0, "a", "f"), ToolDelta(0, '{"x":1}')])
    frames = writer.feed([ToolStarted(1, "b", "g"), ToolDelta(1, '{"y"')])
    assert (frames.count(b"event: content_block_stop"), b'\\"y\\"' in frames) == (1, True)


def test_what_follows_whole_arguments_is_nothing() -> None:
    """Once a call's arguments are a whole object, and the next block has begun, nothing more can belong to them."""
    message = streamed(ToolStarted(0, "a", "f"), ToolDelta(0, "{}"), TextDelta("Hé"), ToolDelta(0, " \n"), TextDelta("!"))
    assert plain(message) == [{"type": "tool_use", "id": "a", "name": "f", "input": {}}, {"type": "text", "text": "Hé!"}]


def test_a_call_that_broke_off_is_wrapped_whole() -> None:
    """Arguments that are no JSON object are given in one, so that the SDK has an object."""
    message = whole(Response("", "", (ToolCall("a", "f", '{"x": '),), Finish.LENGTH))
    assert plain(message) == [{"type": "tool_use", "id": "a", "name": "f", "input": {"input": '{"x": '}}]


def test_half_a_surrogate_pair_passes() -> None:
    """Text that UTF-8 has no bytes for is passed on as the escape it came as, arguments beside it."""
    response = Response("", "", (Text("\ud83d"), ToolCall("a", "f", '{"x": 1}'), Thinking("t"), Refusal("\udc00")))
    assert json.loads(DIALECT.write_response(response, HEAD))["content"][0]["text"] == "\ud83d"
    assert DIALECT.write_events(HEAD).feed([TextDelta("\ud83d")]).count(b"\\ud83d") == 1
