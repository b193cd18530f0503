"""What is open in `with` blocks of one shared object, kept apart for each task and thread.

Never mixes two of them: a block is left by whoever entered it, the latest first.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Generic, TypeVar

from ..errors import SettingsError

T = TypeVar("T")


class Entries(Generic[T]):
    """The entered blocks of one object."""

    def __init__(self) -> None:
        self._open: dict[object, list[T]] = {}

    def push(self, entry: T) -> None:
        """Note a block that was entered."""
        self._open.setdefault(_me(), []).append(entry)

    def pop(self) -> T:
        """Take the latest block of this task or thread.

        Raises:
            SettingsError: it entered none.
        """
        me = _me()
        mine = self._open.get(me)
        if not mine:
            raise SettingsError("a guarded block was left by another task or thread than entered it: use one `with` for both")
        entry = mine.pop()
        if not mine:
            del self._open[me]
        return entry


def _me() -> object:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop runs in this thread
        task = None
    return threading.get_ident() if task is None else task
