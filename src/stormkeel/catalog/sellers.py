"""Sellers: who has prices in the catalog, by the ids of the `genai-prices` data.

Never the prices: `prices.json` has them, made by `scripts/make_catalog.py` for the sellers here.
"""

from __future__ import annotations

from typing import Literal

SellerName = Literal[
    "anthropic", "azure", "cerebras", "cohere", "deepseek", "fireworks", "google", "groq", "minimax", "mistral", "moonshotai",
    "openai", "openrouter", "perplexity", "together", "voyageai", "x-ai", "zai",
]  # fmt: skip
