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
        if (has_other and failure.rule.elsewhere) or not await paused(run, member, LOOK * (1.0 + world.ports.rng.random())):
            _give_back(run, member)
            return False
    run.place = budget
    return True


async def paused(run: Run, member: Member, seconds: float) -> bool:
    """Wait until a try is due; False, and at once, where that is past the deadline. A try that is not made costs nothing."""
    is_due, clock = False, run.world.ports.clock
    try:
        if clock.now() + seconds < run.deadline:  # a place was waited for since it was decided
            await asyncio.sleep(seconds)
            is_due = clock.now() < run.deadline
    finally:
        if not is_due:
            _give_back(run, member)
    return is_due


def end(run: Run) -> None:
    """The try is over: give its place back, where it took one."""
    place, run.place = run.place, None
    if place is not None:
        place.leave()


def _give_back(run: Run, member: Member) -> None:
    paid, run.paid = run.paid, 0
    if paid:
        run.world.budgets[member.deployment.provider].refund(paid)


def _under_way(world: World, member: Member) -> int:
    provider = member.deployment.provider
    return sum(one.in_flight for one in world.fleet.members if one.deployment.provider == provider)
