"""A loop in virtual time that runs what is ready in an order drawn by a seed, so that each seed tries other interleavings.

Never breaks what asyncio promises of one task or one future; only which of several that are ready goes first is chance. Ties are
frequent because whoever waits here waits for moments on a grid.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from random import Random
from typing import Any, TypeVar

from ..testing import VirtualLoop

T = TypeVar("T")

GRID = 1.0 / 64
"""Seconds between two moments at which something of the world outside may happen; a power of two, so that sums stay on it."""


class _Shuffled(deque[Any]):
    """The ready queue, of which any may be the next."""

    def __init__(self, rng: Random) -> None:
        super().__init__()
        self._draw = rng.random

    def popleft(self) -> Any:
        waiting = len(self)
        if waiting > 1:
            self.rotate(-int(self._draw() * waiting))
        return super().popleft()


class SeededLoop(VirtualLoop):
    """An event loop in virtual time whose order of what is ready follows from a seed."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._ready = _Shuffled(Random(f"order {seed}"))  # noqa: S311 - an order of callbacks, no secret

    def leap(self, seconds: float) -> None:
        """Let time pass in which nothing runs: a machine that sleeps, a loop that is held up."""
        self._jump.clock += seconds


def run_seeded(main: Coroutine[Any, Any, T], seed: int) -> T:
    """Run a coroutine in virtual time, in an order drawn by a seed, and return its result."""
    with asyncio.Runner(loop_factory=lambda: SeededLoop(seed)) as runner:
        return runner.run(main)


def on_grid(at: float) -> float:
    """Return the first moment of the grid that is not before a moment.

    >>> on_grid(0.0), on_grid(0.3), on_grid(1.0)
    (0.0, 0.3125, 1.0)
    """
    return -(-at // GRID) * GRID
