"""A client that asks to be shown what the model thinks: asked so of a provider that must be told, or told that it can't be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stormkeel.assemble import abilities
from stormkeel.dialects.anthropic_messages import AnthropicMessages
from stormkeel.dialects.base import Codec
from stormkeel.dialects.gemini import Gemini
from stormkeel.dialects.openai_chat import OpenAIChat
from stormkeel.dialects.openai_responses import OpenAIResponses
from stormkeel.dialects.values import Reading, Target, Written
from stormkeel.types.content import Message
from stormkeel.types.prompt import Effort, Prompt

HI = (Message("user", "Hi"),)


def written(dialect: Codec, model: str, effort: Effort = "medium", *, shows: bool = True) -> tuple[Any, tuple[str, ...]]:
    """What a provider is told of thinking, and what of that is lost."""
    prompt = Prompt(HI, max_tokens=5000, effort=effort, shows_thoughts=shows)
    seller = {"gpt": "openai", "claude": "anthropic", "gemini": "google"}[model.partition("-")[0]]
    told = dialect.write_prompt(prompt, Target(model, abilities().find(seller, model), takes_thoughts=False), stream=False)
    assert isinstance(told, Written), told
    return json.loads(told.body), told.lost


def test_responses_are_asked_for_a_summary() -> None:
    """Responses show thoughts to who asks for a summary: that is asked for where the client wants it, and nowhere else."""
    body, lost = written(OpenAIResponses(), "gpt-5.4-mini")
    assert (body["reasoning"], lost) == ({"effort": "medium", "summary": "auto"}, ())
    body, lost = written(OpenAIResponses(), "gpt-5.4-mini", shows=False)
    assert (body["reasoning"], lost) == ({"effort": "medium"}, ())
    body, lost = written(OpenAIResponses(), "gpt-4.1", "")
    assert ("reasoning" in body, lost) == (False, ("shows_thoughts",))


def test_who_shows_none_says_so() -> None:
    """OpenAI's chats show no thoughts, a model that is not asked to think has none, and the client is told so."""
    assert written(OpenAIChat(), "gpt-5-mini")[1] == ("shows_thoughts",)
    assert written(OpenAIChat(), "gpt-5-mini", shows=False)[1] == ()
    assert written(AnthropicMessages(), "claude-sonnet-5", "")[1] == ("shows_thoughts",)
    assert written(AnthropicMessages(), "claude-sonnet-5")[1] == ()
    assert written(Gemini(), "gemini-2.0-flash", "")[1] == ("shows_thoughts",)


def test_gemini_shows_what_it_thinks_of_itself() -> None:
    """A Gemini model thinks unasked, and shows it to who wants to see it."""
    body, lost = written(Gemini(), "gemini-3.8-flash", "")
    assert (body["generationConfig"]["thinkingConfig"], lost) == ({"includeThoughts": True}, ())


@pytest.mark.parametrize(("dialect", "body", "shows"), [
    (OpenAIResponses(), {"input": "Hi", "reasoning": {"summary": "auto"}}, True),
    (OpenAIResponses(), {"input": "Hi", "reasoning": {"effort": "low"}}, False),
    (AnthropicMessages(), {"thinking": {"type": "enabled", "budget_tokens": 2000}}, True),
    (AnthropicMessages(), {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "low"}}, True),
    (AnthropicMessages(), {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "low"}}, False),
    (AnthropicMessages(), {"thinking": {"type": "disabled"}}, False),
    (Gemini(), {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}, True),
    (Gemini(), {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}, False),
    (OpenAIChat(), {"reasoning_effort": "high"}, False),
])  # fmt: skip
def test_each_dialect_asks_in_its_own_way(dialect: Codec, body: dict[str, Any], shows: bool) -> None:
    """A summary, thinking that is not omitted, or included thoughts: each is the wish to see them; and no loss by itself."""
    given: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
    if isinstance(dialect, OpenAIResponses | Gemini):
        given = {} if isinstance(dialect, OpenAIResponses) else {"contents": [{"parts": [{"text": "Hi"}]}]}
    if isinstance(dialect, AnthropicMessages):
        given["max_tokens"] = 5000
    told = dialect.read_prompt(json.dumps({"model": "m"} | given | body).encode())
    assert isinstance(told, Reading), told
    assert told.prompt.shows_thoughts is shows
    assert told.lost == (("thinking.display",) if "omitted" in str(body) else ())
