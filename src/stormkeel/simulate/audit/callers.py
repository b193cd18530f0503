"""What callers got, against what was said: INV-8, INV-9, INV-10, INV-14.

Never trusts an answer's own word: whose bytes they are stands in the words, and whether all came is counted.
"""

from __future__ import annotations

from ...policies.commit import FIRST, MOST_HELD
from ..evidence import Call, Sending
from ..speech import TERMINALS, marks_in
from .docket import Docket, Scene

LATE = 0.1  # seconds after a deadline by which a caller has its outcome
AHEAD = 256 * 1024  # bytes that may be read for a caller and not yet passed on


def callers(scene: Scene, docket: Docket) -> None:
    """Check each caller's answer, and when it came."""
    by_request = scene.evidence.of_request()
    for call in scene.evidence.calls.values():
        sendings = by_request.get(call.id, [])
        _in_time(scene, docket, call, sendings)
        _unmixed(docket, call, {one.attempt: one for one in sendings})
        few = not call.stream or call.ahead <= (AHEAD if scene.settings.routes[call.route].commit == FIRST else AHEAD + MOST_HELD)
        docket.check("INV-14", few, call.at, call.id, f"{call.ahead} bytes were read ahead of its caller")
    for at, request, what in scene.evidence.faults:
        docket.check("INV-15", False, at, request, f"a fault of ours: {what}")


def _in_time(scene: Scene, docket: Docket, call: Call, sendings: list[Sending]) -> None:
    """Nothing begins after the deadline, and the caller has an outcome soon after it."""
    total = scene.settings.policies.clocks.total
    deadline = call.at + min(total, total if call.patience is None else call.patience)
    docket.check("INV-10", call.ended >= 0.0, call.at, call.id, "its caller never had an outcome")
    docket.check(
        "INV-10", call.ended <= deadline + LATE, call.ended, call.id,
        f"its outcome came {call.ended - deadline:.3f} s after its deadline",
    )  # fmt: skip
    for one in sendings:
        docket.check("INV-10", one.at <= deadline, one.at, one.attempt, f"sent {one.at - deadline:.3f} s after the deadline")


def _unmixed(docket: Docket, call: Call, sendings: dict[str, Sending]) -> None:
    """All bytes are of one attempt, from its first word on without a gap; and told as whole only if all of it was there."""
    body = b"".join(call.got)
    marks = marks_in(body, call.dialect)
    whose = {attempt for attempt, _ in marks}
    docket.check("INV-8", len(whose) <= 1, call.ended, call.id, f"words of {len(whose)} attempts in one answer: {sorted(whose)}")
    in_order = [number for _, number in marks] == list(range(len(marks)))
    docket.check("INV-8", in_order or len(whose) > 1, call.ended, call.id, f"words out of order: {marks[:12]}")
    if len(whose) > 1:
        return
    source = sendings.get(next(iter(whose), ""))
    if call.outcome == "whole":
        there = source is not None and source.finished and len(marks) == source.words
        docket.check("INV-9", there, call.ended, call.id, f"told as whole with {len(marks)} words: {_tell(source)}")
    elif call.stream:
        ended = TERMINALS[call.dialect] in body
        docket.check("INV-9", not ended or call.outcome == "left", call.ended, call.id, f"{call.kind}, and yet it got the end")
    else:
        docket.check("INV-9", not body, call.ended, call.id, f"{call.kind}, and yet it got an answer")


def _tell(source: Sending | None) -> str:
    if source is None:
        return "nobody said them"
    return f"{source.attempt} had {source.words} and was {'whole' if source.finished else 'broken off'} ({source.act})"
