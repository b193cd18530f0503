"""Guarded blocks: `with`, `async with`, and loops of attempts."""

import asyncio

import pytest

from stormkeel import (
    CircuitBreaker,
    CircuitOpenError,
    DeadlineError,
    RateLimiter,
    RateReachedError,
    RetryPolicy,
    SettingsError,
    resilient,
)
from stormkeel.testing import ManualClock, run_virtual


def test_a_block_is_admitted_and_settled():
    """A `with` block asks the gates, and what it raises counts for the breaker and passes through."""
    clock = ManualClock()
    guard = resilient(breaker=CircuitBreaker("db", consecutive=2, clock=clock), concurrency=1, clock=clock)
    for _ in range(2):
        with pytest.raises(ConnectionError), guard as entered:
            assert entered.stats().in_flight == 1
            raise ConnectionError
    with pytest.raises(CircuitOpenError, match='"block" was refused by us: breaker "db" is open'), guard:
        pytest.fail("an open breaker lets nobody in")
    stats = guard.stats()
    assert (stats.calls, stats.failures, stats.refusals, stats.in_flight, stats.state) == (3, 3, 1, 0, "open")


def test_an_async_block_ends_at_its_deadline():
    """The block is cancelled, and DeadlineError says so; a block in time is left alone."""
    clock = ManualClock()
    guard = resilient(deadline=2.0, clock=clock)

    async def story():
        async with guard:
            await asyncio.sleep(1.0)
        with pytest.raises(DeadlineError, match=r"was ended after 2.00 s by its deadline of 2 s"):
            async with guard:
                await asyncio.sleep(60.0)
        return clock.now()

    assert run_virtual(story()) == pytest.approx(3.0)
    assert guard.stats().successes == 1 and guard.stats().failures == 1


def test_one_guard_is_entered_by_many_tasks_and_again_inside():
    """Each task leaves its own block, whatever order they end in, under its own deadline; nested ones are left inside out."""
    guard = resilient(concurrency=10, deadline=4.5, clock=ManualClock())

    async def work(seconds):
        async with guard:
            await asyncio.sleep(seconds)
            async with guard:
                await asyncio.sleep(1.0)

    async def story():
        return await asyncio.gather(*(work(seconds) for seconds in (1.0, 3.0, 5.0)), return_exceptions=True)

    *well, late = run_virtual(story())
    assert isinstance(late, DeadlineError) and well == [None, None]
    assert guard.stats().successes == 4 and guard.stats().in_flight == 0


def test_a_cancelled_block_gives_everything_back():
    """INV-15: cancelled in line or inside, nothing stays taken, and it is no failure."""
    guard = resilient(concurrency=1, deadline=100.0, clock=ManualClock())

    async def work():
        async with guard:
            await asyncio.sleep(60.0)

    async def story():
        tasks = [asyncio.create_task(work()) for _ in range(3)]
        await asyncio.sleep(1.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with guard:
            return guard.stats()

    stats = run_virtual(story())
    assert (stats.cancelled, stats.failures, stats.in_flight) == (3, 0, 1)


def test_attempts_repeat_a_block():
    """The loop goes on while blocks fail in a way that is worth it, and ends with the first that succeeds."""
    clock, numbers = ManualClock(), []
    guard = resilient(retry=5, clock=clock)
    for attempt in guard.attempts():
        with attempt:
            numbers.append(attempt.number)
            if len(numbers) < 3:
                raise ConnectionError
    assert numbers == [1, 2, 3] and clock.now() > 0.0
    assert guard.stats().successes == 1 and guard.stats().retries == 2


def test_the_last_attempts_exception_leaves_the_loop():
    """Nothing is swallowed in the end; a bug leaves at once, and so does Ctrl-C."""
    for error, tries in ((ConnectionError(), 3), (TypeError(), 1), (KeyboardInterrupt(), 1)):
        numbers = []
        with pytest.raises(type(error)) as caught:
            for attempt in resilient(retry=3, clock=ManualClock()).attempts():
                with attempt:
                    numbers.append(attempt.number)
                    raise error
        assert caught.value is error and len(numbers) == tries


def test_async_attempts_share_one_deadline():
    """The third attempt is cut off where the deadline of all of them ends."""
    clock, numbers = ManualClock(), []
    guard = resilient(retry=5, deadline=10.0, clock=clock)

    async def story():
        with pytest.raises(DeadlineError) as caught:
            async for attempt in guard.attempts():
                async with attempt:
                    numbers.append(attempt.number)
                    if attempt.number < 3:
                        raise ConnectionError
                    await asyncio.sleep(60.0)
        return clock.now(), caught.value

    ended, error = run_virtual(story())
    assert numbers == [1, 2, 3] and ended == pytest.approx(10.0)
    assert isinstance(error.__cause__, ConnectionError)


class Sluggish(ManualClock):
    """A clock on a machine that sleeps for a minute whenever somebody waits."""

    def wait(self, event, seconds):
        """Wait far too long."""
        return super().wait(event, seconds + 60.0 if seconds else seconds)


def test_a_wait_that_ends_after_the_deadline_begins_nothing():
    """INV-10: where the machine slept, a call and a loop end with the exception they have."""
    calls = []

    def work():
        calls.append(1)
        raise ConnectionError

    clock = Sluggish()
    guard = resilient(retry=5, deadline=10.0, clock=clock)
    with pytest.raises(ConnectionError) as called:
        guard(work)()
    with pytest.raises(ConnectionError) as looped:
        for attempt in guard.attempts():
            with attempt:
                work()
    assert len(calls) == 2
    for caught in (called, looped):
        assert "the wait was over only after the deadline" in caught.value.__notes__[0]
    assert guard.stats().failures == 2 and guard.stats().refusals == 0


def test_a_policy_alone_is_a_loop_of_attempts():
    """`for attempt in policy`, in both colours, paying from the policy's own budget."""
    policy, numbers = RetryPolicy(2, base=0.001), []
    for attempt in policy:
        with attempt:
            numbers.append(attempt.number)
            if attempt.number == 1:
                raise ConnectionError

    async def story():
        async for attempt in policy:
            async with attempt:
                numbers.append(attempt.number)

    run_virtual(story())
    assert numbers == [1, 2, 1] and policy.budget_left == 500


def test_an_attempt_that_was_not_used_is_told():
    """A loop that forgets its `with` would go round for ever."""
    with pytest.raises(SettingsError, match="put the work of each into `with attempt:`"):
        for _attempt in resilient(retry=2, clock=ManualClock()).attempts():
            pass


def test_a_loop_and_its_blocks_have_one_colour():
    """`async for` with a plain `with` could not keep the deadline, so it is refused."""

    async def story():
        async for attempt in resilient(retry=2, clock=ManualClock()).attempts():
            with attempt:
                pass

    with pytest.raises(SettingsError, match="attempts of a `async for` loop are entered by `async with attempt:`"):
        run_virtual(story())


def test_a_breaker_alone_guards_a_block():
    """`with breaker` and `async with breaker`: faults open it, bugs and cancels don't, `reset` closes it."""
    clock = ManualClock()
    breaker = CircuitBreaker("db", consecutive=2, clock=clock)

    async def story():
        async with breaker:
            raise ConnectionError

    with pytest.raises(KeyError), breaker:
        raise KeyError
    with pytest.raises(ConnectionError), breaker:
        raise ConnectionError
    assert breaker.state == "closed" and breaker.retry_at is None and breaker.retry_after is None
    with pytest.raises(ConnectionError):
        run_virtual(story())
    assert breaker.state == "open" and 2.5 <= breaker.retry_after <= 5.0
    assert breaker.retry_at == pytest.approx(breaker.retry_after + clock.now())
    with pytest.raises(CircuitOpenError) as caught, breaker:
        pytest.fail("it is open")
    assert caught.value.retry_after == pytest.approx(breaker.retry_after)
    breaker.reset()
    with breaker:
        assert breaker.state == "closed"


def test_a_late_outcome_does_not_move_a_breaker_that_was_reset():
    """INV-13: what was under way when it was reset changes nothing when it comes home."""
    breaker = CircuitBreaker("db", consecutive=1, clock=ManualClock())
    with pytest.raises(ConnectionError), breaker:
        breaker.reset()
        raise ConnectionError
    assert breaker.state == "closed"


def test_a_limiter_alone():
    """Blocking, asking, `with`: units pass by the limit; what can't pass in time, or ever, is refused at once."""
    clock = ManualClock()
    limiter = RateLimiter(10, per=1.0, burst=5, clock=clock)
    limiter.acquire(5)
    assert not limiter.try_acquire()
    with pytest.raises(RateReachedError) as caught:
        limiter.acquire(2, timeout=0.1)
    assert caught.value.retry_after == pytest.approx(0.2, abs=0.001) and clock.now() == 0.0
    limiter.acquire(2, timeout=0.3)
    assert clock.now() == pytest.approx(0.2, abs=0.001)
    with limiter:
        assert clock.now() == pytest.approx(0.3, abs=0.001)
    with pytest.raises(RateReachedError, match="never lets more than 5 through at once") as forever:
        limiter.acquire(6)
    assert forever.value.failure.forever


def test_waiting_tasks_pass_in_order_and_a_cancelled_one_takes_no_unit():
    """Who waits passes at the moment they were told; a moment that a cancel frees goes to who comes next, not to nobody."""
    clock, passed = ManualClock(), []
    limiter = RateLimiter(1, per=1.0, clock=clock)

    async def go(number):
        async with limiter:
            passed.append((number, round(clock.now(), 3)))

    async def story():
        tasks = [asyncio.create_task(go(number)) for number in range(5)]
        await asyncio.sleep(0.5)
        assert not limiter.try_acquire()
        for task in tasks[2:4]:
            task.cancel()
        tasks.append(asyncio.create_task(go(9)))
        await asyncio.gather(*tasks, return_exceptions=True)

    run_virtual(story())
    assert passed == [(0, 0.0), (1, 1.0), (9, 3.0), (4, 4.0)]
