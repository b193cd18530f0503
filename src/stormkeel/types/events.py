"""Events: the steps of a streamed response, and how they fold into a finished one.

Never frames bytes: that is `dialects/sse.py`. Order: `Started` once and first; `Finished` and the last `UsageReported` after all
content, in either order.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from .content import Refusal, Text, Thinking, ToolCall
from .response import Answered, Finish, Response
from .usage import Usage


class Started(msgspec.Struct, frozen=True, tag=True):
    """The provider named the answer and the model; nothing was said yet."""

    id: str
    model: str


class TextDelta(msgspec.Struct, frozen=True, tag=True):
    """More visible text of the first choice."""

    text: str


class RefusalDelta(msgspec.Struct, frozen=True, tag=True):
    """More of the model's words for not answering."""

    text: str


class ThinkingDelta(msgspec.Struct, frozen=True, tag=True):
    """More reasoning text."""

    text: str


class ThinkingSealed(msgspec.Struct, frozen=True, tag=True):
    """A stretch of reasoning ended: its signature, or all of it where it is opaque (`redacted`)."""

    signature: str = ""
    redacted: str = ""


class ToolStarted(msgspec.Struct, frozen=True, tag=True):
    """The model asks for a tool; `index` tells parallel calls of one answer apart, from 0."""

    index: int
    id: str
    name: str
    custom: bool = False


class ToolDelta(msgspec.Struct, frozen=True, tag=True):
    """More of a tool call's arguments, as JSON text (free text for a custom tool)."""

    index: int
    arguments: str


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The model stopped for a reason; `stop` is the stop text that ended it, where the provider told."""

    finish: Finish
    stop: str = ""


class UsageReported(msgspec.Struct, frozen=True, tag=True):
    """The usage so far; a later one replaces it."""

    usage: Usage


Event = (
    Started | TextDelta | RefusalDelta | ThinkingDelta | ThinkingSealed | ToolStarted | ToolDelta | Finished | UsageReported
)


class _Call:
    """A tool call whose arguments are still coming."""

    __slots__ = ("arguments", "started")

    def __init__(self, started: ToolStarted) -> None:
        self.started = started
        self.arguments: list[str] = []

    def whole(self) -> ToolCall:
        started = self.started
        return ToolCall(started.id, started.name, "".join(self.arguments), started.custom)


class Folding:
    """A response in the making: feed it events, then ask for it."""

    __slots__ = ("_calls", "_parts", "_pieces", "_voice", "finish", "id", "model", "stop", "usage")

    def __init__(self) -> None:
        self.id = self.model = self.stop = ""
        self.finish: Finish | None = None
        self.usage: Usage | None = None
        self._parts: list[Answered | _Call] = []
        self._calls: dict[int, _Call] = {}
        self._voice: type[Text | Refusal | Thinking] = Text
        self._pieces: list[str] = []

    def add(self, event: Event) -> None:
        """Take one event."""
        match event:
            case TextDelta(text=piece):
                self._say(Text, piece)
            case ThinkingDelta(text=piece):
                self._say(Thinking, piece)
            case ToolDelta(index=index, arguments=piece):
                if index in self._calls:
                    self._calls[index].arguments.append(piece)
            case _:
                self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case Started(id=id_, model=model):
                self.id, self.model = id_, model
            case UsageReported(usage=usage):
                self.usage = usage
            case Finished(finish=finish, stop=stop):
                self.finish, self.stop = finish, stop
            case RefusalDelta(text=piece):
                self._say(Refusal, piece)
            case ThinkingSealed(signature=signature, redacted=redacted):
                self._seal(signature, redacted)
            case ToolStarted(index=index):
                self._flush()
                self._calls[index] = call = _Call(event)
                self._parts.append(call)

    def _say(self, voice: type[Text | Refusal | Thinking], piece: str) -> None:
        if voice is not self._voice:
            self._flush()
            self._voice = voice
        self._pieces.append(piece)

    def _seal(self, signature: str, redacted: str) -> None:
        if self._voice is not Thinking or redacted:
            self._flush()
        text, self._pieces = "".join(self._pieces), []
        self._parts.append(Thinking(text, signature, redacted))

    def _flush(self) -> None:
        text, self._pieces = "".join(self._pieces), []
        if text:
            self._parts.append(self._voice(text))

    def response(self) -> Response:
        """Return the response that the events so far amount to."""
        self._flush()
        content = tuple(part.whole() if isinstance(part, _Call) else part for part in self._parts)
        return Response(self.id, self.model, content, self.finish, self.usage, self.stop)


def fold(events: Iterable[Event]) -> Response:
    """Fold the events of one stream into the response it amounts to."""
    folding = Folding()
    for event in events:
        folding.add(event)
    return folding.response()
