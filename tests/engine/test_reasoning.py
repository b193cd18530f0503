"""Whether a model reasons about a request."""

import json

import pytest

from stormkeel.assemble.known import abilities
from stormkeel.catalog.abilities import ANY, Abilities
from stormkeel.engine.reasoning import reasons_by, waiting
from stormkeel.policies.deadline import ClockSettings


def body(**fields):
    """A body as clients write it."""
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": "think about \"thinking\" and effort"}], **fields}).encode()


def is_reasoning(reasons, raw):
    """Is it given three times the usual wait?"""
    span = waiting(30.0, ClockSettings(), reasons, raw, 0)
    assert span in {30.0, 90.0}
    return span == 90.0


@pytest.mark.parametrize(
    ("provider", "model", "reasons"),
    [
        ("openai", "o3", "always"),
        ("openai", "gpt-5.4-mini", "asked"),
        ("openai", "gpt-4o", ""),
        ("anthropic", "claude-opus-4-5", "asked"),
        ("anthropic", "claude-3-haiku", ""),
        ("google", "gemini-2.5-pro", "always"),
        ("google", "gemini-2.5-flash", "asked"),
        ("google", "gemini-3.1-flash-lite", "asked"),
    ],
)
def test_when_a_model_reasons(provider, model, reasons):
    """By the catalog: unless it is told not to, only where it is asked to, or never."""
    assert reasons_by(abilities().find(provider, model)) == reasons


def test_an_unknown_model_reasons_where_it_is_asked_to():
    """Of a model that nobody knows the request speaks."""
    assert reasons_by(ANY) == "asked"
    assert reasons_by(Abilities()) == ""


WANTS = [
    {"reasoning_effort": "high"},
    {"reasoning": {"effort": "low"}},
    {"output_config": {"effort": "max"}},
    {"thinking": {"type": "enabled", "budget_tokens": 2000}},
    {"thinking": {"type": "adaptive"}},
    {"generationConfig": {"thinkingConfig": {"thinkingBudget": 2000}}},
    {"generationConfig": {"thinkingConfig": {"thinkingBudget": -1}}},
    {"generation_config": {"thinking_config": {"thinking_level": "high"}}},
]
WANTS_NOT = [
    {"reasoning_effort": "none"},
    {"reasoning": {"effort": "minimal"}},
    {"thinking": {"type": "disabled"}},
    {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}},
    {"generationConfig": {"thinkingConfig": {"thinkingLevel": "minimal"}}},
]


@pytest.mark.parametrize("fields", WANTS)
def test_a_request_that_asks_for_reasoning(fields):
    """In whichever dialect it is asked for, it counts."""
    assert is_reasoning("asked", body(**fields))
    assert is_reasoning("always", body(**fields))


@pytest.mark.parametrize("fields", WANTS_NOT)
def test_a_request_that_asks_for_none(fields):
    """Who is told not to think answers as soon as others."""
    assert not is_reasoning("asked", body(**fields))
    assert not is_reasoning("always", body(**fields))


def test_a_request_that_says_nothing():
    """Then the model's own way counts; words of the conversation are no wish."""
    assert not is_reasoning("asked", body())
    assert is_reasoning("always", body())


@pytest.mark.parametrize(
    ("reasons", "tokens", "span"),
    [("", 0, 30.0), ("", 9_999, 30.0), ("", 10_000, 31.0), ("asked", 1_000_000, 130.0), ("always", 0, 90.0), ("always", 25_000, 92.0)],
)
def test_a_wait_is_longer_for_reasoning_and_long_inputs(reasons, tokens, span):
    """Three times as long where the model reasons, and a second more for each 10,000 tokens of input."""
    assert waiting(30.0, ClockSettings(), reasons, body(), tokens) == span


@pytest.mark.parametrize(("fields", "wanted"), [
    ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, True),
    ({"generation_config": {"thinking_config": {"thinking_level": "high"}}}, True),
    ({"reasoning_effort": "high"}, True),
    ({"thinking": {"type": "disabled"}}, False),
])  # fmt: skip
def test_a_wish_is_found_where_nothing_else_speaks_of_it(fields, wanted):
    """Either word is enough for a closer look."""
    raw = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}], **fields}).encode()
    assert is_reasoning("asked", raw) is wanted
    assert is_reasoning("always", raw) is wanted
