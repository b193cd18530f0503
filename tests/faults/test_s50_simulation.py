"""S-50 in one process: seeds in virtual time, whatever their configuration, weather and callers; every invariant holds in each."""

from __future__ import annotations

import os

import pytest

from stormkeel.simulate.outcome import Outcome
from stormkeel.simulate.run import play_many

WANTED = ("INV-2", "INV-3", "INV-5", "INV-6", "INV-8", "INV-9", "INV-10", "INV-11", "INV-12", "INV-13", "INV-14", "INV-15", "INV-31", "INV-32", "INV-33")  # INV-34 needs longer


def play(seeds: int, hours: float, processes: int) -> Outcome:
    """Play the first seeds, and sum them up."""
    total = Outcome()
    for outcome in play_many(range(1, seeds + 1), hours, processes):
        total = total.plus(outcome)
    return total


def reached(total: Outcome) -> str:
    """Say what came of it."""
    return (
        f"{sum(total.broken.values())} violations in {sum(total.checks.values()):,} checks of {total.requests:,} requests, "
        f"{total.cpu / total.seeds:.2f} CPU-s a seed"
    )


def test_ten_minutes_of_some_seeds(figure):
    """Every invariant holds in ten minutes of eight seeds, and each was checked."""
    total = play(8, 1.0 / 6.0, 1)
    figure("S-50", "every invariant holds: 8 seeds of 10 virtual minutes", reached(total))
    assert [str(found) for _, found in total.violations] == []
    assert total.broken == {}
    assert all(total.checks.get(name, 0) > 0 for name in WANTED), total.checks


@pytest.mark.nightly
def test_an_hour_of_a_thousand_seeds(figure):
    """Every invariant holds in an hour of each of a thousand seeds, within half an hour of two cores."""
    total = play(1000, 1.0, os.cpu_count() or 1)
    figure("S-50", "every invariant holds: 1,000 seeds of a virtual hour, at most 3.6 CPU-s each", reached(total))
    assert [f"seed {seed}: {found}" for seed, found in total.violations] == []
    assert total.cpu / total.seeds <= 3.6
