"""Many prompts, a bounded number of them under way at once, their answers in the prompts' order.

Never reads further ahead than it can ask, and never leaves a request behind: when it ends, however it ends, all are settled.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable
from typing import Any, Literal, TypeAlias

from ..errors import InvalidRequestError, StormkeelError
from .ask import Ask, Messages, asking_for
from .completion import Completion

One: TypeAlias = str | Messages | Ask
"""One of many: a prompt, messages, or an `Ask` whose own wishes win over the common ones."""
Prompts: TypeAlias = Iterable[One] | AsyncIterable[One]
OnError: TypeAlias = Literal["return", "raise"]
Progress: TypeAlias = Callable[[int, "int | None"], object]
"""Is told how many are done and of how many, None where that is unknown."""

MOST = 10_000  # at once


class Many:
    """Requests under way, and the answers so far.

    Attributes:
        results: in the order the prompts were put, None where the answer is still to come.
        done: how many have ended.
    """

    def __init__(self, ask: Callable[[Ask], Coroutine[Any, Any, Completion]], common: Ask, concurrency: int, on_error: OnError):
        if type(concurrency) is not int or not 1 <= concurrency <= MOST:
            raise InvalidRequestError(f"concurrency={concurrency!r}: give a number from 1 to {MOST}")
        if on_error not in ("return", "raise"):
            raise InvalidRequestError(f'on_error={on_error!r}: give "return" or "raise"')
        self.results: list[Completion | StormkeelError | None] = []
        self.done = 0
        self._ask = ask
        self._common = common
        self._raises = on_error == "raise"
        self._room = asyncio.Semaphore(concurrency)
        self._moved = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._fault: BaseException | None = None

    async def put(self, one: One) -> int:
        """Begin one more as soon as there is room; return how many are done.

        Raises:
            StormkeelError: one has failed, and that is to be raised.
        """
        await self._room.acquire()
        self._look()
        self.results.append(None)
        task = asyncio.ensure_future(self._answer(len(self.results) - 1, one))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return self.done

    async def step(self, seen: int) -> int:
        """Wait until more than so many are done, or all that were put; return how many are."""
        while self.done <= seen and self.done < len(self.results):
            self._moved.clear()
            await self._moved.wait()
            self._look()
        self._look()
        return self.done

    async def end(self) -> None:
        """Cancel what is under way, and wait until it is settled."""
        left = tuple(self._under_way)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)

    async def _answer(self, place: int, one: One) -> None:
        try:
            self.results[place] = await self._ask(asking_for(self._common, one))
        except StormkeelError as error:
            self.results[place] = error
            if self._raises and self._fault is None:
                self._fault = error
        except Exception as error:  # noqa: BLE001 - raised by whoever waits: a mistake in a value that was put, or ours
            self._fault = self._fault or error
        finally:
            self.done += 1
            self._room.release()
            self._moved.set()

    def _look(self) -> None:
        if self._fault is not None:
            raise self._fault


def length_of(prompts: object) -> int | None:
    """Return how many prompts there are, None where that is not known beforehand."""
    try:
        return len(prompts)  # type: ignore[arg-type]  # asking is how one finds out
    except TypeError:
        return None


class Bar:
    """What is told of the progress: to a function, or as a bar where standard error is a terminal."""

    def __init__(self, progress: bool | Progress | None, total: int | None) -> None:
        self._total = total
        self._tell: Progress | None = progress if callable(progress) else None
        self._drawn: Any = None
        if progress is True and sys.stderr.isatty():
            self._draw()

    def _draw(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Drawn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._drawn = Drawn(*columns, console=Console(stderr=True))
        row = self._drawn.add_task("prompts", total=self._total)
        self._drawn.start()
        self._tell = lambda done, total: self._drawn.update(row, completed=done)

    def show(self, seen: int, done: int) -> int:
        """Tell how many are done, where that is more than was seen; return it."""
        if done > seen and self._tell is not None:
            self._tell(done, self._total)
        return done

    def close(self) -> None:
        """Take the bar off the terminal's hands."""
        if self._drawn is not None:
            self._drawn.stop()


async def complete_all(many: Many, prompts: Prompts, progress: bool | Progress | None) -> list[Completion | StormkeelError]:
    """Put every prompt, wait for every answer."""
    bar, seen = Bar(progress, length_of(prompts)), 0
    try:
        if isinstance(prompts, AsyncIterable):
            async for one in prompts:
                seen = bar.show(seen, await many.put(one))
        else:
            for one in prompts:
                seen = bar.show(seen, await many.put(one))
        while (done := await many.step(seen)) > seen:
            seen = bar.show(seen, done)
    finally:
        bar.close()
        await many.end()
    return finished(many)


def finished(many: Many) -> list[Completion | StormkeelError]:
    """Return the results, all there."""
    return [one for one in many.results if one is not None]
