"""What a first content usually takes."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.policies.usual import Usual


def after(*seconds):
    """One that has seen these."""
    usual = Usual()
    for value in seconds:
        usual.add(value)
    return usual


def test_nothing_is_usual_before_ten():
    """Nine values say nothing, ten do."""
    assert after(*[0.5] * 9).median is None
    assert abs(after(*[0.5] * 10).median - 0.5) < 0.15


@given(seed=st.integers(0, 2**32), middle=st.floats(0.05, 20.0))
def test_the_median_is_found(seed, middle):
    """Values around a middle, some far off, lead to about that middle."""
    rng = Random(seed)
    usual = after(*(middle * rng.choice([0.8, 0.9, 1.0, 1.1, 1.2, 40.0]) for _ in range(600)))
    assert middle * 0.75 < usual.median < middle * 1.35


def test_a_slow_minute_is_not_the_usual():
    """Fifty slow answers after many quick ones leave the median near; some hundred that go on are the new usual."""
    usual = after(*[0.5] * 300)
    for _ in range(50):
        usual.add(10.0)
    assert usual.median < 1.0
    for _ in range(400):
        usual.add(10.0)
    assert usual.median > 8.0


def test_answers_without_any_wait_are_possible():
    """Zeros do not freeze it: later values are found."""
    usual = after(*[0.0] * 50)
    for _ in range(1500):
        usual.add(1.0)
    assert usual.median > 0.8
