"""What providers keep: an answer to go on from lies with one account, and a request that leans on it goes there alone.

Never asks another account for what it can't have. Never remembers an answer: only who made it, in memory, over reloads.

    answer kept at a provider ──note──> Makers: id -> account (provider and credential), the latest hundred thousand
    request that leans on one ──narrow──> its maker's deployments of the route | a maker that is not there: Failure
                                          nobody known: whoever comes first, and then that account alone
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ..routing.deployment import Deployment
from ..routing.route import Route
from ..types.failure import Failure, FailureKind
from ..types.request import Request
from .fleet import Member
from .makers import Account
from .world import World

First = Callable[[Route], Deployment]
"""Chooses a route's first candidate."""


def account_of(deployment: Deployment) -> Account:
    """Return whose account a deployment uses."""
    return deployment.provider, deployment.credential


def note(request: Request, answer: str, world: World, deployment: Deployment) -> None:
    """Remember who made an answer that its provider may keep, and who knew what the request leant on."""
    account = account_of(deployment)
    world.makers.note(answer, account)
    if request.follows:
        world.makers.note(request.follows, account)


def narrow(request: Request, route: Route, members: Sequence[Member], maker: Account | None, first: First) -> Route | Failure:
    """Return a route as a request that leans on a kept answer may walk it: one account, in the dialect of the answer.

    Where nobody speaks that dialect the route stays as it is: crossing to another refuses the request, and says how to mend it.

    Args:
        request: what is asked, and what it follows.
        route: where its model leads.
        members: the fleet.
        maker: whose account is meant, None where nobody knows.
        first: chooses a candidate, as a walk does.
    """
    speaking = route.only(lambda one: request.dialect in members[one.index].spoken)
    if speaking is None:
        return route
    account = maker or account_of(first(speaking))
    kept = speaking.only(lambda one: account_of(one) == account)
    if kept is not None:
        return kept
    provider, credential = account
    where = f'provider "{provider}"' + (f' (credential "{credential}")' if credential else "")
    return Failure(
        FailureKind.CALLER,
        f'"{request.follows}" is kept at {where}, which route "{route.name}" does not lead to: ask a model of that provider, '
        "or send the whole conversation as input",
        400,
        "previous_response_not_found",
    )


def kept_alone(failure: Failure, request: Request) -> Failure:
    """Say why nobody else was asked, where a request leant on what one account keeps; a refusal to cross said it itself."""
    if not request.follows or not failure.rule.elsewhere or failure.kind is FailureKind.UNSUPPORTED:
        return failure
    why = f'"{request.follows}" is kept at that account alone, so nobody else was asked; send the whole conversation as input'
    return msgspec.structs.replace(failure, message=f"{failure.message}; {why}")
