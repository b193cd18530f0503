"""A message stream, written from events for a client (docs/wire.md, Anthropic streams).

Never interleaves: this dialect's blocks come one after the other, so what belongs to a later block waits until the one before it
is surely whole.

    events ──> a queue of blocks, in the order they began; the first one is open and streams, the others hold their steps
               the first one ends: any of text or thinking as soon as another waits; a tool's call once its arguments are a whole
               object and another waits; all of them at `finish`
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

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
from ..values import Head
from .answer import own_tool_id, write_ending, write_message
from .usage import write_usage
from .wire import Block, encode, read_arguments


class Open:
    """A block of the answer: how it starts, and the steps that were not sent yet."""

    __slots__ = ("_is_whole", "custom", "is_sealed", "kind", "said", "start", "steps")

    def __init__(self, kind: str, start: Block, custom: bool = False) -> None:
        self.kind = kind
        self.start = {"type": kind} | start
        self.custom = custom
        self.is_sealed = kind == "redacted_thinking"  # can no more be said in it?
        self.steps: list[Block] = []
        self.said: list[str] = []  # a tool's arguments
        self._is_whole: bool | None = None  # None while it is not known

    def argue(self, arguments: str) -> None:
        """Go on with a tool's arguments."""
        self.said.append(arguments)
        self._is_whole = None
        if not self.custom:
            self.steps.append({"type": "input_json_delta", "partial_json": arguments})

    def is_whole(self) -> bool:
        """Tell whether nothing more can come, given that another block has begun."""
        if self.kind != "tool_use":
            return True
        if self._is_whole is None:
            text = "".join(self.said)
            self._is_whole = not self.custom and bool(text.strip()) and read_arguments(text) is not None
        return self._is_whole

    def end(self) -> None:
        """Add what is only known at the end: free text for a tool becomes a string in an object."""
        if self.custom:
            text = encode({"input": "".join(self.said)}).decode()
            self.steps.append({"type": "input_json_delta", "partial_json": text})


class MessageWriter:
    """Writes one stream; see `base.EventWriter`. `message_start` waits for the first content, by when the usage may be known."""

    __slots__ = (
        "_calls", "_count", "_finish", "_head", "_id", "_index", "_is_open", "_model", "_queue", "_refused", "_started", "_stop",
        "_usage",
    )  # fmt: skip

    def __init__(self, head: Head) -> None:
        self._head = head
        self._id = self._model = self._stop = ""
        self._finish: Finish | None = None
        self._usage: Usage | None = None
        self._queue: deque[Open] = deque()
        self._calls: dict[int, Open] = {}  # by the event's index; what comes for one that has ended goes nowhere
        self._count = self._index = 0
        self._started = self._is_open = self._refused = False

    def feed(self, events: Sequence[Event]) -> bytes:
        """Take events; return the whole frames they make."""
        for event in events:
            self._take(event)
        return self._drain(to_the_end=False)

    def finish(self) -> bytes:
        """Return the last frames: open blocks ended, why the answer ended, the usage, `message_stop`."""
        frames = [self._start(), self._drain(to_the_end=True)]
        ending = write_ending(self._finish, self._stop, self._count > 0, self._refused)
        usage = write_usage(self._usage or Usage(input=self._head.input_estimate))
        frames.append(_frame("message_delta", {"delta": ending, "usage": usage}))
        frames.append(_frame("message_stop", {}))
        return b"".join(frames)

    def _take(self, event: Event) -> None:
        match event:
            case TextDelta(text=text):
                self._say("text", text)
            case ThinkingDelta(text=text):
                self._say("thinking", text)
            case ToolDelta(index=index, arguments=arguments):
                call = self._calls.get(index)
                if arguments and call is not None:
                    call.argue(arguments)
            case RefusalDelta(text=text):
                self._refused = True
                self._say("text", text)
            case ToolStarted():
                self._call(event)
            case ThinkingSealed(signature=signature, redacted=redacted):
                self._seal(signature, redacted)
            case _:
                self._note(event)

    def _note(self, event: Event) -> None:
        match event:
            case Started(id=id_, model=model):
                self._id, self._model = id_, model
            case UsageReported(usage=usage):
                self._usage = usage
            case Finished(finish=finish, stop=stop):
                self._finish, self._stop = finish, stop

    def _say(self, kind: str, text: str) -> None:
        if not text:
            return
        block = self._queue[-1] if self._queue else None
        if block is None or block.kind != kind or block.is_sealed:
            empty: Block = {"text": "", "citations": None} if kind == "text" else {"thinking": "", "signature": ""}
            block = self._begin(Open(kind, empty))
        block.steps.append({"type": f"{kind}_delta", kind: text})

    def _seal(self, signature: str, redacted: str) -> None:
        block = self._queue[-1] if self._queue else None
        if block is None or block.kind != "thinking" or block.is_sealed:
            block = self._begin(Open("thinking", {"thinking": "", "signature": ""})) if signature else None
        if block is not None:
            block.is_sealed = True
            if signature:
                block.steps.append({"type": "signature_delta", "signature": signature})
        if redacted:
            self._begin(Open("redacted_thinking", {"data": redacted}))

    def _call(self, event: ToolStarted) -> None:
        id_ = own_tool_id(event.id, self._count, self._head)
        self._count += 1
        self._calls[event.index] = self._begin(Open("tool_use", {"id": id_, "name": event.name, "input": {}}, event.custom))

    def _begin(self, block: Open) -> Open:
        self._queue.append(block)
        return block

    def _drain(self, *, to_the_end: bool) -> bytes:
        frames = []
        while self._queue:
            block = self._queue[0]
            is_last = len(self._queue) == 1
            ends = to_the_end or (not is_last and block.is_whole())
            frames.append(self._write(block, ends))
            if not ends:
                break
            self._queue.popleft()
        return b"".join(frames)

    def _write(self, block: Open, ends: bool) -> bytes:
        frames = []
        if not self._is_open:
            frames.append(self._start())
            frames.append(_frame("content_block_start", {"index": self._index, "content_block": block.start}))
            self._is_open = True
        if ends:
            block.end()
        frames += [_frame("content_block_delta", {"index": self._index, "delta": step}) for step in block.steps]
        block.steps = []
        if ends:
            frames.append(_frame("content_block_stop", {"index": self._index}))
            self._index += 1
            self._is_open = False
        return b"".join(frames)

    def _start(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        return _frame("message_start", {"message": write_message(self._id, self._model, self._usage, self._head)})


def _frame(type_: str, fields: Block) -> bytes:
    return b"event: " + type_.encode() + b"\ndata: " + encode({"type": type_, **fields}) + b"\n\n"
