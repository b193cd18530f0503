"""Anthropic messages: how its bodies, answers and streams are read and written.

Never sees another dialect. `prompt` (with `turns`, `fields`) reads what a client asks, `ask` (with `order`, `blocks`, and
`reasoning`) writes it for a provider; `answer` reads and writes whole answers; `stream` judges a stream, `events` reads it, and
`writer` writes it.
"""

from .dialect import AnthropicMessages

__all__ = ["AnthropicMessages"]
