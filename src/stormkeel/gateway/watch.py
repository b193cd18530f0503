"""Notice a client that leaves while its answer is still being made, and cancel the request's task.

Never cancels anything else. Our own server calls back when a client goes (`scope["extensions"]["stormkeel.gone"]`), which
costs nothing a request; under any other ASGI server a task waits for `http.disconnect`.
"""

from __future__ import annotations

import asyncio
from typing import Any

from .reply import Receive, Scope


class Watch:
    """Watches over one request, from when its body has been read until `end`.

    Attributes:
        left: the client has gone, and the task was cancelled for it.
    """

    __slots__ = ("_task", "_watcher", "left")

    def __init__(self, scope: Scope, receive: Receive, task: asyncio.Task[Any]) -> None:
        self._task: asyncio.Task[Any] | None = task
        self._watcher: asyncio.Task[None] | None = None
        self.left = False
        gone = (scope.get("extensions") or {}).get("stormkeel.gone")
        if gone is not None:
            gone(self._cancel)
        else:
            self._watcher = asyncio.ensure_future(self._wait(receive))

    def _cancel(self) -> None:
        if self._task is not None:
            self.left = True
            self._task.cancel()

    async def _wait(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._cancel()

    def end(self) -> None:
        """Watch no longer."""
        self._task = None
        if self._watcher is not None:
            self._watcher.cancel()
