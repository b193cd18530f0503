"""Strategies that know how quick a deployment is, and what a request costs there; and the two that need to know nothing."""

from collections import Counter
from random import Random

import pytest

from stormkeel.routing.deployment import Deployment
from stormkeel.routing.informed import INFORMED, cheapest, least_latency
from stormkeel.routing.plan import InformedWalk
from stormkeel.routing.route import Group, Route
from stormkeel.routing.strategies import at_random, priority


class World:
    """A fleet and an outlook whose loads, latencies, prices and key are given; it notes what it is asked for."""

    def __init__(self, count=3, loads=None, latencies=None, prices=None, key=b"", unready=()):
        self.loads = loads or [0] * count
        self.latencies = latencies or [1.0] * count
        self.prices = prices or [1] * count
        self._key, self.unready = key, set(unready)
        self.asked = set()

    def load(self, index):
        """Return the load given."""
        return self.loads[index]

    def is_ready(self, index):
        """All but those named are ready."""
        return index not in self.unready

    @property
    def key(self):
        """Return the key given."""
        self.asked.add("key")
        return self._key

    def latency(self, index):
        """Return the latency given."""
        self.asked.add("latency")
        return self.latencies[index]

    def price(self, index):
        """Return the price given."""
        self.asked.add("price")
        return self.prices[index]


def fleet(*weights):
    """Return deployments of these weights."""
    return [Deployment(f"p/m#{i}", "p", "m", "main", f"q{i}", "openai_chat", i, weight=w) for i, w in enumerate(weights)]


def shares(choose, deployments, world, draws=9000):
    """Return the share of each deployment in many draws."""
    rng = Random(7)
    taken = Counter(choose(deployments, world, world, rng).index for _ in range(draws))
    return [taken[i] / draws for i in range(len(deployments))]


def test_random_is_even_whatever_the_weights():
    """Weights say nothing to it."""
    rng, deployments = Random(1), fleet(1, 100, 1)
    taken = Counter(at_random(deployments, World(), 0, rng).index for _ in range(9000))
    assert [taken[i] / 9000 for i in range(3)] == pytest.approx([1 / 3] * 3, abs=0.02)


def test_priority_takes_the_first_as_written():
    """The same one as long as it is a candidate, whatever turn, load and weight."""
    deployments = fleet(1, 100, 1)
    assert {priority(deployments, World(loads=[9, 0, 0]), turn, Random(turn)).index for turn in range(20)} == {0}
    assert priority(deployments[1:], World(), 0, Random(0)).index == 1


def test_the_slowest_is_never_the_quicker_of_two():
    """Idle and equally weighted, the slowest of three loses each comparison; the quickest wins each."""
    assert shares(least_latency, fleet(1, 1, 1), World(latencies=[1.0, 2.0, 9.0])) == pytest.approx([2 / 3, 1 / 3, 0.0], abs=0.02)


def test_latency_counts_times_load_for_its_weight():
    """Two seconds with nothing in flight are as long as one with one in flight, and half as long for twice the weight."""
    quick_and_busy = World(2, loads=[3, 0], latencies=[1.0, 2.0])
    assert shares(least_latency, fleet(1, 1), quick_and_busy) == [0.0, 1.0]
    assert shares(least_latency, fleet(2.1, 1), quick_and_busy) == [1.0, 0.0]


def test_one_that_is_more_than_twice_as_slow_relieves_nobody():
    """However busy the quick one is; at twice as slow the load decides."""
    busy = [100, 0]
    assert shares(least_latency, fleet(1, 1), World(2, loads=busy, latencies=[1.0, 2.1])) == [1.0, 0.0]
    assert shares(least_latency, fleet(1, 1), World(2, loads=busy, latencies=[1.0, 2.0])) == [0.0, 1.0]


def test_an_idle_newcomer_is_tried_by_one_attempt_at_a_time():
    """Nobody knows its latency: idle it goes first; with an attempt under way it is left alone until that says something."""
    assert shares(least_latency, fleet(1, 1), World(2, latencies=[0.01, None])) == [0.0, 1.0]
    assert shares(least_latency, fleet(1, 1), World(2, loads=[0, 1], latencies=[0.01, None])) == [1.0, 0.0]
    assert shares(least_latency, fleet(1, 1), World(2, loads=[9, 1], latencies=[9.0, None])) == [1.0, 0.0]


def test_where_nobody_is_known_the_load_decides():
    """Before the first answer it is as two_choices is."""
    assert shares(least_latency, fleet(1, 1), World(2, loads=[5, 4], latencies=[None, None])) == [0.0, 1.0]
    assert shares(least_latency, fleet(1, 1), World(2, latencies=[None, None])) == pytest.approx([0.5, 0.5], abs=0.02)


def test_cheapest_takes_the_least_price_and_a_known_one_before_an_unknown():
    """A free one counts as the cheapest there is; an unknown price is none."""
    assert shares(cheapest, fleet(1, 1, 9), World(prices=[3, 2, None])) == [0.0, 1.0, 0.0]
    assert shares(cheapest, fleet(1, 1, 1), World(prices=[3, 0, 1])) == [0.0, 1.0, 0.0]


def test_equal_prices_are_drawn_by_weight():
    """Also where no price is known at all."""
    for prices in ([5, 5, 7], [None, None, 7]):
        known = World(prices=prices)
        expected = [0.25, 0.75, 0.0] if prices[0] else [0.0, 0.0, 1.0]
        assert shares(cheapest, fleet(1, 3, 1), known) == pytest.approx(expected, abs=0.02)
    assert shares(cheapest, fleet(1, 3), World(2, prices=[None, None])) == pytest.approx([0.25, 0.75], abs=0.02)


@pytest.mark.parametrize("name", INFORMED)
def test_the_only_one_is_taken_unseen(name):
    """One candidate is chosen without a question."""
    world, only = World(), fleet(1.0)
    assert INFORMED[name](only, world, world, Random(5)) is only[0]
    assert not world.asked


@pytest.mark.parametrize(
    ("strategy", "asked"),
    [("weighted", {"key"}), ("priority", {"key"}), ("least_latency", {"key", "latency"}), ("cheapest", {"key", "price"})],
)
def test_nothing_is_found_out_that_no_strategy_wants(strategy, asked):
    """A walk asks for a latency or a price only where the strategy compares it."""
    world, route = World(), Route("r", (Group(tuple(fleet(1, 1, 1)), strategy),), sticky="user")
    InformedWalk(route, world, 0, Random(0), world).first()
    assert world.asked == asked


def test_a_route_says_whether_it_is_plain():
    """Plain is whose choice needs no look at the request."""
    group, quick = Group(tuple(fleet(1, 1))), Group(tuple(fleet(1, 1)), "least_latency")
    assert Route("r", (group,)).is_plain
    assert not Route("r", (group, quick)).is_plain
    assert not Route("r", (group,), sticky="prefix").is_plain
    assert Route("r", (group, quick)).only(lambda one: True).is_plain is False
