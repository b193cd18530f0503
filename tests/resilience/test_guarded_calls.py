"""Functions under a guard: what is tried again, what is raised, what stands in for it."""

import asyncio
import contextlib
import gc
import inspect
import threading

import pytest

from stormkeel import (
    CircuitBreaker,
    CircuitOpenError,
    ConcurrencyReachedError,
    DeadlineError,
    ExhaustedError,
    RateLimiter,
    RateReachedError,
    RetryPolicy,
    resilient,
)
from stormkeel.testing import ManualClock, run_virtual


class Scripted:
    """A function that goes through a script of exceptions and values; the last one repeats."""

    def __init__(self, *script):
        self.script = list(script)
        self.calls = 0

    def __call__(self, *_args, **_kwargs):
        """Take the next step."""
        step = self.script[min(self.calls, len(self.script) - 1)]
        self.calls += 1
        if isinstance(step, BaseException):
            raise step
        return step


class Hinted(Exception):
    """An exception that says when to come back."""

    def __init__(self, seconds):
        super().__init__("slow down")
        self.retry_after = seconds


class Answered(Exception):
    """An HTTP client's exception."""

    def __init__(self, status, **headers):
        super().__init__(f"status {status}")
        self.status_code = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def in_colour(function, is_async):
    """Return the function as it is, or as a coroutine function."""
    if not is_async:

        def plain(*args, **kwargs):
            return function(*args, **kwargs)

        return plain

    async def coloured(*args, **kwargs):
        return function(*args, **kwargs)

    return coloured


def outcome(function, *args, **kwargs):
    """Call a guarded function of either colour in virtual time."""
    if not inspect.iscoroutinefunction(function):
        return function(*args, **kwargs)
    return run_virtual(function(*args, **kwargs))


COLOURS = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@COLOURS
def test_a_fault_is_tried_again_until_it_works(is_async):
    """Two resets and then an answer: the caller sees the answer only."""
    work, clock = Scripted(ConnectionError(), ConnectionError(), "well"), ManualClock()
    guard = resilient(retry=3, clock=clock)
    assert outcome(guard(in_colour(work, is_async))) == "well"
    assert work.calls == 3
    assert guard.stats().retries == 2 and guard.stats().successes == 1


@COLOURS
def test_the_last_exception_is_the_users_own_with_the_story_as_a_note(is_async):
    """Whoever catches their own types goes on doing so; what was tried stands in a note, without the exceptions' words."""
    last = ConnectionError("secret words")
    work = Scripted(TimeoutError("secret words"), Answered(503), last)
    guarded = resilient(retry=3, name="fetch", clock=ManualClock())(in_colour(work, is_async))
    with pytest.raises(ConnectionError) as caught:
        outcome(guarded)
    assert caught.value is last
    note = "\n".join(last.__notes__)
    assert '"fetch" gave up after 3 attempts' in note
    assert [word in note for word in ("TimeoutError (server)", "Answered 503 (server)", "ConnectionError (reset)")] == [True] * 3
    assert "secret" not in note


def test_an_exception_object_that_is_raised_for_ever_keeps_one_note():
    """INV-14: a module that raises one and the same object does not collect stories on it."""
    only = ConnectionError()
    guarded = resilient(retry=RetryPolicy(2, budget=None), clock=ManualClock())(Scripted(only))
    for _ in range(5):
        with pytest.raises(ConnectionError):
            guarded()
    assert len(only.__notes__) == 1


@COLOURS
def test_an_exception_is_gone_with_whoever_held_it(is_async):
    """INV-14: no circle keeps an exception, its frames and what they hold until the collector comes."""

    class Big(Exception):
        """An exception that can be watched."""

    def work():
        raise Big

    guarded = resilient(retry=2, fallback=[work], clock=ManualClock())(in_colour(work, is_async))

    async def story():
        with contextlib.suppress(ExhaustedError):
            _ = await guarded() if is_async else guarded()
        return any(isinstance(one, Big) for one in gc.get_objects())

    gc.disable()
    try:
        assert not run_virtual(story())
    finally:
        gc.enable()


@COLOURS
@pytest.mark.parametrize("bug", [TypeError(), ValueError(), KeyError(), AttributeError(), FileNotFoundError(2, "gone")])
def test_a_bug_is_raised_at_once(bug, is_async):
    """What another try would only show again is not tried again, not covered by a fallback, and no fault of the dependency."""
    work, breaker = Scripted(bug), CircuitBreaker("db", consecutive=1, clock=(clock := ManualClock()))
    guarded = resilient(retry=5, breaker=breaker, fallback="cover", clock=clock)(in_colour(work, is_async))
    with pytest.raises(type(bug)) as caught:
        outcome(guarded)
    assert caught.value is bug and not hasattr(bug, "__notes__")
    assert work.calls == 1 and breaker.state == "closed"


@COLOURS
def test_a_hint_is_waited_out(is_async):
    """INV-12: whoever says when to come back is not asked earlier, be it by an attribute or by a header."""
    clock = ManualClock()
    guarded = resilient(retry=3, clock=clock)(in_colour(Scripted(Hinted(7.0), Answered(429, retry_after="11"), "well"), is_async))

    async def timed():
        return await guarded(), clock.now()

    if is_async:
        assert run_virtual(timed())[1] >= 18.0
    else:
        assert guarded() == "well" and clock.now() >= 18.0


@COLOURS
def test_a_wait_that_does_not_fit_the_deadline_is_not_begun(is_async):
    """INV-10: the user's exception comes at once, and says why nothing more was tried."""
    clock = ManualClock()
    guarded = resilient(retry=3, deadline=5.0, clock=clock)(in_colour(Scripted(Hinted(7.0)), is_async))
    with pytest.raises(Hinted) as caught:
        outcome(guarded)
    assert "asked to wait 7 s, and the deadline is 5 s away" in caught.value.__notes__[0]
    assert clock.now() == 0.0


def test_an_async_call_ends_at_its_deadline():
    """The call is cancelled; the error names the function and the deadline, and has the exception of the attempt before it."""
    clock, seen = ManualClock(), []

    @resilient(deadline=10.0, retry=3, clock=clock)
    async def hang():
        if not seen:
            seen.append("failed")
            raise ConnectionError
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def story():
        with pytest.raises(DeadlineError, match=r'hang" was ended after .* by its deadline of 10 s') as caught:
            await hang()
        return clock.now(), caught.value

    ended, error = run_virtual(story())
    assert ended == pytest.approx(10.0)
    assert seen == ["failed", "cancelled"]
    assert isinstance(error.__cause__, ConnectionError)


def test_a_timeout_of_the_users_own_is_no_deadline():
    """A TimeoutError from inside is an exception like others: tried again, and raised as it is."""
    clock = ManualClock()
    calls = []

    @resilient(deadline=60.0, retry=2, clock=clock)
    async def slow():
        calls.append(1)
        async with asyncio.timeout(1.0):
            await asyncio.sleep(5.0)

    with pytest.raises(TimeoutError):
        run_virtual(slow())
    assert len(calls) == 2


def test_a_sync_call_that_comes_home_late_keeps_its_value_and_is_not_repeated():
    """A function that isn't async can't be interrupted: a late value is a value, a late failure the last one."""
    clock = ManualClock()

    def late(error):
        clock.advance(9.0)
        if error:
            raise ConnectionError
        return "late"

    guarded = resilient(deadline=5.0, retry=3, clock=clock)(late)
    assert guarded(error=False) == "late"
    with pytest.raises(ConnectionError) as caught:
        guarded(error=True)
    assert "the deadline has passed" in caught.value.__notes__[0]


def test_hanging_calls_open_the_breaker():
    """What hangs until its deadline counts against what was called: else a breaker would never open for it."""
    clock = ManualClock()
    breaker = CircuitBreaker("db", consecutive=3, clock=clock)

    @resilient(deadline=1.0, breaker=breaker, clock=clock)
    async def hang():
        await asyncio.sleep(60)

    async def story():
        for _ in range(3):
            with pytest.raises(DeadlineError):
                await hang()
        with pytest.raises(CircuitOpenError) as caught:
            await hang()
        return caught.value

    error = run_virtual(story())
    assert 0.0 < error.retry_after <= 5.0 and 'breaker "db" is open' in str(error)


def test_several_functions_guard_one_thing_with_one_breaker():
    """The faults of one function keep the other from asking; by object, and by name."""
    clock = ManualClock()
    shared = CircuitBreaker("db", consecutive=2, clock=clock)
    read = resilient(breaker=shared, clock=clock)(Scripted(ConnectionError()))
    write = resilient(breaker=shared, clock=clock)(Scripted("written"))
    for _ in range(2):
        with pytest.raises(ConnectionError):
            read()
    with pytest.raises(CircuitOpenError):
        write()
    clock.advance(60.0)
    assert write() == "written"
    assert CircuitBreaker.named("test: one thing") is CircuitBreaker.named("test: one thing")


def test_an_open_breaker_refuses_before_anybody_waits():
    """Nobody stands in line for a rate or a place only to be refused, and no unit of the rate is lost."""
    clock = ManualClock()
    breaker, rate = CircuitBreaker("db", consecutive=1, clock=clock), RateLimiter(1, 10.0, clock=clock)
    guarded = resilient(breaker=breaker, rate=rate, clock=clock)(Scripted(ConnectionError()))
    with pytest.raises(ConnectionError):
        guarded()
    with pytest.raises(CircuitOpenError):
        guarded()
    assert clock.now() == 0.0
    clock.advance(10.0)
    assert rate.try_acquire()


def test_a_breaker_that_opens_while_somebody_waits_costs_no_unit():
    """Who has waited for the rate only to be refused gives the unit back."""
    clock = ManualClock()
    breaker = CircuitBreaker("db", consecutive=1, open_time=1000.0, clock=clock)
    rate = RateLimiter(1, 10.0, clock=clock)

    @resilient(breaker=breaker, rate=rate, clock=clock)
    async def work():
        await asyncio.sleep(5.0)
        raise ConnectionError

    async def story():
        results = await asyncio.gather(work(), work(), return_exceptions=True)
        return [type(one) for one in results], clock.now(), rate.try_acquire()

    kinds, at, is_free = run_virtual(story())
    assert kinds == [ConnectionError, CircuitOpenError] and at == pytest.approx(10.0, abs=0.001) and is_free


def test_a_cancel_while_waiting_for_the_rate_gives_the_place_back():
    """INV-15: the yeses before the wait are undone, and the line of the rate is left."""
    clock = ManualClock()
    rate = RateLimiter(1, 10.0, clock=clock)
    guard = resilient(concurrency=1, rate=rate, clock=clock)

    @guard
    async def work():
        return "well"

    async def story():
        await work()
        task = asyncio.create_task(work())
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.wait([task])
        return await work(), clock.now()

    done, at = run_virtual(story())
    assert done == "well" and at == pytest.approx(10.0, abs=0.001)
    assert guard.stats().cancelled == 1


def test_an_opened_breaker_ends_the_retries_with_the_users_exception():
    """The refusal stands in the story; what is raised is what the function raised."""
    clock = ManualClock()
    guarded = resilient(retry=5, breaker=CircuitBreaker("db", consecutive=2, clock=clock), clock=clock)(
        work := Scripted(OSError())
    )
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the very object is compared
        guarded()
    assert caught.value is work.script[0] and work.calls == 2
    assert 'refused by us: breaker "Scripted" is open' not in caught.value.__notes__[0]
    assert 'refused by us: breaker "db" is open' in caught.value.__notes__[0]


def test_calls_wait_for_the_rates_turn():
    """Ten calls at two a second take four seconds; one that does not fit its deadline is refused at once, and says when."""
    clock = ManualClock()
    guarded = resilient(rate=RateLimiter(2, 1.0, clock=clock), deadline=30.0, clock=clock)(Scripted("well"))
    for _ in range(10):
        guarded()
    assert clock.now() == pytest.approx(4.0, abs=0.001)
    hasty = resilient(rate=RateLimiter(1, 60.0, clock=clock), deadline=30.0, name="hasty", clock=clock)(Scripted("well"))
    hasty()
    with pytest.raises(
        RateReachedError, match=r'"hasty" was refused by us: our own limit of 1 in 60 s is reached for 60'
    ) as caught:
        hasty()
    assert caught.value.retry_after == pytest.approx(60.0, abs=0.001)


def test_calls_wait_in_line_for_a_place():
    """Two calls run at a time, in the order they came, and each one's deadline counts its time in the line."""
    clock, running, most, order = ManualClock(), 0, [], []
    guard = resilient(concurrency=2, deadline=2.5, clock=clock)

    @guard
    async def work(number):
        nonlocal running
        running += 1
        most.append(running)
        order.append(number)
        try:
            await asyncio.sleep(1.0)
        finally:
            running -= 1
        return number

    async def story():
        return await asyncio.gather(*(work(number) for number in range(7)), return_exceptions=True)

    results = run_virtual(story())
    assert results[:4] == [0, 1, 2, 3] and order == [0, 1, 2, 3, 4, 5] and max(most) == 2
    assert [type(one) for one in results[4:]] == [DeadlineError] * 3
    assert guard.stats().in_flight == 0


def test_who_gets_no_place_by_the_deadline_is_refused():
    """A guarded function that calls itself needs a second place, and says so instead of waiting for ever."""
    guard = resilient(concurrency=1, deadline=5.0, name="again", clock=ManualClock())

    @guard
    def again(depth):
        return again(depth - 1) if depth else "bottom"

    assert again(0) == "bottom"
    with pytest.raises(ConcurrencyReachedError, match=r'"again" was refused by us: all 1 places were taken up to the deadline'):
        again(1)


@COLOURS
def test_a_fallback_value_stands_in(is_async):
    """None, an empty list or a text: whatever is given is a value, where it is no function."""
    for value in (None, [], "stale", 0):
        guarded = resilient(fallback=value, clock=ManualClock())(in_colour(Scripted(ConnectionError()), is_async))
        assert outcome(guarded) == value


@COLOURS
def test_fallbacks_are_asked_in_order_with_the_same_arguments(is_async):
    """The second one answers after the first has failed."""
    seen = []

    def first(*args, **kwargs):
        seen.append((args, kwargs))
        raise ConnectionError

    guard = resilient(fallback=[first, lambda *args, **kwargs: (args, kwargs)], clock=ManualClock())
    guarded = guard(in_colour(Scripted(TimeoutError()), is_async))
    assert outcome(guarded, 1, b=2) == ((1,), {"b": 2})
    assert seen == [((1,), {"b": 2})]
    assert guard.stats().fallbacks == 1 and guard.stats().failures == 0


def test_an_async_function_may_fall_back_to_async_ones_after_its_deadline():
    """A fallback is the way out, so it is asked when the time is over, and may be of either colour."""
    clock = ManualClock()

    async def cache():
        await asyncio.sleep(0.5)
        return "stale"

    @resilient(deadline=1.0, fallback=cache, clock=clock)
    async def hang():
        await asyncio.sleep(60)

    assert run_virtual(hang()) == "stale"


@COLOURS
def test_where_every_fallback_fails_the_story_is_the_error(is_async):
    """ExhaustedError tells all that was tried; its cause is the last exception, and the first is still to be seen."""
    original, later = ConnectionError("one"), TimeoutError("two")
    guarded = resilient(retry=2, fallback=Scripted(later), name="fetch", clock=ManualClock())(
        in_colour(Scripted(original), is_async)
    )
    with pytest.raises(ExhaustedError) as caught:
        outcome(guarded)
    assert caught.value.__cause__ is later and later.__context__ is original
    text = str(caught.value)
    assert text.startswith('"fetch" gave up after 2 attempts')
    assert text.count("ConnectionError (reset)") == 2 and "fallback: TimeoutError (server)" in text


def test_a_bug_in_a_fallback_is_not_hidden_by_the_next():
    """A fallback with the wrong signature is a mistake to be seen."""
    guarded = resilient(fallback=[lambda wrong: wrong, lambda: "cover"], clock=ManualClock())(Scripted(ConnectionError()))
    with pytest.raises(TypeError):
        guarded()


def test_a_refusal_falls_back_too():
    """An open breaker is the classic reason for a fallback."""
    clock = ManualClock()
    guarded = resilient(breaker=CircuitBreaker(consecutive=1, clock=clock), fallback="stale", clock=clock)(
        work := Scripted(ConnectionError())
    )
    assert [guarded(), guarded()] == ["stale", "stale"]
    assert work.calls == 1


class Odd(ValueError):
    """A failure by somebody's own word, though a ValueError is a bug by the table."""


def test_on_says_which_exceptions_are_failures():
    """Classes or a function: those are tried again, whatever the table says; all others pass through at once."""
    for on in (Odd, (Odd, KeyError), lambda error: isinstance(error, Odd)):
        work = Scripted(Odd(), ConnectionError())
        with pytest.raises(ConnectionError):
            resilient(retry=5, on=on, fallback="cover", clock=ManualClock())(work)()
        assert work.calls == 2


def test_a_mistake_in_on_leaves_nothing_taken():
    """INV-15: a predicate that raises ends the call with its own exception, and the place and the ticket are given back."""
    guard = resilient(on=lambda _error: 1 / 0, deadline=5.0, concurrency=1, breaker=True, clock=ManualClock())
    guarded = guard(Scripted(ConnectionError()))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            guarded()
    with pytest.raises(ZeroDivisionError), guard:
        raise ConnectionError
    assert guard.stats().in_flight == 0 and guard.stats().calls == guard.stats().failures == 4


@pytest.mark.parametrize("passing", [KeyboardInterrupt(), SystemExit(), GeneratorExit()])
def test_an_interrupt_passes_straight_through(passing):
    """Ctrl-C is nobody's failure: no retry, no fallback, nothing taken, and no word on health (INV-15)."""
    clock = ManualClock()
    breaker = CircuitBreaker("db", consecutive=1, clock=clock)
    guard = resilient(retry=5, deadline=5.0, fallback="cover", concurrency=1, breaker=breaker, clock=clock)
    for _ in range(3):
        with pytest.raises(type(passing)):
            guard(Scripted(passing))()
    assert breaker.state == "closed"
    assert guard.stats().cancelled == 3 and guard.stats().in_flight == 0


def test_a_cancel_passes_straight_through():
    """A cancelled task leaves no place taken, whether it ran or stood in line; a cancelled probe makes room for the next."""
    clock = ManualClock()
    guard = resilient(retry=5, fallback="cover", concurrency=1, breaker=True, clock=clock)

    @guard
    async def hang():
        await asyncio.sleep(3600)

    async def story():
        tasks = [asyncio.create_task(hang()) for _ in range(4)]
        await asyncio.sleep(1.0)
        for task in tasks:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(one) for one in run_virtual(story())] == [asyncio.CancelledError] * 4
    stats = guard.stats()
    assert (stats.cancelled, stats.in_flight, stats.attempts, stats.state) == (4, 0, 1, "closed")


def test_the_retry_budget_is_shared_by_all_who_share_the_policy():
    """INV-11: in an outage 35 retries are made in all, then none until something succeeds."""
    policy, clock = RetryPolicy(3), ManualClock()
    works = [Scripted(ConnectionError()) for _ in range(40)]
    for work in works:
        with pytest.raises(ConnectionError):
            resilient(retry=policy, clock=clock)(work)()
    assert sum(work.calls for work in works) == 40 + 35
    with pytest.raises(ConnectionError) as caught:
        resilient(retry=policy, clock=clock)(Scripted(ConnectionError()))()
    assert "the retry budget is spent" in caught.value.__notes__[0]
    assert policy.budget_left == 500 - 35 * 14
    resilient(retry=policy, clock=clock)(Scripted("well"))()
    assert policy.budget_left == 500 - 35 * 14 + 1


def test_methods_share_the_state_of_their_function():
    """A guard belongs to the function, not to an instance; `self` and the signature stay."""
    guard = resilient(retry=2, clock=ManualClock())

    class Store:
        def __init__(self, name):
            self.name = name

        @guard
        def read(self, key: str, *, strict: bool = True) -> str:
            """Read a key."""
            return f"{self.name}.{key}.{strict}"

        @classmethod
        @guard
        def kind(cls):
            return cls.__name__

    assert [Store("a").read("x"), Store("b").read("y", strict=False), Store.kind()] == ["a.x.True", "b.y.False", "Store"]
    assert guard.stats().calls == 3
    assert str(inspect.signature(Store.read)) == "(self, key: str, *, strict: bool = True) -> str"
    assert Store.read.__doc__ == "Read a key."


def test_every_step_is_told():
    """`on_event` hears of each step in order; its own mistakes end nothing."""
    told = []
    clock = ManualClock()
    guard = resilient(
        retry=3,
        breaker=CircuitBreaker("db", consecutive=2, clock=clock),
        fallback="stale",
        on_event=told.append,
        name="f",
        clock=clock,
    )
    guard(Scripted(ConnectionError()))()
    assert [event.what for event in told] == ["failed", "retry", "failed", "opened", "retry", "refused", "fallback"]
    assert all(event.name == "f" for event in told) and told[1].wait > 0.0
    clock.advance(60.0)
    for _ in range(14):
        guard(Scripted("well"))()
    assert told[-1].what == "closed" and guard.stats().state == "closed"
    deaf = resilient(retry=2, on_event=lambda _event: 1 / 0, clock=clock)
    assert deaf(Scripted("well"))() == "well"


def test_an_opened_breaker_is_logged_by_its_name_alone(caplog):
    """One warning, with the name and the time, and nothing of what the exception said (INV-17)."""
    clock = ManualClock()
    guarded = resilient(breaker=True, name="payments", clock=clock)(Scripted(ConnectionError("secret")))
    for _ in range(5):
        with pytest.raises(ConnectionError):
            guarded()
    (record,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert record.getMessage().startswith('breaker "payments" opened after faults, for ')
    assert "secret" not in caplog.text


def test_one_guard_serves_threads_and_loops_at_once():
    """A place that a thread gives back goes to a task that stands in line, and the other way round."""
    guard = resilient(concurrency=1, clock=ManualClock())
    inside, go_on = threading.Event(), threading.Event()

    @guard
    def hold():
        inside.set()
        assert go_on.wait(10.0)

    @guard
    async def follow():
        return "followed"

    async def story():
        thread = threading.Thread(target=hold)
        thread.start()
        await asyncio.to_thread(inside.wait, 10.0)
        task = asyncio.create_task(follow())
        await asyncio.sleep(0)
        assert not task.done()
        go_on.set()
        async with asyncio.timeout(10.0):
            result = await task
        thread.join(10.0)
        return result

    assert asyncio.run(story()) == "followed"
    assert guard.stats().in_flight == 0
