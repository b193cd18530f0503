"""Laws of balancing: what a deployment that comes or goes moves, how full one may get, who may be chosen at all."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from stormkeel.routing.deployment import Deployment
from stormkeel.routing.informed import INFORMED, cheapest
from stormkeel.routing.plan import InformedWalk
from stormkeel.routing.route import Group, Route
from stormkeel.routing.sticky import ROOM, bounds, ranked, stick
from stormkeel.routing.strategies import STRATEGIES, priority

NAMES = st.lists(st.text("abcdefgh0123456789-.", min_size=1, max_size=12), min_size=2, max_size=8, unique=True)
KEY = st.binary(min_size=1, max_size=64)


def fleet(names, weights=None):
    """Return deployments of these names and weights."""
    return [
        Deployment(name, "p", "m", "c", f"q{i}", "d", i, weight=weights[i] if weights else 1.0) for i, name in enumerate(names)
    ]


class View:
    """A fleet and an outlook, given."""

    def __init__(self, loads, ready=(), latencies=(), prices=(), key=b""):
        self.loads, self.ready, self.latencies, self.prices, self.key = loads, ready, latencies, prices, key

    def load(self, index):
        """Return the load given."""
        return self.loads[index]

    def is_ready(self, index):
        """Return what was given."""
        return self.ready[index]

    def latency(self, index):
        """Return the latency given."""
        return self.latencies[index]

    def price(self, index):
        """Return the price given."""
        return self.prices[index]


@st.composite
def routes(draw, sticky, key):
    """Draw a route of every sort of strategy, its fleet's view, a turn and a seed; a deployment may stand in several groups."""
    names = draw(NAMES)
    count = len(names)
    weights = draw(st.lists(st.floats(0.01, 100.0), min_size=count, max_size=count))
    deployments = fleet(names, weights)
    picks = st.lists(st.sampled_from(deployments), min_size=1, max_size=5, unique_by=lambda one: one.index)
    groups = draw(st.lists(st.tuples(picks, st.sampled_from(sorted({*STRATEGIES, *INFORMED}))), min_size=1, max_size=3))
    route = Route("r", tuple(Group(tuple(members), strategy) for members, strategy in groups), sticky=draw(sticky))

    def each(value):
        return draw(st.lists(value, min_size=count, max_size=count))

    view = View(
        each(st.integers(0, 50)), each(st.booleans()), each(st.none() | st.floats(0.0, 600.0)),
        each(st.none() | st.integers(0, 10**12)), draw(key),
    )  # fmt: skip
    return route, view, draw(st.integers(0, 10**9)), draw(st.integers())


@given(routes(st.sampled_from(["off", "conversation", "prefix", "user"]), st.just(b"") | KEY))
def test_no_strategy_ever_returns_one_that_is_out(drawn):
    """Each deployment is offered exactly once, the ready before the others, by whatever strategy and stickiness."""
    route, view, turn, seed = drawn
    walk, tried = InformedWalk(route, view, turn, Random(seed), view), []
    while (found := walk.next(tried)) is not None:
        assert found.index not in tried
        tried.append(found.index)
    assert set(tried) == {one.index for one in route.deployments}
    readiness = [view.ready[index] for index in tried]
    assert readiness == sorted(readiness, reverse=True)


@given(NAMES, st.lists(KEY, min_size=1, max_size=50), st.data())
def test_one_that_goes_moves_its_own_keys_alone(names, keys, data):
    """Who was not at the one that left stays where it was, in the same order behind it; so does nobody move at its return."""
    deployments = fleet(names)
    gone = data.draw(st.sampled_from(deployments))
    for key in keys:
        before = ranked(deployments, key)
        assert ranked([one for one in deployments if one is not gone], key) == [one for one in before if one is not gone]


@settings(max_examples=20)
@given(NAMES, st.integers(0, 2**32))
def test_one_that_comes_takes_its_share_and_no_more(names, seed):
    """Of 2,000 keys about one in n moves, and all of those to the newcomer."""
    deployments, rng = fleet(names), Random(seed)
    keys = [rng.randbytes(16) for _ in range(2000)]
    moved = 0
    for key in keys:
        before, after = ranked(deployments[:-1], key)[0], ranked(deployments, key)[0]
        if before is not after:
            assert after is deployments[-1]
            moved += 1
    assert abs(moved / len(keys) - 1 / len(deployments)) < 0.06


@given(NAMES, st.data())
def test_nobody_gets_fuller_than_its_room(names, data):
    """However the keys fall and whoever ends, each has at most 1.25 times its share of what is in flight, rounded up."""
    weights = data.draw(st.lists(st.floats(0.1, 10.0), min_size=len(names), max_size=len(names)))
    deployments = fleet(names, weights)
    view = View([0] * len(names))
    hot, rng = data.draw(KEY), Random(data.draw(st.integers()))
    for _ in range(80):
        key = hot if rng.random() < 0.8 else rng.randbytes(16)
        most = bounds(deployments, view)
        chosen = stick(deployments, view, key)
        view.loads[chosen.index] += 1
        assert view.loads[chosen.index] <= most[chosen.index]
        assert view.loads[chosen.index] <= ROOM * sum(view.loads) * chosen.weight / sum(weights) + 1
        busy = [index for index, load in enumerate(view.loads) if load]
        if rng.random() < 0.3:
            view.loads[rng.choice(busy)] -= 1


@given(NAMES, st.data(), st.integers())
def test_cheapest_never_takes_a_dearer_one(names, data, seed):
    """Nobody among the candidates is known to be cheaper, and an unknown price is taken only where none is known."""
    prices = data.draw(st.lists(st.none() | st.integers(0, 100), min_size=len(names), max_size=len(names)))
    deployments = fleet(names)
    chosen = prices[cheapest(deployments, View([], prices=prices), View([], prices=prices), Random(seed)).index]
    known = [price for price in prices if price is not None]
    assert chosen == (min(known) if known else None)


@given(NAMES, st.data(), st.integers(0, 10**9))
def test_priority_keeps_the_order(names, data, turn):
    """The first of the ready is asked, whatever the loads."""
    deployments = fleet(names)
    ready = data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names)))
    loads = data.draw(st.lists(st.integers(0, 99), min_size=len(names), max_size=len(names)))
    view = View(loads, ready)
    walk, tried = InformedWalk(Route("r", (Group(tuple(deployments), "priority"),)), view, turn, Random(turn), view), []
    while (found := walk.next(tried)) is not None:
        tried.append(found.index)
    assert tried == [i for i in range(len(names)) if ready[i]] + [i for i in range(len(names)) if not ready[i]]
    assert priority(deployments, view, turn, Random(0)) is deployments[0]


@given(routes(st.just("user"), KEY))
def test_the_same_key_walks_the_same_way(drawn):
    """INV-26: no dice are cast for one that sticks; another seed and turn change nothing."""
    route, view, turn, seed = drawn

    def walked(turn, seed):
        walk, tried = InformedWalk(route, view, turn, Random(seed), view), []
        while (found := walk.next(tried)) is not None:
            tried.append(found.index)
        return tried

    assert walked(turn, seed) == walked(turn + 1, seed + 1)
