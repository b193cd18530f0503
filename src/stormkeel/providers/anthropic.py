"""Anthropic: where it is and what it wants. Facts by docs/wire.md, Addresses and headers.

Never its failure signals: those are in `signals.py`.
"""

from __future__ import annotations

from .base import Auth, Vendor

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
    models_path="/v1/models",
    frees_cached=True,  # (docs/reliability.md, Rates)
)
