"""Residency: who of a route may be asked at all, by the borders of its caller: the key's, and the request's own.

Never widens anything: each border keeps out more, and what a route keeps out stands in the route itself
(`routing.route.Route.outside`). Whatever fails, nobody outside is a candidate.

    route's border (when it is built) -> key's border -> request's border -> who is left, or a failure that names the border
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ..routing.deployment import Deployment
from ..routing.route import Route
from ..types.border import Border, tags_in_words
from ..types.failure import Failure, FailureKind
from ..types.request import Request

Borders = Mapping[str, Border]
"""The borders of callers' keys, by the key's name."""
MOST_NAMED = 6


class Outsider(msgspec.Struct, frozen=True):
    """A deployment of a route that is no candidate, whatever fails, and why."""

    name: str
    why: str


def outsiders(route: Route) -> list[Outsider]:
    """Return whom a route names and nobody may ask."""
    return [Outsider(one.name, f"outside: it is {tags_in_words(one.tags)}") for one in route.outside]


def borders_of(request: Request, keys: Borders) -> list[tuple[Border, str]]:
    """Return what keeps a request in, and who says so."""
    options = request.options
    said = [(keys.get(options.key), f'key "{options.key}"'), (options.border, "the request")]
    return [(border, who) for border, who in said if border]


def inside(request: Request, route: Route, keys: Borders) -> Route | Failure:
    """Return what of a route a request may be sent to, or why that is nobody."""
    for border, who in borders_of(request, keys):
        left = route.only(lambda one, border=border: border.lets(one.tags))  # type: ignore[misc]  # mypy: a default in a lambda
        if left is None:
            return nobody(route, border, who)
        if len(left.everybody) < len(route.everybody):
            out = tuple(one for one in route.everybody if not border.lets(one.tags))
            left = msgspec.structs.replace(left, outside=(*route.outside, *out))
        route = left
    return route


def nobody(route: Route, border: Border, who: str) -> Failure:
    """Return the failure of a request that may go nowhere."""
    message = f'route "{route.name}" has no deployment {border}, as {who} asks: {_named(route.deployments)}'
    return outside(f"{message}; nothing was sent")


def outside(message: str) -> Failure:
    """Return the failure of what may not leave a border."""
    return Failure(FailureKind.CALLER, message, 403, "no_deployment_within")


def refusal_at(provider: str, tags: Sequence[str], request: Request, keys: Borders) -> Failure | None:
    """Say why a request for one provider's other paths may not go there; None where it may."""
    for border, who in borders_of(request, keys):
        if not border.lets(tags):
            return outside(f'provider "{provider}" is {tags_in_words(tags)}, and {who} asks to stay {border}; nothing was sent')
    return None


def kept_inside(failure: Failure, route: Route | None) -> Failure:
    """Say of a last word who was left out, so that nobody wonders why they were not asked."""
    if route is None or not route.outside or not failure.rule.elsewhere:
        return failure
    return msgspec.structs.replace(failure, message=f"{failure.message}\n  not asked, being outside: {_named(route.outside)}")


def _named(deployments: Iterable[Deployment]) -> str:
    each = list({one.name: f"{one.name} is {tags_in_words(one.tags)}" for one in deployments}.values())
    return "; ".join(each[:MOST_NAMED]) + (f"; and {len(each) - MOST_NAMED} more" if len(each) > MOST_NAMED else "")
