"""Events: the steps of a streamed response, and how they fold into a finished one.

Never frames bytes: that is `dialects/sse.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from .response import Finish, Response
from .usage import Usage


class Started(msgspec.Struct, frozen=True, tag=True):
    """The provider named the answer and the model; nothing was said yet."""

    id: str
    model: str


class TextDelta(msgspec.Struct, frozen=True, tag=True):
    """More visible text of the first choice."""

    text: str


class ThinkingDelta(msgspec.Struct, frozen=True, tag=True):
    """More reasoning text."""

    text: str


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The model stopped for a reason."""

    finish: Finish


class UsageReported(msgspec.Struct, frozen=True, tag=True):
    """The usage so far; a later one replaces it."""

    usage: Usage


Event = Started | TextDelta | ThinkingDelta | Finished | UsageReported


def fold(events: Iterable[Event]) -> Response:
    """Fold the events of one stream into the response it amounts to."""
    id_, model, text = "", "", list[str]()
    finish: Finish | None = None
    usage: Usage | None = None
    for event in events:
        match event:
            case TextDelta(text=piece):
                text.append(piece)
            case Started(id=id_, model=model):
                pass
            case Finished(finish=finish):
                pass
            case UsageReported(usage=usage):
                pass
    return Response(id_, model, "".join(text), finish, usage)
