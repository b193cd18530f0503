"""Work that blocks, on a thread that nobody waits for: a silent name server or disk must not hold the end up.

Never stops what it began: the thread is a daemon, and ends with the process.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

Found = TypeVar("Found")


async def aside(work: Callable[[], Found]) -> Found:
    """Do what blocks, and return its result or raise what it raised."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Found] = loop.create_future()
    threading.Thread(target=_do, args=(work, loop, done), name="stormkeel-checkup", daemon=True).start()
    return await done


def _do(work: Callable[[], Found], loop: asyncio.AbstractEventLoop, done: asyncio.Future[Found]) -> None:
    try:
        result = work()
    except Exception as fault:  # noqa: BLE001 - handed to who waits
        _tell(loop, done, partial(done.set_exception, fault))
    else:
        _tell(loop, done, partial(done.set_result, result))


def _tell(loop: asyncio.AbstractEventLoop, done: asyncio.Future[Any], say: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(lambda: None if done.done() else say())
    except RuntimeError:
        pass  # the loop has ended; nobody waits any more
