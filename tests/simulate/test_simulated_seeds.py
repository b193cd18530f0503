"""A seed is a replay (INV-26), can be read, and adds up with others.

That every invariant holds in each is S-50: tests/faults/test_s50_simulation.py.
"""

from __future__ import annotations

import os
import subprocess
import sys

from stormkeel.simulate.outcome import Outcome
from stormkeel.simulate.report import TELLS, as_data, as_text, as_trace
from stormkeel.simulate.run import play_seed, replay

DIGEST = "import sys; from stormkeel.simulate.run import play_seed; print(play_seed(int(sys.argv[1]), 0.05).digest)"


def test_a_seed_is_a_replay():
    """The same seed gives the same trace in another process, whatever the order of its hashes; another seed gives another."""
    here = play_seed(3, 0.05).digest
    there = [
        subprocess.run(
            [sys.executable, "-c", DIGEST, "3"],
            env={**os.environ, "PYTHONHASHSEED": salt},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for salt in ("1", "2")
    ]
    assert there == [here, here]
    assert play_seed(4, 0.05).digest != here


def test_a_replay_can_be_read():
    """One seed is told with its configuration, its weather and each thing that happened, and plays as it did among many."""
    played = replay(3, 0.05)
    told = as_trace(played)
    assert played.outcome.digest == play_seed(3, 0.05).digest
    for part in ('"strategy"', "weather:", "what happened:", "r1 asks", "r1.1 -> ", "r1.1 settled"):
        assert part in told


def test_the_sum_of_seeds():
    """Outcomes add up, and are told for people and for programs."""
    one, other = play_seed(3, 0.05), play_seed(4, 0.05)
    total = Outcome().plus(one).plus(other)
    data = as_data(total)
    assert (data["seeds"], data["ok"], data["sends"]) == (2, True, one.sends + other.sends)
    assert data["checks"]["INV-8"] == one.checks["INV-8"] + other.checks["INV-8"]
    assert 0.0 < data["first_content_s"]["p50"] <= data["first_content_s"]["p99"]
    told = as_text(total, "replay {}")
    assert all(name in told for name in TELLS)
