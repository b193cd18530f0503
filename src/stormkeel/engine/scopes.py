"""What deployments share: a provider's region, a credential, the groups of routes. Asked when a breaker opens, never before.

Never decides: that is `policies/scope.py` (is what they share down?) and `policies/ejection.py` (may one more be out?).

    a breaker opens -> of its groups, are too many out?   it is spared: a bounded part of its traffic goes on
                    -> region: several ill, nobody well?  all of the region are out at once, and one probe goes for all
                    -> credential: its twin well?         all with that credential likewise
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from ..policies.base import Dice
from ..policies.breaker import CLOSED, Breaker, BreakerSettings
from ..policies.ejection import may_eject
from ..policies.scope import ScopeBreaker, Sight, is_down, sight_of
from ..routing.deployment import Deployment
from ..routing.route import Group

FindScope = Callable[[str], ScopeBreaker]
"""Returns the breaker of a scope by its name."""
FindGroups = Callable[[int], Iterable[Group]]
"""Returns the groups of all routes that a deployment is in, by its index."""


class _One(msgspec.Struct, frozen=True):
    """One deployment and its breaker."""

    deployment: Deployment
    breaker: Breaker

    @property
    def sight(self) -> Sight:
        return sight_of(self.deployment.model, self.deployment.credential, self.breaker)

    def is_twin(self, of: Deployment) -> bool:
        """Is it the very same model in the same place? Then its credential is another, or it is the same deployment."""
        mine = self.deployment
        return (mine.provider, mine.region, mine.model) == (of.provider, of.region, of.model)

    def is_well(self, since: float) -> bool:
        return self.breaker.state is CLOSED and self.breaker.good_at > since


class Neighbours:
    """The deployments of one world, by what they share.

    Attributes:
        groups_of: finds the groups of a deployment; set once the routes are there.
    """

    __slots__ = ("_all", "_by_scope", "_settings", "groups_of")

    def __init__(self, settings: BreakerSettings) -> None:
        self.groups_of: FindGroups = _no_groups
        self._settings = settings
        self._all: dict[int, _One] = {}
        self._by_scope: dict[str, list[_One]] = {}

    def join(self, deployment: Deployment, breaker: Breaker, scopes: Iterable[ScopeBreaker]) -> None:
        """Take a deployment in."""
        one = _One(deployment, breaker)
        self._all[deployment.index] = one
        for scope in scopes:
            self._by_scope.setdefault(scope.name, []).append(one)

    def leave(self, deployment: Deployment, scopes: Iterable[ScopeBreaker]) -> None:
        """Let a deployment go whose place in the fleet is another's."""
        gone = self._all.pop(deployment.index)
        for scope in scopes:
            self._by_scope[scope.name] = [one for one in self._by_scope[scope.name] if one is not gone]

    def opened(self, deployment: Deployment, scopes: Iterable[ScopeBreaker], now: float, rng: Dice) -> None:
        """A deployment's breaker has opened: see what that says of what it shares."""
        one = self._all.get(deployment.index)
        if one is None:
            return
        one.breaker.spared = not all(self._may_go(group, deployment) for group in self.groups_of(deployment.index))
        newest = one.sight
        if not newest.is_ill:
            return
        has_well_twin = any(other.is_twin(deployment) and other.is_well(newest.ill_since) for other in self._all.values())
        for scope in scopes:
            those = [other.sight for other in self._by_scope[scope.name]]
            if is_down(those, newest, self._settings.window, has_well_twin):  # a region's own twin is well, and so it is
                scope.trip(now, rng)

    def _may_go(self, group: Group, deployment: Deployment) -> bool:
        others = (self._all.get(one.index) for one in group.deployments if one.index != deployment.index)
        out = sum(other is not None and other.breaker.state is not CLOSED and not other.breaker.spared for other in others)
        return may_eject(out, len(group.deployments), self._settings.max_ejected)


class Circle(msgspec.Struct, frozen=True):
    """What one deployment shares.

    Attributes:
        deployment: whose.
        scopes: the breakers of its region and, where its provider has several, of its credential.
        neighbours: who is told when its breaker opens.
    """

    deployment: Deployment
    scopes: tuple[ScopeBreaker, ...]
    neighbours: Neighbours

    def opened(self, now: float, rng: Dice) -> None:
        """Its breaker has opened."""
        self.neighbours.opened(self.deployment, self.scopes, now, rng)


def region_scope(deployment: Deployment) -> str:
    """Return the name of the scope of a deployment's region."""
    provider = f'provider "{deployment.provider}"'
    return f'region "{deployment.region}" of {provider}' if deployment.region else provider


def credential_scope(deployment: Deployment) -> str:
    """Return the name of the scope of a deployment's credential."""
    return f'credential "{deployment.credential}" of provider "{deployment.provider}"'


def scopes_of(deployment: Deployment, find: FindScope, has_other_credentials: bool) -> tuple[ScopeBreaker, ...]:
    """Return the breakers of what a deployment shares: its region, and its credential where its provider has others."""
    names = [region_scope(deployment)]
    if has_other_credentials:
        names.append(credential_scope(deployment))
    return tuple(find(name) for name in names)


def _no_groups(_index: int) -> Iterable[Group]:
    return ()
