"""How much of its limits a quota group is asked for after its provider said "too many": less at once, more again bit by bit.

Never touches a limit: `rate.py` and `concurrency.py` take the share. AIMD as TCP has it (docs/reliability.md, Rates): a throttle
takes a part of the share away, each window gives a bit of the whole back.

    share ── 429, overloaded: x (1 - cut), at most once in `pause` ──> ... never below `floor`
      '──── every `window` seconds: + gain ──> ... never above 1
"""

from __future__ import annotations

import msgspec

from .base import within


class EasingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How limits ease after throttles.

    Attributes:
        cut: the part that a throttle takes away; 0 for none.
        floor: the share that is always left.
        gain: the part of the whole that comes back with each window.
        window: seconds.
        pause: seconds in which further throttles are the same one, for they come in swarms.
    """

    cut: float = 0.3
    floor: float = 0.1
    gain: float = 0.05
    window: float = 10.0
    pause: float = 1.0

    def __post_init__(self) -> None:
        within("cut", self.cut, 0.0, 0.9, "(a share of a limit)")
        within("floor", self.floor, 0.01, 1.0, "(a share of a limit)")
        within("gain", self.gain, 0.001, 1.0, "(a share of a limit)")
        within("window", self.window, 0.1, 3600.0, "seconds")
        within("pause", self.pause, 0.0, 3600.0, "seconds")


class Easing:
    """The share of one quota group. Moments are monotonic seconds."""

    __slots__ = ("_at", "_cut_at", "_settings", "share")

    def __init__(self, settings: EasingSettings) -> None:
        self.share = 1.0
        self._settings = settings
        self._at = 0.0  # when the share last moved
        self._cut_at = float("-inf")

    def change(self, settings: EasingSettings) -> None:
        """Go on by other settings; the share stays where it is."""
        self._settings = settings

    def throttled(self, now: float) -> float:
        """The provider said "too many": take a part away, unless one was just now. Returns the share."""
        settings = self._settings
        self.look(now)
        if now >= self._cut_at + settings.pause:
            self.share = max(min(settings.floor, self.share), self.share * (1.0 - settings.cut))
            self._at = self._cut_at = now
        return self.share

    def look(self, now: float) -> float:
        """Return the share, with what has come back by now."""
        if self.share < 1.0:
            windows = int((now - self._at) / self._settings.window)
            if windows > 0:
                self.share = min(1.0, self.share + windows * self._settings.gain)
                self._at += windows * self._settings.window
        return self.share
