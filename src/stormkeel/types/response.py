"""Response: what came back, finished; Finish: why it ended.

Never holds a provider's bytes: those pass beside it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from .content import Refusal, Text, Thinking, ToolCall, text_of
from .usage import Usage

Answered = Text | Refusal | Thinking | ToolCall
"""What a model may say."""


class Finish(StrEnum):
    """Why a model stopped."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    CONTENT_FILTER = "content_filter"
    REFUSAL = "refusal"
    PAUSE = "pause"
    OTHER = "other"


class Response(msgspec.Struct, frozen=True):
    """A finished answer in canonical form.

    Attributes:
        id: the provider's id of the answer.
        model: the model that answered, by the provider's word.
        content: what the first choice says, in its order; neighbouring texts are one.
        finish: why it ended, None where the provider did not say.
        usage: what the provider reported, None where it reported nothing.
        stop: the stop text that ended it, "" where none did or nobody said.
        lost: what the provider said beyond this, by its names ("annotations", "citations"); each once.
    """

    id: str
    model: str
    content: tuple[Answered, ...] = ()
    finish: Finish | None = None
    usage: Usage | None = None
    stop: str = ""
    lost: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The visible text, a refusal's words included."""
        return text_of(self.content)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tools it asks for."""
        return tuple(part for part in self.content if isinstance(part, ToolCall))
