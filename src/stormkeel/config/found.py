"""Found: routes made for models that no route of the settings names, as many as were asked for of late.

Callers choose these names, so there is a bound to them, and nobody is refused for it: the one that nobody has asked for longest
is forgotten. Never takes a deployment away from a request: its place in the fleet is given to another one when nobody has it any
more, so that the fleet grows with what is in flight, and not with names (INV-14).

    asked for --> kept --(MOST_FOUND others asked for)--> forgotten --(its last request ends)--> its places can be given away
                   ^                                          |                                     |
                   '--------------- asked for again ----------+-------------------------------------'
"""

from __future__ import annotations

from collections.abc import Iterator
from weakref import ref

import msgspec

from ..routing.deployment import Deployment
from ..routing.route import Route

MOST_FOUND = 2000  # routes that are kept


class Found:
    """The routes that were found, and which of their deployments nobody has any more."""

    __slots__ = ("_copies", "_free", "_routes")

    def __init__(self) -> None:
        self._routes: dict[str, Route] = {}  # who was asked for last is the last
        self._copies: dict[str, ref[Deployment]] = {}  # by name: what the routes have, and with them the requests under way
        self._free: dict[str, None] = {}  # names of deployments that nobody has, the oldest first

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def look(self, model: str) -> Route | None:
        """Return the route of a model that is asked for, None where it has to be made."""
        route = self._routes.pop(model, None)
        if route is not None:
            self._routes[model] = route
        return route

    def keep(self, route: Route) -> Route:
        """Keep a route, in place of the one that nobody asked for the longest; returns it."""
        self._routes[route.name] = route
        if len(self._routes) > MOST_FOUND:
            del self._routes[next(iter(self._routes))]
        return route

    def copy_of(self, deployment: Deployment, weight: float) -> Deployment:
        """Return the copy of a deployment that all found routes share: it lives as long as any of them, or a request on one."""
        name, known = deployment.name, self._copies.get(deployment.name)
        copy = None if known is None else known()
        if copy is None:
            copy = msgspec.structs.replace(deployment, weight=weight)
            self._copies[name] = ref(copy, lambda gone: self._let_go(name, gone))
            self._free.pop(name, None)
        return copy

    def _let_go(self, name: str, gone: ref[Deployment]) -> None:
        if self._copies.get(name) is gone:  # else there is another copy by now
            del self._copies[name]
            self._free[name] = None

    def give_away(self) -> str | None:
        """Return the name of a deployment that nobody has any more, whose place may be another's; None where there is none."""
        name = next(iter(self._free), None)
        if name is not None:
            del self._free[name]
        return name

    def twin(self) -> Found:
        """Return one with the same routes, and with no place to give away: for a look that leaves no trace."""
        twin = Found()
        twin._routes = dict(self._routes)
        return twin
