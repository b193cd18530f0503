"""Attempt: one try of one deployment, as it will be remembered.

Never changes once it is written.
"""

from __future__ import annotations

import msgspec

from .failure import Failure
from .money import NanoDollars
from .request import Request
from .usage import Usage


class Attempt(msgspec.Struct, frozen=True):
    """One try of one deployment, finished.

    Attributes:
        id: the request's id, a dot, and the try's number from 1.
        deployment: its name, as in "openai/gpt-5.4-mini#main".
        provider, model: who was asked for what.
        started: wall clock, nanoseconds since the epoch.
        latency: seconds from the start to the end.
        ttft: seconds to the first content, None where there was none.
        failure: None where it succeeded.
        usage: by the provider's word or our estimate, None where nothing is charged.
        usage_source: "provider", "estimated", "reserved", "unpriced" or "none".
        cost: nano-dollars, None where the price is unknown.
        sent: did a byte leave for the provider?
        made: was it tried at all? False where we refused it ourselves; a connection that was refused was a try.
        lost: what of the request the provider was not told, because its dialect or model has no word for it (and what it could
            not have been told, where we refused to try it); by the names of the client's body.
        joint: how it went on with a stream that had broken off: "restart", "continue" or "continue (prefill)"; "" where it
            began one.
        claimed: what the provider reported, where that is more than can have been taken; believed where it is its usage too.
    """

    id: str
    deployment: str
    provider: str
    model: str
    started: int
    latency: float = 0.0
    ttft: float | None = None
    failure: Failure | None = None
    usage: Usage | None = None
    usage_source: str = "none"
    cost: NanoDollars | None = 0
    sent: bool = True
    made: bool = True
    lost: tuple[str, ...] = ()
    joint: str = ""
    claimed: Usage | None = None


class Story(msgspec.Struct, frozen=True):
    """One request from its arrival to its end.

    Attributes:
        request: what was asked.
        route: the route that served it, "" where none was found.
        attempts: what was tried, oldest first.
        failure: None where it was answered whole.
        started: wall clock, nanoseconds since the epoch.
        latency: seconds from arrival to the end.
        ttft: seconds from arrival to the first content, None where none came.
        committed: had content gone out to the caller when it ended? (a failure then is a broken stream)
        config: the version of the configuration it ran on.
        queued: seconds it waited for its turn at full limits.
    """

    request: Request
    route: str
    attempts: tuple[Attempt, ...]
    failure: Failure | None
    started: int
    latency: float
    ttft: float | None = None
    committed: bool = False
    config: str = ""
    queued: float = 0.0

    @property
    def cost(self) -> NanoDollars | None:
        """Nano-dollars over all attempts, None where a price is unknown."""
        total = 0
        for attempt in self.attempts:
            if attempt.cost is None:
                return None
            total += attempt.cost
        return total

    @property
    def last(self) -> Attempt | None:
        """The attempt that ended the request, None where nothing was tried."""
        return self.attempts[-1] if self.attempts else None
