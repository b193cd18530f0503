"""Breakers: INV-13. That who is down is left alone but for probes, and that who is well is asked again in bounded time.

Never looks at a breaker: faults are counted by what providers did, and by which clock of ours ran out. What may be either is
taken for neither, so a streak that is counted here was seen by the engine as well.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from ...policies.breaker import BreakerSettings
from ..evidence import Call, Sending
from ..ways import border_of, lets, targets
from ..weather import latest_end
from .docket import Docket, Scene

FAULTS = ("outage", "resets", "errors", "overload", "cuts", "garbage", "told", "endless")
HARMLESS = ("limited", "bad", "too_long", "filtered", "dead", "broke")  # refusals that say nothing about health
EPSILON = 0.05
MANY = 150
"""Requests of a route after which a deployment of its first group with a tenth of them has been asked: they miss it once in seven
million times. Who has less of them is waited for longer."""
EVEN = ("weighted", "round_robin", "two_choices", "random")
"""Strategies that ask everybody who is well."""
EARNED, MOST_EARNED = 3, 100
"""Attempts that one answer earns an open breaker which is the last one left, and the most (docs/reliability.md, Breakers): for as
long as the breaker's window looks back, and none by answers from before it opened."""
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
    if one.act in ("errors", "overload") and one.taken:  # its caller may have left, or its time have run out, before the head
        return "fault"
    if one.end == "aborted" and call is not None and call.leaves is None and not call.slow:
        waited = one.ended - one.at
        if one.act == "hang" and abs(waited - (clocks.first_content if one.stream else clocks.answer)) < EPSILON:
            return "fault"
    return ""


def _is_doubtful(one: Sending, call: Call | None) -> bool:
    """May the engine have taken it for a fault? Not a refusal of the request, nor what ended as its caller left."""
    has_left = call is not None and call.outcome == "left" and one.end == "aborted" and one.ended == call.ended
    return one.act not in HARMLESS and not has_left


class _Ends:
    """What the ends of a deployment's sends say, one after the other.

    Attributes:
        row: faults in a row.
        well: when one last ended well.
        kept: answers since it was closed for certain, all of which may have earned an attempt beyond.
        is_closed: is it, for certain?
    """

    def __init__(self, breaker: BreakerSettings) -> None:
        self._settings = breaker
        self._enough = max(1, int(breaker.share * breaker.least))  # faults of a window that may have opened it, in a row or not
        self._doubtful = 0  # ends in a row that may have been faults
        self.row, self.well, self.kept = 0, 0.0, 0
        self.is_closed = True
        self._doubts: deque[float] = deque(maxlen=self._enough)  # when it may have failed
        self._run, self._since = 0, 0.0  # answers in a row, and when the first of them came

    def answer(self, at: float, is_slow: bool) -> None:
        """One has ended well. So many of them without a fault, over so long that every probe's lease is over, have closed it."""
        if at - self.well > self._settings.window:
            self.kept = 0  # what was earned longer ago is worth nothing
        if not self._run:
            self._since = at
        self._run, self.row, self._doubtful, self.well = self._run + 1, 0, 0, at
        is_closed = self._run > 2 * sum(self._settings.permits) and at - self._since > LEASE
        self.is_closed = not is_slow and (is_closed or self.is_closed)
        self.kept = 0 if self.is_closed else self.kept + 1

    def fault(self) -> None:
        """One has failed, of which it is to know."""
        self.row += 1

    def doubt(self, at: float) -> None:
        """One may have failed: some of these may have opened it."""
        self._run = 0
        self._doubts.append(at)
        self._doubtful += 1
        is_many = len(self._doubts) == self._enough and at - self._doubts[0] <= self._settings.window
        if is_many or self._doubtful >= self._settings.consecutive:
            self.is_closed = False

    def spans(self, opened: float, until: float) -> list[tuple[float, int, float]]:
        """Return from when until when it was open, and how many attempts its answers may have earned it for that time."""
        worthless = self.well + self._settings.window
        later = max(opened, worthless), 0, until
        return [later] if worthless <= opened else [(opened, min(MOST_EARNED, EARNED * self.kept), min(worthless, until)), later]


def _safe(scene: Scene, docket: Docket, deployment: str, sendings: list[Sending], calls: dict[str, Call]) -> None:
    """After so many faults in a row nothing but probes goes out until one ends well."""
    breaker = scene.settings.policies.breaker
    ends, opened = _Ends(breaker), None
    spans: list[tuple[float, int, float]] = []  # from when, with what was earned, until when
    for one in sorted(sendings, key=lambda one: one.ended):
        said = verdict(one, calls.get(one.request), scene)
        if said == "ok":
            spans += [] if opened is None else ends.spans(opened, one.ended)
            ends.answer(one.ended, one.act == "slow")
            opened = None
        elif _is_doubtful(one, calls.get(one.request)):
            ends.doubt(one.ended)
        if said == "fault" and one.at >= ends.well:
            ends.fault()
            if ends.row == breaker.consecutive:
                opened = one.ended
    spans += [] if opened is None else ends.spans(opened, scene.plan.span)
    for begins, earned, until in spans:
        meant = [one for one in sendings if begins < one.at < until]
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


class Illness(msgspec.Struct, frozen=True):
    """A deployment's breaker has opened for faults in a row, having been closed for certain.

    Attributes:
        first: when it may first have failed since its last answer.
        since: when the first fault of the row ended.
        opened: when the last of them did.
        until: when it next answered, or the end of all.
    """

    first: float
    since: float
    opened: float
    until: float


def illnesses(scene: Scene, sendings: list[Sending]) -> list[Illness]:
    """Return when a deployment fell ill for certain."""
    breaker, calls = scene.settings.policies.breaker, scene.evidence.calls
    ends, found = _Ends(breaker), list[Illness]()
    first, since, was_closed = 0.0, 0.0, True
    for one in sorted(sendings, key=lambda one: one.ended):
        said = verdict(one, calls.get(one.request), scene)
        if said == "ok":
            if found and one.at >= found[-1].opened:  # what was under way before changes nothing
                found[-1] = msgspec.structs.replace(found[-1], until=min(found[-1].until, one.ended))
            ends.answer(one.ended, one.act == "slow")
            first = 0.0
        elif _is_doubtful(one, calls.get(one.request)):
            if not first:
                first, was_closed = one.ended, ends.is_closed
            ends.doubt(one.ended)
        if said == "fault" and one.at >= ends.well:
            ends.fault()
            since = one.ended if ends.row == 1 else since
            if ends.row == breaker.consecutive and was_closed:
                found.append(Illness(first, since, one.ended, scene.plan.span))
    return found


# -- well means asked --------------------------------------------------------------------------------------------------

Target = dict[str, Any]


def _live(scene: Scene, docket: Docket) -> None:
    """Who has been well for long enough is asked again, where its route had requests that could go there."""
    policies, drawn = scene.settings.policies, scene.plan.drawn
    grace = policies.breaker.open_cap + LEASE + 1.25 * policies.parking.credential_cap + policies.parking.quota
    keys = {one["name"]: one for one in drawn.get("keys", ())}
    for name, route in drawn["routes"].items():
        if route.get("strategy", "weighted") not in EVEN or "sticky" in route:
            continue
        border = border_of(drawn, route)
        inside = [one for one in targets(drawn, {"groups": route["groups"][:1]}) if lets(border, one[2])]
        calls = [call for call in scene.evidence.calls.values() if call.route == name]
        for target, label, tags in inside:
            if is_free(drawn, target):
                asked = [call.at for call in calls if lets(call.border, tags) and lets(keys.get(call.key, {}), tags)]
                waited = _well(scene, target, label) + grace, asked, _share(drawn, target, inside)
                _reached(scene, docket, f"{target['provider']}/{target['model']}#{label}", waited)


def is_free(drawn: dict[str, Any], target: Target) -> bool:
    """Has it no limit of ours, by which it would be passed over?"""
    one = drawn["providers"][target["provider"]]
    quotas = (drawn.get("quotas", {}).get(credential["quota"], {}) for credential in one["credentials"].values())
    said = {*target, *one.get("limits", {}), *(name for each in quotas for name in each)}
    return not {"rpm", "tpm", "concurrency"} & said


def _well(scene: Scene, target: Target, label: str) -> float:
    """Return since when nothing has befallen a deployment."""
    place = next(side.place for side in scene.plan.sides if side.place.provider == target["provider"])
    spot = target["model"], label, dict(place.credentials)[label], place.regions.get(target["model"], "")
    return latest_end(scene.plan.weather, target["provider"], spot, scene.plan.span)


def _share(drawn: dict[str, Any], target: Target, inside: list[tuple[Target, str, set[str]]]) -> float:
    """Return the least share of its group's requests that a deployment has, by its weight or by their number."""
    own, *weights = (
        float(one.get("weight", 1.0)) / len(drawn["providers"][one["provider"]]["credentials"])
        for one in (target, *(each for each, _, _ in inside))
    )
    return min(1.0 / len(inside), own / sum(weights))


def _reached(scene: Scene, docket: Docket, deployment: str, waited: tuple[float, list[float], float]) -> None:
    since, asked, share = waited
    later = [at for at in asked if at >= since]
    if len(later) < MANY * max(1.0, 0.1 / share):
        return
    sent = [one.at for one in scene.evidence.sendings if one.deployment == deployment and since <= one.at]
    docket.check("INV-13", bool(sent), since, deployment, f"never asked again, well for {len(later)} requests of its route")
