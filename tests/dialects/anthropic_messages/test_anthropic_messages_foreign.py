"""Thoughts without a signature in a message history: taken out, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.seal import signed_by
from stormkeel.dialects.values import Target, Written
from stormkeel.types.content import Message, Text, Thinking
from stormkeel.types.prompt import Prompt

TARGET = Target("m")
UNSIGNED = {"type": "thinking", "thinking": "hm", "signature": ""}
SIGNED = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
TEXT = {"type": "text", "text": "a"}


def said(*blocks: Any) -> dict[str, Any]:
    """An assistant's turn."""
    return {"role": "assistant", "content": list(blocks)}


def test_unsigned_thoughts_are_taken_out() -> None:
    """Each is named by its path; a turn of nothing else goes with it, and a signed one stays."""
    turns = [{"role": "user", "content": "x"}, said(UNSIGNED), said(SIGNED, UNSIGNED, TEXT), said(SIGNED)]
    raw = json.dumps({"model": "m", "messages": turns, "temperature": 1.5}).encode()
    body, taken = AnthropicMessages().without_foreign(raw, TARGET)
    assert json.loads(body) == {"model": "m", "messages": [turns[0], said(SIGNED, TEXT), said(SIGNED)], "temperature": 1.5}
    assert taken == ("messages[1].content[0]", "messages[2].content[1]")


@pytest.mark.parametrize("raw", [
    json.dumps({"messages": [said(SIGNED)]}).encode(),
    json.dumps({"messages": [said({"type": "tool_use", "id": "t", "name": "f", "input": {"signature": ""}})]}).encode(),
    b'{"messages":[{"role":"assistant","content":[{"signature":""}]}',
    b'{"messages":[{"role":"assistant","content":[7,{"signature":""}]}]}',
    b'{"messages":7,"x":{"signature":""}}',
    b'[{"signature":""}]',
])  # fmt: skip
def test_nothing_else_is_touched(raw: bytes) -> None:
    """A body without them, or that is none, is the very same."""
    body, taken = AnthropicMessages().without_foreign(raw, TARGET)
    assert body is raw
    assert taken == ()


@pytest.mark.parametrize(("made_in", "made_by", "goes"), [
    ("anthropic_messages", "claude-sonnet-5", True), ("anthropic_messages", "claude-sonnet-5-20260901", True),
    ("anthropic_messages", "claude-opus-5", False), ("gemini", "claude-sonnet-5", False),
])  # fmt: skip
def test_a_thought_comes_back_to_the_model_that_made_it(made_in: str, made_by: str, goes: bool) -> None:
    """What proves a thought, shown or hidden, is written for the model whose name it carries, and for no other (trap 33)."""
    thoughts = (Thinking("Hm", signed_by("sig", made_in, made_by)), Thinking(redacted=signed_by("data", made_in, made_by)))
    turns = (Message("user", "Hi"), Message("assistant", (*thoughts, Text("So"))), Message("user", "Go on"))
    written = AnthropicMessages().write_prompt(Prompt(turns, max_tokens=100), Target("claude-sonnet-5"), stream=False)
    assert isinstance(written, Written), written
    blocks = json.loads(written.body)["messages"][1]["content"]
    own = [{"type": "thinking", "thinking": "Hm", "signature": "sig"}, {"type": "redacted_thinking", "data": "data"}]
    assert blocks == ([*own, {"type": "text", "text": "So"}] if goes else "So")
    assert written.lost == (() if goes else ("thinking",))
