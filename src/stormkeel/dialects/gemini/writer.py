"""A Gemini stream, written from events for a client (docs/wire.md, Gemini streams).

Never writes anything but `data: ` lines: this dialect's SDK takes every other one for a part of an error. A call leaves complete,
in one part, so what is said behind it waits until its arguments are whole.

    text, thought ... call, call ... ──finish──> an empty text with the reason and the usage
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ...types.content import Refusal, Text, Thinking, ToolCall
from ...types.events import (
    Event,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ThinkingSealed,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from ...types.response import Answered, Finish
from ...types.usage import Usage
from ..values import Head
from .answer import PartWriter
from .usage import write_usage
from .wire import Block, encode, read_arguments, reason_of

EMPTY: Block = {"text": ""}
"""What the last event says, as Google's own does: a client that adds up `text` needs one."""


class _Call:
    """A call whose arguments are still coming."""

    __slots__ = ("arguments", "started")

    def __init__(self, started: ToolStarted) -> None:
        self.started = started
        self.arguments: list[str] = []

    def whole(self) -> ToolCall:
        return ToolCall(self.started.id, self.started.name, "".join(self.arguments), self.started.custom)

    @property
    def is_whole(self) -> bool:
        """Can nothing more come? Free text has no end that could be seen."""
        text = "".join(self.arguments)
        return not self.started.custom and bool(text.strip()) and read_arguments(text) is not None


class GeminiWriter:
    """Writes one stream; see `base.EventWriter`."""

    __slots__ = ("_calls", "_finish", "_head", "_id", "_model", "_parts", "_queue", "_tail", "_usage")

    def __init__(self, head: Head) -> None:
        self._head = head
        self._id, self._model = head.id, head.model
        self._finish: Finish | None = None
        self._usage: Usage | None = None
        self._parts = PartWriter(head)
        self._queue: deque[Answered | _Call] = deque()
        self._calls: dict[int, _Call] = {}  # what comes for one that has left goes nowhere
        self._tail = b""  # of every frame; empty before the first one

    def feed(self, events: Sequence[Event]) -> bytes:
        """Take events; return the whole frames they make."""
        for event in events:
            self._take(event)
        return self._drain(to_the_end=False)

    def finish(self) -> bytes:
        """Return what waited, and the last frame: why it ended, and the usage."""
        waited = self._drain(to_the_end=True) + self._frames(self._parts.close())
        last = {"content": {"parts": [EMPTY], "role": "model"}, "finishReason": reason_of(self._finish), "index": 0}
        told: Block = {"candidates": [last]}
        if self._usage is not None:
            told["usageMetadata"] = write_usage(self._usage)
        return waited + b"data: " + encode(told)[:-1] + self._end()

    def _take(self, event: Event) -> None:
        match event:
            case TextDelta(text=text):
                self._queue.append(Text(text))
            case ThinkingDelta(text=text):
                self._queue.append(Thinking(text))
            case ToolDelta(index=index, arguments=arguments):
                if index in self._calls:
                    self._calls[index].arguments.append(arguments)
            case ToolStarted(index=index):
                self._calls[index] = call = _Call(event)
                self._queue.append(call)
            case _:
                self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case RefusalDelta(text=text):
                self._queue.append(Refusal(text))
            case ThinkingSealed(signature=signature, redacted=redacted):
                self._queue.append(Thinking("", signature, redacted))
            case Started(id=id_, model=model):
                self._id, self._model = id_ or self._head.id, model or self._head.model
            case Finished(finish=finish):
                self._finish = finish
            case UsageReported(usage=usage):
                self._usage = usage

    def _drain(self, *, to_the_end: bool) -> bytes:
        frames = []
        while self._queue:
            said = self._queue[0]
            if isinstance(said, _Call):
                if not (to_the_end or (len(self._queue) > 1 and said.is_whole)):
                    break
                said = said.whole()
            self._queue.popleft()
            frames.append(self._frames(list(self._parts.write(said))))
        return b"".join(frames)

    def _frames(self, parts: list[Block]) -> bytes:
        return b"".join(
            b'data: {"candidates":[{"content":{"parts":[' + _on_one_line(part) + b'],"role":"model"},"index":0}]' + self._end()
            for part in parts
        )

    def _end(self) -> bytes:
        if not self._tail:
            self._tail = b"," + encode({"modelVersion": self._model, "responseId": self._id})[1:] + b"\n\n"
        return self._tail


def _on_one_line(part: Block) -> bytes:
    """Write a part; a call's arguments are the very JSON they came as, and that may have lines."""
    return encode(part).translate(_LINE_ENDS)


_LINE_ENDS = bytes.maketrans(b"\r\n", b"  ")  # inside a string JSON has none
