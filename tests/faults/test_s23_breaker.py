"""S-23, INV-13: the breaker against a model: late outcomes, cancelled and lost probes, late first contents, clocks that jump an hour."""

from breaker_model import trace


def test_10_000_traces_are_as_the_model(figure):
    """S-23: trips, late results, cancelled and lost probes, clock jumps of an hour: every decision and state is the model's."""
    seen = [trace(seed, 60) for seed in range(10_000)]
    whole = sum({"closed", "open", "half_open"} <= one for one in seen)
    figure("S-23", "the model's state and decision after each step, 10,000 traces", f"all of 10,000; {whole:,} of them through every state")
    assert sum({"closed", "open", "half_open"} <= one for one in seen) > 1_000
    assert sum("slow" in one for one in seen) > 300


def test_long_traces_are_as_the_model():
    """S-23: the same over thousands of steps."""
    for seed in range(20):
        assert trace(-1 - seed, 3_000) == {"closed", "open", "half_open", "slow"}
