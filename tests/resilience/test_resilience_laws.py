"""What holds for every guard, whatever the functions do and whoever interrupts them."""

import asyncio
import threading
from contextlib import suppress
from fractions import Fraction
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from stormkeel import CircuitBreaker, RateLimiter, RateReachedError, RetryPolicy, resilient
from stormkeel.testing import ManualClock, run_virtual


class Hinted(Exception):
    """An exception that says when to come back."""

    def __init__(self, seconds):
        super().__init__("slow down")
        self.retry_after = seconds


STEPS = st.lists(
    st.tuples(
        st.floats(0.0, 8.0),
        st.sampled_from([None, ConnectionError, TimeoutError, ValueError, KeyboardInterrupt])
        | st.floats(0.01, 40.0).map(lambda seconds: lambda: Hinted(seconds)),
    ),
    min_size=1,
    max_size=8,
)
"""What a function does, call by call: how long it takes, and what it raises."""

GUARDS = st.fixed_dictionaries(
    {
        "retry": st.none() | st.integers(1, 6),
        "deadline": st.none() | st.floats(0.1, 30.0),
        "breaker": st.booleans(),
        "rate": st.sampled_from([None, "1/s", "30/m"]),
        "concurrency": st.none() | st.integers(1, 2),
    }
)


def guard_of(given, clock, **more):
    """Make a guard, with something in it that even a plain function can have."""
    given = {"retry": 1, **{name: value for name, value in given.items() if value}}
    if given.pop("breaker", False):
        given["breaker"] = CircuitBreaker("law", consecutive=2, clock=clock)
    return resilient(**given, **more, clock=clock), given


def is_balanced(guard):
    """Is nothing taken, and has every call exactly one end (INV-15)?"""
    gates, stats = guard._policies.gates, guard.stats()
    places, rate = gates.places, gates.rate
    return (
        stats.in_flight == 0
        and (places is None or (places.taken, places.waiting) == (0, 0))
        and (rate is None or rate._waiting == 0)
        and stats.calls == stats.successes + stats.fallbacks + stats.failures + stats.cancelled
        and not guard._entries._open
    )


@given(GUARDS, STEPS, st.integers(1, 4), st.integers(0, 99))
def test_a_plain_function_is_tried_within_bounds(given, steps, calls, seed):
    """INV-10, INV-11, INV-12, INV-15: no attempt too many, none after the deadline or before a hint, and nothing left taken."""
    clock, script = ManualClock(seed), iter(steps * 20)
    begun, allowed = [], 0.0

    def work():
        nonlocal allowed
        begun.append(clock.now())
        assert clock.now() >= allowed, "earlier than it was asked to"
        seconds, error = next(script)
        clock.advance(seconds)
        if error is not None:
            raised = error()
            allowed = clock.now() + getattr(raised, "retry_after", 0.0)
            raise raised

    guard, chosen = guard_of(given, clock)
    guarded = guard(work)
    for _ in range(calls):
        begun.clear()
        start, allowed = clock.now(), 0.0
        with suppress(Exception, KeyboardInterrupt):
            guarded()
        assert len(begun) <= chosen["retry"]
        assert all(at < start + chosen.get("deadline", float("inf")) for at in begun)
        assert is_balanced(guard)


@given(GUARDS, STEPS, st.lists(st.tuples(st.floats(0.0, 5.0), st.none() | st.floats(0.0, 20.0)), min_size=1, max_size=6))
def test_tasks_end_in_time_and_leave_nothing_taken(given, steps, tasks):
    """INV-10, INV-15: every task has its outcome by its deadline; cancels at any moment leave gates as they were."""
    clock, script, running = ManualClock(), iter([step for step in steps if step[1] is not KeyboardInterrupt] * 60), 0
    guard, chosen = guard_of(given, clock, fallback="cover")
    most = []

    @guard
    async def work():
        nonlocal running
        running += 1
        most.append(running)
        try:
            seconds, error = next(script, (0.0, None))
            await asyncio.sleep(seconds)
            if error is not None:
                raise error()
        finally:
            running -= 1

    async def one(after, cancelled):
        await asyncio.sleep(after)
        task = asyncio.create_task(work())
        if cancelled is not None:
            asyncio.get_running_loop().call_later(cancelled, task.cancel)
        start = clock.now()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        assert clock.now() - start <= chosen.get("deadline", float("inf")) + 0.001

    async def story():
        await asyncio.gather(*(one(*task) for task in tasks))

    run_virtual(story())
    assert running == 0 and max(most, default=0) <= chosen.get("concurrency", 99)
    assert is_balanced(guard)


@given(GUARDS, STEPS, st.integers(0, 99))
def test_loops_of_attempts_keep_the_same_bounds(given, steps, seed):
    """Blocks in a loop are tried as functions are: no attempt too many, none too late, nothing left taken."""
    clock, script = ManualClock(seed), iter(steps * 20)
    guard, chosen = guard_of(given, clock)
    begun = []
    with suppress(Exception, KeyboardInterrupt):
        for attempt in guard.attempts():
            with attempt:
                begun.append(clock.now())
                seconds, error = next(script)
                clock.advance(seconds)
                if error is not None:
                    raise error()
    assert len(begun) <= chosen["retry"] and all(at < chosen.get("deadline", float("inf")) for at in begun)
    assert is_balanced(guard)


@given(
    limit=st.integers(1, 20),
    burst=st.integers(1, 20),
    tasks=st.lists(
        st.tuples(st.floats(0.0, 5.0), st.integers(1, 4), st.none() | st.floats(0.0, 5.0), st.none() | st.floats(0.0, 5.0)),
        min_size=1,
        max_size=25,
    ),
)
def test_no_window_sees_more_than_the_rate(limit, burst, tasks):
    """INV-12: with tasks of any size that come, wait, time out and are cancelled, every window has at most rate * T + burst."""
    clock, passed = ManualClock(), []
    burst = min(limit, burst)
    limiter = RateLimiter(limit, per=1.0, burst=burst, clock=clock)

    async def go(after, units, timeout, cancelled):
        await asyncio.sleep(after)
        start = clock.now()

        async def take():
            with suppress(RateReachedError):
                await limiter.acquire_async(units, timeout)
                assert timeout is None or clock.now() <= start + timeout + 1e-9
                passed.append((clock.now(), units))

        task = asyncio.create_task(take())
        if cancelled is not None:
            asyncio.get_running_loop().call_later(cancelled, task.cancel)
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    async def story():
        await asyncio.gather(*(go(*task) for task in tasks))

    run_virtual(story())
    assert_rate(passed, limit, burst)
    assert limiter._waiting == 0


def assert_rate(passed, limit, burst):
    """Fail where some window saw more units than a rate of so many a second and a burst allow."""
    passed = sorted(passed)
    for first, (start, _) in enumerate(passed):
        units = 0
        for at, size in passed[first:]:
            units += size
            assert units <= Fraction(at - start) * limit + burst + Fraction(limit, 10**6), (start, at, units)


@settings(max_examples=10)
@given(st.integers(1, 50), st.integers(0, 99))
def test_threads_share_a_rate_exactly(limit, seed):
    """INV-12: eight threads, one limiter; no window has more than the limit, and every unit is there in the end."""
    clock, passed, rng = ManualClock(), [], Random(seed)
    limiter = RateLimiter(limit, per=1.0, clock=clock)
    sizes = [[rng.randint(1, min(3, limit)) for _ in range(30)] for _ in range(8)]
    together = threading.Barrier(8)

    def work(mine):
        together.wait(10.0)
        for units in mine:
            limiter.acquire(units)
            passed.append(units)

    run_threads([lambda mine=mine: work(mine) for mine in sizes])
    total = sum(map(sum, sizes))
    assert sum(passed) == total and limiter._waiting == 0
    assert total <= Fraction(clock.now()) * limit + limit + 1, "more passed than time allows"


def run_threads(works):
    """Run each function in a thread of its own, to the end; raise what any of them raised."""
    errors = []

    def run(work):
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


@settings(max_examples=10)
@given(st.integers(1, 4), st.integers(0, 99))
def test_threads_leave_nothing_taken(places, seed):
    """INV-15: eight threads of calls that fail and work, through every gate: never more inside than places, nothing left taken."""
    clock, inside, most = ManualClock(seed), [], []
    guard = resilient(
        retry=RetryPolicy(3, budget=None), concurrency=places, rate=RateLimiter(10**6, clock=clock),
        breaker=CircuitBreaker("law", consecutive=50, clock=clock), fallback="cover", clock=clock,
    )  # fmt: skip
    rng, together = Random(seed), threading.Barrier(8)

    @guard
    def work():
        inside.append(1)
        most.append(len(inside))
        fails = rng.random() < 0.3
        inside.pop()
        if fails:
            raise ConnectionError

    def many():
        together.wait(10.0)
        for _ in range(40):
            work()

    run_threads([many] * 8)
    stats = guard.stats()
    assert stats.calls == 320 and max(most) <= places
    assert is_balanced(guard)
