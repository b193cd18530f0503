"""The policies of the engine for functions of one's own: retry, deadline, breaker, rate, concurrency, fallback.

Never has rules of its own: what a failure means, when to try again, when a breaker opens and what a rate lets through is decided
by `types/failure.py` and `policies/`, as in the engine. This room adds clocks, locks and the two colours.

    resilient(...) -> Guard -- @guard ------> call.py, a flow of steps --- steps.py drives it, blocking or awaiting
                         |---- with --------> block.py
                         '---- attempts() --> attempts.py
                       turn.py   what the attempts of one call share      gates.py   breaker, places, rate
"""

from .attempts import Attempt, Attempts
from .breaker import CircuitBreaker
from .build import resilient
from .clock import Clock
from .guard import Guard
from .limiter import RateLimiter
from .policy import RetryPolicy
from .watch import GuardEvent, GuardStats

__all__ = [
    "Attempt", "Attempts", "CircuitBreaker", "Clock", "Guard", "GuardEvent", "GuardStats", "RateLimiter", "RetryPolicy",
    "resilient",
]  # fmt: skip
