"""Laws of the walk: it never repeats, covers all, and prefers who is ready."""

from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.engine.residency import inside
from stormkeel.routing.deployment import Deployment
from stormkeel.routing.plan import Walk
from stormkeel.routing.route import Group, Route
from stormkeel.routing.strategies import STRATEGIES
from stormkeel.types.border import Border
from stormkeel.types.failure import Failure
from stormkeel.types.request import Options, Request


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


TAGS = st.lists(st.sampled_from(["eu", "us", "zdr", "ch"]), unique=True, max_size=3).map(tuple)


@given(fleets(), st.lists(TAGS, min_size=8, max_size=8), st.tuples(TAGS, TAGS), st.tuples(TAGS, TAGS))
def test_nobody_outside_a_border_is_ever_offered(drawn, tags, of_key, of_request):
    """A walk inside the borders of a key and a request offers each deployment that both let, once, and no other."""
    route, view, turn, seed = drawn
    groups = (
        msgspec.structs.replace(group, deployments=tuple(tagged(one, tags) for one in group.deployments))
        for group in route.groups
    )
    route = msgspec.structs.replace(route, groups=tuple(groups))
    borders = Border(*of_key), Border(*of_request)
    request = Request("r", "openai_chat", "r", b"{}", options=Options(key="team", border=borders[1]))
    meant = {one.index for one in route.deployments if all(border.lets(tags[one.index]) for border in borders)}
    left = inside(request, route, {"team": borders[0]} if borders[0] else {})
    if isinstance(left, Failure):
        assert not meant
        assert left.code == "no_deployment_within"
    else:
        assert set(follow(left, view, turn, seed)) == meant
        assert {one.index for one in left.outside} == {one.index for one in route.deployments} - meant


def tagged(deployment, tags):
    """Return a deployment with the tags of its place."""
    return msgspec.structs.replace(deployment, tags=tags[deployment.index])
