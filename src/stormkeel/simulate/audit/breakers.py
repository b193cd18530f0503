"""Breakers: INV-13. That who is down is left alone but for probes, and that who is well is asked again in bounded time.

Never looks at a breaker: faults are counted by what providers did, and by which clock of ours ran out. What may be either is
taken for neither, so a streak that is counted here was seen by the engine as well.
"""

from __future__ import annotations

from ..evidence import Call, Sending
from ..weather import latest_end
from .docket import Docket, Scene

FAULTS = ("outage", "resets", "errors", "overload", "cuts", "garbage", "told", "endless")
EPSILON = 0.05
MANY = 150
"""Requests of a route after which each deployment of its first group has been asked: a chance of one in ten misses them once in
seven million times."""
EVEN = ("weighted", "round_robin", "two_choices", "random")
"""Strategies that ask everybody who is well."""
EARNED, MOST_EARNED = 3, 100
"""Attempts that one answer earns an open breaker which is the last one left, and the most (docs/reliability.md, Breakers)."""
LEASE = 60.0  # seconds that a lost probe, of a breaker or a credential, can cost


def breakers(scene: Scene, docket: Docket) -> None:
    """Check both halves, deployment by deployment."""
    calls = scene.evidence.calls
    for deployment, sendings in scene.evidence.of_deployment().items():
        _safe(scene, docket, deployment, sendings, calls)
    if not scene.plan.reloads:
        _live(scene, docket)


# -- open means open ---------------------------------------------------------------------------------------------------


def verdict(one: Sending, call: Call | None, scene: Scene) -> str:
    """Say what a sending says of its deployment: "ok", "fault", or "" for nothing, or nothing certain."""
    clocks = scene.settings.policies.clocks
    if one.finished:
        return "ok"
    if one.act in FAULTS and one.end in ("read", "broken"):
        return "fault"
    if one.act in ("errors", "overload"):
        return "fault"
    if one.end == "aborted" and call is not None and call.leaves is None and not call.slow:
        waited = one.ended - one.at
        if one.act == "hang" and abs(waited - (clocks.first_content if one.stream else clocks.answer)) < EPSILON:
            return "fault"
    return ""


def _safe(scene: Scene, docket: Docket, deployment: str, sendings: list[Sending], calls: dict[str, Call]) -> None:
    """After so many faults in a row nothing but probes goes out until one ends well."""
    breaker = scene.settings.policies.breaker
    consecutive, row, well, answered, kept = breaker.consecutive, 0, 0.0, 0, 0
    spans: list[tuple[float, float, int]] = []
    opened: float | None = None
    for one in sorted(sendings, key=lambda one: one.ended):
        said = verdict(one, calls.get(one.request), scene)
        if said == "ok":
            if opened is not None:
                spans.append((opened, one.ended, min(MOST_EARNED, EARNED * kept)))
            well, opened, row = one.ended, None, 0
            answered += 1
        elif said and one.at >= well:
            row += 1
            if row == consecutive:
                opened = one.ended
                has_closed = answered > 2 * sum(breaker.permits)  # else it has kept what its answers earned
                kept, answered = 0 if has_closed else kept + answered, 0
    if opened is not None:
        spans.append((opened, scene.plan.span, min(MOST_EARNED, EARNED * kept)))
    for begins, ends, earned in spans:
        meant = [one for one in sendings if begins < one.at < ends]
        _probes(scene, docket, deployment, (begins, earned), meant)


def _probes(scene: Scene, docket: Docket, deployment: str, since: tuple[float, int], sendings: list[Sending]) -> None:
    """Rare probes and half-open ones are allowed, each at its own rate; one that said nothing makes room for another."""
    settings, (begins, earned) = scene.settings.policies.breaker, since
    silent = 0
    for count, one in enumerate(sendings, 1):
        spent = one.at - begins
        most = (
            1.0 + spent / settings.probe_every + (1.0 + 2.0 * spent / settings.open_time) * settings.permits[0] + earned + silent
        )
        told = f"{count} sends within {spent:.2f} s of an open breaker, {most:.1f} allowed"
        docket.check("INV-13", count <= most, one.at, deployment, told)
        silent += one.act not in FAULTS


# -- well means asked --------------------------------------------------------------------------------------------------


def _live(scene: Scene, docket: Docket) -> None:
    """Who has been well for long enough is asked again, where its route had requests."""
    policies, sides = scene.settings.policies, {side.place.provider: side for side in scene.plan.sides}
    grace = policies.breaker.open_cap + LEASE + 1.25 * policies.parking.credential_cap + policies.parking.quota
    for name, route in scene.settings.routes.items():
        if route.strategy not in EVEN or route.sticky != "off":
            continue
        asked = [call.at for call in scene.evidence.calls.values() if call.route == name]
        for target in route.groups[0]:
            free = scene.settings.providers[target.provider].limits.rpm is None
            if free and target.rpm is None and target.tpm is None and target.concurrency is None:
                for label, quota in sides[target.provider].place.credentials:
                    well = latest_end(scene.plan.weather, target.provider, (target.model, label, quota), scene.plan.span)
                    _reached(scene, docket, f"{target.provider}/{target.model}#{label}", (well + grace, asked))


def _reached(scene: Scene, docket: Docket, deployment: str, waited: tuple[float, list[float]]) -> None:
    since, asked = waited
    later = [at for at in asked if at >= since]
    if len(later) < MANY:
        return
    sent = [one.at for one in scene.evidence.sendings if one.deployment == deployment and since <= one.at]
    docket.check("INV-13", bool(sent), since, deployment, f"never asked again, well for {len(later)} requests of its route")
