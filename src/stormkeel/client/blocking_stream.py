"""A streamed answer for blocking callers, in their own thread.

Never a second implementation: the stream itself lives on the client's loop.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import CancelledError
from contextlib import suppress
from types import TracebackType
from typing import Protocol

from ..errors import StormkeelError
from .completion import Completion
from .loop_thread import LoopThread
from .stream import Stream

WAITING = 64  # pieces of a stream that may wait for their reader


class Owner(Protocol):
    """The client, which lives as long as its stream."""

    @property
    def closed(self) -> bool:
        """Was it closed?"""
        ...


class BlockingStream:
    """A streamed answer for blocking callers: iterate it for the text, then read `.completion`.

    Pieces come through a bounded queue: a slow reader slows the provider's stream down, it does not fill the memory. A stream
    that is left half-read is stopped by `close()`, at the end of its `with`, or when nobody holds it any more.
    """

    def __init__(self, owner: Owner, thread: LoopThread, stream: Stream, on_token: Callable[[str], object] | None) -> None:
        self._owner = owner  # a client that nobody else holds lives as long as its stream
        self._thread = thread
        self._stream = stream
        self._on_token = on_token
        self._pieces: Iterator[str] | None = None

    @property
    def completion(self) -> Completion:
        """The finished answer, once the iteration has ended."""
        return self._stream.completion

    @property
    def text(self) -> str:
        """The text so far."""
        return self._stream.text

    def __iter__(self) -> Iterator[str]:
        if self._pieces is None:
            self._pieces = _read(self._owner, self._thread, self._stream, self._on_token)
        return self._pieces

    def until_done(self) -> Completion:
        """Read to the end and return the finished answer."""
        for _piece in self:
            pass
        return self.completion

    def close(self) -> None:
        """Stop: an unfinished request is cancelled upstream."""
        if not self._owner.closed:
            self._thread.run(self._stream.aclose())

    def __enter__(self) -> BlockingStream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _read(
    owner: Owner, thread: LoopThread, stream: Stream, on_token: Callable[[str], object] | None
) -> Generator[str, None, None]:
    """Yield the pieces; a generator of its own, in no circle, so that one left half-read ends with its last holder."""
    pipe = _Pipe()
    pump = thread.start(pipe.fill(stream))
    try:
        while (piece := pipe.take()) is not None:
            if on_token is not None:
                on_token(piece)
            yield piece
        pump.result()
    except CancelledError:
        raise StormkeelError("the stream was closed before its end") from None
    finally:
        pump.cancel()  # and wait for nothing: the garbage collector may run this, on any thread
        del owner


class _Pipe:
    """Pieces on their way from the loop to the reader's thread, a bounded number ahead of it."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._room = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def fill(self, stream: Stream) -> None:
        """Read a stream to its end; cancelling this stops it upstream."""
        self._loop = asyncio.get_running_loop()
        try:
            async for piece in stream:
                self._waiting.put(piece)
                if self._waiting.qsize() >= WAITING:
                    self._room.clear()  # whoever takes from a full queue passes its half afterwards, and sets it again
                    await self._room.wait()
        finally:
            await stream.aclose()
            self._waiting.put(None)

    def take(self) -> str | None:
        """Wait for the next piece; None at the end."""
        piece = self._waiting.get()
        if piece is not None and self._waiting.qsize() == WAITING // 2 and self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody fills any more
                self._loop.call_soon_threadsafe(self._room.set)
        return piece
