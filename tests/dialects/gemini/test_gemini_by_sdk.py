"""What is written for a Gemini client, read by the unmodified SDK, sync and async: whole answers, streams, errors; and what it sends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import errors, types

from stormkeel.dialects.gemini import Gemini
from stormkeel.dialects.gemini.call import call_of
from stormkeel.dialects.values import Head, ModelCard, Reading
from stormkeel.errors import STATUS
from stormkeel.types.content import Message, Refusal, Text, Thinking, ToolCall, ToolResult
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
from stormkeel.types.request import Request
from stormkeel.types.response import Finish, Response
from stormkeel.types.usage import Usage

DIALECT = Gemini()
HEAD = Head("req_abc", 1, "asked-for", input_estimate=77)
USAGE = Usage(input=10, cache_read=5, cache_write=3, cache_write_long=2, audio_input=1, output=20, reasoning=4, audio_output=6)
SSE, JSON = "text/event-stream", "application/json"
SENT: list[httpx2.Request] = []


def sdk(body: bytes, content_type: str = JSON, status: int = 200) -> genai.Client:
    """Return the SDK over a scripted wire, for both colours; what it sends is kept in `SENT`."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        SENT.append(request)
        return httpx2.Response(status, content=body, headers={"content-type": content_type})

    wire = httpx2.MockTransport(answer)
    options = types.HttpOptions(httpx_client=httpx2.Client(transport=wire), httpx_async_client=httpx2.AsyncClient(transport=wire))
    return genai.Client(api_key="k", http_options=options)


def whole(body: bytes, status: int = 200) -> list[types.GenerateContentResponse]:
    """Return a body as the SDK reads it, sync and async."""
    client = sdk(body, status=status)
    again = asyncio.run(client.aio.models.generate_content(model="gemini-x", contents="Hi"))
    return [client.models.generate_content(model="gemini-x", contents="Hi"), again]


def streamed(frames: bytes) -> list[list[types.GenerateContentResponse]]:
    """Return the chunks the SDK makes of frames, sync and async."""
    client = sdk(frames, SSE)

    async def collect() -> list[types.GenerateContentResponse]:
        return [chunk async for chunk in await client.aio.models.generate_content_stream(model="gemini-x", contents="Hi")]

    return [list(client.models.generate_content_stream(model="gemini-x", contents="Hi")), asyncio.run(collect())]


def write(events: list[Event], keep_alive: bool = False) -> bytes:
    """Write a stream, each event on its own."""
    writer = DIALECT.write_events(HEAD)
    alive = DIALECT.keep_alive if keep_alive else b""
    return alive + alive.join(writer.feed([event]) for event in events) + alive + writer.finish()


def test_a_whole_answer_is_read() -> None:
    """Text, thoughts, calls, the reason and the usage arrive; the totals are this dialect's own."""
    content = (Thinking("Hm", "sig"), Text("Hé"), ToolCall("c1", "f", '{"x":[1]}'), ToolCall("", "g"))
    body = DIALECT.write_response(Response("chatcmpl-1", "gpt-x", content, Finish.TOOL_CALLS, USAGE), HEAD)
    for told in whole(body):
        assert (told.text, told.response_id, told.model_version) == ("Hé", "chatcmpl-1", "gpt-x")
        assert told.function_calls is not None
        assert [(call.id, call.name, call.args) for call in told.function_calls] == [
            ("c1", "f", {"x": [1]}),
            ("call_reqabc_1", "g", {}),
        ]
        assert told.candidates is not None
        assert told.candidates[0].finish_reason is types.FinishReason.STOP
        usage = told.usage_metadata
        assert usage is not None
        assert (usage.prompt_token_count, usage.cached_content_token_count, usage.candidates_token_count) == (21, 5, 26)
        assert (usage.thoughts_token_count, usage.total_token_count) == (4, 51)
        assert told.parts is not None
        assert (told.parts[0].thought, told.parts[0].text) == (True, "Hm")
        assert [part.thought_signature for part in told.parts[1:]] == [None, b"skip_thought_signature_validator", None]


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        (None, "STOP"), (Finish.STOP, "STOP"), (Finish.TOOL_CALLS, "STOP"), (Finish.LENGTH, "MAX_TOKENS"),
        (Finish.CONTENT_FILTER, "SAFETY"), (Finish.REFUSAL, "SAFETY"), (Finish.PAUSE, "OTHER"), (Finish.OTHER, "OTHER"),
    ],
)  # fmt: skip
def test_every_end_has_a_reason_the_sdk_knows(finish: Finish | None, reason: str) -> None:
    """Whole and streamed, the reason is one of the SDK's own."""
    events: list[Event] = [TextDelta("a"), *([Finished(finish)] if finish else [])]
    for chunks in ([whole(DIALECT.write_response(Response("", "", (Text("a"),), finish), HEAD))], streamed(write(events))):
        for told in [chunks[0][-1]]:
            assert told.candidates is not None
            assert told.candidates[0].finish_reason is types.FinishReason[reason]


EVENTS: list[Event] = [
    Started("chatcmpl-1", "gpt-x"), ThinkingDelta("H"), ThinkingDelta("m"), ThinkingSealed("sig"), TextDelta("H"), TextDelta(""), TextDelta("é\u2028"),
    ToolStarted(0, "a", "f"), ToolStarted(1, "b", "g"), ToolDelta(1, '{"y"'), ToolDelta(0, '{"x": '), ToolDelta(1, ": [2]}"), ToolDelta(0, "1}"),
    ToolStarted(2, "c", "h"), TextDelta("."), RefusalDelta("No"), UsageReported(USAGE), Finished(Finish.TOOL_CALLS),
]  # fmt: skip


@pytest.mark.parametrize("keep_alive", [False, True])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_a_stream_is_read_with_and_without_silent_times(keep_alive: bool, line_end: bytes) -> None:
    """Text adds up from chunks none of which lacks it where text stands, calls are whole and in order, the keep-alive is nothing to the
    SDK (traps 7, 46)."""
    frames = write(EVENTS, keep_alive).replace(b"\n", line_end)
    for chunks in streamed(frames):
        parts = [part for chunk in chunks for part in chunk.parts or ()]
        assert "".join(part.text for part in parts if part.text is not None and not part.thought) == "Hé\u2028.No"
        assert "".join(part.text or "" for part in parts if part.thought) == "Hm"
        calls = [
            (part.function_call.id, part.function_call.name, part.function_call.args) for part in parts if part.function_call
        ]
        assert calls == [("a", "f", {"x": 1}), ("b", "g", {"y": [2]}), ("c", "h", {})]
        reasons = [chunk.candidates[0].finish_reason for chunk in chunks if chunk.candidates]
        assert (reasons[:-1], reasons[-1]) == ([None] * (len(chunks) - 1), types.FinishReason.STOP)
        assert chunks[-1].text == ""
        assert {(chunk.response_id, chunk.model_version) for chunk in chunks} == {("chatcmpl-1", "gpt-x")}
        usage = chunks[-1].usage_metadata
        assert usage is not None
        assert usage.total_token_count == USAGE.total


def test_nothing_but_data_lines_is_written() -> None:
    """Every line of a stream, the error's too, begins with `data: ` or is blank (trap 46)."""
    frames = write(EVENTS, keep_alive=True) + DIALECT.write_error_frame(Failure(FailureKind.SERVER, "x"), "r1")
    assert all(not line or line.startswith(b"data: {") for line in frames.split(b"\n"))


def test_arguments_of_several_lines_stay_in_their_event() -> None:
    """Arguments that a model wrote over several lines are one line of a stream."""
    frames = write([ToolStarted(0, "a", "f"), ToolDelta(0, '{\n  "x": 1,\r\n\r\n  "y": "\\n"\n}'), Finished(Finish.TOOL_CALLS)])
    for chunks in streamed(frames):
        assert [call.args for chunk in chunks for call in chunk.function_calls or ()] == [{"x": 1, "y": "\n"}]


@pytest.mark.parametrize("candidate", [b"data: {}\n\n", b'data: {"candidates":[]}\n\n'])
def test_why_the_keep_alive_is_no_event(candidate: bytes) -> None:
    """An event without candidates is a chunk to the SDK, whose `text` is None: it would break `"".join(chunk.text ...)`."""
    assert [chunk.text for chunk in streamed(candidate)[0]] == [None]
    assert streamed(DIALECT.keep_alive) == [[], []]


def test_a_chat_keeps_what_it_was_told() -> None:
    """The SDK's own chat takes a written stream into its history, and sends it back in a form that is read as the same turn."""
    frames = write(
        [
            Started("c", "m"),
            ThinkingDelta("H"),
            ThinkingDelta("m"),
            ThinkingSealed("sig"),
            TextDelta("Hé"),
            ToolStarted(0, "a", "f"),
            ToolDelta(0, '{"x":1}'),
            Finished(Finish.TOOL_CALLS),
        ]
    )
    chat = sdk(frames, SSE).chats.create(model="gemini-x")
    list(chat.send_message_stream("Hi"))
    list(
        chat.send_message_stream(
            types.Part(function_response=types.FunctionResponse(id="a", name="f", response={"output": "ok"}))
        )
    )
    told = DIALECT.read_prompt(SENT[-1].read())
    assert isinstance(told, Reading), told
    assert [message.role for message in told.prompt.messages] == ["user", "assistant", "user"]
    parts = [part for message in told.prompt.messages[1:] for part in message.content]
    assert [json.loads(part.arguments) for part in parts if isinstance(part, ToolCall)] == [{"x": 1}]
    assert parts[0] == Thinking("Hm", "sig"), "what came in pieces is one thought, for the whole of it was signed (trap 1)"
    assert parts[-1] == ToolResult("a", (Text("ok"),))
    assert told.lost == ()


@pytest.mark.parametrize("kind", list(FailureKind), ids=lambda kind: kind.value)
def test_every_failure_raises_by_its_status(kind: FailureKind) -> None:
    """Whole, the SDK raises the class of the status and reads code, status and message."""
    status, body = DIALECT.write_error(Failure(kind, 'no "thing"', retry_after=2.5), "r1")
    expected = errors.ClientError if status < 500 else errors.ServerError
    with pytest.raises(expected) as caught:
        whole(body, status)
    assert (caught.value.code, status) == (STATUS[kind], STATUS[kind])
    assert 'no "thing"' in str(caught.value.message)
    assert caught.value.status in {
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "UNAUTHENTICATED",
        "RESOURCE_EXHAUSTED",
        "UNAVAILABLE",
        "DEADLINE_EXCEEDED",
        "CANCELLED",
        "INTERNAL",
    }
    details = caught.value.details["error"]["details"]
    assert (details[0]["metadata"], details[1]["retryDelay"]) == ({"request_id": "r1"}, "2.500s")


@pytest.mark.parametrize("kind", list(FailureKind), ids=lambda kind: kind.value)
def test_every_failure_raises_inside_a_stream(kind: FailureKind) -> None:
    """Behind good frames the SDK hands those over, and then raises by the code in the error's own frame."""
    frames = write([TextDelta("a")]) + DIALECT.write_error_frame(Failure(kind, "it broke off"), "r1")
    got = []
    with pytest.raises(errors.APIError, match="it broke off") as caught:
        got.extend(sdk(frames, SSE).models.generate_content_stream(model="gemini-x", contents="Hi"))
    assert (len(got), caught.value.code) == (2, STATUS[kind])


def test_an_overflow_is_recognised() -> None:
    """An overflow is told in the words that this dialect's clients look for."""
    _, body = DIALECT.write_error(Failure(FailureKind.CONTEXT_LENGTH, "x"), "r1")
    assert "input token count exceeds" in json.loads(body)["error"]["message"]


def test_models_are_listed_by_the_sdk() -> None:
    """The SDK reads the list and one model."""
    cards = [ModelCard("fast", display_name="Fast", max_input=9, max_output=5), ModelCard("slow")]
    told = [
        (model.name, model.display_name, model.output_token_limit) for model in sdk(DIALECT.write_models(cards)).models.list()
    ]
    assert told == [("models/fast", "Fast", 5), ("models/slow", "slow", None)]
    assert sdk(DIALECT.write_model(cards[0])).models.get(model="fast").input_token_limit == 9


def test_what_the_sdk_sends_is_read() -> None:
    """A full configuration of the SDK, whose spelling it mixes itself, is peeked at, located by its URL and read as it was meant."""

    def look(place: str, near: bool = False) -> str:
        """Look at a place."""
        return place + str(near)

    declared = types.FunctionDeclaration(
        name="go", description="Go", parameters_json_schema={"type": "object", "properties": {"to": {"type": "string"}}}
    )
    schema = types.Schema(
        type=types.Type.OBJECT, properties={"a": types.Schema(type=types.Type.STRING, nullable=True)}, required=["a"]
    )
    old = types.FunctionDeclaration(name="old", parameters=schema)
    config = types.GenerateContentConfig(
        system_instruction="Be brief", temperature=0.5, top_p=0.9, top_k=40, max_output_tokens=99, stop_sequences=["END"], seed=7, presence_penalty=0.5,
        frequency_penalty=0, tools=[look, types.Tool(function_declarations=[declared, old])],
        tool_config=types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["go"])),
        response_mime_type="application/json", response_json_schema={"type": "object"}, service_tier=types.ServiceTier.FLEX,
        thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.LOW),
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )  # fmt: skip
    contents: Any = [
        types.Content(
            role="user",
            parts=[types.Part.from_bytes(data=b"\xff\xd8\xff\xe0\xfb\xff", mime_type="image/jpeg"), types.Part(text="Hi")],
        ),
        types.Content(
            role="model",
            parts=[types.Part(function_call=types.FunctionCall(name="go", args={"to": "sea"}), thought_signature=b"sig")],
        ),
        types.Content(role="user", parts=[types.Part.from_function_response(name="go", response={"error": "no"})]),
    ]
    client = sdk(DIALECT.write_response(Response("", "", (Text("{}"),), Finish.STOP), HEAD))
    client.models.generate_content(model="gemini-x", contents=contents, config=config)
    request = SENT[-1]
    call = call_of(request.url.path.removeprefix("/v1").removeprefix("beta"))
    assert call is not None
    peeked = DIALECT.read_request(request.read(), "r1", call=call)
    assert isinstance(peeked, Request), peeked
    assert (peeked.model, peeked.stream, peeked.max_output) == ("gemini-x", False, 99)
    told = DIALECT.read_prompt(request.read())
    assert isinstance(told, Reading), told
    prompt = told.prompt
    assert (prompt.temperature, prompt.top_p, prompt.top_k, prompt.max_tokens, prompt.stop, prompt.tier) == (
        0.5,
        0.9,
        40,
        99,
        ("END",),
        "flex",
    )
    assert [tool.name for tool in prompt.tools] == ["look", "go", "old"]
    assert prompt.tools[0].parameters is not None
    assert prompt.tools[0].parameters["properties"]["place"] == {"type": "string"}
    assert prompt.tools[2].parameters == {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}
    assert (prompt.tool_choice and prompt.tool_choice.names, prompt.effort) == (("go",), "low")
    assert prompt.format is not None
    assert prompt.messages[0] == Message("system", "Be brief")
    assert prompt.messages[1].content[0].data == "/9j/4Pv/"  # type: ignore[union-attr]
    assert prompt.messages[3].content == (ToolResult("call_1_0", (Text("no"),), is_error=True),)
    assert set(told.lost) == {
        "contents[1].parts[0].thoughtSignature", "tools[0].functionDeclarations[0].response_json_schema", "generationConfig.seed",
        "generationConfig.presencePenalty",
    }  # fmt: skip


def test_a_refusal_is_text() -> None:
    """A refusal's words are text to this dialect, and the reason tells."""
    for told in whole(DIALECT.write_response(Response("", "", (Refusal("No."),), Finish.REFUSAL), HEAD)):
        assert told.text == "No."
