"""How a deployment's attempts of the last minutes ended: counts, and two moving averages, for people to look at.

Never decides anything: gates and breaker keep their own counts. Cheap, because every settled attempt passes here.
"""

from __future__ import annotations

import msgspec

from ..types.failure import Failure, FailureKind

MINUTES = 5  # what is remembered; the minute under way counts as one
MINUTE = 60.0
NEWEST = 0.2  # the newest value's weight in a moving average
CODE_LIMIT = 64  # characters of a provider's code that are shown
K = FailureKind
NOT_ITS_FAULT = frozenset({K.CANCELLED, K.CALLER, K.UNSUPPORTED, K.CONTEXT_LENGTH, K.CONTENT_REFUSED, K.FOREIGN_THOUGHT})
"""Ends that say nothing about a deployment: counted, but not in its share of successes."""


class LastError(msgspec.Struct, frozen=True):
    """The latest failure of a deployment, without the provider's own words: they may name its account or quote the request.

    Attributes:
        kind: as in `FailureKind`.
        status, code: the provider's, None where there was none.
        ago_s: seconds since then.
    """

    kind: str
    status: int | None
    code: str | None
    ago_s: float


class Counts(msgspec.Struct, frozen=True):
    """What the last minutes came to.

    Attributes:
        attempts: settled ones.
        success: the share that was answered of those that say anything about the deployment, None where none does.
        errors: failures by kind.
        last_error: of any time, None where there was none.
    """

    attempts: int
    success: float | None
    errors: dict[str, int]
    last_error: LastError | None


class Recent:
    """The attempts of one deployment. Moments are monotonic seconds.

    Attributes:
        latency, ttft: moving averages in seconds of good attempts, to their end and to their first content; None before one.
    """

    __slots__ = ("_failed", "_good", "_last", "_minutes", "latency", "ttft")

    def __init__(self) -> None:
        self.latency: float | None = None
        self.ttft: float | None = None
        self._minutes = [-1] * MINUTES  # which minute each bucket counts
        self._good = [0] * MINUTES
        self._failed: list[dict[FailureKind, int]] = [{} for _ in range(MINUTES)]
        self._last: tuple[FailureKind, int | None, str | None, float] | None = None  # not the failure itself: it holds a body

    def add(self, now: float, failure: Failure | None, latency: float, ttft: float | None) -> None:
        """Count one attempt that has ended."""
        minute = int(now // MINUTE)
        place = minute % MINUTES
        if self._minutes[place] != minute:
            self._minutes[place] = minute
            self._good[place] = 0
            self._failed[place] = {}
        if failure is not None:
            failed = self._failed[place]
            failed[failure.kind] = failed.get(failure.kind, 0) + 1
            self._last = failure.kind, failure.status, failure.code, now
            return
        self._good[place] += 1
        known = self.latency
        self.latency = latency if known is None else known + NEWEST * (latency - known)
        if ttft is not None:
            known = self.ttft
            self.ttft = ttft if known is None else known + NEWEST * (ttft - known)

    def following(self, old: Recent) -> Recent:
        """Return the past to keep from now on, where a deployment goes on under a new configuration."""
        return old

    def look(self, now: float) -> Counts:
        """Return what the last minutes came to. Changes nothing."""
        minute = int(now // MINUTE)
        places = [place for place in range(MINUTES) if minute - MINUTES < self._minutes[place] <= minute]
        good = sum(self._good[place] for place in places)
        errors: dict[FailureKind, int] = {}
        for place in places:
            for kind, count in self._failed[place].items():
                errors[kind] = errors.get(kind, 0) + count
        faults = sum(count for kind, count in errors.items() if kind not in NOT_ITS_FAULT)
        share = good / (good + faults) if good + faults else None
        told = {kind.value: count for kind, count in sorted(errors.items(), key=lambda one: -one[1])}
        return Counts(good + sum(errors.values()), share, told, self._last_error(now))

    def _last_error(self, now: float) -> LastError | None:
        if self._last is None:
            return None
        kind, status, said, at = self._last
        code = said[:CODE_LIMIT] if said and said.isprintable() else None
        return LastError(kind.value, status, code, round(now - at, 3))
