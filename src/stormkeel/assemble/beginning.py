"""What a first configuration is made of: the providers that the environment offers, and local servers that listen.

Never asks anybody anything: a local server is only connected to, and left again.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ..config.environment import offered
from ..config.source import Source
from ..providers import KINDS

PATIENCE = 0.2  # seconds for a local server to take a connection
MODELS = {
    "openai": "gpt-5.4-mini", "anthropic": "claude-haiku-4-5", "groq": "openai/gpt-oss-120b", "mistral": "mistral-small-latest",
    "deepseek": "deepseek-v4-flash", "xai": "grok-4.3", "together": "openai/gpt-oss-120b",
    "fireworks": "accounts/fireworks/models/gpt-oss-120b", "openrouter": "openai/gpt-5.4-mini", "cerebras": "gpt-oss-120b",
    "perplexity": "sonar", "gemini": "gemini-3.5-flash-lite", "cohere": "command-r7b-12-2024",
}  # fmt: skip
"""An inexpensive model of each provider, as an example to begin with; the catalog knows each. None of
Azure, where a model has the name that its user gave it."""


class Found(msgspec.Struct, frozen=True):
    """A provider that was found.

    Attributes:
        why: where, as in "OPENAI_API_KEY is set".
        settings: as they would be written.
        target: an example in short form, "" where nobody knows its models.
    """

    why: str
    settings: dict[str, Any]
    target: str


NOTHING = Found(
    "Nothing was found here: set OPENAI_API_KEY in the environment or in .env, or name another provider.",
    {"credentials": {"main": "env:OPENAI_API_KEY"}},
    f"openai/{MODELS['openai']}",
)


def look(environ: Mapping[str, str], is_listening: Callable[[str], bool]) -> dict[str, Found]:
    """Return what was found, by the provider's name; where nothing was, a first provider to fill in.

    Args:
        environ: names and values; a `.env` is already merged in.
        is_listening: tells whether anybody takes connections at a base URL.

    Raises:
        SettingsError: a base URL of the environment makes no sense.
    """
    source = Source("the environment", {})
    layer = offered(environ, KINDS, source)
    source.refuse()
    found = {}
    for name, said in layer.tree.get("providers", {}).items():
        settings = {key: value for key, value in said.items() if key != "kind"}
        why = f"Found by {layer.origins['providers', name].name}, which is set here."
        found[name] = Found(why, settings, f"{name}/{MODELS[name]}" if name in MODELS else "")
    for name, url in _local():
        if name not in found and is_listening(url):
            found[name] = Found(f'Listens at {url}; its models are "{name}/MODEL".', {"base_url": url}, "")
    return found or {"openai": NOTHING}


def _local() -> Iterator[tuple[str, str]]:
    """The servers that usually run on this machine: those that want no key."""
    for name, vendor in KINDS.items():
        if vendor.base_url and not vendor.needs_key:
            yield name, vendor.base_url


def is_listening(url: str) -> bool:
    """Does anybody take connections at a base URL of this machine? Waits a fifth of a second at most."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname, parts.port or 80), PATIENCE):
            return True
    except OSError:
        return False
