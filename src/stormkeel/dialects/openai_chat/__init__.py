"""OpenAI chat completions: how its bodies, answers and streams are read and written.

Never sees another dialect. `prompt` (with `turns`, `fields`) reads what a client asks, `body` (with `messages`) writes it for a
provider; `answer` reads and writes whole answers; `stream` judges a stream, `events` reads it, `writer` writes it.
"""

from .dialect import OpenAIChat

__all__ = ["OpenAIChat"]
