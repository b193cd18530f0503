"""How quick somebody has been of late: a peak EWMA, which believes bad news at once and good news slowly (Finagle's).

Never decides who is asked: it is compared in `routing/informed.py`. Never reads a clock.

    slower than thought   that is the estimate now
    quicker               towards it, the further the longer the last news is ago: e-fold in 10 s
    no news, and idle     towards 0, e-fold in 20 s, so that whoever was slow is tried again after a while, by one attempt
    no news, but asked    as at the last news, or as long as it has been waited for since: while that one attempt is out, nobody
                          follows it, and who falls silent looks slow before its first attempt has ended
"""

from __future__ import annotations

from math import exp

DECAY = 10.0
"""Seconds in which old news lose all but 1/e of their weight (Finagle's default)."""
FADE = 20.0
"""The same where there are no news at all: at ten requests a second, tries of somebody four times as slow stay below one in a
hundred, so that the 99th percentile is that of the others (tests/stories/test_balancing.py)."""
PENALTY = 10.0
"""Seconds that a failure counts for at least: who fails at once is not quick."""


class PeakLatency:
    """The estimate for one deployment. Moments and latencies are seconds."""

    __slots__ = ("_asked", "_at", "_latency")

    def __init__(self) -> None:
        self._latency: float | None = None
        self._at = 0.0
        self._asked: float | None = None  # when the first attempt since the last news went out

    def ask(self, now: float, is_asked: bool) -> None:
        """Note that an attempt goes out; `is_asked`: is another one under way?"""
        if self._asked is None or not is_asked:
            self._asked = now

    def hear(self) -> None:
        """Note an end that says nothing of quickness, but that it is there."""
        self._asked = None

    def observe(self, now: float, latency: float) -> None:
        """Take news: an attempt's first content came after so long."""
        known = self._latency
        if known is not None and latency < known:
            latency += (known - latency) * self._left(now, DECAY)
        self._latency, self._at, self._asked = latency, now, None

    def endure(self, now: float, latency: float) -> None:
        """Take half a news: nothing had come after so long, when somebody gave up waiting."""
        self.hear()
        if latency > (self._latency or 0.0):
            self.observe(now, latency)

    def fail(self, now: float, latency: float) -> None:
        """Take the news of a failure after so long."""
        self.observe(now, max(latency, PENALTY))

    def estimate(self, now: float, is_asked: bool) -> float | None:
        """Return the estimate, None before any news.

        Args:
            now: monotonic seconds.
            is_asked: is an attempt under way there?
        """
        known, asked = self._latency, self._asked
        if known is None:
            return None
        if not is_asked:
            return known * self._left(now, FADE)
        return known if asked is None else max(known, now - asked)

    def _left(self, now: float, span: float) -> float:
        return exp(min(0.0, self._at - now) / span)
