"""`Client`: the same engine for blocking callers, on a private event-loop thread.

Never a second implementation: every call is handed to an `AsyncClient` that lives on the thread. Safe to use from many threads
at once.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading
import weakref
from collections.abc import Callable, Coroutine, Generator, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from .client import AsyncClient, Stream
from .completion import Asked, Completion, Messages
from .errors import StormkeelError

if TYPE_CHECKING:
    from .assemble import Reloaded
    from .config.settings import Settings
    from .runtime.telemetry.stats import Stats

T = TypeVar("T")
FORKED = "this Client was made before a fork; make a new one in the child process"
CLOSED = "this client is closed; make a new one"
THREADS = "stormkeel"  # the names of all threads that the package starts begin with it
WAITING = 64  # pieces of a stream that may wait for their reader


class LoopThread:
    """An event loop on a daemon thread, made at first use, stopped for ever by `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._pid = os.getpid()

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin a coroutine on the loop, which is started if need be."""
        fault = FORKED if os.getpid() != self._pid else ""
        if not fault:
            with self._lock:  # what was begun before `close` is seen by it, and nothing begins after it
                if not self._closed:
                    return asyncio.run_coroutine_threadsafe(work, self._running())
            fault = CLOSED
        work.close()
        raise StormkeelError(fault)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and wait for its result; an interrupt of the caller cancels it."""
        future = self.start(work)
        try:
            return future.result()
        except CancelledError:
            raise StormkeelError("this client was closed before the answer came") from None
        except BaseException:
            future.cancel()
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = _new_loop()
            self._thread = threading.Thread(target=_serve, args=(self._loop,), name="stormkeel", daemon=True)
            self._thread.start()
        return self._loop

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Cancel what is under way, do one last thing, stop the loop and wait for its thread. Safe to call twice."""
        if os.getpid() != self._pid:  # inherited by a fork: the parent closes it
            return
        with self._lock:
            loop, thread, self._loop, self._thread, self._closed = self._loop, self._thread, None, None, True
        if loop is None or thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(_end(last), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()


async def _end(last: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Cancel every task and let it settle before the last thing is done."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
    await last()


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    workers = ThreadPoolExecutor(thread_name_prefix=THREADS)
    loop.set_default_executor(workers)
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        workers.shutdown()  # not the loop's own way, which starts a thread: an ending interpreter gives none
        loop.close()


class Client:
    """Call any configured model from blocking code.

    Arguments as for `AsyncClient`. Use it as a context manager, or call `close()`, to have the ledger written out and
    connections closed; a client that is simply dropped does so as well, when the process ends.
    """

    def __init__(
        self,
        config: str | Path | Settings | None = None,
        *,
        provider: str | None = None,
        default_model: str | None = None,
        data: str | Path | None = None,
    ) -> None:
        self._client = AsyncClient(config, provider=provider, default_model=default_model, data=data)
        self._thread = LoopThread()
        self._end = weakref.finalize(self, _close, self._client, self._thread)

    def complete(  # noqa: PLR0913 - the face is flat: each is one word a caller writes
        self,
        prompt: str | None = None,
        *,
        model: str | None = None,
        messages: Messages | None = None,
        system: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        timeout: float | None = None,
        task: str = "",
        user: str = "",
        tags: Sequence[str] = (),
    ) -> Completion:
        """Ask a model and wait for the whole answer; arguments and errors as for `AsyncClient.complete`."""
        asked = Asked(prompt, model, messages, system, max_tokens, temperature, timeout, task, user, tags)
        return self._thread.run(self._client._ask(asked))

    def stream(  # noqa: PLR0913 - as `complete`
        self,
        prompt: str | None = None,
        *,
        model: str | None = None,
        messages: Messages | None = None,
        system: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        timeout: float | None = None,
        task: str = "",
        user: str = "",
        tags: Sequence[str] = (),
        on_token: Callable[[str], object] | None = None,
    ) -> BlockingStream:
        """Ask a model and take the answer as it comes; arguments as for `AsyncClient.stream`.

        `on_token` is called in the caller's thread.
        """
        asked = Asked(prompt, model, messages, system, max_tokens, temperature, timeout, task, user, tags)
        return BlockingStream(self, self._thread, Stream(self._client, asked), on_token)

    def stats(self) -> Stats:
        """Return what this client did so far."""
        return self._client.stats()

    def reset_stats(self) -> None:
        """Start counting anew."""
        self._client.reset_stats()

    def metrics(self) -> bytes:
        """Return this client's metrics in Prometheus' text format."""
        return self._client.metrics() if self.closed else self._thread.run(_called(self._client.metrics))

    def reload(self) -> Reloaded:
        """Read configuration, `.env` and credentials again; as `AsyncClient.reload`."""
        return self._thread.run(self._client.reload())

    @property
    def closed(self) -> bool:
        """Was it closed?"""
        return not self._end.alive

    def close(self) -> None:
        """End calls still under way, finish writing the ledger, close every connection and stop the thread."""
        self._end()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


async def _called(function: Callable[[], T]) -> T:
    """Call a function on the loop's own thread."""
    return function()


def _close(client: AsyncClient, thread: LoopThread) -> None:
    """Close, on whichever thread the last holder or the garbage collector lets go: one of our own can't wait for its own end."""
    if threading.current_thread().name.startswith(THREADS):
        threading.Thread(target=thread.close, args=(client.aclose,), name=f"{THREADS}-close").start()
    else:
        thread.close(client.aclose)


class BlockingStream:
    """A streamed answer for blocking callers: iterate it for the text, then read `.completion`.

    Pieces come through a bounded queue: a slow reader slows the provider's stream down, it does not fill the memory. A stream
    that is left half-read is stopped by `close()`, at the end of its `with`, or when nobody holds it any more.
    """

    def __init__(self, owner: Client, thread: LoopThread, stream: Stream, on_token: Callable[[str], object] | None) -> None:
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
    owner: Client, thread: LoopThread, stream: Stream, on_token: Callable[[str], object] | None
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
