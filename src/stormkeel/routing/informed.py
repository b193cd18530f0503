"""Strategies that must know more than the fleet: how quick somebody has been, or what this very request costs there.

Never asks for what a strategy does not need: an `Outlook` finds each thing when it is asked. Those that need none are in
`strategies.py`, and pay for none of this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Protocol

from ..policies.base import Dice
from .deployment import Deployment
from .strategies import FleetView, StrategyName, weighted

LEAST = 0.001  # seconds; below that a latency says nothing, and times the load it would hide that
TOO_SLOW = 2.0
"""Who is slower than this many times the other is not asked to relieve it. An LLM's streams stay in flight long after their first
content, so by the load alone a slow deployment would always look idle enough; and where the quick one gets slower, the rule no
longer holds."""


class Outlook(Protocol):
    """What routing may know of one request, and of the fleet with it in mind, by deployment index."""

    @property
    def key(self) -> bytes:
        """What the request sticks by, b"" where it sticks by nothing."""
        ...

    def latency(self, index: int) -> float | None:
        """Seconds to the first content as of late, None where nobody knows."""
        ...

    def price(self, index: int) -> int | None:
        """About what the request costs there in nano-dollars, None where nobody knows."""
        ...


Informed = Callable[[Sequence[Deployment], FleetView, Outlook, Dice], Deployment]


def least_latency(candidates: Sequence[Deployment], view: FleetView, outlook: Outlook, rng: Dice) -> Deployment:
    """Draw two different ones and take the one whose latency times its load, with the coming attempt, is less for its weight.

    Finagle's P2C with peak EWMA. One that is more than twice as slow as the other loses, whatever the loads. Whoever has never
    answered is asked at once when idle, and no more before it has; where neither has, the loads alone are compared.
    """
    if len(candidates) == 1:
        return candidates[0]
    one, other = pair(candidates, rng)
    mine, its = costs(one, other, view, outlook)
    return other if its < mine else one


def pair(candidates: Sequence[Deployment], rng: Dice) -> tuple[Deployment, Deployment]:
    """Draw two different ones of two or more, as `two_choices` does."""
    count = len(candidates)
    first = int(rng.random() * count)
    second = int(rng.random() * (count - 1)) if count > 2 else 0
    return candidates[first], candidates[second + (second >= first)]


def costs(one: Deployment, other: Deployment, view: FleetView, outlook: Outlook) -> tuple[float, float]:
    """Return what two are compared by; the less the better, and infinite for one that is too slow beside the other."""
    mine, its = outlook.latency(one.index), outlook.latency(other.index)
    return _cost(one, mine, its, view), _cost(other, its, mine, view)


def _cost(deployment: Deployment, latency: float | None, others: float | None, view: FleetView) -> float:
    load = view.load(deployment.index)
    if latency is None:
        if others is not None:
            return inf if load else 0.0  # a newcomer: let us see
        latency = 1.0
    elif others is not None and latency > TOO_SLOW * max(others, LEAST):
        return inf
    return max(latency, LEAST) * (load + 1.0) / deployment.weight


def cheapest(candidates: Sequence[Deployment], view: FleetView, outlook: Outlook, rng: Dice) -> Deployment:
    """Take the one where the request costs least; an unknown price comes after every known one, equals are drawn by weight."""
    if len(candidates) == 1:
        return candidates[0]
    prices = [outlook.price(one.index) for one in candidates]
    least = min((price for price in prices if price is not None), default=None)
    best = [one for one, price in zip(candidates, prices, strict=True) if price == least]
    return best[0] if len(best) == 1 else weighted(best, view, 0, rng)


INFORMED: dict[StrategyName, Informed] = {"least_latency": least_latency, "cheapest": cheapest}
