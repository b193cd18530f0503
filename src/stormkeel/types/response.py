"""Response: what came back, finished; Finish: why it ended.

Never holds a provider's bytes: those pass beside it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from .usage import Usage


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
        text: the visible text of the first choice.
        finish: why it ended, None where the provider did not say.
        usage: what the provider reported, None where it reported nothing.
    """

    id: str
    model: str
    text: str
    finish: Finish | None = None
    usage: Usage | None = None
