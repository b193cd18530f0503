"""Whole chat answers: what they are read as, and what the SDK reads of those we write."""

from __future__ import annotations

import json

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion

from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.openai_chat.answer import BEYOND
from stormkeel.dialects.values import Head
from stormkeel.types.content import Refusal, Text, Thinking, ToolCall
from stormkeel.types.response import Answered, Finish, Response
from stormkeel.types.usage import Usage

DIALECT = OpenAIChat()
HEAD = Head("req_7", 1700, "fast")
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"n": 1.0}'}}


def response(message: object, finish: object = "stop", **fields: object) -> Response:
    """Read an answer."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    told = {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice]} | fields
    read = DIALECT.read_response(json.dumps(told).encode())
    assert read is not None
    return read


def parsed(told: Response, head: Head = HEAD) -> ChatCompletion:
    """Let the unmodified SDK read what we write."""
    body = DIALECT.write_response(told, head)
    answer = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body, headers={"content-type": "application/json"}))
    sdk = openai.OpenAI(api_key="sk-x", http_client=httpx2.Client(transport=answer), max_retries=0)
    return sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"content": "a", "reasoning_content": "hm", "reasoning": "hm"}, (Thinking("hm"), Text("a"))),
        ({"content": "a", "reasoning": "hm", "tool_calls": [CALL]}, (Thinking("hm"), Text("a"), ToolCall("c", "f", '{"n": 1.0}'))),
        ({"content": None, "refusal": "No."}, (Refusal("No."),)),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]},
         (Thinking("hm"), Text("a"))),
        ({"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "g", "input": "x"}}]}, (ToolCall("c", "g", "x", True),)),
        ({"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}, (ToolCall("call_chatcmpl1_0", "f", '{"a":1}'),)),
        ({"function_call": {"name": "f", "arguments": "{}"}}, (ToolCall("call_chatcmpl1_0", "f", "{}"),)),
        ({"content": 7, "tool_calls": 8, "refusal": [], "reasoning": {}}, ()),
        (None, ()),
    ],
)  # fmt: skip
def test_content(message: object, content: tuple[Answered, ...]) -> None:
    """Everything a message says is read in its one order, at other servers' places too; odd forms count as absent."""
    assert response(message).content == content


@pytest.mark.parametrize(
    ("message", "reason", "finish"),
    [
        ({"content": "a"}, "stop", Finish.STOP), ({"content": "a"}, "length", Finish.LENGTH), ({"content": "a"}, None, None),
        ({"content": "a"}, "content_filter", Finish.CONTENT_FILTER), ({"content": "a"}, "eos", Finish.OTHER),
        ({"tool_calls": [CALL]}, "tool_calls", Finish.TOOL_CALLS), ({"refusal": "No."}, "stop", Finish.REFUSAL),
        ({"tool_calls": [CALL]}, "stop", Finish.TOOL_CALLS), ({"tool_calls": [CALL]}, "length", Finish.LENGTH),
    ],
)  # fmt: skip
def test_finish(message: dict, reason: object, finish: Finish | None) -> None:
    """Reasons are read by what was said: a demanded tool call ends with "stop" on the wire, and is a tool call."""
    assert response(message, reason).finish is finish


def test_a_written_answer() -> None:
    """The SDK reads text, reasoning, calls, usage in this dialect's totals, and an id of its form."""
    usage = Usage(input=1, cache_read=2, cache_write=3, output=4, reasoning=5)
    content = (Thinking("hm", "sig"), Text("a"), ToolCall("c", "f"), Text("b"), ToolCall("d", "g", "x", custom=True))
    told = parsed(Response("msg_1", "claude", content, Finish.TOOL_CALLS, usage))
    assert (told.id, told.created, told.model, told.object) == ("chatcmpl-7", 1700, "claude", "chat.completion")
    (choice,) = told.choices
    assert (choice.finish_reason, choice.message.role, choice.message.content) == ("tool_calls", "assistant", "ab")
    assert choice.message.to_dict()["reasoning_content"] == "hm"
    assert [call.to_dict() for call in choice.message.tool_calls or ()] == [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "d", "type": "custom", "custom": {"name": "g", "input": "x"}},
    ]
    assert told.usage is not None
    assert (told.usage.prompt_tokens, told.usage.completion_tokens, told.usage.total_tokens) == (6, 9, 15)
    details = told.usage.prompt_tokens_details
    assert details is not None
    assert (details.cached_tokens, details.cache_write_tokens) == (2, 3)
    ChatCompletion.model_validate(told.to_dict())


def test_a_known_id_stays() -> None:
    """An id that already has this dialect's form is kept, and a nameless model gets the name that was asked for."""
    told = parsed(Response("chatcmpl-x", "", (Text("a"),)))
    assert (told.id, told.model, told.usage, told.choices[0].finish_reason) == ("chatcmpl-x", "fast", None, "stop")


@pytest.mark.parametrize(
    ("content", "finish", "reason", "text", "refusal"),
    [
        ((), Finish.STOP, "stop", "", None),
        ((Text("a"),), Finish.LENGTH, "length", "a", None),
        ((Refusal("No."),), Finish.REFUSAL, "stop", None, "No."),
        ((Text("a"),), Finish.REFUSAL, "content_filter", "a", None),
        ((), Finish.REFUSAL, "content_filter", "", None),
        ((Refusal(""),), Finish.REFUSAL, "content_filter", "", None),
        ((Text(""), Refusal("No.")), Finish.REFUSAL, "stop", None, "No."),
        ((Text("a"), Refusal("No.")), Finish.REFUSAL, "content_filter", "a", "No."),
        ((), Finish.CONTENT_FILTER, "content_filter", "", None),
        ((Text("a"),), Finish.PAUSE, "stop", "a", None),
        ((Text("a"),), Finish.OTHER, "stop", "a", None),
        ((Text("a"),), Finish.TOOL_CALLS, "stop", "a", None),
        ((ToolCall("c", "f"),), Finish.STOP, "tool_calls", None, None),
        ((ToolCall("c", "f"),), Finish.LENGTH, "length", None, None),
        ((Text("a\ud83d"),), Finish.STOP, "stop", "a\ud83d", None),
    ],
)
def test_written_ends(content: tuple[Answered, ...], finish: Finish, reason: str, text: str | None, refusal: str | None) -> None:
    """Each end has its reason, and what is not said is null."""
    (choice,) = parsed(Response("", "m", content, finish)).choices
    assert (choice.finish_reason, choice.message.content, choice.message.refusal) == (reason, text, refusal)


@pytest.mark.parametrize("name", [*sorted(BEYOND), "refusal", "tool_calls", "function_call", "reasoning_content", "reasoning"])
def test_the_short_way_reads_nothing_but_text(name: str) -> None:
    """An answer of only text is read in one go; whatever else its message says is never passed over, and empty says nothing."""
    plain = {"role": "assistant", "content": "Hi", "refusal": None, "annotations": []}
    call = {"name": "t", "arguments": "{}"}
    said = {"tool_calls": [{"id": "c", "function": call}], "function_call": call, "refusal": "No", "reasoning": "So"}
    for value, is_heard in ((None, False), ([], False), (said.get(name, "So" if "reasoning_c" in name else [{"a": 1}]), True)):
        read = response(plain | {name: value})
        assert (read.lost == (name,) or len(read.content) > 1) is is_heard
        assert Text("Hi") in read.content
