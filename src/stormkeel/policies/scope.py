"""The breaker of what several deployments share, a provider's region or a credential, and when the evidence is enough to open it.

Never counts outcomes of its own: it opens when the deployments' own breakers, taken together, say that what they share is down,
and from then on one probe goes out for all of them instead of one each.

    a deployment's breaker opens -> who else of the scope is ill, of late? who answered since?
        somebody answered                        not the scope
        ill: two models, two credentials         the scope (where it has as many)
        ill: one, and its twin elsewhere well    the credential
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ..types.failure import Failure
from .base import Dice, Verdict
from .breaker import CLOSED, Breaker, BreakerSettings


class ScopeBreaker(Breaker):
    """One breaker over several deployments. One good probe closes it: each of them has a breaker of its own.

    Attributes:
        name: what it is of, for people, as in `region "eu" of provider "azure"`.
    """

    __slots__ = ("name",)

    def __init__(self, name: str, settings: BreakerSettings) -> None:
        super().__init__(_for_one(settings))
        self.name = name

    def change(self, settings: BreakerSettings) -> None:
        """Go on under other settings."""
        super().change(_for_one(settings))

    def trip(self, now: float, rng: Dice) -> None:
        """Open it, where it is closed; `rng` draws the open time."""
        if self.state is CLOSED:
            self._open(now, rng)

    def _settle_closed(self, verdict: Verdict, now: float, rng: Dice) -> None:
        """What one deployment's attempts say, its own breaker counts."""

    def _refuse(self, left: float) -> Failure:
        told = super()._refuse(left)
        return msgspec.structs.replace(told, message=f"{self.name} is down, as several of its deployments say: {told.message}")


def _for_one(settings: BreakerSettings) -> BreakerSettings:
    return msgspec.structs.replace(settings, permits=(1,))


class Sight(msgspec.Struct, frozen=True):
    """One deployment of a scope, as its own breaker sees it.

    Attributes:
        model, credential: what it is.
        is_ill: is its breaker open, or half open, for faults?
        ill_since: when the faults began that opened it (monotonic seconds).
        good_at: when it last answered.
    """

    model: str
    credential: str
    is_ill: bool
    ill_since: float
    good_at: float


def sight_of(model: str, credential: str, breaker: Breaker) -> Sight:
    """Look at one deployment's breaker."""
    is_ill = breaker.state is not CLOSED and not breaker.is_slow
    return Sight(model, credential, is_ill, breaker.ill_since, breaker.good_at)


def is_down(those: Sequence[Sight], newest: Sight, span: float, has_well_twin: bool = False) -> bool:
    """Is what several deployments share down, rather than some of them?

    Args:
        those: all of them, the newest among them.
        newest: the one whose breaker has just opened.
        span: seconds within which others must have fallen ill to count: one that is dead for hours says nothing of today.
        has_well_twin: has another credential had answers from the very same model since?

    Returns:
        True where nobody of them has answered since the first of those lately ill fell ill, and they are of two models and two
        credentials (where the scope has so many), or the twin is well.
    """
    ill = [one for one in those if one.is_ill and abs(one.ill_since - newest.ill_since) <= span]
    if len(those) < 2 or not ill:
        return False
    since = min(one.ill_since for one in ill)
    if any(not one.is_ill and one.good_at > since for one in those):
        return False
    return has_well_twin or (len(ill) > 1 and _is_spread(ill, those, _model) and _is_spread(ill, those, _credential))


def _is_spread(some: Sequence[Sight], those: Sequence[Sight], of: Callable[[Sight], str]) -> bool:
    return len({of(one) for one in some}) >= min(2, len({of(one) for one in those}))


def _model(one: Sight) -> str:
    return one.model


def _credential(one: Sight) -> str:
    return one.credential


