"""Message streams as events: all that was said, in order; what nobody can carry is passed over."""

from __future__ import annotations

import json

from stormkeel.dialects.anthropic_messages.events import MessageEvents
from stormkeel.types.content import Text, Thinking, ToolCall
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


def frame(type_: str, **fields: object) -> bytes:
    """Return one event's frame."""
    return f"event: {type_}\ndata: {json.dumps({'type': type_} | fields, ensure_ascii=False)}\n\n".encode()


def block(index: int, start: dict[str, object], *deltas: dict[str, object]) -> bytes:
    """Return the frames of a block."""
    steps = b"".join(frame("content_block_delta", index=index, delta=delta) for delta in deltas)
    return frame("content_block_start", index=index, content_block=start) + steps + frame("content_block_stop", index=index)


def read(*frames: bytes) -> list[Event]:
    """Return the events of frames."""
    return MessageEvents().feed(b"".join(frames))


START = frame("message_start", message={"id": "m1", "model": "claude-x", "usage": {"input_tokens": 10, "output_tokens": 1}})
END = frame("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 4})
THINKING = {"type": "thinking", "thinking": "", "signature": ""}


def test_a_whole_stream() -> None:
    """The events tell start, thought and its signature, text, calls, finish and usage, in order."""
    stream = read(
        START, block(0, THINKING, {"thinking": "h"}, {"thinking": "m"}, {"type": "signature_delta", "signature": "s"}),
        block(1, {"type": "redacted_thinking", "data": "x"}), block(2, {"type": "text", "text": ""}, {"text": "Hé"}),
        block(3, {"type": "tool_use", "id": "t", "name": "f", "input": {}}, {"partial_json": ""}, {"partial_json": '{"n": 1.00}'}),
        block(4, {"type": "tool_use", "id": "u", "name": "g", "input": {}}), END,
    )  # fmt: skip
    assert stream == [
        Started("m1", "claude-x"), UsageReported(Usage(input=10, output=1)), ThinkingDelta("h"), ThinkingDelta("m"), ThinkingSealed("s"),
        ThinkingSealed(redacted="x"), TextDelta("Hé"), ToolStarted(0, "t", "f"), ToolDelta(0, '{"n": 1.00}'), ToolStarted(1, "u", "g"),
        ToolDelta(1, "{}"), Finished(Finish.STOP), UsageReported(Usage(input=10, output=4)),
    ]  # fmt: skip


def test_unsigned_thinking_ends_with_its_block() -> None:
    """Two blocks of thinking stay two, signed or not; an empty one is nothing, a signature alone is thinking not shown."""
    response = fold(read(START, block(0, THINKING, {"thinking": "a"}), block(1, THINKING, {"thinking": "b"}), block(2, THINKING)))
    assert response.content == (Thinking("a"), Thinking("b"))
    assert read(block(0, THINKING | {"signature": "s"})) == [ThinkingSealed("s")]


def test_blocks_of_anthropics_own_tools_are_passed_over() -> None:
    """A tool that ran at Anthropic is nobody's to run: its input is no call's argument, and its text neighbours are one."""
    server = block(1, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, {"partial_json": '{"q": "x"}'})
    found = block(2, {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]})
    text = {"type": "text", "text": ""}
    stream = read(START, block(0, text, {"text": "a"}), server, found, block(3, text, {"text": "b"}, {"citation": {"url": "u"}}))
    assert fold(stream).content == (Text("ab"),)


def test_a_call_that_comes_whole_with_its_start() -> None:
    """Servers that give a call's input with its start are read as well."""
    assert fold(read(block(0, {"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}}))).content == (
        ToolCall("t", "f", '{"x":1}'),
    )


def test_how_it_ended() -> None:
    """The stop text, and the provider's words for a refusal, are told with the end."""
    stopped = frame("message_delta", delta={"stop_reason": "stop_sequence", "stop_sequence": "END"}, usage=None)
    assert read(stopped) == [Finished(Finish.STOP, "END")]
    details = {"type": "refusal", "category": "bio", "explanation": "No."}
    refused = frame("message_delta", delta={"stop_reason": "refusal", "stop_details": details})
    assert read(refused) == [RefusalDelta("No."), Finished(Finish.REFUSAL)]
    assert read(frame("message_delta", delta={"stop_reason": None})) == []


def test_senseless_fields_break_nothing() -> None:
    """What has an odd type counts as absent, and the rest of the event still counts."""
    odd = frame("content_block_delta", index="x", delta={"type": "text_delta", "text": "a"}, usage=7)
    assert read(odd, b"event: x\ndata: {nonsense\n\n", b": c\n\n") == [TextDelta("a")]
    surrogate = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"text":"\\ud83d"}}\n\n'
    assert read(surrogate) == [TextDelta("\ud83d")]
    start = frame("message_start", message={"id": 7, "model": "c", "usage": "much"})
    assert read(start) == [Started("7", "c")]
