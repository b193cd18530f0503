"""OpenAI responses: how its bodies, answers and streams are read and written.

Never sees another dialect. `prompt` (with `items`, `parts`) reads what a client asks, `body` (with `turns`, `reasoning`) writes
it for a provider; `answer` reads and writes whole answers; `stream` judges a stream, `events` reads it, `writer` (with `growing`)
writes it.
"""

from .dialect import OpenAIResponses

__all__ = ["OpenAIResponses"]
