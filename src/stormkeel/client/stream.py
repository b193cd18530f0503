"""Stream: an answer as it comes, for the library's callers.

Never holds more than a few pieces that its reader has not taken, and never passes a broken stream off as whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

import msgspec

from ..errors import StormkeelError, StreamBrokenError
from ..types.events import Event, RefusalDelta, TextDelta, fold
from ..types.wire import Headers
from .ask import Ask
from .completion import Completion, completion, failed

if TYPE_CHECKING:
    from ..assemble import Asking, Setup
    from ..engine.line import Answer

VISIBLE = (TextDelta, RefusalDelta)
"""Events whose text a reader sees."""
WAITING = 16  # writes of a stream that may be ahead of its reader


class Owner(Protocol):
    """Who a stream belongs to: the client."""

    def _write(self, ask: Ask, *, stream: bool) -> tuple[Setup, Asking]:
        """Return the present setup, and the wish written as a request for it."""
        ...

    def _hold(self, task: asyncio.Task[Answer]) -> None:
        """Keep a stream under way, so that closing ends it."""
        ...


class _Events:
    """A stream's output for a library caller: frames in, events out, never more than a few waiting."""

    def __init__(self, read: Callable[[bytes], list[Event]]) -> None:
        self._read = read
        self._room = asyncio.Semaphore(WAITING)
        self.queue: asyncio.Queue[list[Event] | None] = asyncio.Queue()

    async def start(self, headers: Headers) -> None:
        """Nothing to tell: a library stream has no head."""

    async def write(self, data: bytes) -> None:
        """Hand frames over; waits while the reader is behind. They are the reader's before the wait: a clock that ends it while
        an answer's last frames go out must not make them vanish from an answer that is whole."""
        events = self._read(data)
        if events:
            self.queue.put_nowait(events)
            await self._room.acquire()

    async def take(self) -> list[Event]:
        """Wait for the next events; none where the stream has ended."""
        events = await self.queue.get()
        if events is None:
            return []
        self._room.release()
        return events


class Stream:
    """A streamed answer. Iterate it for the text; leave it early by `aclose()` or `async with`, which cancels the request
    upstream.

    Attributes:
        completion: the finished answer, once the iteration has ended.
    """

    def __init__(self, owner: Owner, ask: Ask, on_token: Callable[[str], object] | None = None) -> None:
        self._owner = owner
        self._ask = ask
        self._on_token = on_token
        self._pieces: AsyncIterator[str] | None = None
        self._task: asyncio.Task[Answer] | None = None
        self._closed = False
        self._seen: list[Event] = []
        self._completion: Completion | None = None

    @property
    def completion(self) -> Completion:
        """The finished answer."""
        if self._completion is None:
            raise StormkeelError("the stream has not ended yet: iterate it to its end first")
        return self._completion

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(event.text for event in self._seen if isinstance(event, VISIBLE))

    async def _run(self) -> AsyncIterator[str]:
        if self._closed:
            raise StormkeelError("the stream was closed before its end")
        setup, asking = self._owner._write(self._ask, stream=True)
        request = asking.request
        output = _Events(setup.dialect(request.dialect).read_events().feed)
        self._task = asyncio.ensure_future(setup.answer(request, output))
        self._owner._hold(self._task)
        self._task.add_done_callback(lambda _task: _close(output.queue))
        try:
            while not (self._task.done() and output.queue.empty()):
                for piece in self._take(await output.take()):
                    yield piece
            if self._task.cancelled():
                raise StormkeelError("the stream was closed before its end")
            self._end(await self._task, asking)
        finally:
            await self.aclose()

    def _take(self, events: list[Event]) -> list[str]:
        self._seen.extend(events)
        pieces = [event.text for event in events if isinstance(event, VISIBLE)]
        if self._on_token is not None:
            for piece in pieces:
                self._on_token(piece)
        return pieces

    def _end(self, answer: Answer, asking: Asking) -> None:
        if answer.failure is not None:
            error = failed(answer)
            if isinstance(error, StreamBrokenError):
                error.partial = self.text
            raise error
        whole = completion(answer.story, fold(self._seen), asking.lost)
        if self._ask.tools:
            whole = msgspec.structs.replace(whole, tools=self._ask.offered())
        if self._ask.output is not None:
            from .asking import read_once

            whole = read_once(whole, self._ask.output)
        self._completion = whole

    def __aiter__(self) -> AsyncIterator[str]:
        if self._pieces is None:
            self._pieces = self._run()
        return self._pieces

    async def until_done(self) -> Completion:
        """Read to the end and return the finished answer."""
        async for _piece in self:
            pass
        return self.completion

    async def aclose(self) -> None:
        """Stop: an unfinished request is cancelled upstream, and what it cost is booked."""
        self._closed = True
        task = self._task
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait((task,))

    async def __aenter__(self) -> Stream:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()


def _close(queue: asyncio.Queue[list[Event] | None]) -> None:
    """Wake a reader that waits for events that won't come; one that has some to read looks up by itself afterwards."""
    if queue.empty():
        queue.put_nowait(None)
