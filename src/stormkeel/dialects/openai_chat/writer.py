"""A chat completion's stream, written from events for a client (docs/wire.md, OpenAI chat streams).

Never writes before there is content, and never names role, call id or function twice: the SDK's helper adds every text up. Calls
leave one after the other, whole, whatever order they came in: the helper takes a call for done when the next one begins.

    role ──> thought, text, refusal, calls ... ──finish──> {} with the reason ──> usage, where it was asked for ──> [DONE]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from ...types.content import Refusal, Text, ToolCall
from ...types.events import (
    Event,
    Finished,
    RefusalDelta,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolDelta,
    ToolStarted,
    UsageReported,
)
from ...types.response import Answered, Finish
from ...types.usage import Usage
from ..json import is_json, write_json
from ..values import Head
from .answer import Wire, id_of, reason_of, start_of
from .usage import write_usage

DONE = b"data: [DONE]\n\n"


class ChatWriter:
    """Writes one stream; see `base.EventWriter`."""

    __slots__ = ("_calls", "_finish", "_frames", "_head", "_id", "_kinds", "_lead", "_model", "_tail", "_usage")

    def __init__(self, head: Head) -> None:
        self._head = head
        self._id, self._model = id_of("", head), head.model
        self._lead = b""  # of every frame; empty before the first one
        self._tail = b',"usage":null}\n\n' if head.wants_usage else b"}\n\n"
        self._frames: list[bytes] = []
        self._calls = _Calls()
        self._kinds: set[type[Answered]] = set()
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def feed(self, events: Sequence[Event]) -> bytes:
        """Take events; return the whole frames they make."""
        for event in events:
            self._take(event)
        return self._taken()

    def finish(self) -> bytes:
        """Return the reason, the usage and the end."""
        for step in self._calls.close():
            self._step({"tool_calls": [step]})
        if not self._lead:
            self._begin("")
        reason = write_json(reason_of(self._finish, self._kinds))
        self._frame(b'[{"index":0,"delta":{},"logprobs":null,"finish_reason":' + reason + b"}]")
        if self._head.wants_usage and self._usage is not None:
            self._frames.append(self._lead + b'[],"usage":' + write_json(write_usage(self._usage)) + b"}\n\n")
        self._frames.append(DONE)
        return self._taken()

    def _take(self, event: Event) -> None:
        match event:
            case TextDelta(text=text) if text:
                self._kinds.add(Text)
                self._step({"content": text})
            case ThinkingDelta(text=text) if text:
                self._step({"reasoning_content": text})
            case ToolDelta():
                self._call(self._calls.go_on(event))
            case ToolStarted():
                self._kinds.add(ToolCall)
                self._call(self._calls.start(event))
            case _:
                self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case RefusalDelta(text=text) if text:
                self._kinds.add(Refusal)
                self._step({"refusal": text})
            case Started(id=id_, model=model):
                self._id, self._model = id_of(id_, self._head), model or self._head.model
            case Finished(finish=finish):
                self._finish = finish
            case UsageReported(usage=usage):
                self._usage = usage

    def _call(self, steps: Sequence[Wire]) -> None:
        for step in steps:
            self._step({"tool_calls": [step]})

    def _step(self, delta: Wire) -> None:
        if not self._lead:
            self._begin("" if "content" in delta else None)
        self._frame(b'[{"index":0,"delta":' + write_json(delta) + b',"logprobs":null,"finish_reason":null}]')

    def _begin(self, content: str | None) -> None:
        named = {"id": self._id, "object": "chat.completion.chunk", "created": self._head.created, "model": self._model}
        self._lead = b"data: " + write_json(named)[:-1] + b',"choices":'
        self._step({"role": "assistant", "content": content, "refusal": None})

    def _frame(self, choices: bytes) -> None:
        self._frames.append(self._lead + choices + self._tail)

    def _taken(self) -> bytes:
        taken, self._frames = b"".join(self._frames), []
        return taken


class _Call:
    """A call on its way to the client."""

    __slots__ = ("held", "place", "said", "started")

    def __init__(self, place: int, started: ToolStarted) -> None:
        self.place, self.started = place, started
        self.held: list[str] = []
        self.said: list[str] = []

    @property
    def is_whole(self) -> bool:
        """Is nothing more to be expected? Free text has no end that could be seen."""
        return self.started.custom or is_json("".join(self.said))

    def begin(self) -> Wire:
        return {"index": self.place, **start_of(self.started.id, self.started.name, self.started.custom, "")}

    def release(self) -> list[Wire]:
        """Return the pieces that were held back."""
        pieces, self.held = self.held, []
        return [self.go_on(piece) for piece in pieces]

    def go_on(self, arguments: str) -> Wire:
        self.said.append(arguments)
        if self.started.custom:
            return {"index": self.place, "custom": {"input": arguments}}
        return {"index": self.place, "function": {"arguments": arguments}}


class _Calls:
    """The calls of one answer: the last one begun goes on at once, those behind it wait until its arguments are whole."""

    __slots__ = ("_all", "_at", "_begun", "_waiting")

    def __init__(self) -> None:
        self._all: list[_Call] = []
        self._at: dict[int, _Call] = {}
        self._begun: _Call | None = None
        self._waiting: deque[_Call] = deque()

    def start(self, event: ToolStarted) -> list[Wire]:
        """Take a call's start; return what may go out."""
        self._at[event.index] = call = _Call(len(self._all), event)
        self._all.append(call)
        self._waiting.append(call)
        return self._release()

    def go_on(self, event: ToolDelta) -> list[Wire]:
        """Take a piece of a call's arguments; return what may go out."""
        call = self._at.get(event.index)
        if call is None or not event.arguments:
            return []
        if call is not self._begun:
            call.held.append(event.arguments)
            return []
        may_be_whole = self._waiting and event.arguments.endswith("}")
        return [call.go_on(event.arguments), *(self._release() if may_be_whole else ())]

    def close(self) -> list[Wire]:
        """Return what waited, now that nothing more will come; a function without arguments gets an empty object."""
        steps = self._complete()
        while self._waiting:
            steps += [*self._next(), *self._complete()]
        late = [step for call in self._all for step in call.release()]  # of calls that were thought to be whole
        return steps + late

    def _release(self) -> list[Wire]:
        steps: list[Wire] = []
        while self._waiting and (self._begun is None or self._begun.is_whole):
            steps += self._next()
        return steps

    def _next(self) -> list[Wire]:
        self._begun = call = self._waiting.popleft()
        return [call.begin(), *call.release()]

    def _complete(self) -> list[Wire]:
        call = self._begun
        return [] if call is None or call.started.custom or call.said else [call.go_on("{}")]
