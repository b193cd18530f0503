"""Detours: where a request goes on when it was itself the reason of a failure: too long for somebody, or refused by a filter.

Never sends anything on that the route does not allow, never to an equal or smaller window than one that was too small, and never
beyond the cap. What is left when nobody is: the route's last resort.

    too long   named ones -> larger windows of the route -> unknown windows }
    refused    named ones -> what is left of the route, where it says so    } each within the cap -> last resort -> told
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..policies.retry import ELSEWHERE, Decision, GiveUp
from ..routing.deployment import Deployment
from ..routing.plan import Walk
from ..routing.route import Detour, Group, Route
from ..types.failure import Failure, FailureKind
from ..types.money import NanoDollars, format_dollars
from ..types.usage import Usage
from .crossing import expected_input
from .fleet import Member
from .last_resort import resort
from .outlook import USUAL_OUTPUT, sight_of
from .run import Run

K = FailureKind
OWN_FAULT = frozenset({K.CONTEXT_LENGTH, K.CONTENT_REFUSED})
"""Kinds that a request itself is the reason of, and for which a route says where it goes on."""
NOBODY = GiveUp("nobody is left for a request like this")


def turn(run: Run, walk: Walk, spent: set[int], member: Member, decision: Decision) -> tuple[Walk, Decision]:
    """Say where a request goes on after a failure of `OWN_FAULT`.

    Args:
        run: the request; its way becomes the one it goes on by.
        walk: the walk so far, which is kept where nothing more may be tried.
        spent: who is not asked again, by index; those too small are added.
        member: who failed.
        decision: what follows by the usual rules.
    """
    failure, route, world = run.attempts[-1].failure, run.way, run.world
    is_over = run.made >= world.retry.request_attempts or world.ports.clock.now() >= run.deadline
    if is_over or route is None or failure is None:
        return walk, decision
    run.home = run.home or route.groups
    if failure.kind is K.CONTEXT_LENGTH:
        pass_over_smaller(run, route, member, spent)
    groups = _onwards(run, route, failure.kind, spent)
    allowed = {one.index for group in groups for one in group.deployments}
    run.full = {index: full for index, full in run.full.items() if index in allowed}  # nobody waits for the turns of others
    way = msgspec.structs.replace(route, groups=groups, **_rest(route, failure.kind)) if groups else None
    if not allowed.difference(spent):
        every = msgspec.structs.replace(route, groups=(*route.groups, *run.home))  # whom it went on to among them
        smaller = None if run.is_joining else resort(run, _affordable(run, every), failure.kind)
        if smaller is not None:
            way = smaller
            spent.clear()
            run.full.clear()
        elif not run.full:
            return walk, NOBODY
    assert way is not None  # somebody is left, or what is asked is smaller
    run.way = way
    return sight_of(world).walk(way, run.request), ELSEWHERE


def _rest(route: Route, kind: FailureKind) -> dict[str, Detour]:
    """What of the detours is left once one is taken: on along it, under the same cap."""
    name = "too_long" if kind is K.CONTEXT_LENGTH else "refused"
    return {name: Detour((), goes_on=True, most=getattr(route, name).most)}


def pass_over_smaller(run: Run, route: Route, member: Member, spent: set[int]) -> None:
    """Neither ask nor wait for whoever has no larger window than one that was too small."""
    members = run.world.fleet.members
    for one in route.everybody:
        if is_no_larger(members[one.index], member):
            spent.add(one.index)
            run.full.pop(one.index, None)


def _onwards(run: Run, route: Route, kind: FailureKind, spent: set[int]) -> tuple[Group, ...]:
    """The groups that are left after a failure, in the order they are asked."""
    detour, members = route.too_long if kind is K.CONTEXT_LENGTH else route.refused, run.world.fleet.members
    groups, own = detour.groups, route.groups if detour.goes_on else ()
    if kind is K.CONTEXT_LENGTH:
        known = _only(own, (one for one in route.deployments if members[one.index].window))
        own = (*known, *_only(own, (one for one in route.deployments if not members[one.index].window)))
    groups = (*groups, *own)
    if detour.most is None:
        return groups
    left = (one for group in groups for one in group.deployments if one.index not in spent or one.index in run.full)
    each = {one.index: one for one in left}
    return _only(groups, (one for one in each.values() if _is_within(cost(run, members[one.index]), detour.most)))


def _affordable(run: Run, route: Route) -> Route:
    """The route without those whom nobody has asked for fear of what they cost."""
    most = route.too_long.most
    if most is None:
        return route
    asked, members = {attempt.deployment for attempt in run.attempts}, run.world.fleet.members
    kept = [one for one in route.deployments if one.name in asked or _is_within(cost(run, members[one.index]), most)]
    return msgspec.structs.replace(route, groups=_only(route.groups, kept))


def _only(groups: Iterable[Group], kept: Iterable[Deployment]) -> tuple[Group, ...]:
    indexes = {one.index for one in kept}
    each = ((group, tuple(one for one in group.deployments if one.index in indexes)) for group in groups)
    return tuple(Group(deployments, group.strategy) for group, deployments in each if deployments)


def is_no_larger(one: Member, refused: Member) -> bool:
    """Is somebody's window certain not to be larger than that of who refused a request as too long?"""
    return refused.window is not None and one.window is not None and one.window <= refused.window


def _is_within(cost: NanoDollars | None, most: NanoDollars) -> bool:
    return cost is not None and cost <= most


def cost(run: Run, member: Member) -> NanoDollars | None:
    """Return about what a request costs at a deployment: its input, and the output it asks for; None where nobody knows."""
    tariff, reading, request = member.tariff(run.wall), run.reading(), run.request
    if tariff is None or isinstance(reading, Failure):
        return None
    output = 0 if request.inputs else request.max_output or USUAL_OUTPUT
    if member.max_output:
        output = min(output, member.max_output)
    return tariff.price(Usage(input=expected_input(reading.prompt, member), output=output * request.choices))


def in_words(route: Route) -> list[str]:
    """Say where requests of a route go on, a line for each reason."""
    larger = "what is left of the route with a larger window, unknown ones last"
    refused, last = _way(route.refused, "what is left of the route"), route.last
    lines = [f"too long: {_way(route.too_long, larger)}", f"refused by a filter: {refused}"]
    if last is not None:
        done = (("the oldest turns left out", last.trim), ("other instructions", last.system is not None))
        said = [name for name, is_so in (*done, ("a prompt of its own", last.prompt is not None)) if is_so]
        lines.append(f"last resort: {' and '.join(said)}, at {_names(last.groups) or 'the largest windows of the route'}")
    return lines


def _way(detour: Detour, own: str) -> str:
    there = [*([_names(detour.groups)] if detour.groups else ()), *([own] if detour.goes_on else ())]
    cap = "" if detour.most is None else f", for at most {format_dollars(detour.most)}"
    return (", then ".join(there) + cap) if there else "nobody else is asked"


def _names(groups: Iterable[Group]) -> str:
    return ", then ".join(" or ".join(one.name for one in group.deployments) for group in groups)
