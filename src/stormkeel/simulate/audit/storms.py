"""How often providers were asked: INV-11. The retry budget is kept anew here, by what was sent and answered.

Never asks for the exact balance: a window that no budget, however full, could have paid for is a violation.

    a window of 10 s of a model at a provider:   repeats the budget paid for <= what it holds + what answers gave back
    a request:                                   never more sends than `request_attempts`; one alone where asking again can't help
"""

from __future__ import annotations

from collections import defaultdict

from ..evidence import Sending
from .docket import Docket, Scene

WINDOW = 10.0  # seconds
THROTTLES = ("limited", "overload")
FUTILE = ("bad",)
SPENT = ("dead", "broke")


def storms(scene: Scene, docket: Docket) -> None:
    """Check the sends of each request, and of all requests together."""
    most = scene.settings.policies.retry.request_attempts
    for request, sendings in scene.evidence.of_request().items():
        docket.check("INV-11", len(sendings) <= most, sendings[-1].at, request, f"{len(sendings)} sends of at most {most}")
        told = min((one.ended for one in sendings if one.act in FUTILE and one.end == "read"), default=None)
        if told is not None:
            late = sendings[-1].at
            docket.check("INV-11", late <= told, late, request, "sent again after it was told to make no sense")
        _again(scene, docket, request, sendings)
    _windows(scene, docket)


def _again(scene: Scene, docket: Docket, request: str, sendings: list[Sending]) -> None:
    """Who refused the credential is not asked again with it for the same request, but by the probe that is due later."""
    parking = scene.settings.policies.parking
    rests = {"broke": parking.quota, "dead": parking.credential}
    told: dict[tuple[str, str], tuple[float, float]] = {}  # who refused what: when, and when a probe may be due
    for one in sendings:
        there = (one.provider, one.credential)
        since, due = told.get(there, (0.0, 0.0))
        is_refused = since < one.at < due
        docket.check("INV-11", not is_refused, one.at, request, f"asked {one.deployment}, which had refused it")
        if one.act in SPENT and one.end == "read":
            told[there] = one.ended, one.ended + rests[one.act]


def _windows(scene: Scene, docket: Docket) -> None:
    budget = scene.settings.policies.budget
    costs = {True: budget.throttle_cost, False: budget.transient_cost}
    moves: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for sendings in scene.evidence.of_request().values():
        for provider, at, amount in _moves(sendings, costs, budget.transient_cost):
            moves[provider].append((at, amount))
    for provider, found in moves.items():
        _walk(docket, provider, sorted(found), budget.capacity)


def _moves(sendings: list[Sending], costs: dict[bool, int], most: int) -> list[tuple[str, float, int]]:
    """What a request took from budgets (below 0) and may have given back."""
    found: list[tuple[str, float, int]] = []
    for before, one in zip([None, *sendings], sendings, strict=False):
        if before is not None and before.deployment == one.deployment:
            found.append((one.provider, one.at, -costs[before.act in THROTTLES]))
        if one.finished:
            found.append((one.provider, one.ended, most))
    return found


def _walk(docket: Docket, provider: str, moves: list[tuple[float, int]], capacity: int) -> None:
    """Check each window that begins with a payment, as a sum that never exceeds what was there and came back."""
    first, balance = 0, 0
    for at, amount in moves:
        balance += amount
        while moves[first][0] < at - WINDOW:
            balance -= moves[first][1]
            first += 1
        if amount < 0:
            told = f"retries of {WINDOW:g} s overdrew the budget by {-balance - capacity}"
            docket.check("INV-11", capacity + balance >= 0, at, provider, told)
