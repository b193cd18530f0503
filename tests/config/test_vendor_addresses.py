"""Addresses from the environment, as each vendor's own SDK understands them."""

import pytest

from stormkeel.config.environment import offered, with_path
from stormkeel.config.source import Source
from stormkeel.providers import KINDS
from stormkeel.providers.google import GEMINI


def found(name: str, **environ: str) -> dict[str, object]:
    """What the environment offers of one provider, {} if nothing."""
    layer = offered(environ, {**KINDS, "gemini": GEMINI}, Source("the environment", {}))
    said: dict[str, object] = layer.tree.get("providers", {}).get(name, {})
    return said


@pytest.mark.parametrize(
    ("url", "path", "whole"),
    [
        ("https://r.openai.azure.com", "/openai/v1", "https://r.openai.azure.com/openai/v1"),
        ("https://r.openai.azure.com/", "/openai/v1", "https://r.openai.azure.com/openai/v1"),
        ("https://r.openai.azure.com/openai/v1/", "/openai/v1", "https://r.openai.azure.com/openai/v1/"),
        ("http://127.0.0.1:8787/gemini", "/v1beta", "http://127.0.0.1:8787/gemini/v1beta"),
        ("http://127.0.0.1:8787/gemini/v1", "/v1beta", "http://127.0.0.1:8787/gemini/v1"),
        ("http://127.0.0.1:8787/v1alpha", "/v1beta", "http://127.0.0.1:8787/v1alpha"),
        ("http://127.0.0.1:8787/vertex", "/v1beta", "http://127.0.0.1:8787/vertex/v1beta"),
        ("http://127.0.0.1:8787/gemini/", "", "http://127.0.0.1:8787/gemini/"),
    ],
)
def test_a_version_is_put_behind_an_address_that_has_none(url: str, path: str, whole: str) -> None:
    """What the vendor's SDK puts behind an address comes by itself; an address with a version stays as it is."""
    assert with_path(url, path) == whole


def test_azure_needs_its_address() -> None:
    """A key for Azure alone sets up nothing and breaks nothing; with the endpoint, or with a token, it does."""
    assert found("azure", AZURE_OPENAI_API_KEY="x") == {}
    assert found("azure", AZURE_OPENAI_ENDPOINT="https://r.openai.azure.com/") == {}
    said = found("azure", AZURE_OPENAI_API_KEY="x", AZURE_OPENAI_ENDPOINT="https://r.openai.azure.com/")
    assert said["base_url"] == "https://r.openai.azure.com/openai/v1"
    assert "auth" not in said
    said = found("azure", AZURE_OPENAI_AD_TOKEN="x", AZURE_OPENAI_ENDPOINT="https://r.openai.azure.com")
    assert said["auth"] == "bearer"


def test_gemini_takes_the_key_its_sdk_takes() -> None:
    """Of the two names Google's SDK knows, `GOOGLE_API_KEY` goes first; the version comes behind another address by itself."""
    assert found("gemini", GEMINI_API_KEY="a", GOOGLE_API_KEY="b")["credentials"] == {"main": "env:GOOGLE_API_KEY"}
    said = found("gemini", GEMINI_API_KEY="a", GOOGLE_GEMINI_BASE_URL="https://gateway.example.com/gemini")
    assert (said["credentials"], said["base_url"]) == (
        {"main": "env:GEMINI_API_KEY"},
        "https://gateway.example.com/gemini/v1beta",
    )
