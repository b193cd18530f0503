"""Chat streams as events, of OpenAI's and of servers that speak with an accent."""

from __future__ import annotations

import json

import pytest

from stormkeel.dialects.openai_chat.events import ChatEvents
from stormkeel.types.content import Text, Thinking, ToolCall
from stormkeel.types.events import (
    Event,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
    fold,
)  # fmt: skip
from stormkeel.types.response import Finish
from stormkeel.types.usage import Usage

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
DONE = b"data: [DONE]\n\n"


def frame(**fields: object) -> bytes:
    """Return one chunk's frame."""
    return b"data: " + json.dumps(HEAD | fields).encode() + b"\n\n"


def delta(said: object = None, finish: object = None, index: object = 0) -> bytes:
    """Return the frame of one step of one choice."""
    return frame(choices=[{"index": index, "delta": said or {}, "finish_reason": finish}])


def calls(*steps: dict) -> bytes:
    """Return the frame of some steps of calls."""
    return delta({"tool_calls": list(steps)})


def call(index: object = None, id: object = None, name: object = None, arguments: object = None) -> dict:
    """Return one step of a call, without what is None."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {key: value for key, value in (("index", index), ("id", id), ("function", function)) if value is not None}


def events(*frames: bytes) -> list[Event]:
    """Return what a stream tells."""
    return ChatEvents().feed(b"".join(frames) + DONE)


STOP = delta({}, "stop")
TOOLS = delta({}, "tool_calls")


def test_events() -> None:
    """The events tell start, thought, text, refusal, finish and usage of the first choice, in order."""
    said = delta({"reasoning_content": "hm", "content": "a"}) + delta({"content": "other"}, index=1) + delta({"refusal": "no"})
    used = frame(choices=[], usage=USAGE)
    assert events(delta({"role": "assistant", "content": ""}), said, STOP, used) == [
        Started("chatcmpl-1", "m"), ThinkingDelta("hm"), TextDelta("a"), RefusalDelta("no"), Finished(Finish.REFUSAL),
        UsageReported(Usage(input=10, output=4)),
    ]  # fmt: skip


def test_a_start_without_an_id() -> None:
    """A stream whose server names nothing starts all the same, once; filter results before it start nothing."""
    bare = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    assert events(bare, bare) == [Started("", ""), TextDelta("a"), TextDelta("a")]
    filters = frame(id="", model="", choices=[], prompt_filter_results=[])
    assert events(filters, delta({"content": "a"}))[0] == Started("chatcmpl-1", "m")


def test_calls() -> None:
    """Calls are told apart by their index, functions and free text alike."""
    told = events(
        calls(call(0, "a", "f", "")), calls(call(0, arguments='{"x"')), calls(call(0, arguments=":1}")),
        calls({"index": 1, "id": "b", "type": "custom", "custom": {"name": "g", "input": ""}}),
        calls({"index": 1, "custom": {"input": "y"}}), TOOLS,
    )  # fmt: skip
    assert told[1:] == [
        ToolStarted(0, "a", "f"), ToolDelta(0, '{"x"'), ToolDelta(0, ":1}"), ToolStarted(1, "b", "g", custom=True),
        ToolDelta(1, "y"), Finished(Finish.TOOL_CALLS),
    ]  # fmt: skip


TWO = (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "f", '{"x":2}'))
MINTED = (ToolCall("call_chatcmpl1_0", "f", '{"x":1}'), ToolCall("call_chatcmpl1_1", "f", '{"x":2}'))


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        ([calls(call(0, "a", "f", '{"x":1}'), call(1, "b", "f", '{"x":2}'))], TWO),
        ([calls(call(None, "a", "f", '{"x":1}'), call(None, "b", "f", '{"x":2}'))], TWO),
        ([calls(call(0, "a", "f", '{"x":1}')), calls(call(0, "b", "f", '{"x":2}'))], TWO),
        ([calls(call(0, "a", "f", '{"x"')), calls(call(0, "b", "f", '{"x"')), calls(call(0, "a", arguments=":1}")),
          calls(call(0, "b", arguments=":2}"))], TWO),
        ([calls(call(0, "a", "f", '{"x"')), calls(call(0, "a", "f", ":1}")), calls(call(1, "b", "f", '{"x":2}'))], TWO),
        ([calls(call(0, "a", "f", '{"x"')), calls(call(0, "other", arguments=":1}")), calls(call(1, "b", "f", '{"x":2}'))], TWO),
        ([calls(call(None, "a", "f", '{"x"')), calls(call(None, None, None, ":1}")), calls(call(None, "b", "f", '{"x":2}'))], TWO),
        ([calls(call(0, "a", "f", ""), call(1, "b", "f", "")), calls(call(1, arguments='{"x":2}')),
          calls(call(0, arguments='{"x":1}'))], TWO),
        ([calls(call(0, None, "f", '{"x"')), calls(call(0, "a", None, ":1}")), calls(call(1, "", "f", "")),
          calls(call(1, "b", "", '{"x":2}'))], TWO),
        ([calls(call(0, None, "f", '{"x":1}')), calls(call(1, None, "f", '{"x":2}'))], MINTED),
        ([calls(call(0, "", "f", '{"x":1}')), calls(call(0, "", "f", '{"x":2}')), calls(call(0, "", "f", ""))], MINTED),
        ([calls(call(0, "", "f", '{"x":')), calls(call(0, "", "f", "1}")), calls(call(0, "", "f", '{"x":2}'))], MINTED),
        ([calls(call(None, None, "f", '{"x":1}')), calls(call(None, None, "f", '{"x":2}'))], MINTED),
        ([calls(call(None, None, "f", '{"x"')), calls(call(None, None, "f", ":1}")), calls(call(None, None, "f", '{"x":2}'))], MINTED),
        ([calls(call("0", 1, "f", '{"x":1}'))], MINTED[:1]),
        ([delta({"function_call": {"name": "f", "arguments": '{"x"'}}), delta({"function_call": {"arguments": ":1}"}})], MINTED[:1]),
    ],
)  # fmt: skip
def test_calls_with_an_accent(frames: list[bytes], told: tuple[ToolCall, ...]) -> None:
    """Calls come out whole where indexes are missing or all the same, ids repeated, late or absent (trap: parallel calls merge)."""
    response = fold(events(*frames, STOP))
    assert (response.tool_calls, response.finish) == (told, Finish.TOOL_CALLS)


def test_thoughts_as_parts() -> None:
    """Content that is a list of parts is read as thought and text."""
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]
    assert fold(events(delta({"content": parts}), STOP)).content == (Thinking("hm"), Text("a"))


@pytest.mark.parametrize(
    "payload",
    [b"{", b"[]", b"7", b'{"choices":7}', b'{"choices":[7]}', b'{"choices":[{"delta":7}]}', b'{"choices":[{"delta":{"content":7}}]}',
     b'{"choices":[{"delta":{"tool_calls":[7,{"index":0,"function":8}]}}]}', b'{"error":{}, "usage":9}', b'{"error":{"message":"m"}}'],
)  # fmt: skip
def test_odd_steps_say_nothing(payload: bytes) -> None:
    """What has an unexpected form counts as absent, and stops nothing."""
    told = fold(events(delta({"content": "a"}), b"data: " + payload + b"\n\n", delta({"content": "b"}), STOP))
    assert told.text == "ab"


def test_half_a_surrogate_pair_and_nan() -> None:
    """What is not strictly JSON but sent in the wild is read."""
    odd = b'data: {"choices":[{"delta":{"content":"\\ud83d"},"logprobs":{"x":NaN}}]}\n\n'
    assert fold(events(odd, STOP)).text == "\ud83d"
