"""A part of a type that there is not is the client's fault, by its path; one that only its own provider has is nobody's fault."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.assemble import DIALECTS
from stormkeel.dialects.values import Reading, Written
from stormkeel.types.failure import Failure, FailureKind

from crossings import target  # isort: skip

CHAT, RESPONSES, MESSAGES, GEMINI = DIALECTS


def body_of(dialect: str, part: Any, role: str = "user") -> bytes:
    """A body whose only turn has this part second."""
    said = {CHAT: {"type": "text", "text": "a"}, RESPONSES: {"type": "input_text", "text": "a"}, MESSAGES: {"type": "text", "text": "a"},
            GEMINI: {"text": "a"}}[dialect]  # fmt: skip
    turn = {"role": role, ("parts" if dialect == GEMINI else "content"): [said, part]}
    field = {CHAT: "messages", RESPONSES: "input", MESSAGES: "messages", GEMINI: "contents"}[dialect]
    return json.dumps({"model": "m", "max_tokens": 9, field: [turn]} if dialect != GEMINI else {field: [turn]}).encode()


def refused(dialect: str, raw: bytes) -> Failure:
    """Why a body is refused, which it must be."""
    told = DIALECTS[dialect].read_prompt(raw)
    assert isinstance(told, Failure)
    return told


@pytest.mark.parametrize(
    ("dialect", "part", "path"),
    [
        (CHAT, {"type": "txt", "text": "x"}, "messages[0].content[1].type"),
        (CHAT, {"type": "input_text", "text": "x"}, "messages[0].content[1].type"),
        (RESPONSES, {"type": "input_txt", "text": "x"}, "input[0].content[1].type"),
        (RESPONSES, {"type": "image_url", "image_url": {"url": "https://x"}}, "input[0].content[1].type"),
        (MESSAGES, {"type": "image_url", "image_url": {"url": "https://x"}}, "messages[0].content[1].type"),
        (MESSAGES, {"type": "tool_use", "id": "t", "name": "f", "input": {}}, "messages[0].content[1].type"),
        (GEMINI, {"txt": "x"}, "contents[0].parts[1].txt"),
        (GEMINI, {"type": "text"}, "contents[0].parts[1].type"),
    ],
)
def test_a_type_that_there_is_not_is_the_clients_fault(dialect: str, part: Any, path: str) -> None:
    """A typo, another dialect's word, and a part in the wrong turn are 400s that name the path and what may stand there."""
    failure = refused(dialect, body_of(dialect, part))
    assert (failure.kind, failure.status) == (FailureKind.CALLER, 400)
    assert f'"{path}"' in failure.message
    assert "send one of" in failure.message


@pytest.mark.parametrize(
    ("dialect", "part", "role"),
    [
        (CHAT, {"type": "video_url", "video_url": {"url": "https://x"}}, "user"),
        (RESPONSES, {"type": "computer_screenshot"}, "user"),
        (MESSAGES, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, "assistant"),
        (MESSAGES, {"type": "brand_new_tool_result"}, "user"),
        (GEMINI, {"executableCode": {"code": "1"}}, "model"),
    ],
)
def test_a_type_that_only_its_provider_has_is_unsupported(dialect: str, part: Any, role: str) -> None:
    """What another dialect can't be told is told apart from what is wrong: another deployment may take it."""
    assert refused(dialect, body_of(dialect, part, role)).kind is FailureKind.UNSUPPORTED


def test_items_of_a_response_are_told_apart_alike() -> None:
    """So are the items of a response."""
    for kind, expected in (("massage", FailureKind.CALLER), ("item_reference", FailureKind.UNSUPPORTED), ("new_call", FailureKind.UNSUPPORTED)):
        raw = json.dumps({"model": "m", "input": [{"role": "user", "content": "a"}, {"type": kind, "id": "x"}]}).encode()
        assert refused(RESPONSES, raw).kind is expected


@pytest.mark.parametrize("upstream", [MESSAGES, GEMINI])
@pytest.mark.parametrize("arguments", ["{", "[1]", "null", "free text", '{"a":1}{'])
def test_broken_arguments_of_a_call_are_kept_and_told(upstream: str, arguments: str) -> None:
    """A model's broken JSON, which its client sends back for ever, does not end the conversation: it goes as text in an object, and
    is told as lost (docs/decisions/0015-unknown-parts.md)."""
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}}]
    turns = [
        {"role": "user", "content": "a"}, {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "c1", "content": "no"},
    ]  # fmt: skip
    reading = DIALECTS[CHAT].read_prompt(json.dumps({"model": "m", "messages": turns, "max_tokens": 9}).encode())
    assert isinstance(reading, Reading)
    told = DIALECTS[upstream].write_prompt(reading.prompt, target(upstream), stream=False)
    assert isinstance(told, Written)
    assert told.lost == ("arguments",)
    assert json.dumps({"input": arguments}, separators=(",", ":")).encode() in told.body
