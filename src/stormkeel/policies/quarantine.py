"""The quarantine of one credential: a provider refused it, so nobody asks with it until one cheap probe has found it well again.

Never sends the probe and never knows who does: a background task of the gateway, or the first request after the time is up.

    +------------+  refused (401, 403)   +-----------+  its time is up: `take`   +---------+
    | IN_SERVICE | --------------------> | SET_ASIDE | ------------------------> | PROBING |
    +------------+                       +-----------+ <-- refused: twice as --- +---------+
           ^                                   ^           long, up to the cap      |  |
           |                                   '--- nothing learned: a moment ------'  |
           '-------------------------------- answered ---------------------------------'

Exactly one probe is out at a time; one that stays out for `LEASE` seconds no longer blocks the next. The time goes on doubling
until a request of a caller's was answered: a probe that says too much (a list of models, to a key that may ask none) makes no
storm.
"""

from __future__ import annotations

from enum import Enum

from .base import Dice, Verdict
from .parking import ParkingSettings

LEASE = 30.0  # seconds: a stream that is the probe may last ten minutes
AGAIN = 5.0  # seconds after a probe from which nothing was learned
SPREAD = 0.25  # the share of a span that is added by chance, so that many credentials are not probed at one moment


class Standing(Enum):
    """Where a credential stands."""

    IN_SERVICE = "in_service"
    SET_ASIDE = "set_aside"
    PROBING = "probing"


class Quarantine:
    """The standing of one credential. Moments are monotonic seconds.

    Attributes:
        standing: where it stands.
        next_at: the moment of the next probe, where it is set aside; while one is out, the moment its lease ends.
    """

    __slots__ = ("_refusals", "next_at", "settings", "standing")

    def __init__(self, settings: ParkingSettings) -> None:
        self.settings = settings
        self.standing = Standing.IN_SERVICE
        self.next_at = 0.0
        self._refusals = 0  # since a caller's request was answered last

    @property
    def is_doubted(self) -> bool:
        """Was it refused since a caller's request was answered last?"""
        return self._refusals > 0

    def refused(self, now: float, rng: Dice) -> bool:
        """Set it aside, because a provider refused it; False where it was already (its other attempts come back one by one)."""
        if self.standing is not Standing.IN_SERVICE:
            return False
        self._set_aside(now, rng)
        return True

    def is_due(self, now: float) -> bool:
        """Would `take` give out the probe?"""
        return self.standing is not Standing.IN_SERVICE and now >= self.next_at

    def take(self, now: float) -> bool:
        """Take the probe; False where it is not due, or out already."""
        if not self.is_due(now):
            return False
        self.standing = Standing.PROBING
        self.next_at = now + LEASE
        return True

    def settle(self, verdict: Verdict, now: float, rng: Dice) -> None:
        """Say what a probe found: OK (it was answered), FAULT (refused again), IGNORED (nothing learned)."""
        if self.standing is Standing.IN_SERVICE:
            return  # another probe was quicker
        if verdict is Verdict.OK:
            self.standing = Standing.IN_SERVICE
        elif verdict is Verdict.FAULT:
            self._set_aside(now, rng)
        else:
            self.standing = Standing.SET_ASIDE
            self.next_at = now + min(AGAIN, self.settings.credential)

    def give_back(self, now: float) -> None:
        """Give the probe back unused: it is due at once."""
        if self.standing is Standing.PROBING:
            self.standing = Standing.SET_ASIDE
            self.next_at = now

    def proved(self) -> None:
        """A caller's request was answered: the next refusal counts as the first."""
        self._refusals = 0

    def _set_aside(self, now: float, rng: Dice) -> None:
        span = span_of(self._refusals, self.settings)
        self._refusals += 1
        self.standing = Standing.SET_ASIDE
        self.next_at = now + span * (1.0 + SPREAD * rng.random())


def span_of(refusals: int, settings: ParkingSettings) -> float:
    """Return the least seconds to the next probe after so many refusals before this one.

    >>> [span_of(refusals, ParkingSettings()) for refusals in range(6)]
    [60.0, 120.0, 240.0, 480.0, 900.0, 900.0]
    """
    cap = max(settings.credential, settings.credential_cap)
    return min(cap, settings.credential * float(1 << min(refusals, 30)))
