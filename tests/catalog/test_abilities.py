"""What a model accepts goes with the model, whoever serves it."""

from __future__ import annotations

from importlib.resources import files

import msgspec
import pytest

from stormkeel.catalog.abilities import ABILITIES, ANY, load_abilities

TABLE = load_abilities((files("stormkeel.catalog") / ABILITIES).read_bytes())


@pytest.mark.parametrize(
    ("provider", "model", "maker", "own"),
    [
        ("openrouter", "anthropic/claude-sonnet-5", "anthropic", "claude-sonnet-5"),
        ("openrouter", "google/gemini-3.5-flash", "google", "gemini-3.5-flash"),
        ("", "Claude-Opus-4-7", "anthropic", "claude-opus-4-7"),
        ("together", "openai/o3", "openai", "o3"),
    ],
)
def test_a_resellers_model_is_the_makers(provider: str, model: str, maker: str, own: str) -> None:
    """A model under another provider's roof accepts what it accepts at its maker's."""
    assert TABLE.find(provider, model) == TABLE.find(maker, own) != ANY


def test_azure_serves_openais_models_by_openais_api() -> None:
    """Azure refuses functions beside reasoning as OpenAI does; a reseller's chat completions are his own."""
    theirs = TABLE.find("openai", "gpt-5.6-sol")
    assert not theirs.tools_with_reasoning
    assert TABLE.find("azure", "gpt-5.6-sol") == theirs
    assert TABLE.find("openrouter", "openai/gpt-5.6-sol") == msgspec.structs.replace(
        theirs, tools_with_reasoning=True, cache_marks=False
    )


def test_nobodys_model_is_given_what_its_dialect_allows() -> None:
    """Of a model without a row nothing is guessed, nor of a maker's own that no row matches."""
    assert TABLE.find("", "llama-4") == TABLE.find("groq", "openai/gpt-oss-120b") == TABLE.find("anthropic", "gpt-5.6") == ANY


@pytest.mark.parametrize(
    ("maker", "model", "reads", "schemas"),
    [
        ("openai", "gpt-3.5-turbo", 0, False), ("openai", "gpt-4", 0, False), ("openai", "gpt-4-0613", 0, False),
        ("openai", "gpt-4-turbo-2024-04-09", 4, False), ("openai", "gpt-4o-2024-05-13", 4, False), ("openai", "gpt-4o", 4, True),
        ("openai", "gpt-4-1106-vision-preview", 4, False), ("openai", "gpt-4.1-mini", 4, True), ("openai", "o1-mini", 0, False), ("openai", "o3-mini", 0, True), ("openai", "o3", 4, True),
        ("openai", "gpt-5.6-sol", 4, True), ("anthropic", "claude-2.1", 0, False), ("anthropic", "claude-3-haiku-20240307", 4, False),
        ("anthropic", "claude-3-7-sonnet-20250219", 4, False), ("anthropic", "claude-sonnet-4-20250514", 4, False),
        ("anthropic", "claude-opus-4-1-20250805", 4, True), ("anthropic", "claude-haiku-4-5", 4, True),
        ("anthropic", "claude-opus-5-5", 4, True), ("google", "gemini-2.5-flash", 5, True), ("google", "gemini-4-argon", 5, True),
    ],
)  # fmt: skip
def test_pictures_and_schemas_go_by_the_model(maker: str, model: str, reads: int, schemas: bool) -> None:
    """How many kinds of pictures a model reads, and whether it is held to a schema, is known of each generation."""
    found = TABLE.find(maker, model)
    assert found.images is not None
    assert (len(found.images), found.schemas) == (reads, schemas)
