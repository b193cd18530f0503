"""What a guard can't do is refused where it is written: nothing is accepted and ignored."""

import functools
import inspect

import pytest

from stormkeel import CircuitBreaker, RateLimiter, RetryPolicy, SettingsError, resilient
from stormkeel.engine import gates as engine
from stormkeel.engine import line, world
from stormkeel.policies.breaker import Breaker
from stormkeel.policies.concurrency import ConcurrencyGate
from stormkeel.policies.gcra import Gcra
from stormkeel.policies.retry import RetryBudget, decide
from stormkeel.resilience import retries
from stormkeel.testing import ManualClock, run_virtual


def words():
    """Yield."""
    yield 1


async def awords():
    """Yield."""
    yield 1


async def coroutine():
    """Do nothing."""


def plain():
    """Do nothing."""


def around(function, **given):
    """Guard a function."""
    return lambda: resilient(**given)(function)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (around(words, retry=2), r'"words" is a generator, and what it does comes after the call'),
        (around(awords, retry=2), r'"awords" is a generator'),
        (around(int, retry=2), r'a guard goes around a function, not around "int"'),
        (around(7, retry=2), r'not around "int"'),
        (around(staticmethod(plain), retry=2), r"put `@staticmethod` above the guard"),
        (around(plain, deadline=2.0), r'`deadline` would do nothing: "plain" is not async'),
        (around(plain, deadline=2.0, breaker=True, fallback=1), r"`deadline` would do nothing"),
        (around(plain, fallback=coroutine), r'"plain" is not async, but its fallback "coroutine" is'),
        (around(coroutine, fallback=[awords]), r'the fallback "awords" is a generator'),
        (resilient, r"nothing guards: give `retry`"),
        (lambda: resilient(retry=0), r"`attempts` is 0: give a number from 1 to 20"),
        (lambda: resilient(retry=True), r"`retry` is True: give the number of attempts, or a `RetryPolicy`"),
        (lambda: resilient(retry="3"), r"`retry` is '3'"),
        (lambda: resilient(deadline=0.0), r"`deadline` is 0: give a number from 0.001 to 86400 seconds"),
        (lambda: resilient(concurrency=0), r"`concurrency` is 0: give a whole number from 1"),
        (lambda: resilient(concurrency=2.5), r"`concurrency` is 2.5"),
        (lambda: resilient(rate="fast"), r'"fast" is no rate: write a number and a period, as in "10/s"'),
        (lambda: resilient(rate=10), r"`rate` is 10: give a `RateLimiter`"),
        (lambda: resilient(breaker=5), r"`breaker` is 5: give a `CircuitBreaker`, a name, or True"),
        (lambda: resilient(retry=2, on=KeyboardInterrupt), r"Ctrl-C and cancels always pass through"),
        (lambda: resilient(retry=2, on=["ValueError"]), r"`on` is \['ValueError'\]: give a class"),
        (lambda: resilient(retry=2, on_event=coroutine), r"`on_event` is called in the middle of things"),
        (lambda: resilient(rate=RateLimiter(5), clock=ManualClock()), r"`rate` goes by another clock than the guard"),
        (lambda: resilient(breaker="any", clock=ManualClock()), r"`breaker` goes by another clock than the guard"),
        (lambda: resilient(breaker=True).attempts(), r"`attempts\(\)` needs a policy for retries"),
        (lambda: resilient(retry=2, fallback=1).attempts(), r"a block can't be replaced by a `fallback`"),
        (lambda: RateLimiter(0), r"`limit` is 0: give a number from 1"),
        (lambda: RateLimiter(5, burst=6), r"`burst` is 6: give a number from 1 to 5 units"),
        (lambda: RateLimiter(5).acquire(0), r"`tokens` is 0: acquire 1 or more"),
        (lambda: CircuitBreaker(share=2.0), r"`share` is 2: give a number from 0.01 to 1"),
        (lambda: RetryPolicy(base=-1.0), r"`base` is -1"),
        (lambda: RetryPolicy(budget=5), r"`budget` is 5: give a number from 14 to 1e\+06"),
    ],
)
def test_what_makes_no_sense_is_refused(made, told):
    """The error names what was given, and what would be right."""
    with pytest.raises(SettingsError, match=told):
        made()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"retry": 2}, r"a `with` block can't be repeated: use `for attempt in guard.attempts\(\):`"),
        ({"breaker": True, "fallback": None}, r"a block can't be replaced by a `fallback`"),
        ({"deadline": 1.0}, r"`deadline` would do nothing: a block is not async"),
    ],
)
def test_what_a_block_can_not_have_is_refused_before_it_runs(given, told):
    """A setting that a `with` would ignore keeps the block from being entered."""
    with pytest.raises(SettingsError, match=told), resilient(**given):
        pytest.fail("it was entered")


def test_a_function_that_hands_out_a_coroutine_is_found_out():
    """Its work would come after the guard has looked away."""

    def hand_out():
        return coroutine()

    guarded = resilient(retry=2)(hand_out)
    with pytest.raises(SettingsError, match="returned a coroutine, whose work no guard saw"):
        guarded()


def test_colours_are_kept():
    """A guarded coroutine function is one, be it a partial or an object with an async `__call__`; a plain function is none."""

    class Callable:
        async def __call__(self):
            return "called"

    guard = resilient(retry=2, clock=ManualClock())
    for function in (coroutine, functools.partial(coroutine), Callable()):
        assert inspect.iscoroutinefunction(guard(function))
    assert run_virtual(guard(Callable())()) == "called"
    assert not inspect.iscoroutinefunction(guard(plain))


def test_a_rate_is_written_as_people_write_it():
    """Seconds, minutes, hours, days."""
    assert [RateLimiter.of(words).per for words in ("10/s", "600/m", " 5/h", "7/d")] == [1.0, 60.0, 3600.0, 86400.0]


def test_a_short_cap_needs_no_second_setting():
    """The base after a throttle follows a cap below it."""
    assert RetryPolicy(cap=0.5).retries.settings.throttle_base == 0.5
    assert RetryPolicy(base=3.0).retries.settings.throttle_base == 3.0


def test_the_policies_are_the_engines_own():
    """Nothing is decided twice: breaker, places, rate and budget are the very classes that providers are guarded with."""
    guard = resilient(retry=2, breaker=True, rate="1/s", concurrency=1)
    gates = guard._policies.gates
    assert type(gates.breaker._breaker) is Breaker
    assert type(gates.places._gate) is ConcurrencyGate
    assert type(gates.rate._gcra) is Gcra
    assert type(guard._policies.retry._budget) is RetryBudget
    assert (engine.Breaker, world.RetryBudget) == (Breaker, RetryBudget)
    assert issubclass(engine.SharedPlaces, ConcurrencyGate)
    assert (line.decide, retries.decide) == (decide, decide)
