"""Which alerts are news: each event is told once, and again only after a while.

Never tells anybody: that is `runtime/alerts.py`.
"""

from __future__ import annotations

from ..types.alert import ENDS, Alert, AlertKind

MOST = 10_000  # events that are remembered; subjects come from the configuration, and callers may name models


class News:
    """What was told of late. Moments are monotonic seconds."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told: dict[tuple[AlertKind, str], float] = {}

    def take(self, alert: Alert, now: float, repeat: float) -> bool:
        """Say whether to tell an alert, and remember it.

        Good news are told where the bad ones were; what they end is news again afterwards.

        Args:
            alert: the event.
            now: the moment.
            repeat: seconds before the same is told again.
        """
        ended = ENDS.get(alert.kind)
        if ended is not None:
            return self._told.pop((ended, alert.subject), None) is not None
        event = alert.kind, alert.subject
        last = self._told.get(event)
        if last is not None and now - last < repeat and alert.kind is not AlertKind.TEST:
            return False
        if len(self._told) >= MOST:
            del self._told[next(iter(self._told))]  # the oldest
        self._told.pop(event, None)
        self._told[event] = now
        return True
