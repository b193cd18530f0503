"""Google's Gemini API: where it is and what it wants. Facts by docs/wire.md, Addresses and headers.

Never its failure signals: those are in `dialects/gemini/signals.py`, as its streams need them too.
Never Vertex AI, which has other addresses.
"""

from __future__ import annotations

from .base import Auth, Vendor

GEMINI = Vendor(
    name="gemini",
    family="google",
    dialect="gemini",
    base_url="https://generativelanguage.googleapis.com/v1beta",
    auth=Auth.GOOGLE,
    catalog="google",
    key_names=("GOOGLE_API_KEY", "GEMINI_API_KEY"),  # the SDK takes them in this order
    url_names=("GOOGLE_GEMINI_BASE_URL",),
    url_path="/v1beta",
    models=("gemini-", "gemma-"),
    key_prefixes=("AIza", "AQ."),  # the older standard keys, and authorization keys
)
