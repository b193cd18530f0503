"""What a deployment's first content usually takes: its median, followed step by step, and so what is late there.

Never keeps single values: each moves the median by a small part of itself towards them, so that a slow minute does not become the
usual, and slowness that stays does after some hundred answers.
"""

from __future__ import annotations

LEAST = 0.001  # seconds; a median below would not move any more
KNOWN = 10
"""First contents that must have been seen before the median says anything."""
STEP = 0.01
"""The share by which one value moves the median, once a hundred were seen."""


class Usual:
    """The median of the seconds to the first content.

    Attributes:
        median: seconds that half of the first contents took at most, None before ten were seen.
    """

    __slots__ = ("_median", "_seen", "median")

    def __init__(self) -> None:
        self.median: float | None = None
        self._median = LEAST
        self._seen = 0

    def add(self, seconds: float) -> None:
        """Take one value."""
        seen = self._seen
        self._seen = seen + 1
        if not seen:
            self._median = max(seconds, LEAST)
            return
        step = 1.0 + max(STEP, 1.0 / (seen + 1))
        self._median = self._median * step if seconds > self._median else max(LEAST, self._median / step)
        if seen + 1 >= KNOWN:
            self.median = self._median
