"""An event loop on a thread of its own, for blocking callers.

Never decides what runs on it.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any, TypeVar

from ..errors import StormkeelError

T = TypeVar("T")
FORKED = "this Client was made before a fork; make a new one in the child process"
CLOSED = "this client is closed; make a new one"
THREADS = "stormkeel"  # the names of all threads that the package starts begin with it


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
