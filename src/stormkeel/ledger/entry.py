"""What is remembered of an attempt: its reservation before it is sent, its settlement after.

Never changes once written: a correction is a further entry.
"""

from __future__ import annotations

import msgspec

from ..types.money import NanoDollars
from ..types.usage import NO_USAGE, Usage


class Reserved(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="r"):
    """An upper bound held before a byte leaves.

    Attributes:
        attempt: the attempt's id (the request's id, a dot, the number from 1).
        request: the request's id.
        at: wall clock, nanoseconds since the epoch.
        route, deployment, provider, model, dialect: who is asked for what, in which wire format.
        key, task, user, tags: to whose name it is booked.
        input_bound, output_bound: tokens the attempt can not exceed.
        amount: nano-dollars held, None where the price is unknown.
        prices: the id of the price snapshot, with "+own:" and a hash behind it where the configuration's own prices were applied.
        config: the version of the configuration the request ran on, "" where an older Stormkeel wrote the entry.
    """

    attempt: str
    request: str
    at: int
    route: str
    deployment: str
    provider: str
    model: str
    dialect: str
    key: str
    task: str
    user: str
    tags: tuple[str, ...]
    input_bound: int
    output_bound: int
    amount: NanoDollars | None
    prices: str
    config: str = ""


class Settled(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="s"):
    """The true amount booked, once per attempt.

    Attributes:
        attempt: the attempt's id.
        at: wall clock, nanoseconds since the epoch.
        outcome: "ok" or the failure's kind.
        status: the provider's HTTP status, 0 where there was none.
        latency, ttft: seconds; ttft is None where no content came.
        usage: tokens by bucket.
        usage_source: "provider" (by its word), "estimated" (from what was seen), "reserved" (the whole reservation), "none"
            (nothing to pay), "unpriced" (it may cost something, and nobody knows what).
        amount: nano-dollars booked, None where the price is unknown.
        provider_request: the provider's own id of the request, "" where it named none.
        lost: what of the request the provider was not told, and what of its answer the client was not, as `losses.kept` has it;
            empty where an older Stormkeel wrote the entry.
    """

    attempt: str
    at: int
    outcome: str
    status: int
    latency: float
    ttft: float | None
    usage: Usage = NO_USAGE
    usage_source: str = "none"
    amount: NanoDollars | None = 0
    provider_request: str = ""
    lost: tuple[str, ...] = ()


Entry = Reserved | Settled
