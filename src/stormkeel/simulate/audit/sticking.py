"""Sticking: INV-34. In an idle group of which everybody is well, the requests of one conversation begin at the same deployment.

Never says which one: that a hash decides. Says nothing where anything at all was amiss of late, or somebody may not be asked.

    a request on a route that is sticky by what its caller says, sent at once, and to the first group
        for a while before it     everybody of the group answered, and had room
        when it came              nobody of the group was under way
            -> whoever it began at, the others of its conversation began there as well
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import msgspec

from ..evidence import Call, Sending
from ..ways import border_of, lets, targets
from .breakers import is_free
from .docket import Docket, Scene

CALM = 60.0  # seconds after which nobody is cooling, ejected or short of room any more, where no credential was refused
ROOM = 0.25  # the share of a provider's limit of which more is left, as it says
HARMLESS = ("bad", "too_long", "filtered")


class _Group(msgspec.Struct, frozen=True):
    """The first group of a sticky route.

    Attributes:
        names: its deployments, as in "alpha/gpt-5.4#main".
        sendings: to any of them, by whichever route, as they began.
        troubles: when one of them was amiss.
    """

    names: frozenset[str]
    sendings: list[Sending]
    troubles: list[float]

    def is_calm(self, at: float) -> bool:
        """Was everybody well of late?"""
        place = bisect_left(self.troubles, at - CALM)
        return place == len(self.troubles) or self.troubles[place] > at

    def is_idle(self, at: float, but: Sending) -> bool:
        """Was nobody under way at a moment, but one?"""
        return not any(one.at <= at <= one.ended for one in self.sendings if one is not but)


def sticking(scene: Scene, docket: Docket) -> None:
    """Check each route that is sticky by what callers say."""
    drawn, by_request = scene.plan.drawn, scene.evidence.of_request()
    bound = {key["name"] for key in drawn.get("keys", ()) if key.get("within") or key.get("requires")}
    for name, route in drawn["routes"].items():
        free = all(is_free(drawn, target) for target in route["groups"][0])
        if route.get("sticky") not in ("conversation", "user") or not free:
            continue
        group, homes = _group(scene, route), dict[str, str]()
        calls = (call for call in scene.evidence.calls.values() if call.route == name and not call.border)
        for call in sorted((call for call in calls if call.key not in bound), key=lambda call: call.at):
            one = _begun(call, by_request, group)
            if one is None or not group.is_calm(one.at) or not group.is_idle(one.at, one):
                continue
            home = homes.setdefault(call.conversation, one.deployment)
            told = f"conversation {call.conversation} went to {one.deployment}, and before to {home}"
            docket.check("INV-34", one.deployment == home, one.at, one.attempt, told)


def _group(scene: Scene, route: dict[str, Any]) -> _Group:
    drawn = scene.plan.drawn
    inside = [one for one in targets(drawn, {"groups": route["groups"][:1]}) if lets(border_of(drawn, route), one[2])]
    names = frozenset(f"{target['provider']}/{target['model']}#{label}" for target, label, _ in inside)
    sendings = [one for one in scene.evidence.sendings if one.deployment in names]
    accounts = {name.partition("/")[0] for name in names}
    amiss = [one for one in scene.evidence.sendings if one.provider in accounts and _is_amiss(scene, one)]
    return _Group(names, sendings, sorted(at for one in amiss for at in _moments(one)))


def _is_amiss(scene: Scene, one: Sending) -> bool:
    """Did it say anything of its deployment, or its account, but that all is well?"""
    has_left = one.end == "aborted" and one.act == "served" and scene.evidence.calls[one.request].outcome == "left"
    return not (one.finished or has_left or one.act in HARMLESS) or one.act == "slow" or one.room < ROOM


def _moments(one: Sending) -> list[float]:
    """Return when it was amiss: as long as an account that refuses us is set aside, at most."""
    parked = (one.ended + CALM * part for part in range(1, 6)) if one.act in ("dead", "broke") else ()
    return [one.at, one.ended, *parked]


def _begun(call: Call, by_request: dict[str, list[Sending]], group: _Group) -> Sending | None:
    """Return a request's first send, where it went straight there and to the group, at once."""
    first = next(iter(by_request.get(call.id, ())), None)
    is_straight = first is not None and first.attempt.endswith(".1") and first.at == call.at
    return first if first is not None and is_straight and first.deployment in group.names else None
