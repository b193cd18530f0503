"""Gemini's models as it lists them: page by page, each with its limits and what can be done with it.

Never knows which models are served.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from stormkeel.sandbox.bill import PRICES
from stormkeel.sandbox.gemini.generations import embeds, thinks
from stormkeel.sandbox.gemini.shape import Json

_OUTPUT = 65_536
_USUAL_PAGE, _MOST = 50, 1000
_GENERATES = ["generateContent", "countTokens"]
_EMBEDS = ["embedContent", "batchEmbedContents", "countTokens"]


def models(names: Sequence[str], size: str | None = None, token: str | None = None) -> bytes | None:
    """Write one page of the list; None for a size or a token that is none."""
    if not (size or "0").isdecimal() or not (token or "0").isdecimal():
        return None
    first, length = int(token or 0), min(int(size or 0) or _USUAL_PAGE, _MOST)
    page: Json = {"models": [_model(name) for name in names[first : first + length]]}
    if first + length < len(names):
        page["nextPageToken"] = str(first + length)
    return msgspec.json.encode(page)


def model(name: str) -> bytes:
    """Write one model."""
    return msgspec.json.encode(_model(name))


def _model(name: str) -> Json:
    price = PRICES.get(name)
    told: Json = {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name.replace("-", " ").title(),
        "description": "A model of the sandbox.",
        "inputTokenLimit": 1_048_576 if price is None else price.window,
        "outputTokenLimit": 1 if embeds(name) else _OUTPUT,
        "supportedGenerationMethods": _EMBEDS if embeds(name) else _GENERATES,
    }
    if embeds(name):
        return told
    return told | {"temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2, "thinking": thinks(name)}
