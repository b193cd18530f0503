"""Running statistics of one client: what `Client.stats()` shows. Bounded memory, exact counts, percentiles of the newest
requests.

Never written to disk: the ledger is what lasts.
"""

from __future__ import annotations

import threading
from collections import deque

import msgspec

from ...types.attempt import Story
from ...types.failure import FailureKind
from ...types.money import NanoDollars
from ...types.request import Request

NEWEST = 10_000  # latencies kept for the percentiles


class Stats(msgspec.Struct, frozen=True):
    """What a client did since it was made or `reset_stats()` was called.

    Attributes:
        requests, successes, rate_limit_errors, attempts: counts; a rate-limit error is an attempt that a provider refused with
            a 429.
        success_rate: share of requests answered whole, 0 to 1; 1.0 before the first.
        input_tokens, output_tokens: over all attempts that cost something.
        cost: nano-dollars over the attempts with a known price; `unpriced` counts those without.
        p50, p95, p99: latency in seconds of the newest 10,000 requests, None before the first.
    """

    requests: int = 0
    successes: int = 0
    attempts: int = 0
    rate_limit_errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: NanoDollars = 0
    unpriced: int = 0
    success_rate: float = 1.0
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Counter:
    """A sink that keeps the figures; safe to read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._requests = self._successes = self._attempts = self._limited = 0
        self._input = self._output = self._cost = self._unpriced = 0
        self._latencies: deque[float] = deque(maxlen=NEWEST)

    def answered(self, story: Story) -> None:
        """Count one request."""
        with self._lock:
            self._requests += 1
            self._successes += story.failure is None
            self._latencies.append(story.latency)
            for attempt in story.attempts:
                self._attempts += attempt.made
                self._limited += attempt.failure is not None and attempt.failure.kind is FailureKind.RATE_LIMIT
                usage, cost = attempt.usage, attempt.cost
                if usage is not None:
                    self._input += usage.total_input
                    self._output += usage.total_output
                if cost is None:
                    self._unpriced += 1
                else:
                    self._cost += cost

    def broke(self, error: BaseException, request: Request) -> None:
        """Nothing to count: the request itself is counted as failed."""

    def stats(self) -> Stats:
        """Return the figures so far."""
        with self._lock:
            ordered = sorted(self._latencies)
            return Stats(
                self._requests,
                self._successes,
                self._attempts,
                self._limited,
                self._input,
                self._output,
                self._cost,
                self._unpriced,
                self._successes / self._requests if self._requests else 1.0,
                *(percentile(ordered, share) for share in (0.5, 0.95, 0.99)),
            )

    def reset(self) -> None:
        """Start again from nothing."""
        with self._lock:
            self._clear()


def percentile(ordered: list[float], share: float) -> float | None:
    """Return the nearest-rank percentile of ascending values, None of none.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.0
    """
    if not ordered:
        return None
    rank = max(1, -(-len(ordered) * int(share * 1000) // 1000))
    return ordered[rank - 1]
