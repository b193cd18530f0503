"""The journal against what providers saw and would bill: INV-2, INV-3, INV-5, INV-6.

Never adds up what the engine says of itself: tokens are counted by the words a provider had made when an attempt was over.
"""

from __future__ import annotations

from collections import Counter

from ...ledger.entry import Reserved, Settled
from ..evidence import Sending
from .docket import Docket, Scene

WORD = 3  # tokens a provider bills for a word


def books(scene: Scene, docket: Docket) -> None:
    """Check that each attempt was reserved before it left, settled once, and booked for what it cost."""
    evidence = scene.evidence
    seen = {one.attempt: one for one in evidence.sendings}
    times = Counter(entry.attempt for _, entry in evidence.settled)
    for one in evidence.sendings:
        docket.check("INV-2", one.is_reserved, one.at, one.attempt, "it left without a reservation in the journal")
    for attempt, entry in evidence.reserved.items():
        often = times[attempt]
        docket.check("INV-3", often == 1, _at(seen, attempt), attempt, f"settled {often} times: {entry.deployment}")
    for attempt in (*evidence.twice, *(times.keys() - evidence.reserved.keys())):
        docket.check("INV-3", False, _at(seen, attempt), attempt, "reserved twice, or settled and never reserved")
    for at, settled in evidence.settled:
        held = evidence.reserved.get(settled.attempt)
        if held is not None:
            _weigh(docket, at, held, settled)
            _compare(docket, at, settled, seen.get(settled.attempt))


def _at(seen: dict[str, Sending], attempt: str) -> float:
    return seen[attempt].at if attempt in seen else 0.0


def _weigh(docket: Docket, at: float, held: Reserved, settled: Settled) -> None:
    """No settlement is above its reservation, and none is below nothing."""
    most, amount = held.amount, settled.amount
    within = amount is None or (amount >= 0 and (most is None or amount <= most))
    docket.check("INV-6", within, at, settled.attempt, f"booked {amount} of {most} reserved")


def _compare(docket: Docket, at: float, settled: Settled, sending: Sending | None) -> None:
    """What was billed is booked: to the token where the provider's word was read, at least as much where it was not."""
    usage = settled.usage
    if sending is None:
        docket.check("INV-6", not usage.total, at, settled.attempt, f"booked {usage.total} tokens of what was never sent")
        return
    words = sum(moment <= at for moment in sending.made)
    billed = (sending.prompt, WORD * words) if words else (0, 0)
    booked = (usage.total_input, usage.total_output)
    if sending.told:
        docket.check("INV-6", booked == billed, at, settled.attempt, f"booked {booked} tokens, billed {billed}")
    elif words:
        enough = booked[0] >= billed[0] and booked[1] >= billed[1]
        docket.check("INV-5", enough, at, settled.attempt, f"booked {booked} tokens ({settled.usage_source}), billed {billed}")
