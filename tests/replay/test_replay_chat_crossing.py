"""Recorded chat traffic across dialects: every request is a prompt or says why not, no word, call or token of an answer is lost."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files

import msgspec
import pytest
import recordings as source

from stormkeel.catalog.abilities import ABILITIES, load_abilities
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.values import Head, Reading, Target, Written
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.openai.reading import read as read_strictly
from stormkeel.types.content import Message, Text
from stormkeel.types.events import fold
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.prompt import Prompt
from stormkeel.types.response import Finish, Response

DIALECT = OpenAIChat()
HEAD = Head("req_7", 1700, "fast")
TABLE = load_abilities((files("stormkeel.catalog") / ABILITIES).read_bytes())
recorded_chat = pytest.mark.parametrize("recorded", ["openai_chat"], indirect=True)

LOSSES = {"reasoning_format", "service_tier", "frequency_penalty", "presence_penalty", "moderation", "reasoning", "provider", "usage",
          "tools[0].eager_input_streaming"}  # fmt: skip
"""What the recorded requests hold that has no place in a prompt."""
BOUND = {"document_url": 4, "video_url": 1, "web_search_options": 1, "openrouter:web_search": 1}
"""What only the provider asked can do, by how often it is recorded."""


def unmarked(prompt: Prompt) -> Prompt:
    """Return a prompt without its cache marks, which chat completions can't be told, and its single texts as texts."""
    turns = [Message(turn.role, plain(turn.content)) for turn in prompt.messages]
    tools = [msgspec.structs.replace(tool, cache="") for tool in prompt.tools]
    return msgspec.structs.replace(prompt, messages=tuple(turns), tools=tuple(tools))


def plain(content: object) -> object:
    """Return content without cache marks."""
    if not isinstance(content, tuple):
        return content
    parts = tuple(msgspec.structs.replace(part, cache="") if isinstance(part, Text) else part for part in content)
    return parts[0].text if len(parts) == 1 and isinstance(parts[0], Text) else parts


@recorded_chat
def test_requests_are_prompts(recorded: list[dict]) -> None:
    """A recorded request is read as a prompt with its losses told, or refused for what only its provider can do; and is written again."""
    bound: Counter[str] = Counter()
    for raw in source.requests("openai_chat"):
        reading = DIALECT.read_prompt(raw)
        if isinstance(reading, Failure):
            assert reading.kind is FailureKind.UNSUPPORTED
            bound.update(name for name in BOUND if f'"{name}"' in reading.message)
            continue
        assert set(reading.lost) <= LOSSES
        written = DIALECT.write_prompt(reading.prompt, Target("m"), stream=False)
        assert isinstance(written, Written)
        assert written.lost in ((), ("cache",))
        again = DIALECT.read_prompt(written.body)
        assert isinstance(again, Reading)
        assert unmarked(again.prompt) == unmarked(reading.prompt)
    assert bound == BOUND


@recorded_chat
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5", "gpt-5.4-mini", "gpt-6-sol"])
def test_requests_are_accepted_when_written_again(recorded: list[dict], model: str) -> None:
    """A recorded request, read and written for a model of another generation, is accepted by a service as strict as OpenAI."""
    headers = (("content-type", "application/json"),)
    for raw in source.requests("openai_chat"):
        reading = DIALECT.read_prompt(raw)
        if isinstance(reading, Reading):
            written = DIALECT.write_prompt(reading.prompt, Target(model, TABLE.find("openai", model)), stream=True)
            assert isinstance(written, Written)
            read_strictly(Inbound("POST", "/v1/chat/completions", "", headers, written.body), model_rules=True)


def said(message: dict) -> tuple[str, str, list[tuple[str, str]]]:
    """Return text, thought and calls of a recorded message, found without our codec."""
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls") or ()]
    return message.get("content") or "", message.get("reasoning_content") or message.get("reasoning") or "", calls


def read_as(response: Response) -> tuple[str, str, list[tuple[str, str]]]:
    """Return text, thought and calls of a response."""
    thought = "".join(part.text for part in response.content if part.__class__.__name__ == "Thinking")
    return response.text, thought, [(call.name, call.arguments) for call in response.tool_calls]


@recorded_chat
def test_answers_keep_what_they_say(recorded: list[dict]) -> None:
    """Text, thought, calls and totals of a recorded answer are read, and are the same when it is written and read again."""
    for status, told in source.answers("openai_chat"):
        response = DIALECT.read_response(json.dumps(told).encode())
        if status != 200:
            assert response is None
            continue
        assert response is not None
        assert read_as(response) == said(told["choices"][0]["message"])
        assert response.usage is not None
        assert response.usage.total == told["usage"]["prompt_tokens"] + told["usage"]["completion_tokens"]
        again = DIALECT.read_response(DIALECT.write_response(response, HEAD))
        assert again is not None
        assert msgspec.structs.replace(again, id=response.id, lost=response.lost) == response
        assert again.lost == ()


def steps(stream: bytes) -> list[dict]:
    """Return the steps of a recorded stream's first choice, found without our codec."""
    chunks = [json.loads(line[6:]) for line in stream.split(b"\n") if line.startswith(b"data: {")]
    return [choice["delta"] for chunk in chunks for choice in chunk["choices"] if not choice["index"]]


@recorded_chat
def test_streams_keep_what_they_say(recorded: list[dict]) -> None:
    """Text, thought, calls and usage of a recorded stream are read, and are the same when it is written and read again."""
    for stream in source.streams("openai_chat"):
        events = DIALECT.read_events().feed(stream)
        response, told = fold(events), steps(stream)
        text, thought, _ = read_as(response)
        assert text == "".join(step.get("content") or "" for step in told)
        assert thought == "".join(step.get("reasoning") or "" for step in told)
        calls = [call for step in told for call in step.get("tool_calls") or ()]
        assert "".join(call.arguments for call in response.tool_calls) == "".join(
            call["function"].get("arguments") or "" for call in calls
        )
        assert len(response.tool_calls) == len({call["index"] for call in calls})
        assert response.finish in (Finish.STOP, Finish.TOOL_CALLS)
        writer = DIALECT.write_events(HEAD)
        written = writer.feed(events) + writer.finish()
        assert msgspec.structs.replace(fold(DIALECT.read_events().feed(written)), id=response.id) == response
