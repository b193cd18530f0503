"""Requests of one key meet the same deployment."""

from collections import Counter
from random import Random

import pytest

from stormkeel.routing.deployment import Deployment
from stormkeel.routing.plan import InformedWalk
from stormkeel.routing.route import Group, Route
from stormkeel.routing.sticky import bounds, ranked, stick


class View:
    """A fleet of given loads, seen with a key."""

    def __init__(self, loads, key=b"k"):
        self.loads, self.key, self.unready = loads, key, set()

    def load(self, index):
        """Return the load given."""
        return self.loads[index]

    def is_ready(self, index):
        """All but those named are ready."""
        return index not in self.unready


def fleet(*weights, first=0):
    """Return deployments of these weights, whose indexes begin anywhere."""
    return [Deployment(f"p/m#{i}", "p", "m", "c", f"q{i}", "d", first + i, weight=w) for i, w in enumerate(weights)]


def keys(count):
    """Return so many keys."""
    return [b"%016d" % number for number in range(count)]


def test_a_key_meets_the_same_one_whatever_its_index_and_place():
    """The name is hashed: after a reload that numbers or orders them anew, each key is where it was."""
    one, other = fleet(1, 1, 1, 1), fleet(1, 1, 1, 1, first=40)[::-1]
    for key in keys(200):
        assert ranked(one, key)[0].name == ranked(other, key)[0].name


def test_keys_are_shared_by_weight():
    """Of 10,000 keys each deployment has its weight's share within two in a hundred."""
    taken = Counter(ranked(fleet(1, 3, 6), key)[0].index for key in keys(10_000))
    assert [taken[i] / 10_000 for i in range(3)] == pytest.approx([0.1, 0.3, 0.6], abs=0.02)


def test_the_keys_of_one_that_is_gone_are_spread_over_all_others():
    """Not one neighbour inherits them all."""
    whole = fleet(1, 1, 1, 1)
    moved = Counter(ranked(whole[1:], key)[0].index for key in keys(4000) if ranked(whole, key)[0].index == 0)
    assert [moved[i] / sum(moved.values()) for i in (1, 2, 3)] == pytest.approx([1 / 3] * 3, abs=0.06)


def test_who_has_more_than_its_room_is_passed_over_for_the_next_in_order():
    """Eight in flight and the coming one make nine, three each; a quarter more is four at most."""
    deployments, key = fleet(1, 1, 1), b"some key"
    first, second, _ = ranked(deployments, key)
    loads = [0, 0, 0]
    loads[first.index], loads[second.index] = 3, 5
    assert stick(deployments, View(loads), key) is first
    loads[first.index], loads[second.index] = 4, 3
    assert bounds(deployments, View(loads)) == {0: 4, 1: 4, 2: 4}
    assert stick(deployments, View(loads), key) is second


def test_an_idle_fleet_escapes_nowhere():
    """With nothing in flight every key is at home."""
    deployments, idle = fleet(1, 1, 1, 0.01), View([0] * 4)
    assert all(stick(deployments, idle, key) is ranked(deployments, key)[0] for key in keys(500))


def test_a_walk_sticks_among_the_ready_and_goes_on_in_the_keys_order():
    """Who is not ready is passed over, and comes last; the strategy is left for requests without a key."""
    deployments, view = fleet(1, 1, 1), View([0, 0, 0])
    order = ranked(deployments, view.key)
    view.unready.add(order[0].index)
    route = Route("r", (Group(tuple(deployments), "round_robin"),), sticky="user")
    walk, tried = InformedWalk(route, view, 0, Random(0), view), []
    while (found := walk.next(tried)) is not None:
        tried.append(found.index)
    assert tried == [order[1].index, order[2].index, order[0].index]
    view.key = b""
    view.unready.clear()
    assert [InformedWalk(route, view, turn, Random(0), view).first().index for turn in range(4)] == [0, 1, 2, 0]
