"""What a guard did: counts for `stats()`, and what it tells somebody who wants to hear of each step.

Never lets a listener's own mistake end a call: it is logged, by its type.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from typing import Literal

import msgspec

from ..types.failure import Failure

log = logging.getLogger("stormkeel.resilience")

Happening = Literal["succeeded", "failed", "retry", "refused", "fallback", "gave_up", "opened", "closed"]


class GuardEvent(msgspec.Struct, frozen=True):
    """One step of a guarded call.

    Attributes:
        what: "succeeded" or "failed": an attempt ended; "retry": another one follows after `wait`; "refused": we said no
            ourselves; "fallback": the next fallback is asked; "gave_up": the call fails; "opened", "closed": so
            the breaker moved.
        name: the guarded function's, or the guard's own.
        attempt: attempts made so far in this call.
        wait: seconds until the next attempt, 0.0 elsewhere.
        failure: what the latest exception or refusal means, None where there was none.
        error: the latest exception itself, None where there was none.
    """

    what: Happening
    name: str
    attempt: int
    wait: float = 0.0
    failure: Failure | None = None
    error: Exception | None = None


Listener = Callable[[GuardEvent], object]


class GuardStats(msgspec.Struct, frozen=True):
    """What a guard has done since it was made.

    Attributes:
        calls: calls and blocks begun. Each ends as one of the next four, or is still going on.
        successes: ended well, by the function itself.
        fallbacks: ended well, by a fallback.
        failures: ended in an exception, ours or the function's own.
        cancelled: ended from outside: a cancel, Ctrl-C.
        attempts: how often the function was called.
        retries: attempts after the first of a call.
        refusals: calls or attempts we refused: breaker open, rate reached, no place, too late.
        in_flight: attempts going on now.
        state: the breaker's: "closed", "open" or "half_open"; None where there is none.
    """

    calls: int = 0
    successes: int = 0
    fallbacks: int = 0
    failures: int = 0
    cancelled: int = 0
    attempts: int = 0
    retries: int = 0
    refusals: int = 0
    in_flight: int = 0
    state: str | None = None


class Watch:
    """Counts and tells. Safe to share by threads and tasks."""

    def __init__(self, listener: Listener | None) -> None:
        self._listener = listener
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, *names: str, by: int = 1) -> None:
        """Add to some of the counts of `GuardStats`."""
        with self._lock:
            for name in names:
                self._counts[name] += by

    def stats(self, state: str | None) -> GuardStats:
        """Return the counts as they are."""
        with self._lock:
            return GuardStats(**self._counts, state=state)

    def tell(self, event: GuardEvent) -> None:
        """Tell the listener, if there is one."""
        if self._listener is None:
            return
        try:
            self._listener(event)
        except Exception as error:  # noqa: BLE001 - a listener's mistake is no reason to fail a call
            log.warning('`on_event` of "%s" raised %s', event.name, type(error).__name__)
