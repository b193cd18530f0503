"""`resilient`: from the words a user writes to a guard.

Never guesses: a word that means nothing is a `SettingsError` that says what would.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from ..errors import SettingsError
from ..policies.base import within
from ..policies.concurrency import MOST
from ..policies.deadline import LONGEST
from .breaker import CircuitBreaker
from .clock import REAL, Clock
from .failures import Chooser
from .gates import Gates
from .guard import Guard
from .limiter import RateLimiter
from .places import Places
from .policy import RetryPolicy
from .retries import Retries, settings
from .turn import Policies
from .watch import Listener, Watch

T = TypeVar("T")


def resilient(  # noqa: PLR0913 - the face is flat: each is one word a user writes
    *,
    retry: RetryPolicy | int | None = None,
    deadline: float | None = None,
    breaker: CircuitBreaker | str | bool | None = None,
    rate: RateLimiter | str | None = None,
    concurrency: int | None = None,
    fallback: object = msgspec.UNSET,
    on: Chooser | None = None,
    on_event: Listener | None = None,
    name: str = "",
    clock: Clock = REAL,
) -> Guard:
    """Make a guard for functions and blocks of your own. Use it as `@guard`, `with guard` or `for attempt in guard.attempts()`.

    Args:
        retry: how often to try, the first attempt included; or a whole policy.
        deadline: seconds for all attempts and waits of one call. It cancels what is async; a function that isn't can't be
            interrupted, so there it ends waits and further attempts only.
        breaker: a breaker; the name of one that the whole process shares; or True for one of its own.
        rate: a limiter, or a limit as in "10/s" or "600/m". Calls wait for their turn, up to the deadline.
        concurrency: how many attempts may go on at once. Others wait in line, up to the deadline.
        fallback: a value; a function of the same arguments; or a list of such functions, asked in order. They are called
            unguarded, and after the deadline too.
        on: which exceptions are failures: classes, or a function that says so. Others pass through, counted by nobody. Without
            it, docs/resilience.md, Which exceptions are failures.
        on_event: called with each `GuardEvent`, in the caller's thread; must be quick.
        name: for errors, logs and events; the function's where it is not given.
        clock: time and chance, for tests.

    Raises:
        SettingsError: something of this makes no sense.
    """
    functions, value = _fallback(fallback)
    gates = Gates(clock, _breaker(breaker, name, clock), _rate(rate, clock), _places(concurrency))
    policies = Policies(gates, Watch(_listener(on_event)), _retry(retry), _deadline(deadline), _chooser(on), functions, value)
    if policies.retry is None and gates == Gates(clock) and deadline is None and fallback is msgspec.UNSET:
        raise SettingsError("nothing guards: give `retry`, `deadline`, `breaker`, `rate`, `concurrency` or `fallback`")
    return Guard(policies, name)


def _retry(retry: RetryPolicy | int | None) -> Retries | None:
    if retry is None:
        return None
    if type(retry) is int:
        return RetryPolicy(retry).retries
    return _one_of(retry, RetryPolicy, "retry", "the number of attempts, or a `RetryPolicy`").retries


def _deadline(deadline: float | None) -> float | None:
    if deadline is not None:
        with settings():
            within("deadline", deadline, 0.001, LONGEST, "seconds")
    return deadline


def _breaker(breaker: CircuitBreaker | str | bool | None, name: str, clock: Clock) -> CircuitBreaker | None:
    if breaker is None or breaker is False:
        return None
    if breaker is True:
        return CircuitBreaker(name, clock=clock)
    if isinstance(breaker, str):
        return _of_same_time(CircuitBreaker.named(breaker), "breaker", clock)
    return _of_same_time(_one_of(breaker, CircuitBreaker, "breaker", "a `CircuitBreaker`, a name, or True"), "breaker", clock)


def _rate(rate: RateLimiter | str | None, clock: Clock) -> RateLimiter | None:
    if rate is None:
        return None
    if isinstance(rate, str):
        return RateLimiter.of(rate, clock)
    return _of_same_time(_one_of(rate, RateLimiter, "rate", 'a `RateLimiter`, or a limit as in "10/s"'), "rate", clock)


def _places(concurrency: int | None) -> Places | None:
    if concurrency is None:
        return None
    if type(concurrency) is not int:
        raise SettingsError(f"`concurrency` is {concurrency!r}: give a whole number from 1 to {MOST}")
    with settings():
        return Places(concurrency)


def _fallback(fallback: object) -> tuple[tuple[Callable[..., Any], ...], object]:
    """Tell functions from a value: a list of nothing but functions is one of functions."""
    if isinstance(fallback, Sequence) and not isinstance(fallback, str | bytes) and fallback and all(map(callable, fallback)):
        functions: tuple[Callable[..., Any], ...] = tuple(fallback)
    elif callable(fallback):
        functions = (fallback,)
    else:
        return (), fallback
    for function in functions:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise SettingsError(f'the fallback "{function.__qualname__}" is a generator: give a function that returns the result')
    return functions, msgspec.UNSET


def _chooser(on: Chooser | None) -> Chooser | None:
    classes = on if isinstance(on, tuple) else (on,) if isinstance(on, type) else ()
    for one in classes:
        if not (_is_class(one) and issubclass(one, Exception)):
            raise SettingsError(f"`on` names {one!r}, which is no class of exceptions (Ctrl-C and cancels always pass through)")
    if not classes and on is not None and not _is_callable(on):
        raise SettingsError(f"`on` is {on!r}: give a class of exceptions, a tuple of them, or a function of the exception")
    return on


def _listener(on_event: Listener | None) -> Listener | None:
    if on_event is not None and (not _is_callable(on_event) or inspect.iscoroutinefunction(on_event)):
        raise SettingsError("`on_event` is called in the middle of things: give a function that is not async")
    return on_event


def _is_class(given: object) -> bool:
    return isinstance(given, type)


def _is_callable(given: object) -> bool:
    return callable(given)


def _one_of(given: object, kind: type[T], setting: str, expected: str) -> T:
    if not isinstance(given, kind):
        raise SettingsError(f"`{setting}` is {given!r}: give {expected}")
    return given


L = TypeVar("L", CircuitBreaker, RateLimiter)


def _of_same_time(given: L, setting: str, clock: Clock) -> L:
    if given.clock is not clock:
        raise SettingsError(f"`{setting}` goes by another clock than the guard: give both the same `clock`")
    return given
