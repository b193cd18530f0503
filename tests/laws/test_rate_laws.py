"""INV-12: what a limiter lets through in any span, and what its hints promise. (S-17 is in `faults/test_s17_limiter.py`.)"""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.policies.rate import RateGate, RateSettings
from stormkeel.types.failure import Failure


@given(
    limit=st.integers(1, 10**7),
    burst=st.floats(0.001, 1.0),
    start=st.floats(0.0, 10**6),
    gaps=st.lists(st.floats(0.0, 30.0), min_size=1, max_size=60),
)
def test_a_hint_obeyed_is_never_refused(limit, burst, start, gaps):
    """INV-12: whoever comes back when told passes, at whatever size of clock; and nobody passes sooner by a millisecond."""
    gate, now = RateGate(RateSettings(tpm=limit, token_burst=burst)), start
    size = max(1, int(limit * burst / 3))
    for gap in gaps:
        now += gap
        answer = gate.admit(now, size)
        if isinstance(answer, Failure):
            early = now + answer.retry_after - 0.001
            assert early <= now or isinstance(gate.admit(early, size), Failure)
            now += answer.retry_after
            assert not isinstance(gate.admit(now, size), Failure)


@given(
    rpm=st.integers(1, 100_000),
    gaps=st.lists(st.integers(0, 5_000), min_size=1, max_size=300),
    window=st.integers(1, 120_000),
)
def test_no_window_sees_more_than_rate_and_burst(rpm, gaps, window):
    """INV-12: sends in any window of length T are at most rate * T + burst."""
    settings = RateSettings(rpm=rpm, burst=0.01)
    gate, at, sends = RateGate(settings), 0, []
    for gap in gaps:
        at += gap
        if not isinstance(gate.admit(at / 1000, 0), Failure):
            sends.append(at)
    burst = max(1, int(rpm * 0.01 + 1e-9))
    for start in sends:
        inside = sum(start <= one <= start + window for one in sends)
        assert inside <= Fraction(rpm * window, 60_000) + burst + Fraction(rpm, 10**9)
