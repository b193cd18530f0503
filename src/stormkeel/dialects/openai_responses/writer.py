"""A response's stream, written from events for a client (docs/wire.md, OpenAI responses streams).

Never says an item's id in two ways, and never leaves an item open: the SDK's helper compares them, and refuses an end before
theirs. Nothing is written before there is content, by when the provider has named the answer.

    created, in_progress ──> items ... ──finish──> open items ended ──> completed | incomplete, with the whole response

    message:    added, part added, deltas, text done, part done, done     ends as soon as anything else is said
    reasoning:  added, part added, deltas, text done, part done, done     likewise, or when it is sealed
    call:       added, deltas, arguments done, done                       the last one begun likewise, where its arguments are a
                                                                          whole object; all others wait for the end
"""

from __future__ import annotations

from collections.abc import Sequence

from ...types.content import Refusal, Text
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
)  # fmt: skip
from ...types.response import Finish
from ...types.usage import Usage
from ..json import write_json
from ..values import Head
from .answer import write_ending, write_frame
from .growing import Call, Item, Message, Reasoning, Steps


class ResponseWriter:
    """Writes one stream; see `base.EventWriter`."""

    __slots__ = (
        "_calls", "_finish", "_frame", "_frames", "_head", "_items", "_last", "_number", "_open", "_refused", "_usage", "_voice",
    )  # fmt: skip

    def __init__(self, head: Head) -> None:
        self._head = head
        self._frame = write_frame("", head.model, head)  # the response as it stands
        self._frames: list[bytes] = []
        self._number = 0
        self._items: list[Item] = []
        self._calls: dict[int, Call] = {}  # by the event's index
        self._open: dict[int, Call] = {}  # those that have not ended, by the item's index
        self._last: Call | None = None
        self._voice: Message | Reasoning | None = None  # what is being said, no call
        self._refused = False
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def feed(self, events: Sequence[Event]) -> bytes:
        """Take events; return the whole frames they make."""
        for event in events:
            self._take(event)
        return self._taken()

    def finish(self) -> bytes:
        """Return the ends of what is open, and the whole response with its usage."""
        self._begin()
        if self._finish is Finish.LENGTH and self._items:
            self._items[-1].status = "incomplete"
        self._end_voice()
        for call in self._open.values():
            self._write(call.end())
        items = [item.whole() for item in self._items]
        response = self._frame | write_ending(self._finish, self._refused, items, self._usage)
        self._write([(response["status"], {"response": response})])
        return self._taken()

    def _take(self, event: Event) -> None:
        match event:
            case TextDelta(text=text) if text:
                self._write(self._message().say(Text, text))
            case ThinkingDelta(text=text) if text:
                self._write(self._reasoning().say(text))
            case ToolDelta(index=index, arguments=arguments) if arguments:
                call = self._calls.get(index)
                if call is not None and call.index in self._open:
                    self._write(call.say(arguments))
            case RefusalDelta(text=text) if text:
                self._refused = True
                self._write(self._message().say(Refusal, text))
            case ToolStarted():
                self._call(event)
            case ThinkingSealed(signature=signature, redacted=redacted):
                self._seal(signature, redacted)
            case _:
                self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case Started(id=id_, model=model):
                self._frame = write_frame(id_, model, self._head) if not self._number else self._frame
            case Finished(finish=finish):
                self._finish = finish
            case UsageReported(usage=usage):
                self._usage = usage

    def _call(self, event: ToolStarted) -> None:
        call = Call(len(self._items), self._head, event)
        self._add(call)
        self._calls[event.index] = self._open[call.index] = self._last = call

    def _message(self) -> Message:
        if isinstance(self._voice, Message):
            return self._voice
        message = Message(len(self._items), self._head)
        self._add(message)
        self._voice = message
        return message

    def _reasoning(self) -> Reasoning:
        if isinstance(self._voice, Reasoning):
            return self._voice
        reasoning = Reasoning(len(self._items), self._head)
        self._add(reasoning)
        self._voice = reasoning
        return reasoning

    def _seal(self, signature: str, redacted: str) -> None:
        if redacted:
            self._end_voice()
        if signature or redacted:
            reasoning = self._reasoning()
            reasoning.signature, reasoning.redacted = signature, redacted
        if isinstance(self._voice, Reasoning):
            self._end_voice()

    def _add(self, item: Item) -> None:
        """Begin an item; what can't go on ends first."""
        self._begin()
        self._end_voice()
        last, self._last = self._last, None
        if last is not None and last.is_whole():
            del self._open[last.index]
            self._write(last.end())
        self._items.append(item)
        self._write(item.begin())

    def _end_voice(self) -> None:
        voice, self._voice = self._voice, None
        if voice is not None:
            self._write(voice.end())

    def _begin(self) -> None:
        if not self._number:
            self._write([("created", {"response": self._frame}), ("in_progress", {"response": self._frame})])

    def _write(self, steps: Steps) -> None:
        for name, fields in steps:
            type_ = f"response.{name}"
            body = write_json({"type": type_, "sequence_number": self._number, **fields})
            self._frames.append(b"event: " + type_.encode() + b"\ndata: " + body + b"\n\n")
            self._number += 1

    def _taken(self) -> bytes:
        taken, self._frames = b"".join(self._frames), []
        return taken
