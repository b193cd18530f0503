"""What callers got, against what was said: INV-8, INV-9, INV-10, INV-14.

Never trusts an answer's own word: whose bytes they are stands in the words, and whether all came is counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...policies.commit import FIRST, MOST_HELD
from ..evidence import Call, Sending
from ..speech import TERMINALS, marks_in
from .docket import Docket, Scene

LATE = 0.1  # seconds after a deadline by which a caller has its outcome
JOINT = b"stormkeel-joint"
AHEAD = 256 * 1024  # bytes that may be read for a caller and not yet passed on


def callers(scene: Scene, docket: Docket) -> None:
    """Check each caller's answer, and when it came."""
    by_request = scene.evidence.of_request()
    for call in scene.evidence.calls.values():
        sendings = by_request.get(call.id, [])
        _in_time(scene, docket, call, sendings)
        _unmixed(scene, docket, call, sendings)
        _told(docket, call, sendings)
        few = not call.stream or call.ahead <= (AHEAD if scene.settings.routes[call.route].commit == FIRST else AHEAD + MOST_HELD)
        docket.check("INV-14", few, call.at, call.id, f"{call.ahead} bytes were read ahead of its caller")
    for at, request, what in scene.evidence.faults:
        docket.check("INV-15", False, at, request, f"a fault of ours: {what}")


def _in_time(scene: Scene, docket: Docket, call: Call, sendings: list[Sending]) -> None:
    """Nothing begins after the deadline, and the caller has an outcome soon after it."""
    total = scene.settings.policies.clocks.total
    deadline = call.at + min(total, total if call.patience is None else call.patience)
    late = LATE + stood_still(scene.evidence.pauses, deadline)
    docket.check("INV-10", call.ended >= 0.0, call.at, call.id, "its caller never had an outcome")
    docket.check(
        "INV-10", call.ended <= deadline + late, call.ended, call.id,
        f"its outcome came {call.ended - deadline:.3f} s after its deadline",
    )  # fmt: skip
    for one in sendings:
        docket.check("INV-10", one.at <= deadline, one.at, one.attempt, f"sent {one.at - deadline:.3f} s after the deadline")


def stood_still(pauses: Sequence[tuple[float, float]], moment: float) -> float:
    """Return for how many seconds from a moment on the process stood still, one pause after the other."""
    until = moment
    for begins, ends in sorted(pauses):
        if begins <= until <= ends:
            until = ends
    return until - moment


def _unmixed(scene: Scene, docket: Docket, call: Call, sendings: list[Sending]) -> None:
    """All words are there from the first on without a gap, of one attempt unless a joint is marked; told as whole only if so."""
    body, route = b"".join(call.got), scene.settings.routes[call.route]
    marks = marks_in(body, call.dialect)
    whose = {attempt for attempt, _ in marks}
    may_join = route.recovery == "continue" and JOINT in body
    docket.check("INV-8", len(whose) <= 1 or may_join, call.ended, call.id, f"words of {len(whose)} attempts: {sorted(whose)}")
    in_order = [number for _, number in marks] == list(range(len(marks)))
    docket.check("INV-8", in_order, call.ended, call.id, f"words out of order: {[number for _, number in marks][:20]}")
    docket.check("INV-8", not call.oddities, call.ended, call.id, "; ".join(call.oddities[:3]))
    _alone(docket, call, sendings, route.recovery)
    if call.outcome == "whole":
        there = any(one.finished and one.starts + one.words == len(marks) for one in sendings)
        docket.check("INV-9", there, call.ended, call.id, f"told as whole with {len(marks)} words: {_tell(sendings)}")
    elif call.stream:
        ended = TERMINALS[call.dialect] in body
        docket.check("INV-9", not ended or call.outcome == "left", call.ended, call.id, f"{call.kind}, and yet it got the end")
        is_held = route.commit == "complete" and call.outcome == "failed" and len(body) < MOST_HELD
        docket.check("INV-9", not (is_held and marks), call.ended, call.id, f"{call.kind}, and words of it went out")
    else:
        docket.check("INV-9", not body, call.ended, call.id, f"{call.kind}, and yet it got an answer")


def _alone(docket: Docket, call: Call, sendings: list[Sending], recovery: str) -> None:
    """What called a tool is gone on with by nobody, nor is the rest of an answer of a form asked for."""
    until = call.called
    if until is None and call.formed and call.stream and recovery == "continue":
        until = call.first
    if until is not None:
        late = [one.attempt for one in sendings if one.at > until]
        what = "the beginning of a form" if call.called is None else "the call of a tool"
        docket.check("INV-8", not late, call.ended, call.id, f"sent again as {late} behind {what}")


def _tell(sendings: list[Sending]) -> str:
    return ", ".join(
        f"{one.attempt} {one.starts}+{one.words} {one.act}{'' if one.finished else ' (broken off)'}" for one in sendings
    )


def _told(docket: Docket, call: Call, sendings: list[Sending]) -> None:
    """Metrics and logs are told once, of as many attempts as there were, and of the same end."""
    docket.check("INV-3", len(call.told) == 1, call.ended, call.id, f"sinks were told {len(call.told)} times")
    for kind, made in call.told:
        docket.check(
            "INV-3", made == _arrived(sendings), call.ended, call.id, f"told of {made} attempts, {_arrived(sendings)} arrived"
        )
        same = call.outcome == "left" or kind == call.kind
        docket.check("INV-3", same, call.ended, call.id, f'told of "{kind}", its caller of "{call.kind}"')


def _arrived(sendings: list[Sending]) -> int:
    """Count the sends of which a byte may have left: a connection that was refused is none."""
    return sum(one.act != "outage" or one.end != "broken" for one in sendings)
