"""A deployment speaks several dialects: a request goes out in its own wherever it is spoken, and in a wider one where it must."""

from __future__ import annotations

import json
from typing import Any

import pytest
from story_stage import Bench, Reply, play
from test_across_stories import message

from stormkeel.types.failure import FailureKind
from stormkeel.types.request import Request

K = FailureKind
OPENAI = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
"""
LOOK = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]
MANY = b"""
[providers.house]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
dialects = { openai_chat = "", anthropic_messages = "http://127.0.0.1:9/anthropic" }
[providers.plain]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
"""


def responded(text: str = "calm") -> Reply:
    """A whole response."""
    said = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []}
    said["content"] = [{"type": "output_text", "text": text, "annotations": []}]
    usage = {"input_tokens": 9, "output_tokens": 3, "total_tokens": 12}
    body = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": [said], "usage": usage}
    return Reply(200, [json.dumps(body).encode()])


def chatted(text: str = "calm") -> Reply:
    """A whole chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    body = {"id": "c1", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}
    return Reply(200, [json.dumps(body).encode()])


def asked(bench: Bench) -> tuple[str, Any]:
    """The path of the latest request, and its body."""
    sent = bench.transport.sent[-1].request
    return sent.url.split("/", 3)[3], json.loads(sent.body)


def responses_request(bench: Bench, **body: Any) -> Request:
    """A request of a responses client."""
    raw = json.dumps({"input": "hello", **body}).encode()
    read = bench.house.dialect("openai_responses").read_request(raw, bench.house.new_id())
    assert isinstance(read, Request)
    return read


def test_a_response_is_asked_for_as_it_came():
    """OpenAI speaks responses: the body passes byte for byte, to that path, and is priced as reported."""

    async def story():
        bench = Bench([responded()], OPENAI)
        request = responses_request(bench, model="openai/gpt-5.4-mini", safety_identifier="x", odd=[1.50])
        answer = await bench.house.answer(request)
        assert answer.failure is None
        path, body = asked(bench)
        assert [path, body["model"], body["odd"]] == ["v1/responses", "gpt-5.4-mini", [1.5]]
        assert b"[1.5]" in bench.transport.sent[0].request.body
        assert bench.settled[0].amount == 9 * 750 + 3 * 4500

    play(story)


@pytest.mark.parametrize(
    ("model", "more", "path"),
    [
        ("gpt-5.6-sol", {"tools": LOOK}, "v1/responses"),  # it reasons by itself
        ("gpt-5.6-sol", {"tools": LOOK, "reasoning_effort": "none"}, "v1/chat/completions"),
        ("gpt-5.6-sol", {}, "v1/chat/completions"),
        ("gpt-5.4-mini", {"tools": LOOK}, "v1/chat/completions"),  # it does not, unless it is told to
        ("gpt-5.4-mini", {"tools": LOOK, "reasoning_effort": "high"}, "v1/responses"),
        ("gpt-5.6-sol", {"tools": LOOK, "n": 2}, "v1/chat/completions"),  # no response has two choices: the provider decides
        ("gpt-4.1", {"tools": LOOK, "stop": ["x"]}, "v1/chat/completions"),
    ],
)
def test_functions_beside_reasoning_go_upstream_as_a_response(model: str, more: dict[str, Any], path: str):
    """What a chat completion of this model refuses is asked as a response, and the client still gets a chat completion."""

    async def story():
        bench = Bench([responded() if path.endswith("responses") else chatted()], OPENAI)
        answer = await bench.ask(f"openai/{model}", **more)
        assert answer.failure is None
        assert asked(bench)[0] == path
        assert answer.response is not None
        told = json.loads(answer.response.body)
        assert [told["object"], told["choices"][0]["message"]["content"]] == ["chat.completion", "calm"]

    play(story)


def test_what_a_response_can_not_be_told_is_lost_by_the_clients_name():
    """The wider dialect has no seed and no stop: both are told as lost."""

    async def story():
        bench = Bench([responded()], OPENAI)
        answer = await bench.ask("openai/gpt-5.6-sol", tools=LOOK, seed=1, stop=["x"])
        assert answer.failure is None
        assert dict(answer.headers)["x-stormkeel-lossy"] == "seed, stop"
        assert set(asked(bench)[1]) == {"model", "input", "store", "include", "tools"}

    play(story)


def test_a_dialect_has_its_own_address():
    """Messages go to the base URL of their own, chat to the provider's; what is spoken nowhere is translated to the first."""

    async def story():
        bench = Bench(lambda sent: message("calm") if sent.url.endswith("/messages") else chatted(), MANY)
        raw = b'{"model":"house/m","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}'
        for model in ("house/m", "plain/m"):
            request = bench.house.dialect("anthropic_messages").read_request(raw.replace(b"house/m", model.encode()), "r" + model)
            assert isinstance(request, Request)
            await bench.house.answer(request)
        await bench.ask("house/m")
        paths = [sent.request.url.split("/", 3)[3] for sent in bench.transport.sent]
        assert paths == ["anthropic/v1/messages", "v1/chat/completions", "v1/chat/completions"]
        versions = [dict(sent.request.headers).get("anthropic-version") for sent in bench.transport.sent]
        assert versions == ["2023-06-01", None, None]

    play(story)


def test_the_limit_that_is_reserved_is_the_one_the_body_carries():
    """A response takes no fewer than 16 tokens: a chat completion that asks for 5 is reserved as 16 (INV-4)."""

    async def story():
        bench = Bench([responded()], OPENAI)
        answer = await bench.ask("openai/gpt-5.6-sol", tools=LOOK, max_completion_tokens=5)
        assert answer.failure is None
        assert asked(bench)[1]["max_output_tokens"] == 16
        assert bench.reserved[0].output_bound == 16

    play(story)


def test_a_failed_response_is_tried_again():
    """A 200 whose response failed is the provider's fault, and no answer."""

    async def story():
        failed = {"id": "r", "object": "response", "status": "failed", "model": "m", "output": []}
        failed["error"] = {"code": "server_error", "message": "The model had an error."}
        bench = Bench([Reply(200, [json.dumps(failed).encode()]), responded()], OPENAI)
        answer = await bench.house.answer(responses_request(bench, model="openai/gpt-5.4-mini"))
        assert answer.failure is None
        assert [one.failure.kind if one.failure else None for one in answer.story.attempts] == [K.SERVER, None]

    play(story)


def test_no_model_answers_twice_across_dialects():
    """Several choices are refused where only one would be told (UNSUPPORTED), and nothing is sent."""

    async def story():
        bench = Bench([], b'[providers.anthropic.credentials]\nmain = "env:ANTHROPIC_API_KEY"\n')
        answer = await bench.ask("anthropic/claude-sonnet-5", n=2)
        assert answer.failure is not None
        assert answer.failure.kind is K.UNSUPPORTED
        assert "`n`" in answer.failure.message
        assert bench.transport.sent == []

    play(story)
