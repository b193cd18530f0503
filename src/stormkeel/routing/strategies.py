"""How one of several equally good deployments is chosen.

Never decides who is still in the running (that is `plan.py`): each function takes the candidates, at least one, and names one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from ..policies.base import Dice
from .deployment import Deployment

StrategyName = Literal["weighted", "round_robin", "two_choices", "random", "priority", "least_latency", "cheapest"]
"""All there are; those that must know more than the fleet are in `informed.py`."""


class FleetView(Protocol):
    """What routing may know of the fleet's present state, by deployment index."""

    def load(self, index: int) -> float:
        """How busy it is: attempts in flight, or those times their latency. 0 is idle."""
        ...

    def is_ready(self, index: int) -> bool:
        """Is it neither cooling nor behind an open breaker?"""
        ...


Strategy = Callable[[Sequence[Deployment], FleetView, int, Dice], Deployment]


def weighted(candidates: Sequence[Deployment], view: FleetView, turn: int, rng: Dice) -> Deployment:
    """Draw one, each with a chance proportional to its weight."""
    total = 0.0
    for deployment in candidates:
        total += deployment.weight
    point = rng.random() * total
    for deployment in candidates:
        point -= deployment.weight
        if point < 0.0:
            return deployment
    return candidates[-1]  # rounding ate the last sliver


def round_robin(candidates: Sequence[Deployment], view: FleetView, turn: int, rng: Dice) -> Deployment:
    """Take them in their order, one a turn; weights say nothing here."""
    return candidates[turn % len(candidates)]


def two_choices(candidates: Sequence[Deployment], view: FleetView, turn: int, rng: Dice) -> Deployment:
    """Draw two different ones and take the less loaded for its weight; the first drawn where they are equal.

    "The power of two choices": nearly as even as asking all, without everybody running to the same idle one.
    """
    count = len(candidates)
    if count == 1:
        return candidates[0]
    first = int(rng.random() * count)
    second = int(rng.random() * (count - 1)) if count > 2 else 0
    if second >= first:
        second += 1
    one, other = candidates[first], candidates[second]
    # compared with the coming attempt on board: an idle pair of unlike weights would else be taken evenly
    return other if (view.load(other.index) + 1.0) / other.weight < (view.load(one.index) + 1.0) / one.weight else one


def at_random(candidates: Sequence[Deployment], view: FleetView, turn: int, rng: Dice) -> Deployment:
    """Draw one, each with the same chance; weights say nothing here."""
    return candidates[int(rng.random() * len(candidates))]


def priority(candidates: Sequence[Deployment], view: FleetView, turn: int, rng: Dice) -> Deployment:
    """Take the first, as they are written; weights say nothing here."""
    return candidates[0]


STRATEGIES: dict[StrategyName, Strategy] = {
    "weighted": weighted,
    "round_robin": round_robin,
    "two_choices": two_choices,
    "random": at_random,
    "priority": priority,
}
