"""Content: what is said in a conversation, in canonical form.

Never a wire format: a dialect writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

Role = Literal["system", "user", "assistant"]


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation.

    Attributes:
        role: who speaks.
        content: the text, or a list of parts already in the dialect of the provider asked, which pass untouched.
    """

    role: Role
    content: str | Sequence[dict[str, Any]]


class Prompt(msgspec.Struct, frozen=True):
    """What the library asks, before a dialect writes it.

    Attributes:
        messages: the turns, oldest first; a leading system turn is the instruction.
        max_tokens: the most output tokens wanted, None for the model's own limit.
        temperature: sampling temperature, None for the provider's default.
    """

    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
