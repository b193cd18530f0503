"""How one of several equally good deployments is chosen."""

from collections import Counter
from random import Random

import pytest

from stormkeel.routing.deployment import Deployment
from stormkeel.routing.strategies import STRATEGIES, round_robin, two_choices, weighted


class View:
    """A fleet whose loads are given."""

    def __init__(self, *loads):
        self.loads = list(loads)

    def load(self, index):
        """Return the load given."""
        return self.loads[index]

    def is_ready(self, index):
        """Everybody is ready."""
        return True


def fleet(*weights):
    """Return deployments of these weights."""
    return [Deployment(f"p/m#{i}", "p", "m", "main", f"q{i}", "openai_chat", i, weight=w) for i, w in enumerate(weights)]


IDLE = View(*[0.0] * 10)


def test_weighted_draws_by_weight():
    """Of 10,000 draws the shares are the weights' within two in a hundred."""
    rng, deployments = Random(1), fleet(1.0, 3.0, 6.0)
    drawn = Counter(weighted(deployments, IDLE, 0, rng).index for _ in range(10_000))
    assert [drawn[i] / 10_000 for i in range(3)] == pytest.approx([0.1, 0.3, 0.6], abs=0.02)


def test_weighted_has_an_answer_at_the_very_edge():
    """Dice as close to 1 as a float gets still name somebody."""

    class Edge:
        def random(self):
            return 1.0 - 2.0**-53

    assert weighted(fleet(0.1, 0.2, 0.3), IDLE, 0, Edge()).index == 2


def test_round_robin_takes_each_in_turn():
    """Three turns ask each of three once, in their order."""
    deployments = fleet(1.0, 5.0, 1.0)
    assert [round_robin(deployments, IDLE, turn, Random(0)).index for turn in range(6)] == [0, 1, 2, 0, 1, 2]


def test_two_choices_takes_the_less_loaded_of_two():
    """Of two the less loaded is always taken; of many the most loaded never is."""
    rng = Random(2)
    assert {two_choices(fleet(1, 1), View(3, 2), 0, rng).index for _ in range(100)} == {1}
    taken = Counter(two_choices(fleet(1, 1, 1, 1), View(9, 1, 1, 1), 0, rng).index for _ in range(1000))
    assert set(taken) == {1, 2, 3}


def test_two_choices_spreads_an_idle_fleet():
    """Equal loads are shared evenly within four in a hundred."""
    rng = Random(3)
    for count in (2, 3, 5):
        taken = Counter(two_choices(fleet(*[1.0] * count), IDLE, 0, rng).index for _ in range(10_000))
        assert [taken[i] / 10_000 for i in range(count)] == pytest.approx([1 / count] * count, abs=0.04)


def test_two_choices_fills_by_weight():
    """Attempts that never end pile up in the proportion of the weights."""
    deployments, view, rng = fleet(1.0, 4.0), View(0, 0), Random(4)
    for _ in range(100):
        view.loads[two_choices(deployments, view, 0, rng).index] += 1
    assert view.loads == pytest.approx([20, 80], abs=2)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_takes_the_only_one(name):
    """One candidate is chosen by any strategy, at any turn."""
    only = fleet(1.0)
    assert STRATEGIES[name](only, IDLE, 17, Random(5)) is only[0]


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_same_seed_chooses_the_same(name):
    """INV-26: chance comes from the dice alone."""
    deployments = fleet(1.0, 2.0, 3.0, 4.0)

    def choose(seed):
        rng = Random(seed)
        return [STRATEGIES[name](deployments, IDLE, turn, rng).index for turn in range(20)]

    assert choose(6) == choose(6)
