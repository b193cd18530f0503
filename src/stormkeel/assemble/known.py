"""What comes with the package: the dialects and the catalog.

Never anything of one configuration.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from ..catalog.abilities import ABILITIES, AbilityTable, load_abilities
from ..catalog.load import MODELS, PRICES, Catalog
from ..catalog.load import load as load_catalog
from ..dialects.anthropic_messages import AnthropicMessages
from ..dialects.anthropic_messages.counting import COUNTING as BY_MESSAGES
from ..dialects.base import Codec, Dialect, Embedder
from ..dialects.counting import Counting
from ..dialects.gemini import Gemini
from ..dialects.gemini.counting import GeminiCounting
from ..dialects.gemini.embed import GeminiEmbedding, GeminiEmbeddings
from ..dialects.openai_chat import OpenAIChat
from ..dialects.openai_embeddings import OpenAIEmbeddings
from ..dialects.openai_responses import OpenAIResponses
from ..dialects.openai_responses.counting import COUNTING as BY_RESPONSES

_THERE: tuple[Dialect, ...] = (OpenAIChat(), OpenAIResponses(), AnthropicMessages(), Gemini(fetches=True))
DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in _THERE}
"""The wire formats in which models answer prompts, by name."""

_EMBEDDERS: tuple[Embedder, ...] = (OpenAIEmbeddings(), GeminiEmbeddings(), GeminiEmbedding())
EMBEDDERS: dict[str, Embedder] = {codec.name: codec for codec in _EMBEDDERS}
"""The wire formats in which models turn texts into vectors, by name."""

CODECS: dict[str, Codec] = {**DIALECTS, **EMBEDDERS}
"""Every wire format, by name."""

COUNTING: dict[str, Counting] = {
    "openai_responses": BY_RESPONSES, "anthropic_messages": BY_MESSAGES, "gemini": GeminiCounting(),
}  # fmt: skip
"""How tokens are counted in the wire formats that have a count, by name."""


@cache
def catalog() -> Catalog:
    """Return the catalog that comes with the package."""
    folder = files("stormkeel.catalog")
    return load_catalog((folder / PRICES).read_bytes(), (folder / MODELS).read_bytes())


@cache
def abilities() -> AbilityTable:
    """Return what models accept, as it comes with the package."""
    return load_abilities((files("stormkeel.catalog") / ABILITIES).read_bytes())
