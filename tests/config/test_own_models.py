"""Models that a configuration knows something of: which entry counts for which name, in every format."""

from __future__ import annotations

import pytest

from stormkeel.config.load import load
from stormkeel.config.models import ModelSettings, names_at, nearest
from stormkeel.providers import KINDS

TABLE = {
    name: ModelSettings()
    for name in ("gpu/*", "gpu/llama-*", "gpu/llama-4", "gpu/Qwen/Qwen3-*", "gpu/llama-4-max*", "other/llama-4")
}
GPU = b'[providers.gpu]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\n[models."gpu/llama-4.1"]\n'


@pytest.mark.parametrize(
    ("provider", "model", "found"),
    [
        ("gpu", "llama-4", "gpu/llama-4"),
        ("gpu", "Llama-4", "gpu/llama-4"),
        ("gpu", "llama-4-maximum", "gpu/llama-4-max*"),
        ("gpu", "llama-4-mini", "gpu/llama-*"),
        ("gpu", "qwen/qwen3-32b", "gpu/Qwen/Qwen3-*"),
        ("gpu", "mistral", "gpu/*"),
        ("other", "llama-4", "other/llama-4"),
        ("other", "llama-5", None),
        ("GPU", "llama-4", None),
    ],
)
def test_the_nearest_entry_counts(provider: str, model: str, found: str | None) -> None:
    """A model's own name counts first, then the longest beginning; capitals of a model make no difference, a provider's do."""
    told = nearest(TABLE, provider, model)
    assert (told and told[0]) == found


def test_names_in_full() -> None:
    """Beginnings are no models."""
    assert (names_at(TABLE, "gpu"), names_at(TABLE, "else")) == (("llama-4",), ())


def test_a_variable_sets_a_price() -> None:
    """A price of the file is changed by a variable, its model's name written as a variable can."""
    text = GPU + b'input_price = "0.5"\noutput_price = "1"\n'
    settings = load(text, {"STORMKEEL_MODELS__GPU_LLAMA_4_1__INPUT_PRICE": "0.000000001"}, KINDS)
    rates = settings.models["gpu/llama-4.1"].rates()
    assert (rates.input, rates.cache_read, rates.output, rates.reasoning) == (1, 1, 10**9, 10**9)


@pytest.mark.parametrize("name", ["stormkeel.yaml", "stormkeel.json"])
def test_other_formats(name: str) -> None:
    """YAML and JSON say the same, and a price there is text as well."""
    text = b'{"providers": {"openai": {"credentials": {"a": "env:A"}}}, "models": {"openai/*": {"input_price": "1.5", "output_price": "0"}}}'
    rates = load(text, {}, KINDS, name).models["openai/*"].rates()
    assert (rates.input, rates.output) == (1_500_000_000, 0)
