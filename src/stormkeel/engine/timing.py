"""With how little time left somebody is not asked at all.

Never reads a clock: the fleet's view says what moment it is. A first attempt is always made, or nobody would ever learn that a
deployment has got quicker.
"""

from __future__ import annotations

from ..routing.deployment import Deployment
from ..routing.plan import Walk
from .run import Run


def needs(run: Run, index: int) -> float:
    """Return the seconds that half of a deployment's first contents take longer than; 0 where that is not known."""
    return run.world.fleet.members[index].breaker.usual.median or 0.0


def next_in_time(run: Run, walk: Walk, spent: set[int]) -> Deployment | None:
    """Return the next candidate of a request that has failed before; who would hardly answer in what is left is passed over."""
    left = run.deadline - run.world.fleet.now
    deployment = walk.next(spent)
    if not run.made:  # whom we refused ourselves was not asked: this may be the first attempt
        return deployment
    while deployment is not None and needs(run, deployment.index) > left:
        spent.add(deployment.index)
        deployment = walk.next(spent)
    return deployment
