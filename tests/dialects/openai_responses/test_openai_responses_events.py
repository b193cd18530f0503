"""A response's stream as events: in the form of OpenAI, and in the forms of others."""

from __future__ import annotations

import json
from typing import Any

from stormkeel.dialects.openai_responses import OpenAIResponses
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
from stormkeel.types.response import Finish
from stormkeel.types.usage import Usage

START = {"type": "response.created", "response": {"id": "resp_1", "model": "gpt-x", "status": "in_progress", "output": []}}
MESSAGE = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "Hi"}]}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look", "arguments": '{"a":1}'}


def frames(*events: dict[str, Any]) -> bytes:
    """Write events as some servers do, without names."""
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def read(*events: dict[str, Any]) -> list[Event]:
    """Read a stream that starts as all do."""
    return OpenAIResponses().read_events().feed(frames(START, *events))


def step(kind: str, index: int = 0, **fields: Any) -> dict[str, Any]:
    """Return one step of an item."""
    return {"type": f"response.{kind}", "output_index": index, **fields}


def end(status: str = "completed", **fields: Any) -> dict[str, Any]:
    """Return the terminal event."""
    return {"type": f"response.{status}", "response": {"id": "resp_1", "model": "gpt-x", "status": status, "output": []} | fields}


def test_a_text_and_a_call() -> None:
    """Steps become events as they come; a call is named by its own id and numbered among the calls."""
    usage = {"input_tokens": 3, "output_tokens": 2}
    assert read(
        step("output_item.added", item=MESSAGE | {"content": []}), step("output_text.delta", delta="Hi"),
        step("output_text.done", text="Hi"), step("output_item.done", item=MESSAGE),
        step("output_item.added", 1, item=CALL | {"arguments": ""}), step("function_call_arguments.delta", 1, delta='{"a"'),
        step("function_call_arguments.delta", 1, delta=":1}"), step("output_item.done", 1, item=CALL), end(usage=usage),
    ) == [
        Started("resp_1", "gpt-x"), TextDelta("Hi"), ToolStarted(0, "call_1", "look"), ToolDelta(0, '{"a"'), ToolDelta(0, ":1}"),
        Finished(Finish.TOOL_CALLS), UsageReported(Usage(input=3, output=2)),
    ]  # fmt: skip


def test_parallel_calls_stay_apart() -> None:
    """Calls whose steps are mixed keep their own arguments."""
    told = fold(read(
        step("output_item.added", 0, item=CALL | {"call_id": "a", "arguments": ""}),
        step("output_item.added", 1, item={"type": "custom_tool_call", "call_id": "b", "name": "say", "input": ""}),
        step("function_call_arguments.delta", 0, delta="{"), step("custom_tool_call_input.delta", 1, delta="fr"),
        step("function_call_arguments.delta", 0, delta="}"), step("custom_tool_call_input.delta", 1, delta="ee"), end(),
    ))  # fmt: skip
    assert told.tool_calls == (ToolCall("a", "look", "{}"), ToolCall("b", "say", "free", custom=True))


def test_reasoning_is_sealed_with_its_maker() -> None:
    """The parts of a summary are joined by a blank line; what was encrypted becomes the signature of the whole."""
    item = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gA", "summary": [{"text": "a"}, {"text": "b"}]}
    assert read(
        step("output_item.added", item={"type": "reasoning", "id": "rs_1", "summary": []}),
        step("reasoning_summary_text.delta", summary_index=0, delta="a"),
        step("reasoning_summary_text.delta", summary_index=1, delta="b"), step("output_item.done", item=item),
    )[1:] == [ThinkingDelta("a"), ThinkingDelta("\n\nb"), ThinkingSealed("stormkeel|openai_responses|gpt-x|rs_1|gA")]  # fmt: skip


def test_reasoning_without_a_proof_ends_all_the_same() -> None:
    """Raw reasoning ends with its item; hidden reasoning that proves nothing says nothing."""
    told = read(
        step("reasoning_text.delta", content_index=0, delta="hm"), step("output_item.done", item={"type": "reasoning", "id": "x"}),
        step("output_item.done", 1, item={"type": "reasoning", "id": "y", "summary": []}),
    )  # fmt: skip
    assert told[1:] == [ThinkingDelta("hm"), ThinkingSealed()]
    assert fold(told).content == (Thinking("hm"),)


def test_an_item_may_end_late() -> None:
    """A reasoning item that is told as done behind the text adds nothing to it."""
    told = fold(read(
        step("reasoning_text.delta", 0, content_index=0, delta="hm"), step("output_text.delta", 1, delta="4"),
        step("output_item.done", 1, item=MESSAGE | {"content": [{"type": "output_text", "text": "4"}]}),
        step("output_item.done", 0, item={"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]}), end(),
    ))  # fmt: skip
    assert told.content == (Thinking("hm"), Text("4"))


def test_refusals() -> None:
    """A refusal is told in its own voice, and is why the answer ended."""
    assert read(step("refusal.delta", delta="No"), end())[1:] == [RefusalDelta("No"), Finished(Finish.REFUSAL)]
    told = fold(read(step("output_item.done", item=MESSAGE | {"content": [{"type": "refusal", "refusal": "No"}]}), end()))
    assert (told.content, told.finish) == ((Refusal("No"),), Finish.REFUSAL)


def test_items_that_come_whole() -> None:
    """A server that sends items without their steps, or the whole answer at its end alone, is read as any other."""
    reasoning = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "gA",
    }
    items = [reasoning, MESSAGE, CALL]
    expected = (
        Thinking("hm", "stormkeel|openai_responses|gpt-x|rs_1|gA"), Text("Hi"), ToolCall("call_1", "look", '{"a":1}'),
    )  # fmt: skip
    done = [step("output_item.done", index, item=item) for index, item in enumerate(items)]
    assert fold(read(*done, *done, end())).content == expected
    assert fold(read(end(output=items))).content == expected


def test_calls_without_an_id_are_given_one() -> None:
    """A call that has the item's id only goes by that; one without any goes by one of ours, as in a whole answer."""
    bare = {"type": "function_call", "name": "look", "arguments": "{}"}
    told = fold(read(step("output_item.added", 0, item=bare | {"id": "fc_9"}), step("output_item.done", 1, item=bare), end()))
    whole = OpenAIResponses().read_response(json.dumps({"id": "resp_1", "output": [bare | {"id": "fc_9"}, bare]}).encode())
    assert whole is not None
    assert [call.id for call in told.tool_calls] == [call.id for call in whole.tool_calls] == ["fc_9", "call_resp1_1"]


def test_tools_of_the_provider_are_passed_over() -> None:
    """Items and steps of tools that ran at the provider are nobody else's business."""
    item = {"type": "mcp_call", "id": "mcp_1", "name": "ask", "arguments": "{}", "output": "x"}
    assert read(
        step("output_item.added", item=item), step("mcp_call_arguments.delta", delta="{}"),
        step("function_call_arguments.delta", 7, delta="{}"), step("output_item.done", item=item), end(),
    )[1:] == [Finished(Finish.STOP)]  # fmt: skip


def test_what_has_no_place_is_lost_by_its_name() -> None:
    """Items that are passed over, and annotations, are told as lost once they are done."""
    reader = OpenAIResponses().read_events()
    assert reader.lost == ()
    cited = MESSAGE | {"content": [{"type": "output_text", "text": "Hi", "annotations": [{"type": "url_citation"}]}]}
    search = {"type": "web_search_call", "id": "ws_1"}
    reader.feed(frames(START, step("output_item.done", 0, item=search), step("output_item.done", 1, item=cited)))
    assert reader.lost == ("web_search_call", "annotations")


def test_an_incomplete_answer() -> None:
    """Why an answer is incomplete is its end, whatever it said."""
    told = read(step("output_text.delta", delta="Hi"), end("incomplete", incomplete_details={"reason": "max_output_tokens"}))
    assert told[-1] == Finished(Finish.LENGTH)


def test_nonsense_is_passed_over() -> None:
    """What has an unexpected form counts as absent."""
    odd = [
        {"type": 5, "delta": 5},
        step("output_item.added", item=5),
        step("output_text.delta", delta=None),
        {"response": {}},
        {},
    ]
    reader = OpenAIResponses().read_events()
    assert reader.feed(frames(START, *odd) + b"data: nonsense\n\ndata: [DONE]\n\n: c\n\n") == [Started("resp_1", "gpt-x")]
