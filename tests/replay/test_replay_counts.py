"""Recorded answers judge the counts: exact ones to the token, estimates by how far they are off."""

from __future__ import annotations

import json
from typing import Any

import pytest
from recordings import recordings

from stormkeel.catalog.families import family_of
from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.base import Dialect
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.values import Reading
from stormkeel.ledger.count import TokenCount, count, is_plain

FIELDS = {"messages", "model", "stream", "max_tokens", "max_completion_tokens", "stream_options", "stop", "n", "system"}


def counted(dialect: Dialect) -> list[tuple[str, TokenCount, int]]:
    """Model, our count and the provider's, of every recorded conversation of texts that was answered with a usage."""
    found = []
    for row in recordings(dialect.name):
        reading = dialect.read_prompt(json.dumps(row["request"]).encode())
        told = row["response"].get("usage") if isinstance(row["response"], dict) else None
        if not told or not isinstance(reading, Reading) or not is_plain(reading.prompt) or set(row["request"]) - FIELDS:
            continue
        found.append((row["request"]["model"], count(reading.prompt, family_of(row["request"]["model"])), _input(told)))
    return found


def _input(told: dict[str, Any]) -> int:
    if "prompt_tokens" in told:
        return int(told["prompt_tokens"])
    cached = (told.get("cache_read_input_tokens") or 0) + (told.get("cache_creation_input_tokens") or 0)
    return int(told["input_tokens"]) + int(cached)


def test_exact_counts_are_exact() -> None:
    """Whatever we call exact is what the provider reported, to the token."""
    exact = [(model, ours.tokens, theirs) for model, ours, theirs in counted(OpenAIChat()) if ours.is_exact]
    if not recordings("openai_chat"):
        return
    assert {model for model, _, _ in exact} >= {"gpt-4o", "gpt-5", "o3-mini"}
    assert [row for row in exact if row[1] != row[2]] == []


@pytest.mark.parametrize("dialect", [OpenAIChat(), AnthropicMessages()])
def test_estimates_are_near(dialect: Dialect) -> None:
    """An estimate for a text of more than a few words is within 45 % of what was reported."""
    long = [row for row in counted(dialect) if row[2] >= 40]
    assert [(model, ours, theirs) for model, ours, theirs in long if not 0.55 <= ours.tokens / theirs <= 1.45] == []
