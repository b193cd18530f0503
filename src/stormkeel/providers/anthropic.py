"""Anthropic: where it is and what it wants. Facts by docs/wire.md, Addresses and headers.

Never its failure signals: those are in `signals.py`.
"""

from __future__ import annotations

from .base import Auth, Vendor

VERSION = "2023-06-01"
"""Sent where the client names no version: of the two in force the one that still takes sampling parameters
(docs/wire.md, Addresses and headers)."""

ANTHROPIC = Vendor(
    name="anthropic",
    family="anthropic",
    dialect="anthropic_messages",
    base_url="https://api.anthropic.com",
    auth=Auth.API_KEY,
    catalog="anthropic",
    key_names=("ANTHROPIC_API_KEY",),
    token_names=("ANTHROPIC_AUTH_TOKEN",),
    url_names=("ANTHROPIC_BASE_URL",),
    models=("claude-",),
    key_prefixes=("sk-ant-",),
    forwards=frozenset({"anthropic-version", "anthropic-beta"}),  # whose account is billed is not a client's to choose (INV-19)
    defaults=(("anthropic-version", VERSION),),
    models_path="/v1/models",
)
