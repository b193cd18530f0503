"""Mishaps on the wire: what a silence and a broken exchange are called, and what is still read of an exchange that failed.

Never decides what follows: that is `line.py`, by `policies/retry.py`. Spans by docs/reliability.md, Clocks.
"""

from __future__ import annotations

from ..policies.base import Verdict
from ..types.failure import Failure, FailureKind
from .ports import Exchange, WireFault

K = FailureKind
SLOW_CLIENT = 60.0  # seconds in which a client must have taken so much that there is room for the next piece
PINGS_ONLY = 120.0  # seconds of keep-alives without content that a stream may last
LAST_MARK = 0.5  # seconds that it is waited for its marker alone, once its usage is here
LAST_WORD = 2.0  # seconds that an answer which has ended is waited for its usage and its marker
ERROR_BODY = 1 << 20  # bytes of an error body that are read at most

WIRE_KINDS = {"connect": K.CONNECT, "head": K.RESET, "body": K.TRUNCATED}
ENDED_THERE = frozenset({K.RESET, K.TRUNCATED, K.BAD_RESPONSE})
"""Failures in which the provider, or the wire before it, ended the exchange: nothing is written for it afterwards."""
BITES = {
    K.SILENT: "no content came within {:g} s",
    K.STALLED: "the stream stalled: nothing came for {:g} s",
    K.DEADLINE: "the request's time of {:g} s was over",
    K.CANCELLED: "the client took too little for {:g} s",
}


async def read_all(exchange: Exchange) -> bytes:
    """Read an error's body, or as much of it as comes: its status says the most anyway."""
    parts: list[bytes] = []
    size = 0
    try:
        while size < ERROR_BODY and (data := await exchange.read()):
            parts.append(data)
            size += len(data)
    except WireFault:
        pass
    return b"".join(parts)


def verdict_on(failure: Failure) -> Verdict:
    """Return what a failure says about the health of who was asked."""
    return Verdict.FAULT if failure.rule.trips else Verdict.IGNORED
