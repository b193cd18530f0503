"""The order in which a request tries the deployments of its route."""

from random import Random

from stormkeel.routing.deployment import Deployment
from stormkeel.routing.plan import Walk
from stormkeel.routing.route import Group, Route


class View:
    """A fleet in which some are not ready."""

    def __init__(self, unready=()):
        self.unready = set(unready)

    def load(self, index):
        """Everybody is idle."""
        return 0.0

    def is_ready(self, index):
        """All but those named are ready."""
        return index not in self.unready


def deployment(index, quota=None):
    """Return a deployment with a quota group of its own unless one is named."""
    return Deployment(f"p/m#{index}", "p", "m", "main", quota or f"q{index}", "openai_chat", index)


def walk(groups, unready=(), turn=0):
    """Return a walk over round-robin groups given as lists of indexes."""
    route = Route("fast", tuple(Group(tuple(map(deployment, group)), "round_robin") for group in groups))
    return Walk(route, View(unready), turn, Random(0))


def order(walk):
    """Return the indexes in the order they are offered."""
    tried = []
    while (found := walk.next(tried)) is not None:
        tried.append(found.index)
    return tried


def test_groups_are_asked_in_their_order():
    """The first group's deployments come before the second's."""
    assert order(walk([[2, 1], [0]])) == [2, 1, 0]


def test_those_not_ready_come_last_but_do_come():
    """A cooling deployment of the first group comes after a ready one of the second, and is still a candidate."""
    assert order(walk([[0, 1], [2]], unready=[0])) == [1, 2, 0]
    assert order(walk([[0], [1]], unready=[0, 1])) == [0, 1]


def test_the_turn_moves_the_first_choice_on():
    """Round robin begins elsewhere at each turn."""
    assert [walk([[0, 1, 2]], turn=turn).next().index for turn in range(4)] == [0, 1, 2, 0]


def test_a_change_of_the_fleet_is_seen_between_two_tries():
    """The walk is lazy: who has fallen ill since is put off."""
    view = View()
    route = Route("fast", (Group((deployment(0), deployment(1), deployment(2)), "round_robin"),))
    step = Walk(route, view, 0, Random(0))
    assert step.next().index == 0
    view.unready.add(1)
    assert step.next([0]).index == 2


def test_a_single_deployment_is_offered_ready_or_not():
    """A route of one has one candidate, and then none."""
    assert order(walk([[5]])) == order(walk([[5]], unready=[5])) == [5]
    assert walk([[5]]).next([5]) is None


def test_has_other_counts_every_group():
    """Anybody not excluded is another, ready or not."""
    step = walk([[0, 1], [2]], unready=[2])
    assert step.has_other([]) and step.has_other([0, 1])
    assert not step.has_other([0, 1, 2])


def test_a_sibling_shares_the_group_but_not_the_quota():
    """Only a ready deployment of the same group with a quota of its own saves a wait."""
    shared, other = deployment(1, quota="q0"), deployment(2)
    base, view = deployment(0, quota="q0"), View()
    route = Route("fast", (Group((base, shared)), Group((other,))))
    assert not Walk(route, view, 0, Random(0)).has_sibling(base)
    step = Walk(Route("fast", (Group((base, shared, other)),)), view, 0, Random(0))
    assert step.has_sibling(base)
    assert not step.has_sibling(base, [0, 2])
    view.unready.add(2)
    assert not step.has_sibling(base)


def test_a_stranger_has_no_siblings():
    """A deployment of another route has none here."""
    assert not walk([[0, 1]]).has_sibling(deployment(9))
