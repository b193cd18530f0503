"""What deployments and credentials of one quota group share at a provider: its limits, and the time it is set aside.

Never chooses who is asked and never waits. One organisation's limits are counted once, however many keys it has (INV-12).

    Quota   cooling (the provider's own "not now")   rate   places
"""

from __future__ import annotations

from ..policies.concurrency import ConcurrencyGate
from ..policies.rate import RateGate, RateSettings
from .cooling import Cooling

NO_LIMITS = RateSettings()


class Quota(Cooling):
    """The live state of one quota group and model.

    Attributes:
        group: its name in the settings and the model's, as in "openai#main/gpt-5.4-mini".
        rate: its limits of requests and tokens; empty where none is set and none was told.
        places: how many attempts may be under way at once, None for no limit.
    """

    __slots__ = ("group", "places", "rate")

    def __init__(self, group: str, rate: RateSettings | None = None, concurrency: int | None = None) -> None:
        super().__init__(f'quota group "{group}"')
        self.group = group
        self.rate = RateGate(rate or NO_LIMITS)
        self.places = None if concurrency is None else ConcurrencyGate(concurrency)

    def change(self, rate: RateSettings | None, concurrency: int | None, now: float) -> None:
        """Go on under other limits; what was taken stays taken."""
        self.rate.change(rate or NO_LIMITS, now)
        if self.places is not None and concurrency is not None:
            self.places.change(concurrency)
