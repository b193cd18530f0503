"""Chat streams we write, read by the unmodified SDK and its stream helper."""

from __future__ import annotations

import json
from itertools import permutations

import httpx2
import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.values import Head
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
)  # fmt: skip
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.response import Finish
from stormkeel.types.usage import Usage

DIALECT = OpenAIChat()
HEAD = Head("req_7", 1700, "fast")
USED = UsageReported(Usage(input=3, cache_read=1, output=2, reasoning=1))
TURNS = [{"role": "user", "content": "Hi"}]
TOOLS = [{"type": "function", "function": {"name": name, "strict": True, "parameters": {"type": "object"}}} for name in "fg"]
START = Started("msg_1", "claude")


def stream(*events: Event, head: Head = HEAD) -> bytes:
    """Write a stream."""
    writer = DIALECT.write_events(head)
    return b"".join(writer.feed([event]) for event in events) + writer.finish()


def sdk(frames: bytes) -> openai.OpenAI:
    """Return the SDK over a wire that always answers with a stream."""
    answer = httpx2.MockTransport(lambda _: httpx2.Response(200, content=frames, headers={"content-type": "text/event-stream"}))
    return openai.OpenAI(api_key="sk-x", http_client=httpx2.Client(transport=answer), max_retries=0)


def chunks(frames: bytes) -> list[ChatCompletionChunk]:
    """Return what the SDK reads."""
    return list(sdk(frames).chat.completions.create(model="m", messages=TURNS, stream=True))


def folded(frames: bytes) -> ChatCompletion:
    """Return what the SDK's stream helper makes of a stream, with strict tools, whose arguments it parses as each is done."""
    with sdk(frames).chat.completions.stream(model="m", messages=TURNS, tools=TOOLS) as got:
        for _ in got:
            pass
        return got.get_final_completion()


def added_up(frames: bytes) -> ChatCompletion:
    """Return what the helper's state adds up, also where the helper itself gives up: at an end by length, at free text."""
    state = ChatCompletionStreamState()
    for chunk in chunks(frames):
        state.handle_chunk(chunk)
    return state.current_completion_snapshot


def meaning(told: ChatCompletion) -> dict:
    """Return a finished object without what helpers and whole answers differ in though it means nothing."""
    message = told.choices[0].message.to_dict()
    calls = [{key: value for key, value in call.items() if key != "index" and value} for call in message.get("tool_calls") or ()]
    for call in calls:
        call.get("function", {}).pop("parsed_arguments", None)
    said = {name: joined(message.get(name)) for name in ("content", "refusal", "reasoning_content", "role")}
    usage = told.usage.to_dict() if told.usage else None
    return {"id": told.id, "model": told.model, "created": told.created, "end": told.choices[0].finish_reason, "usage": usage,
            "calls": calls, **said}  # fmt: skip


def joined(text: str | None) -> str | None:
    """Return a text with the halves of its surrogate pairs joined, as a JSON parser does; None for none."""
    return (text or "").encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") or None


def whole(*events: Event) -> ChatCompletion:
    """Return the whole answer of the same meaning, as the SDK reads it."""
    return ChatCompletion.model_validate(json.loads(DIALECT.write_response(fold(events), HEAD)))


def test_a_stream() -> None:
    """A stream has one role, one id and time, steps, a reason on an empty step, usage with no choices, and its end."""
    frames = stream(START, TextDelta("a"), TextDelta(""), TextDelta("b"), Finished(Finish.STOP), USED)
    told = chunks(frames)
    assert [chunk.choices[0].delta.to_dict() for chunk in told[:-1]] == [
        {"role": "assistant", "content": "", "refusal": None}, {"content": "a"}, {"content": "b"}, {},
    ]  # fmt: skip
    assert {(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in told} == {
        ("chatcmpl-7", 1700, "claude", "chat.completion.chunk")
    }
    assert [chunk.choices[0].finish_reason for chunk in told[:-1]] == [None, None, None, "stop"]
    assert [chunk.usage is None for chunk in told] == [True] * 4 + [False]
    assert told[-1].choices == []
    assert frames.endswith(b"data: [DONE]\n\n")


def test_nothing_is_written_before_there_is_content() -> None:
    """A start alone writes nothing, so that another deployment may still be asked."""
    writer = DIALECT.write_events(HEAD)
    assert writer.feed([START, TextDelta(""), ThinkingSealed("s"), USED]) == b""
    assert writer.feed([TextDelta("a")]) != b""
    assert writer.feed([Finished(Finish.STOP), USED]) == b""


def test_usage_is_told_only_where_it_was_asked_for() -> None:
    """Without the wish no chunk mentions usage; with it but without a report there is none to tell."""
    silent = stream(START, TextDelta("a"), USED, head=Head("r", 1, "m", wants_usage=False))
    assert b"usage" not in silent
    assert all(chunk.choices for chunk in chunks(stream(START, TextDelta("a"))))


def test_without_a_start() -> None:
    """Where no start came the head's words stand; an id of this dialect's form is kept."""
    (first, *_) = chunks(stream(TextDelta("a")))
    assert (first.id, first.model) == ("chatcmpl-7", "fast")
    (first, *_) = chunks(stream(Started("chatcmpl-x", "m"), TextDelta("a")))
    assert (first.id, first.model) == ("chatcmpl-x", "m")


CALLS = (
    ToolStarted(0, "c0", "f"), ToolDelta(0, '{"a"'), ToolDelta(0, ":1}"), ToolStarted(1, "c1", "g"), ToolDelta(1, '{"b":2}'),
)  # fmt: skip
STREAMS: list[tuple[Event, ...]] = [
    (START,),
    (START, Finished(Finish.STOP), USED),
    (START, TextDelta("a"), Finished(Finish.LENGTH), USED),
    (START, ThinkingDelta("h"), ThinkingDelta("m"), ThinkingSealed("sig"), TextDelta("a"), Finished(Finish.STOP)),
    (START, RefusalDelta("N"), RefusalDelta("o."), Finished(Finish.REFUSAL)),
    (START, TextDelta("a"), Finished(Finish.REFUSAL)),
    (START, *CALLS, Finished(Finish.TOOL_CALLS), USED),
    (START, TextDelta("a"), *CALLS, TextDelta("b"), ThinkingDelta("hm"), Finished(Finish.STOP), USED),
    (START, ToolStarted(0, "c0", "f"), ToolStarted(1, "c1", "g"), Finished(Finish.TOOL_CALLS)),
    (START, ToolStarted(3, "c0", "f"), ToolStarted(7, "c1", "run", custom=True), ToolDelta(7, "x"), ToolDelta(7, "y"),
     Finished(Finish.PAUSE)),
    (START, ToolStarted(0, "c0", "run", custom=True), ToolStarted(1, "c1", "f"), ToolDelta(9, "lost"), ToolDelta(0, "late")),
    (START, TextDelta("a\ud83d"), TextDelta("\ude00b"), TextDelta("\u2028\r\n"), Finished(Finish.OTHER)),
]  # fmt: skip


@pytest.mark.parametrize("events", STREAMS, ids=str)
def test_the_helper_folds_to_the_whole_answer(events: tuple[Event, ...]) -> None:
    """The SDK's stream helper makes of a stream what the SDK reads of the whole answer."""
    frames, expected = stream(*events), meaning(whole(*events))
    assert meaning(added_up(frames)) == expected
    if expected["end"] in ("stop", "tool_calls") and not any(call["type"] == "custom" for call in expected["calls"]):
        assert meaning(folded(frames)) == expected


def test_mixed_up_calls_leave_in_order() -> None:
    """However the steps of calls are mixed the helper folds them to the same calls, their arguments parsed whole."""
    steps = [(ToolDelta(0, '{"a"'), ToolDelta(0, ":1}")), (ToolDelta(1, '{"b"'), ToolDelta(1, ":2}")), (ToolDelta(2, "{}"),)]
    starts = [ToolStarted(index, f"c{index}", "f") for index in range(3)]
    expected = meaning(whole(START, *starts, *(step for part in steps for step in part)))
    for order in set(permutations((0, 0, 1, 1, 2))):
        left = [list(part) for part in steps]
        mixed = [left[index].pop(0) for index in order]
        assert meaning(folded(stream(START, *starts, *mixed))) == expected


def test_a_call_streams_on_as_it_comes() -> None:
    """Arguments are not held back where calls come one after the other."""
    writer = DIALECT.write_events(HEAD)
    assert all(writer.feed([event]) for event in CALLS)
    deltas = [chunk.choices[0].delta.tool_calls for chunk in chunks(stream(*CALLS))[1:-1]]
    assert [(step.index, step.id, step.type, step.function.name) for steps in deltas for step in steps] == [
        (0, "c0", "function", "f"), (0, None, None, None), (0, None, None, None), (1, "c1", "function", "g"), (1, None, None, None),
    ]  # fmt: skip


def test_a_late_piece_of_free_text_comes_last() -> None:
    """Free text has no end that could be seen: a piece that comes when the next call has begun waits until that one is done."""
    writer = DIALECT.write_events(HEAD)
    writer.feed([ToolStarted(0, "c0", "run", custom=True), ToolDelta(0, "x"), ToolStarted(1, "c1", "f"), ToolDelta(1, "{")])
    assert writer.feed([ToolDelta(0, "y")]) == b""
    assert b'"}"' in writer.feed([ToolDelta(1, "}")])
    assert b'"custom":{"input":"y"}' in writer.finish()


def test_an_error_frame_may_follow() -> None:
    """A stream that breaks off ends with the error, which the SDK raises behind what it read."""
    writer = DIALECT.write_events(HEAD)
    frames = writer.feed([START, TextDelta("a")]) + DIALECT.write_error_frame(Failure(FailureKind.TRUNCATED, "broke off"), "r")
    with pytest.raises(openai.APIError, match="broke off"):
        chunks(frames)
