"""The example in the documentation is a configuration."""

from pathlib import Path

from stormkeel.config.load import load
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
