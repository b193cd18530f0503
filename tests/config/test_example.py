"""The example in the documentation is a configuration."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from stormkeel.config.load import load
from stormkeel.config.loaded import Choice, Inputs, load_all
from stormkeel.config.routes import Router
from stormkeel.config.settings import PolicySettings, ServerSettings
from stormkeel.providers import KINDS
from stormkeel.routing.deployment import Deployment

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "stormkeel.toml"


def test_the_example_is_read():
    """The documented example is read whole, and its routes have their deployments."""
    settings = load(EXAMPLE.read_bytes(), {}, KINDS)
    told: list[Deployment] = []
    Router(settings, KINDS, told.append)
    assert [deployment.name for deployment in told] == [
        "openai/gpt-5.4-mini#main", "openai/gpt-5.4-mini#second", "groq/openai/gpt-oss-120b#a", "groq/openai/gpt-oss-120b#b",
        "gpu-box/qwen3-32b", "anthropic/claude-haiku-4-5#main",
    ]  # fmt: skip
    assert [key.name for key in settings.keys] == ["team-a", "team-b"]


def test_the_example_shows_the_usual_values():
    """What the example writes out are the defaults, so that copying it changes nothing."""
    settings = load(EXAMPLE.read_bytes(), {}, KINDS)
    assert settings.policies == PolicySettings()
    assert settings.server == ServerSettings()


def test_both_examples_say_the_same():
    """The example in YAML is the one in TOML, setting by setting."""
    text = EXAMPLE.with_suffix(".yaml").read_bytes()
    assert load(text, {}, KINDS, "stormkeel.yaml") == load(EXAMPLE.read_bytes(), {}, KINDS)


def test_both_examples_write_out_the_same():
    """Neither leaves a setting to its default that the other shows."""
    shown = yaml.safe_load(EXAMPLE.with_suffix(".yaml").read_text())
    assert shown == tomllib.loads(EXAMPLE.read_text())


PAGE = (EXAMPLE.parents[1] / "configuration.md").read_text()


class Page:
    """The documented profiles as a file."""

    def read(self, name: str) -> bytes:
        """Return the block that shows profiles."""
        blocks = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        return next(block for block in blocks if "[profiles.dev]" in block).encode()

    def find(self, pattern: str) -> list[str]:
        """Nothing is included."""
        return []


@pytest.mark.parametrize(
    ("profile", "model", "port", "credentials"),
    [
        ("", "openai/gpt-5.4-mini", 8787, ["main"]),
        ("dev", "ollama/llama3.2", 8787, ["dev"]),
        ("prod", "openai/gpt-5.4-mini", 80, ["main"]),
    ],
)
def test_the_documented_profiles_do_what_is_said(profile: str, model: str, port: int, credentials: list[str]):
    """The profiles that the guide shows differ as it says."""
    settings = load_all("stormkeel.toml", Page(), Inputs({}, KINDS, Choice(profile))).checked()
    assert (settings.default_model, settings.server.port, list(settings.providers["openai"].credentials)) == (
        model,
        port,
        credentials,
    )


def test_the_documented_variables_are_settings():
    """Each variable that the guide shows as a setting is one, and its example value is taken."""
    shown = dict(re.findall(r"^\| `(STORMKEEL_\w+)=(.*?)` \|", PAGE, re.MULTILINE))
    assert len(shown) == 5
    loaded = load_all("stormkeel.toml", Page(), Inputs({**shown, "GPU": "x"}, KINDS))
    assert [str(fault) for fault in loaded.faults] == [
        'environment variable STORMKEEL_PROVIDERS__GPU_BOX__BASE_URL: nothing is known of a provider "gpu_box"; known: "anthropic", '
        '"azure", "cerebras", "cohere", "compatible", "deepseek", "fireworks", "gemini", "groq", "huggingface", "llamacpp", '
        '"lmstudio", ... (or add kind = "compatible" and its base_url)'
    ]
    kind = {"STORMKEEL_PROVIDERS__GPU_BOX__KIND": "compatible"}
    settings = load_all("stormkeel.toml", Page(), Inputs({**shown, **kind}, KINDS)).checked()
    assert (settings.server.port, settings.default_model) == (9000, "fast")
    assert settings.providers["openai"].credentials["main"].ref == "env:MY_KEY"
    assert settings.routes["fast"].groups[0][0].model == "gpt-5.4-mini"
