"""A guard: policies around functions and blocks of one's own.

Never leaves a setting without effect: what a form can not do is refused where it is written.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import msgspec

from ..errors import SettingsError
from .attempts import Attempts
from .block import Block
from .call import Ended, call
from .entries import Entries
from .steps import Do, Outcome, drive, drive_async
from .turn import Policies, Turn
from .watch import GuardStats

F = TypeVar("F", bound=Callable[..., Any])


class Guard:
    """Policies ready to guard functions (`@guard`) and blocks (`with guard`, `guard.attempts()`); made by `resilient`.

    All that one guard guards shares its breaker, its rate, its places, its retry budget and its statistics, methods of all
    instances included. Safe to share by threads and tasks.
    """

    def __init__(self, policies: Policies, name: str = "") -> None:
        self.name = name
        self._policies = policies
        self._entries: Entries[Block] = Entries()

    def __call__(self, function: F) -> F:
        """Guard a function or a coroutine function; what is returned has its name and signature.

        Raises:
            SettingsError: it can not be guarded like this.
        """
        self._check_function(function)
        name = self.name or getattr(function, "__qualname__", type(function).__name__)
        breaker = self._policies.gates.breaker
        if breaker is not None and not breaker.name:
            breaker.name = name
        wrap = self._async if _is_async(function) else self._sync
        return cast(F, functools.wraps(function)(wrap(function, name)))

    def _sync(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        policies, clock = self._policies, self._policies.gates.clock
        functions = (function, *policies.fallback)

        def guarded(*args: Any, **kwargs: Any) -> Any:
            def perform(step: Do) -> Outcome:
                try:
                    return Outcome(_at_once(functions[step.number](*args, **kwargs), name))
                except Exception as error:  # noqa: BLE001 - a failure is a value until the call ends
                    return Outcome(error=error)

            return _conclude(drive(call(Turn(policies, name)), clock, perform))

        return guarded

    def _async(self, function: Callable[..., Awaitable[Any]], name: str) -> Callable[..., Awaitable[Any]]:
        policies, clock = self._policies, self._policies.gates.clock
        functions = (function, *policies.fallback)

        async def guarded(*args: Any, **kwargs: Any) -> Any:
            async def perform(step: Do) -> Outcome:
                limit = asyncio.timeout(step.seconds)
                try:
                    async with limit:
                        value = functions[step.number](*args, **kwargs)
                        return Outcome(await value if inspect.isawaitable(value) else value)
                except Exception as error:  # noqa: BLE001 - a failure is a value until the call ends
                    is_cut = isinstance(error, TimeoutError) and limit.expired()
                    return Outcome(cut=True) if is_cut else Outcome(error=error)

            return _conclude(await drive_async(call(Turn(policies, name)), clock, perform))

        return guarded

    def attempts(self) -> Attempts:
        """Return the attempts of one guarded block, for a `for` or an `async for` loop.

        Raises:
            SettingsError: there is no retry policy, or there is a fallback, which a block can't have.
        """
        if self._policies.retry is None:
            raise SettingsError("`attempts()` needs a policy for retries: give `retry=3`, or use `with`")
        self._refuse_fallback()
        return Attempts(self._turn())

    def stats(self) -> GuardStats:
        """Return what it has done since it was made."""
        breaker = self._policies.gates.breaker
        return self._policies.watch.stats(None if breaker is None else breaker.state)

    def __enter__(self) -> Self:
        """Wait for leave, blocking this thread. Raises a `RefusalError`, or `SettingsError` for what a block can't have."""
        self._check_block()
        self._check_deadline("a block")
        block = Block(self._turn())
        block.enter()
        self._entries.push(block)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Settle by what the block raised."""
        self._entries.pop().leave(error)

    async def __aenter__(self) -> Self:
        """Wait for leave while other tasks run; the block is then under the deadline."""
        self._check_block()
        block = Block(self._turn())
        await block.enter_async()
        self._entries.push(block)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Settle by what the block raised. Raises `DeadlineError` where the deadline ended it."""
        await self._entries.pop().leave_async(kind, error, trace)

    def _turn(self) -> Turn:
        return Turn(self._policies, self.name or "block")

    def _check_block(self) -> None:
        if self._policies.retry is not None:
            raise SettingsError("a `with` block can't be repeated: use `for attempt in guard.attempts():` and `with attempt:`")
        self._refuse_fallback()

    def _refuse_fallback(self) -> None:
        if self._policies.fallback or self._policies.value is not msgspec.UNSET:
            raise SettingsError("a block can't be replaced by a `fallback`: guard a function, or write `except` around the block")

    def _check_function(self, function: object) -> None:
        if isinstance(function, staticmethod | classmethod):
            raise SettingsError(f"put `@{type(function).__name__}` above the guard, not below it")
        if inspect.isclass(function) or not callable(function):
            raise SettingsError(f'a guard goes around a function, not around "{_words(function)}"')
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise SettingsError(
                f'"{_words(function)}" is a generator, and what it does comes after the call: guard the function that makes '
                "each of its items, or use the guard in it by `with`"
            )
        if not _is_async(function):
            self._check_sync(function)

    def _check_sync(self, function: object) -> None:
        self._check_deadline(f'"{_words(function)}"')
        for fallback in self._policies.fallback:
            if _is_async(fallback):
                raise SettingsError(f'"{_words(function)}" is not async, but its fallback "{_words(fallback)}" is')

    def _check_deadline(self, what: str) -> None:
        """Code that isn't async can't be interrupted: its deadline is about waits and attempts, so there must be some."""
        policies = self._policies
        if policies.deadline is None or policies.retry is not None:
            return
        if policies.gates.rate is None and policies.gates.places is None:
            raise SettingsError(
                f"`deadline` would do nothing: {what} is not async and can't be interrupted, and there is no `retry`, `rate` or "
                "`concurrency` whose waits it could end; give the call inside a timeout of its own"
            )


def _is_async(function: object) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))  # noqa: B004


def _words(function: object) -> str:
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)


def _at_once(value: Any, name: str) -> Any:
    """Refuse a coroutine: what it does would come after the guarded call, unguarded."""
    if inspect.iscoroutine(value):
        value.close()
        raise SettingsError(f'"{name}" returned a coroutine, whose work no guard saw: guard the `async def` itself')
    return value


def _conclude(ended: Ended) -> Any:
    if ended.error is None:
        return ended.value
    try:
        raise ended.error
    finally:
        del ended  # the exception's traceback holds this frame: no circle
