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
    assert TABLE.find("openrouter", "openai/gpt-5.6-sol") == msgspec.structs.replace(theirs, tools_with_reasoning=True)


def test_nobodys_model_is_given_what_its_dialect_allows() -> None:
    """Of a model without a row nothing is guessed, nor of a maker's own that no row matches."""
    assert TABLE.find("", "llama-4") == TABLE.find("groq", "openai/gpt-oss-120b") == TABLE.find("anthropic", "gpt-5.6") == ANY
