"""Answers whose bytes are odd, from each dialect to each: packed ones, such as report no usage, strange white space, strange line ends.

All bytes are written here, as a provider could send them and none of the recordings does.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from gateway_stage import Got, play
from raw_stage import CHAT, GEMINI, MESSAGES, PATHS, RESPONSES, Answer, staged

from stormkeel.assemble import DIALECTS
from stormkeel.types.events import fold

TEXT = "one\u2028two\u2029three\u0085four\x0bfive\x0csix\x1cseven \u00e9\U0001f30a end"
"""With everything that some reader takes for the end of a line, and that JSON may have unescaped (but for the control characters)."""
ALL = (CHAT, RESPONSES, MESSAGES, GEMINI)
NAMES = {CHAT: "gpt-4o", RESPONSES: "gpt-4o", MESSAGES: "claude-sonnet-4-6", GEMINI: "gemini-2.5-flash"}
each_pair = pytest.mark.parametrize(("client", "upstream"), [(client, upstream) for client in ALL for upstream in ALL])


def whole(dialect: str) -> dict[str, Any]:
    """An answer of 7 tokens to 5."""
    if dialect == CHAT:
        return {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
        }  # fmt: skip
    if dialect == RESPONSES:
        part = {"type": "output_text", "text": TEXT, "annotations": []}
        return {
            "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed",
            "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}],
            "usage": {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12},
        }  # fmt: skip
    if dialect == MESSAGES:
        return {
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": TEXT}],
            "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 7},
        }  # fmt: skip
    return {
        "candidates": [{"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [{"text": TEXT}]}}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}, "modelVersion": "m", "responseId": "r",
    }  # fmt: skip


def steps(dialect: str) -> list[dict[str, Any]]:
    """The same answer as the events of a stream."""
    told = whole(dialect)
    if dialect == CHAT:
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        said = ({"role": "assistant", "content": ""}, {"content": TEXT})
        chunks = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in said]
        end = head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
        return [*chunks, end, head | {"choices": [], "usage": told["usage"]}]
    if dialect == RESPONSES:
        item = told["output"][0]
        at = {"output_index": 0, "content_index": 0, "item_id": "msg_1"}
        begun = told | {"status": "in_progress", "output": [], "usage": None}
        events = [
            {"type": "response.created", "response": begun},
            {"type": "response.output_item.added", "output_index": 0, "item": item | {"status": "in_progress", "content": []}},
            {"type": "response.content_part.added", **at, "part": item["content"][0] | {"text": ""}},
            {"type": "response.output_text.delta", **at, "delta": TEXT, "logprobs": []},
            {"type": "response.output_text.done", **at, "text": TEXT, "logprobs": []},
            {"type": "response.content_part.done", **at, "part": item["content"][0]},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": told},
        ]
        return [event | {"sequence_number": place} for place, event in enumerate(events)]
    if dialect == MESSAGES:
        begun = told | {"content": [], "stop_reason": None, "usage": {"input_tokens": 5, "output_tokens": 1}}
        return [
            {"type": "message_start", "message": begun},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": TEXT}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 7}},
            {"type": "message_stop"},
        ]
    return [told]


def stream(dialect: str, form: Callable[[dict[str, Any]], str], told: list[dict[str, Any]] | None = None) -> bytes:
    """A stream whose events are each written in some form."""
    done = "data: [DONE]\n\n" if dialect == CHAT else ""
    return ("".join(map(form, steps(dialect) if told is None else told)) + done).encode()


def tight(event: dict[str, Any]) -> str:
    """An event as most write it."""
    named = f"event: {event['type']}\n" if "type" in event else ""
    return f"{named}data: {json.dumps(event, ensure_ascii=False)}\n\n"


FORMS: dict[str, Callable[[dict[str, Any]], str]] = {
    "tight": tight,
    "no space": lambda event: f"data:{json.dumps(event, ensure_ascii=False, separators=(',', ':'))}\n\n",
    "wide": lambda event: f"data:  {json.dumps(event, ensure_ascii=False, separators=(' , ', ' : '))}  \n\n",
    "CRLF": lambda event: tight(event).replace("\n", "\r\n"),
    "CR": lambda event: tight(event).replace("\n", "\r"),
    "many lines": lambda event: (
        "".join(f"data: {line}\n" for line in json.dumps(event, ensure_ascii=False, indent=1).split("\n")) + "\n"
    ),
    "comments": lambda event: f": a\n\n:\n{tight(event)}\n\n: b\n\n",
    "odd fields": lambda event: f"id: 7\nretry: 5\nodd\nother: x\n{tight(event)}",
    "escaped": lambda event: f"data: {json.dumps(event)}\n\n",
}
"""How an event may stand in a stream by the HTML standard; TEXT's strange line ends end none of it."""


def asking(client: str, model: str, *, streamed: bool) -> tuple[str, bytes]:
    """Path and body of a small request."""
    if client == GEMINI:
        method = "streamGenerateContent?alt=sse" if streamed else "generateContent"
        return f"/v1beta/models/{model}:{method}", b'{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}'
    turns = [{"role": "user", "content": "Hi"}]
    body = {"input" if client == RESPONSES else "messages": turns, "model": model, "stream": streamed}
    if client == MESSAGES:
        body["max_tokens"] = 50
    return PATHS[client], json.dumps(body).encode()


def text_of(client: str, got: Got, *, streamed: bool) -> str:
    """What a client reads of an answer."""
    if streamed:
        return fold(DIALECTS[client].read_events().feed(got.body)).text
    response = DIALECTS[client].read_response(got.body)
    assert response is not None, got.body
    return response.text


@each_pair
def test_a_stream_in_any_form(client: str, upstream: str) -> None:
    """However a provider writes its events, the client hears all of it, and all that was reported is booked."""

    async def story() -> None:
        async with staged(upstream) as stage:
            for name, form in FORMS.items():
                stage.provider.answer = Answer(200, stream(upstream, form), streamed=True)
                got = await stage.ask(*asking(client, f"p/{NAMES[upstream]}", streamed=True))
                assert (got.status, got.end, text_of(client, got, streamed=True)) == (200, "whole", TEXT), name
                usage = stage.settled.usage
                assert (usage.total_input, usage.total_output, stage.settled.usage_source) == (5, 7, "provider"), name

    play(story)


SPACES: dict[str, Callable[[Any], str]] = {
    "tight": lambda told: json.dumps(told, ensure_ascii=False, separators=(",", ":")),
    "indented": lambda told: json.dumps(told, ensure_ascii=False, indent=4).replace("\n", "\r\n"),
    "padded": lambda told: "\n\n \t" + json.dumps(told, ensure_ascii=False, separators=(" ,  ", "\t:\n")) + "\n\n ",
    "escaped": json.dumps,
}
"""How a whole answer may be written."""


@each_pair
def test_a_whole_answer_in_any_form(client: str, upstream: str) -> None:
    """White space around and in an answer means nothing, nor do line ends within its texts."""

    async def story() -> None:
        async with staged(upstream) as stage:
            for name, form in SPACES.items():
                body = form(whole(upstream)).encode()
                stage.provider.answer = Answer(200, body, streamed=False)
                got = await stage.ask(*asking(client, f"p/{NAMES[upstream]}", streamed=False))
                assert (got.status, got.end, text_of(client, got, streamed=False)) == (200, "whole", TEXT), name
                assert (got.body == body) is (client == upstream)
                assert (stage.settled.usage.total_input, stage.settled.usage.total_output) == (5, 7), name

    play(story)


@each_pair
def test_a_stream_without_its_usage(client: str, upstream: str) -> None:
    """Where no usage is reported, be it asked for or not, the stream is whole all the same, and an estimate is booked."""
    told = [without_usage(step) for step in steps(upstream) if step.get("choices") != []]

    async def story() -> None:
        async with staged(upstream) as stage:
            stage.provider.answer = Answer(200, stream(upstream, tight, told), streamed=True)
            got = await stage.ask(*asking(client, f"p/{NAMES[upstream]}", streamed=True))
            assert (got.status, got.end) == (200, "whole")
            assert text_of(client, got, streamed=True) == TEXT
            assert b'"error":{' not in got.body
            assert (stage.settled.outcome, stage.settled.usage_source) == ("ok", "estimated")
            assert stage.settled.usage.total_output > 0

    play(story)


def without_usage(step: dict[str, Any]) -> dict[str, Any]:
    """An event that reports nothing."""
    kept = {name: value for name, value in step.items() if name not in ("usage", "usageMetadata")}
    return kept | {name: without_usage(kept[name]) for name in ("message", "response") if name in kept}


@each_pair
def test_a_packed_answer(client: str, upstream: str) -> None:
    """Answers are asked for unpacked; one that comes packed all the same is an error in the client's dialect that says so, and never
    passed on under a wrong name; a packed error keeps its status (trap 44 of the wire)."""

    async def story() -> None:
        async with staged(upstream) as stage:
            for streamed in (False, True):
                body = gzip.compress(stream(upstream, tight) if streamed else json.dumps(whole(upstream)).encode())
                stage.provider.answer = Answer(200, body, streamed, "content-encoding: gzip\r\n")
                got = await stage.ask(*asking(client, f"p/{NAMES[upstream]}", streamed=streamed))
                assert (got.status, got.end, "content-encoding" in got.headers) == (502, "whole", False)
                assert 'packed as "gzip"' in got.json["error"]["message"]
                assert stage.settled.outcome == "bad_response"
                stage.provider.answer = Answer(
                    429, gzip.compress(b'{"error":{"message":"slow"}}'), False, "content-encoding: gzip\r\n"
                )
                got = await stage.ask(*asking(client, f"p/{NAMES[upstream]}", streamed=streamed))
                assert (got.status, got.end, "content-encoding" in got.headers) == (429, "whole", False)
                assert got.json["error"]["message"]

    play(story)
