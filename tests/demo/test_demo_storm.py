"""The storm and the workload are fixed, and hold what they promise."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec
import pytest

from stormkeel.demo.storm import BLOCK, LIGHT, OUTAGE_S, OUTAGES, RATE, light_storm, main_storm, workload
from stormkeel.sandbox.storm import Storm


def test_the_same_seed_gives_the_same_storm_and_workload() -> None:
    """Everything follows from the seed, and another seed gives something else."""
    assert main_storm(300, 7) == main_storm(300, 7) != main_storm(300, 8)
    assert workload(300, 7) == workload(300, 7) != workload(300, 8)


def test_every_block_of_the_plan_holds_every_fault_as_often_as_said() -> None:
    """A stretch of arrivals can't miss a fault by bad luck: the shuffle is within blocks."""
    plan, size = main_storm(300, 1).plan, sum(BLOCK.values())
    assert len(plan) >= 6 * 300
    for start in range(0, len(plan), size):
        assert Counter(plan[start : start + size]) == Counter(BLOCK)


def test_the_outages_lie_within_the_schedule_and_apart() -> None:
    """Each outage begins and ends while requests still start, and none touches the next."""
    spans = [tuple(map(float, text.split(":"))) for text in main_storm(600, 1).outages]
    assert len(spans) == OUTAGES
    assert all(length == OUTAGE_S for _, length in spans)
    assert all(before + 2 * OUTAGE_S < after for (before, _), (after, _) in pairwise(spans))
    assert spans[-1][0] + OUTAGE_S < 600 / RATE


@pytest.mark.parametrize("weather", [main_storm(300, 1), light_storm(1)])
def test_the_sandbox_takes_the_storm(weather: msgspec.Struct) -> None:
    """What is posted is a storm by the sandbox's own reading."""
    assert msgspec.json.decode(msgspec.json.encode(weather), type=Storm).plan


@pytest.mark.parametrize("seed", range(20))
def test_the_backup_meets_a_fault_in_a_tenth_and_never_twice_in_a_row(seed: int) -> None:
    """Two tries in a row at the backup can't both fail by plan, round the repetition too."""
    plan = light_storm(seed).plan
    faulty = [fault != "ok" for fault in plan]
    assert sum(faulty) * 10 == len(plan)
    assert set(plan) == {"ok", *LIGHT}
    assert not any(one and following for one, following in zip(faulty, [*faulty[1:], faulty[0]], strict=True))


def test_the_workload_uses_both_sdks_streamed_and_not() -> None:
    """Half go by each SDK, four of five of each are streams, and no two answers are alike."""
    asks = workload(300, 1)
    kinds = Counter((ask.anthropic, ask.streamed) for ask in asks)
    assert kinds == {(False, True): 120, (False, False): 30, (True, True): 120, (True, False): 30}
    assert len({ask.answer for ask in asks}) == 300
    assert [ask.at for ask in asks] == sorted(ask.at for ask in asks)
