"""The places of a concurrency limit, and the line before them: threads and tasks stand in the same one.

Never waits itself: who stands in line brings something that can be woken. A place that is given back goes to the first in line,
so nobody who comes later overtakes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol

from ..policies.concurrency import ConcurrencyGate


class Wakeable(Protocol):
    """Somebody who stands in line; `threading.Event` is one."""

    def set(self) -> None:
        """Wake them. May raise RuntimeError where they are gone for good (a closed event loop)."""
        ...


class Places:
    """A `ConcurrencyGate` with a line before it. Each place that is had is given back by one `settle`."""

    def __init__(self, limit: int) -> None:
        self._gate = ConcurrencyGate(limit)
        self._lock = threading.Lock()
        self._line: OrderedDict[Wakeable, None] = OrderedDict()

    @property
    def limit(self) -> int:
        """How many places there are."""
        return self._gate.limit

    @property
    def taken(self) -> int:
        """How many are taken."""
        return self._gate.in_flight

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    def enter(self, who: Wakeable) -> bool:
        """Take a place, or stand in line. Returns whether there was one."""
        with self._lock:
            if self._gate.admit() is None:  # never while somebody waits: a place that gets free is handed over
                return True
            self._line[who] = None
            return False

    def leave(self, who: Wakeable) -> bool:
        """Stop waiting. Returns whether a place had been handed over by then: it must be settled."""
        with self._lock:
            return self._line.pop(who, self) is self

    def abandon(self, who: Wakeable) -> None:
        """Stop waiting, and want no place any more."""
        if self.leave(who):
            self.settle()

    def settle(self) -> None:
        """Give a place back: to the first in line who can be woken, else to whoever comes."""
        while True:
            with self._lock:
                if not self._line:
                    self._gate.settle()
                    return
                first, _ = self._line.popitem(last=False)
            try:
                first.set()
            except RuntimeError:
                continue  # its event loop is closed: the next one then
            return
