"""What goes by the model and not by the dialect: pictures, schemas for answers, cache marks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from crossings import accept, target

from stormkeel.assemble import DIALECTS, abilities
from stormkeel.dialects.seal import signed_by
from stormkeel.dialects.values import Reading, Target, Written
from stormkeel.types.content import Image, Message, Text, Thinking, ToolCall, ToolResult
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.prompt import Format, Prompt, Tool

CHAT, RESPONSES, MESSAGES, GEMINI = DIALECTS
PNG = "iVBORw0KGgo="
MAKERS = {CHAT: "openai", RESPONSES: "openai", MESSAGES: "anthropic", GEMINI: "google"}
OLD = {CHAT: "gpt-4-turbo", RESPONSES: "gpt-4o-2024-05-13", MESSAGES: "claude-sonnet-4-20250514"}
BLIND = {CHAT: "gpt-3.5-turbo", RESPONSES: "o3-mini", MESSAGES: "claude-2.1"}
FORM = Format({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}, "f")


def model(dialect: str, name: str) -> Target:
    """A model by its name, with what the catalog knows of it."""
    return Target(name, abilities().find(MAKERS[dialect], name), 4096)


def written(dialect: str, prompt: Prompt, name: str) -> Written:
    """A prompt as a body for a model, which must be possible."""
    told = DIALECTS[dialect].write_prompt(prompt, model(dialect, name), stream=False)
    assert isinstance(told, Written), told
    return told


def shows(*parts: Any) -> Prompt:
    """A user's turn with these parts."""
    return Prompt((Message("user", (Text("See:"), *parts)),), 50)


@pytest.mark.parametrize("dialect", BLIND)
@pytest.mark.parametrize("image", [Image("image/png", PNG), Image(url="https://x.example/a.png")])
def test_a_model_that_reads_no_pictures_is_not_sent_any(dialect: str, image: Image) -> None:
    """A picture for a model without eyes is refused before anything is sent, with the model's name, in a result too."""
    call = Message("assistant", (ToolCall("c1", "f"),))
    inside = Prompt((Message("user", "x"), call, Message("user", (ToolResult("c1", (image,)),))), 50, tools=(Tool("f"),))
    for prompt in (shows(image), inside):
        refused = DIALECTS[dialect].write_prompt(prompt, model(dialect, BLIND[dialect]), stream=False)
        assert isinstance(refused, Failure)
        assert refused.kind is FailureKind.UNSUPPORTED
        assert f'"{BLIND[dialect]}" reads no pictures' in refused.message


@pytest.mark.parametrize(("dialect", "name"), [(CHAT, "gpt-4o"), (RESPONSES, "gpt-5.6-sol"), (MESSAGES, "claude-opus-5"), (GEMINI, "gemini-2.5-pro")])
def test_a_picture_goes_by_its_type(dialect: str, name: str) -> None:
    """PNG is read by every model that sees; HEIC by Google's, GIF by the others', and what is not read is refused by its type."""
    assert written(dialect, shows(Image("image/png", PNG)), name).lost == ()
    for kind in ("image/heic", "image/gif", "image/tiff"):
        told = DIALECTS[dialect].write_prompt(shows(Image(kind, PNG)), model(dialect, name), stream=False)
        if (kind == "image/heic") is (dialect == GEMINI) and kind != "image/tiff":
            assert isinstance(told, Written)
        else:
            assert isinstance(told, Failure)
            assert told.kind is FailureKind.UNSUPPORTED
            assert f'"{kind}" is not read by "{name}"' in told.message


@pytest.mark.parametrize("dialect", OLD)
def test_a_schema_is_told_in_words_to_a_model_that_nothing_holds_to_it(dialect: str) -> None:
    """A model without structured outputs is told the schema as an instruction, in JSON mode where there is one, and it is told as lost."""
    told = written(dialect, Prompt((Message("user", "x"),), 50, format=FORM), OLD[dialect])
    assert told.lost == ("format",)
    body = json.loads(told.body)
    assert "json_schema" not in json.dumps({name: value for name, value in body.items() if name not in ("messages", "input", "system")})
    assert b'\\"additionalProperties\\":false' in told.body
    accept(dialect, told.body)


@pytest.mark.parametrize(("dialect", "name"), [(CHAT, "gpt-4o"), (RESPONSES, "gpt-5"), (MESSAGES, "claude-haiku-4-5"), (GEMINI, "gemini-2.5-pro")])
def test_a_model_with_structured_outputs_is_held_to_a_schema(dialect: str, name: str) -> None:
    """A model that can be held to a schema is, and nothing is lost."""
    told = written(dialect, Prompt((Message("user", "x"),), 50, format=FORM), name)
    assert told.lost == ()
    assert b'"schema":{' in told.body.replace(b"responseJsonSchema", b"schema")


LONG_TALK = {
    "model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {}}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "A.", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "look", "input": {}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": "sun", "cache_control": {"type": "ephemeral"}},
        ]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES])
def test_marks_reach_a_model_that_takes_them_and_come_back(dialect: str) -> None:
    """An Anthropic client's cache marks are written for gpt-5.6, on instruction, text and result, and read as they were."""
    reading = DIALECTS[MESSAGES].read_prompt(json.dumps(LONG_TALK).encode())
    assert isinstance(reading, Reading)
    told = written(dialect, reading.prompt, "gpt-5.6-sol")
    assert told.body.count(b'"prompt_cache_breakpoint"') == 3
    assert ("cache" in told.lost) is (dialect == CHAT)  # which has one lifetime only
    assert (b'"ttl":"12h"' in told.body) is (dialect == RESPONSES)
    accept(dialect, told.body)
    back = DIALECTS[dialect].read_prompt(told.body)
    assert isinstance(back, Reading)
    assert back.lost == () if dialect == CHAT else "prompt_cache_breakpoint" not in str(back.lost)
    marks = [getattr(part, "cache", "") for message in back.prompt.messages if not isinstance(message.content, str) for part in message.content]
    inner = [text.cache for message in back.prompt.messages if not isinstance(message.content, str) for part in message.content
             if isinstance(part, ToolResult) for text in part.content]  # fmt: skip
    assert sorted(filter(None, [*marks, *inner])) == sorted(["long" if dialect == RESPONSES else "short", "short", "short"])


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES])
def test_a_model_that_takes_no_marks_is_written_none(dialect: str) -> None:
    """A model before gpt-5.6, and a reseller's, is written no mark, and that is told."""
    reading = DIALECTS[MESSAGES].read_prompt(json.dumps(LONG_TALK).encode())
    assert isinstance(reading, Reading)
    for maker, name in (("openai", "gpt-5.5"), ("openrouter", "openai/gpt-5.6-sol")):
        told = DIALECTS[dialect].write_prompt(reading.prompt, Target(name, abilities().find(maker, name)), stream=False)
        assert isinstance(told, Written)
        assert b"prompt_cache_breakpoint" not in told.body
        assert "cache" in told.lost


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES])
def test_more_marks_than_are_taken_are_left_out_and_told(dialect: str) -> None:
    """Of many marks the first two and the last are written: the provider sets one more itself, and takes four."""
    prompt = Prompt(tuple(Message("user", (Text(f"t{number}", "short"), Text("."))) for number in range(6)), 50)
    told = written(dialect, prompt, "gpt-5.6-sol")
    assert told.lost == ("cache",)
    items = json.loads(told.body)["messages" if dialect == CHAT else "input"]
    texts = [part["text"] for item in items for part in item["content"] if "prompt_cache_breakpoint" in part]
    assert texts == ["t0", "t1", "t5"]


def test_a_known_target_is_known() -> None:
    """The models of the recordings read pictures and are held to schemas, so that crossing them loses neither."""
    for dialect in DIALECTS:
        found = target(dialect).abilities
        assert found.images
        assert found.schemas


@pytest.mark.parametrize("kind", [tuple, list])
def test_a_list_of_parts_is_as_good_as_a_tuple(kind: type) -> None:
    """A thought goes back to the model that made it, in whichever sequence a caller keeps the parts of a turn."""
    thought = Thinking("hm", signed_by("EqQB", MESSAGES, "claude-opus-5"))
    turns = (Message("user", "a"), Message("assistant", kind([thought, Text("x")])), Message("user", "b"))
    told = written(MESSAGES, Prompt(turns, 50), "claude-opus-5")
    assert told.lost == ()
    assert b'"signature":"EqQB"' in told.body
