"""Gemini generateContent: how its bodies, answers and streams are read and written.

Never sees another dialect. `prompt` (with `tools`, `schema`, `turns`, `fields`) reads what a client asks, `ask` (with `contents`,
`signatures`) writes it for a provider; `answer` reads and writes whole answers; `stream` judges a stream, `events` reads it, and
`writer` writes it. The model and whether a stream is wanted stand in the URL: `call`.
"""

from .call import COUNT, EMBED, EMBED_MANY, STREAM, WHOLE, call_of
from .dialect import Gemini

__all__ = ["COUNT", "EMBED", "EMBED_MANY", "STREAM", "WHOLE", "Gemini", "call_of"]
