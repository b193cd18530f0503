"""Plan: the order in which one request tries the deployments of its route, found step by step.

Never asks a gate and never remembers what was tried: the caller says which are out. Lazy, because the fleet changes between two
tries, and because most requests need only the first.

    ready deployments of the first group that has any -> of the next group -> ...
    -> those that are not ready, in the same order of groups

One that isn't ready (cooling, open breaker) stays a candidate, the last: its gates refuse it, or let a rare probe through.
"""

from __future__ import annotations

from collections.abc import Collection

from ..policies.base import Dice
from .deployment import Deployment
from .informed import INFORMED, Outlook
from .route import Group, Route
from .sticky import stick
from .strategies import STRATEGIES, FleetView

NOTHING: tuple[int, ...] = ()


class Walk:
    """The candidates of one request. Deployments are named by their index in the fleet."""

    __slots__ = ("_groups", "_rng", "_turn", "_view")

    def __init__(self, route: Route, view: FleetView, turn: int, rng: Dice) -> None:
        self._groups = route.groups
        self._view = view
        self._turn = turn
        self._rng = rng

    def next(self, excluding: Collection[int] = NOTHING) -> Deployment | None:
        """Return the best candidate that is not excluded, None where none is left."""
        for group in self._groups:
            if (found := self._ready(group, excluding)) is not None:
                return found
        for group in self._groups:
            if left := [one for one in group.deployments if one.index not in excluding]:
                return self._choose(group, left)
        return None

    def first(self) -> Deployment:
        """Return the best candidate of all: a route has one."""
        found = self.next()
        assert found is not None, "a route without a deployment"
        return found

    def has_other(self, excluding: Collection[int]) -> bool:
        """Is any candidate left that is not excluded?"""
        return any(one.index not in excluding for group in self._groups for one in group.deployments)

    def has_sibling(self, of: Deployment, excluding: Collection[int] = NOTHING) -> bool:
        """Is there another ready deployment in the same group that shares neither its quota nor the exclusion?"""
        for group in self._groups:
            if any(one.index == of.index for one in group.deployments):
                return any(self._is_sibling(one, of, excluding) for one in group.deployments)
        return False

    def _is_sibling(self, one: Deployment, of: Deployment, excluding: Collection[int]) -> bool:
        return (
            one.index != of.index and one.quota != of.quota and one.index not in excluding and self._view.is_ready(one.index)
        )

    def _ready(self, group: Group, excluding: Collection[int]) -> Deployment | None:
        deployments, is_ready = group.deployments, self._view.is_ready
        if len(deployments) == 1:
            only = deployments[0]
            return only if only.index not in excluding and is_ready(only.index) else None
        left = [one for one in deployments if one.index not in excluding and is_ready(one.index)]
        return self._choose(group, left) if left else None

    def _choose(self, group: Group, left: list[Deployment]) -> Deployment:
        if len(left) == 1:
            return left[0]
        return STRATEGIES[group.strategy](left, self._view, self._turn, self._rng)


class InformedWalk(Walk):
    """A walk that looks at the request: where the route is sticky, or a strategy must know more than the fleet."""

    __slots__ = ("_outlook",)

    def __init__(self, route: Route, view: FleetView, turn: int, rng: Dice, outlook: Outlook) -> None:
        super().__init__(route, view, turn, rng)
        self._outlook = outlook

    def has_sibling(self, of: Deployment, excluding: Collection[int] = NOTHING) -> bool:
        """Is there another to go to at once? Not for who sticks: a short wait costs less than a prompt cache left behind."""
        return not self._outlook.key and super().has_sibling(of, excluding)

    def _choose(self, group: Group, left: list[Deployment]) -> Deployment:
        if len(left) == 1:
            return left[0]
        if key := self._outlook.key:
            return stick(left, self._view, key)
        informed = INFORMED.get(group.strategy)
        if informed is None:
            return super()._choose(group, left)
        return informed(left, self._view, self._outlook, self._rng)
