"""What deployments and credentials of one quota group share at a provider: its limits, and the time it is set aside.

Never chooses who is asked and never waits. One organisation's limits are counted once, however many keys it has (INV-12), and
those of a family of models once, where the provider does.

    Quota   cooling (the provider's own "not now")   rate   places   line (who waits for them)
    Alone   cooling and absence of one model; where no other counts in the same quota, the quota itself
"""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet

from ..policies.base import Need
from ..policies.easing import Easing, EasingSettings
from ..policies.rate import Limit, RateGate, RateSettings
from ..policies.sharing import SharedPlaces
from ..types.failure import Failure, FailureKind
from .cooling import Cooling
from .waiting import Line

NO_LIMITS = RateSettings()


class Bare(Protocol):
    """A deployment that counts by no rate so far."""

    def arm(self) -> None:
        """Count by its quota group's from now on."""
        ...


class Alone(Cooling):
    """What is said of one model with one quota group: that it is not there, is no business of this account's, or is overloaded.

    Attributes:
        is_missing: is it set aside because its provider has no such model? Who has nobody else to ask may ask all the same.
    """

    __slots__ = ("is_missing",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.is_missing = False

    def park(self, until: float, why: str, waits: bool = False) -> None:
        """Set aside until a moment; a longer time already set stays."""
        if until > self.until:
            self.is_missing = False
        super().park(until, why, waits)

    def miss(self, until: float, why: str) -> bool:
        """Set aside until a moment, as there is no such model; False where it was known already, or a longer time is set."""
        if until <= self.until:
            return False
        was_missing, self.is_missing = self.is_missing, True
        super().park(until, why)
        return not was_missing

    def follow(self, other: Alone) -> None:
        """Rest as another one has to, but for a model that was not there: it may be asked for once more."""
        if not other.is_missing:
            self.park(other.until, other.why, other.waits)

    def rests(self, now: float) -> bool:
        """Has it to rest as its provider asked? Whatever callers think of may be missing, and is soon asked for again."""
        return self.until > now and not self.is_missing

    def find(self) -> None:
        """The model is there, after all."""
        self.is_missing, self.until = False, 0.0

    def refusal(self, now: float) -> Failure | None:
        """Say why nothing is sent. Changes nothing."""
        if not self.is_missing:
            return super().refusal(now)
        left = self.until - now
        text = f"{self.name} is left alone for {left:.0f} s more: its provider has no such model ({self.why})"
        return Failure(FailureKind.MODEL_UNAVAILABLE, text, 404, "model_not_found", retry_after=left, forever=True)


class Quota(Alone):
    """The live state of one quota group and model, or pool of models.

    Attributes:
        group: its name in the settings and the model's, as in "openai#main/gpt-5.4-mini", or a pool's, as in "acme:opus".
        rate: its limits of requests and tokens; empty where none is set and none was told.
        places: how many attempts may be under way at once, None for no limit.
        easing: how much of them is asked for after throttles.
        line: those who wait for any of it.
    """

    __slots__ = ("_bare", "_counted", "easing", "group", "line", "places", "rate")

    def __init__(self, group: str, rate: RateSettings | None = None, concurrency: int | None = None) -> None:
        super().__init__(f'quota group "{group}"')
        self.group = group
        self.rate = RateGate(rate or NO_LIMITS)
        self.places = None if concurrency is None else SharedPlaces(concurrency)
        self._counted = self.places  # kept without a limit as well: what has a place gives it back, and another limit may come
        self.line = Line(self)
        self.easing = Easing(EasingSettings())
        self._bare: WeakSet[Bare] = WeakSet()

    @property
    def keeps_room(self) -> bool:
        """Is a place free, if only for others than those who have many?"""
        return self.places is not None and self.places.in_flight < self.places.limit

    def full(self, now: float, need: Need) -> Failure | None:
        """Say why an attempt would be refused, None where it would pass. Changes nothing."""
        if self.until > now:
            return self.refusal(now)
        places = None if self.places is None else self.places.refusal_for(need.caller, now)
        return places or self.rate.refusal(now, need.input, need.output)

    def limits(self, now: float) -> list[Limit]:
        """Return every limit as it stands, that of attempts at once as "concurrency"."""
        found, places = self.rate.limits(now), self.places
        if places is not None:
            found.append(Limit("concurrency", places.limit, max(0, places.limit - places.in_flight)))
        return found

    def delay(self, now: float, requests: int, tokens: int) -> float:
        """Return the seconds until so many requests with so many tokens in all would have passed the rates."""
        return self.rate.delay(now, requests, tokens)

    def throttled(self, now: float) -> None:
        """Its provider said "too many": ask for less from now on, where there is a limit to ask less of."""
        self._scale(self.easing.throttled(now), now)

    def ease(self, now: float) -> None:
        """Ask for more again, as far as it is time."""
        if (share := self.easing.look(now)) != self.rate.share:
            self._scale(share, now)
            if self.line.is_busy:
                self.line.look()

    def _scale(self, share: float, now: float) -> None:
        self.rate.scale(share, now)
        if self.places is not None:
            self.places.scale(share)

    def wait_for(self, bare: Bare) -> None:
        """Take note of a deployment that does not count by rates, since none is set."""
        self._bare.add(bare)

    def arm(self) -> None:
        """Let every deployment count by the rates that the provider told."""
        for bare in list(self._bare):
            bare.arm()
        self._bare.clear()

    def change(self, rate: RateSettings | None, concurrency: int | None, now: float, easing: EasingSettings) -> None:
        """Go on under other limits; what was taken stays taken."""
        self.easing.change(easing)
        self.rate.change(rate or NO_LIMITS, now)
        self.places = self.places_of(concurrency)
        if self.places is not None and concurrency is not None:
            self.places.change(concurrency)
            self.places.scale(self.rate.share)
        if self.line.is_busy:
            self.line.look()

    def places_of(self, concurrency: int | None) -> SharedPlaces | None:
        """Return what counts the attempts of a deployment with such a limit, in force or not yet; None without one."""
        if concurrency is None:
            return None
        if self._counted is None:
            self._counted = SharedPlaces(concurrency)
        return self._counted
