"""A response's stream, written from events: the very sequence of events, step by step."""

from __future__ import annotations

import json
from typing import Any

from stormkeel.dialects.openai_responses import OpenAIResponses
from stormkeel.dialects.values import Head
from stormkeel.types.events import (
    Event,
    Finished,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSealed,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from stormkeel.types.response import Finish
from stormkeel.types.usage import Usage

HEAD = Head("req_abc", 1700, "fast")


def written(*events: Event) -> list[dict[str, Any]]:
    """Return the events of a written stream."""
    writer = OpenAIResponses().write_events(HEAD)
    frames = b"".join(writer.feed([event]) for event in events) + writer.finish()
    return [json.loads(line[6:]) for line in frames.split(b"\n") if line.startswith(b"data: ")]


def names(events: list[dict[str, Any]]) -> list[str]:
    """Return what is told of which item, shortly."""
    return [f"{event['type'].removeprefix('response.')} {event.get('output_index', '')}".strip() for event in events]


def test_a_text() -> None:
    """A text is a message with one part, told from its first event to its last."""
    told = written(Started("resp_9", "gpt-x"), TextDelta("Hel"), TextDelta("lo"), Finished(Finish.STOP))
    assert names(told) == [
        "created", "in_progress", "output_item.added 0", "content_part.added 0", "output_text.delta 0", "output_text.delta 0",
        "output_text.done 0", "content_part.done 0", "output_item.done 0", "completed",
    ]  # fmt: skip
    assert [event["sequence_number"] for event in told] == list(range(10))
    assert told[0]["response"] == told[1]["response"]
    assert (told[0]["response"]["id"], told[0]["response"]["model"], told[0]["response"]["output"]) == ("resp_9", "gpt-x", [])
    assert {event.get("item_id", "msg_abc_0") for event in told} == {"msg_abc_0"}
    assert told[8]["item"] == told[9]["response"]["output"][0]
    assert told[6] == {
        "type": "response.output_text.done", "sequence_number": 6, "item_id": "msg_abc_0", "output_index": 0, "content_index": 0,
        "text": "Hello", "logprobs": [],
    }  # fmt: skip


def test_nothing_is_written_before_content() -> None:
    """Until there is content the client is told nothing, for the provider may still be another."""
    writer = OpenAIResponses().write_events(HEAD)
    assert writer.feed([Started("a", "b"), UsageReported(Usage(input=1)), TextDelta(""), ThinkingSealed()]) == b""
    assert writer.feed([TextDelta("a")]).startswith(b"event: response.created\n")


def test_reasoning() -> None:
    """A thought is a summary of one part; what seals it travels in the item's last form."""
    told = written(ThinkingDelta("Hm"), ThinkingSealed("sig"), TextDelta("a"))
    assert names(told)[2:8] == [
        "output_item.added 0", "reasoning_summary_part.added 0", "reasoning_summary_text.delta 0", "reasoning_summary_text.done 0",
        "reasoning_summary_part.done 0", "output_item.done 0",
    ]  # fmt: skip
    assert told[7]["item"] == {
        "id": "rs_abc_0", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}],
        "encrypted_content": "stormkeel|signature|sig",
    }  # fmt: skip


def test_calls_end_when_their_arguments_are_whole() -> None:
    """A call ends as soon as another item begins behind its whole object; one without arguments gets an empty object at the end."""
    told = written(
        ToolStarted(0, "call_1", "look"), ToolDelta(0, '{"a":"}'), ToolDelta(0, '\\'), ToolDelta(0, '""}'), ToolStarted(1, "call_2", "go"),
        Finished(Finish.TOOL_CALLS),
    )  # fmt: skip
    assert names(told)[2:] == [
        "output_item.added 0", *["function_call_arguments.delta 0"] * 3, "function_call_arguments.done 0", "output_item.done 0",
        "output_item.added 1", "function_call_arguments.delta 1", "function_call_arguments.done 1", "output_item.done 1", "completed",
    ]  # fmt: skip
    calls = told[-1]["response"]["output"]
    assert [(call["id"], call["call_id"], call["arguments"]) for call in calls] == [
        ("fc_abc_0", "call_1", '{"a":"}\\""}'), ("fc_abc_1", "call_2", "{}"),
    ]  # fmt: skip


def test_calls_that_are_mixed_wait() -> None:
    """Calls whose steps are mixed go on each in its place, and end in their order."""
    told = written(
        ToolStarted(0, "a", "look"), ToolDelta(0, '{"a":'), ToolStarted(1, "b", "say", custom=True), ToolDelta(1, "x"), ToolDelta(0, "1}"),
        ToolDelta(1, "y"), TextDelta("z"),
    )  # fmt: skip
    assert names(told)[2:] == [
        "output_item.added 0", "function_call_arguments.delta 0", "output_item.added 1", "custom_tool_call_input.delta 1",
        "function_call_arguments.delta 0", "custom_tool_call_input.delta 1", "output_item.added 2", "content_part.added 2",
        "output_text.delta 2", "output_text.done 2", "content_part.done 2", "output_item.done 2", "function_call_arguments.done 0",
        "output_item.done 0", "custom_tool_call_input.done 1", "output_item.done 1", "completed",
    ]  # fmt: skip
    first, second, _ = told[-1]["response"]["output"]
    assert (first["arguments"], second["input"], second["type"]) == ('{"a":1}', "xy", "custom_tool_call")


def test_a_cut_off_answer_is_incomplete() -> None:
    """At its limit the last item is incomplete, in its own last form as in the whole; a call's arguments stay as they came."""
    told = written(TextDelta("a"), ToolStarted(0, "call_1", "look"), ToolDelta(0, '{"a'), Finished(Finish.LENGTH))
    assert told[-1]["type"] == "response.incomplete"
    response = told[-1]["response"]
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete"]
    assert told[-2]["item"] == response["output"][1]
    assert response["output"][1]["arguments"] == '{"a'


def test_the_last_usage_counts() -> None:
    """The usage stands in the terminal event alone, and is none where nobody reported any."""
    told = written(UsageReported(Usage(input=1)), TextDelta("a"), UsageReported(Usage(input=2, output=3)))
    assert told[0]["response"]["usage"] is None
    assert told[-1]["response"]["usage"]["total_tokens"] == 5
    assert written(TextDelta("a"))[-1]["response"]["usage"] is None


def test_what_comes_for_no_call_goes_nowhere() -> None:
    """Arguments of a call that did not begin, or that has ended, are not said."""
    told = written(ToolDelta(0, "{}"), ToolStarted(1, "a", "f"), ToolDelta(1, "{}"), TextDelta("a"), ToolDelta(1, " "))
    assert names(told).count("function_call_arguments.delta 0") == 1


def test_many_open_calls_cost_no_more_than_their_number() -> None:
    """A thousand calls that never end, with steps between them, are looked at once each."""
    writer = OpenAIResponses().write_events(HEAD)
    for index in range(1000):
        writer.feed([ToolStarted(index, f"c{index}", "f"), ToolDelta(0, '{"a":"' + "}" * 100)])
    told = writer.finish()
    assert told.count(b"event: response.output_item.done") == 1000
