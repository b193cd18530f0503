"""Deployments, groups and routes as values."""

import pytest

from stormkeel.routing.deployment import Deployment
from stormkeel.routing.route import Group, Route


def deployment(index=0, **given):
    """Return a deployment."""
    return Deployment(f"p/m#{index}", "p", "m", "main", "p:main", "openai_chat", index, **given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weight": 0.0}, "`weight` is 0"),
        ({"weight": float("nan")}, "`weight` is nan"),
        ({"concurrency": 0}, "`concurrency` is 0: give a number from 1 to 1e\\+06 attempts at once"),
        ({"index": -1}, "`index` is -1"),
    ],
)
def test_a_deployment_out_of_range_is_refused(given, words):
    """A weight or a limit that makes no sense names itself and its range."""
    with pytest.raises(ValueError, match=words):
        deployment(**{"index": 0, **given})


def test_an_empty_group_or_route_is_refused():
    """A route always has somebody to ask."""
    with pytest.raises(ValueError, match="a group has no deployment"):
        Group(())
    with pytest.raises(ValueError, match='route "fast" has no group'):
        Route("fast", ())


def test_an_unknown_strategy_is_refused_with_the_known_ones():
    """A misspelt strategy is told what it could be."""
    with pytest.raises(ValueError, match='"best": give one of weighted, round_robin, two_choices'):
        Group((deployment(),), "best")


def test_a_route_lists_its_deployments_in_order():
    """Groups in order, deployments in order."""
    route = Route("fast", (Group((deployment(2), deployment(0))), Group((deployment(1),))))
    assert [one.index for one in route.deployments] == [2, 0, 1]
