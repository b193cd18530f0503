"""INV-13: laws of the breaker; that it is its model's equal is S-23's (`faults/test_s23_breaker.py`)."""

from random import Random

from breaker_model import SETTINGS, VERDICTS, step_time
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.policies.base import Verdict
from stormkeel.policies.breaker import Breaker, State
from stormkeel.types.failure import Failure


@given(seed=st.integers(0, 2**32), steps=st.integers(0, 200))
def test_a_healthy_target_is_always_reached_again_soon(seed, steps):
    """INV-13: from any state, with tickets lost and the clock gone wild, steady good answers close it within a minute."""
    rng, breaker, now, out = Random(seed), Breaker(SETTINGS), 10_000.0, []
    for _ in range(steps):
        now = step_time(rng, now)
        if rng.random() < 0.6 or not out:
            answer = breaker.admit(now)
            if isinstance(answer, int):
                out.append(answer)
        else:
            breaker.settle(out.pop(), rng.choice(VERDICTS[1:]), now, rng)
    end = now + 60.0
    while breaker.state is not State.CLOSED:
        answer = breaker.admit(now)
        if isinstance(answer, Failure):
            assert answer.retry_after is not None and answer.retry_after >= 0.0
        else:
            breaker.settle(answer, Verdict.OK, now, rng)
        now += 0.5
        assert now < end, "stuck"


@given(seed=st.integers(0, 2**32), rate=st.integers(2, 50))
def test_an_open_breaker_lets_only_rare_probes_through(seed, rate):
    """INV-13: while it is open nothing passes but one rare probe a second."""
    rng, breaker, now = Random(seed), Breaker(SETTINGS), 0.0
    for _ in range(SETTINGS.consecutive):
        breaker.settle(breaker.admit(now), Verdict.FAULT, now, rng)
    until, sent = breaker.retry_at, 0
    while now < until:
        assert isinstance(breaker.admit(now), Failure)
        answer = breaker.admit_probe(now)
        if isinstance(answer, int):
            sent += 1
            breaker.settle(answer, Verdict.FAULT, now, rng)
        now += 1.0 / rate
    assert 1 <= sent <= until + 1
