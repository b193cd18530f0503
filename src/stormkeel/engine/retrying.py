"""Leave to try the same deployment again: paid from its provider's retry budget, and within the retries it may have at once.

Never decides whether another try makes sense: `policies/retry.py` does. Never holds up a first attempt.

    the provider named a moment   pays, and needs no place: who was told when to come back is no storm
    else                          pays, and takes a place; where none is free, goes elsewhere, or waits for one where it can't
"""

from __future__ import annotations

import asyncio

from ..types.failure import Again, Failure
from .fleet import Member
from .run import Run
from .world import World

LOOK = 0.05  # seconds, by chance up to twice that, between two looks for a free place


async def begin(run: Run, member: Member, failure: Failure, has_other: bool) -> bool:
    """Pay for one more try, and take its place; False where it may not be made."""
    if not run.pay(member, failure):
        return False
    if failure.retry_after or failure.rule.again is Again.MENDED:
        return True
    world = run.world
    budget = world.budgets[member.deployment.provider]
    while not budget.enter(_under_way(world, member)):
        if (has_other and failure.rule.elsewhere) or world.ports.clock.now() >= run.deadline:
            budget.refund(run.paid)  # it is not made
            return False
        await asyncio.sleep(LOOK * (1.0 + world.ports.rng.random()))
    run.place = budget
    return True


def end(run: Run) -> None:
    """The try is over: give its place back, where it took one."""
    place, run.place = run.place, None
    if place is not None:
        place.leave()


def _under_way(world: World, member: Member) -> int:
    provider = member.deployment.provider
    return sum(one.in_flight for one in world.fleet.members if one.deployment.provider == provider)
