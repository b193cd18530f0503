"""Laws of the walk: it never repeats, covers all, and prefers who is ready."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.routing.deployment import Deployment
from stormkeel.routing.plan import Walk
from stormkeel.routing.route import Group, Route
from stormkeel.routing.strategies import STRATEGIES


class View:
    """A fleet of given loads in which some are not ready."""

    def __init__(self, loads, ready):
        self.loads, self.ready = loads, ready

    def load(self, index):
        """Return the load given."""
        return self.loads[index]

    def is_ready(self, index):
        """Return what was given."""
        return self.ready[index]


@st.composite
def fleets(draw):
    """Draw a route, a view of its fleet, a turn and a seed; a deployment may stand in several groups."""
    count = draw(st.integers(1, 8))
    weights = draw(st.lists(st.floats(0.01, 100.0), min_size=count, max_size=count))
    fleet = [Deployment(f"p/m#{i}", "p", "m", "c", f"q{i % 3}", "d", i, weight=weights[i]) for i in range(count)]
    picks = st.lists(st.sampled_from(fleet), min_size=1, max_size=5, unique_by=lambda one: one.index)
    groups = draw(st.lists(st.tuples(picks, st.sampled_from(sorted(STRATEGIES))), min_size=1, max_size=3))
    route = Route("r", tuple(Group(tuple(members), strategy) for members, strategy in groups))
    loads = draw(st.lists(st.floats(0.0, 1e6), min_size=count, max_size=count))
    ready = draw(st.lists(st.booleans(), min_size=count, max_size=count))
    return route, View(loads, ready), draw(st.integers(0, 10**9)), draw(st.integers())


def follow(route, view, turn, seed):
    """Return the indexes in the order the walk offers them."""
    walk, tried = Walk(route, view, turn, Random(seed)), []
    while (found := walk.next(tried)) is not None:
        assert walk.has_other(tried)
        tried.append(found.index)
        assert len(tried) <= 100
    assert not walk.has_other(tried)
    return tried


@given(fleets())
def test_a_walk_offers_each_deployment_exactly_once(drawn):
    """No repeat, nobody forgotten, by whatever strategy."""
    route = drawn[0]
    tried = follow(*drawn)
    assert len(tried) == len(set(tried))
    assert set(tried) == {one.index for one in route.deployments}


@given(fleets())
def test_the_ready_come_first_and_groups_keep_their_order(drawn):
    """All ready ones precede all others; within each half, groups follow one another."""
    route, view, *_ = drawn
    first_group = {}
    for place, group in enumerate(route.groups):
        for one in group.deployments:
            first_group.setdefault(one.index, place)
    keys = [(not view.ready[index], first_group[index]) for index in follow(*drawn)]
    assert keys == sorted(keys)


@given(fleets())
def test_the_same_seed_walks_the_same_way(drawn):
    """INV-26: the same fleet, turn and seed give the same order."""
    assert follow(*drawn) == follow(*drawn)
