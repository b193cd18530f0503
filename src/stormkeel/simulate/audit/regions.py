"""Regions: INV-13 for what deployments share. Once two models of a region are known to be down, one probe goes out for all.

Never looks at a breaker, and takes nothing for known that the engine may have seen otherwise: a deployment counts as fallen ill
where it was closed for certain and then failed so often in a row.

    two models, and two credentials where there are so many, fallen ill within the window, nobody has answered since
        -> first sends to all of them together: no more than one breaker's half-open probes, whose open time doubles
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import msgspec

from ..evidence import Sending
from ..ways import border_of, lets, targets
from .breakers import FAULTS, Illness, illnesses, verdict
from .docket import Docket, Scene

MARGIN = 1.0  # seconds by which the engine may have seen something at another moment
FIRST = ".1"
"""How a request's first attempt ends: before it nobody has refused, so it is no probe of somebody who is the last one left."""


class Region(msgspec.Struct, frozen=True):
    """What is served together: by the names of deployments, their model and credential."""

    name: str
    spots: dict[str, tuple[str, str]]


def regions(scene: Scene, docket: Docket) -> None:
    """Check each region of which more than one deployment can be asked."""
    by_deployment = scene.evidence.of_deployment()
    several = _with_choice(scene)
    for region in _regions(scene):
        if len(region.spots) < 2:
            continue
        sendings = {name: by_deployment.get(name, []) for name in region.spots}
        answers = sorted((one.ended, one.at, name) for name, each in sendings.items() for one in each if _is_answer(scene, one))
        ill = [(name, one) for name, each in sendings.items() for one in illnesses(scene, each)]
        for at, until in _falls(region, ill, answers, scene.settings.policies.breaker.window):
            meant = [one for each in sendings.values() for one in each if at < one.at < until and one.attempt.endswith(FIRST)]
            first = [one for one in meant if scene.evidence.calls[one.request].route in several]
            _few(scene, docket, region.name, at, first)


def _is_answer(scene: Scene, one: Sending) -> bool:
    return verdict(one, scene.evidence.calls.get(one.request), scene) == "ok"


def _regions(scene: Scene) -> Iterator[Region]:
    found: dict[tuple[str, str], dict[str, tuple[str, str]]] = defaultdict(dict)
    places = {side.place.provider: side.place for side in scene.plan.sides}
    groups = [group for route in scene.plan.drawn["routes"].values() for group in route["groups"]]
    for provider, model in sorted({(target["provider"], target["model"]) for group in groups for target in group}):
        place = places[provider]
        for label, _ in place.credentials:
            found[provider, place.regions.get(model, "")][f"{provider}/{model}#{label}"] = model, label
    for (provider, region), spots in found.items():
        yield Region(f"{provider} {region}".rstrip(), spots)


def _with_choice(scene: Scene) -> set[str]:
    """Return the routes on which, whoever asks, several may be asked: there the first one is never the last one left."""
    drawn, found = scene.plan.drawn, set[str]()
    callers = [{}, *drawn.get("keys", ())]
    for name, route in drawn["routes"].items():
        inside = [tags for _, _, tags in targets(drawn, route) if lets(border_of(drawn, route), tags)]
        if all(sum(lets(caller, tags) for tags in inside) > 1 for caller in callers):
            found.add(name)
    return found


def _falls(
    region: Region, ill: Sequence[tuple[str, Illness]], answers: Sequence[tuple[float, float, str]], window: float
) -> Iterator[tuple[float, float]]:
    """Yield from when it was certain that what they share is down, until somebody answered who was asked since they fell ill.

    Answers are given as when they ended, when they were asked for, and by whom.
    """
    over = float("-inf")
    for at in sorted(one.opened for _, one in ill):
        those = {name: one for name, one in ill if one.opened <= at < one.until}
        begun = min(one.first for one in those.values())
        if at < over or max(one.since for one in those.values()) - begun > window - MARGIN or not _is_spread(region, those):
            continue
        if any(begun - MARGIN <= ended <= at and name not in those for ended, _, name in answers):
            continue
        over = next((ended for ended, asked, _ in answers if ended > at and asked >= begun - MARGIN), float("inf"))
        yield at, over


def _is_spread(region: Region, names: Iterable[str]) -> bool:
    """Are they of two models and two credentials, or of all there are?"""
    those = [region.spots[name] for name in set(names)]
    every = list(region.spots.values())
    wide = all(len({spot[part] for spot in those}) >= min(2, len({spot[part] for spot in every})) for part in (0, 1))
    return len(those) > 1 and wide


def _few(scene: Scene, docket: Docket, region: str, at: float, sendings: list[Sending]) -> None:
    breaker = scene.settings.policies.breaker
    spans = list(accumulate(min(breaker.open_cap, breaker.open_time * 2.0 ** min(tries, 20)) / 2.0 for tries in range(2000)))
    silent = 0
    for count, one in enumerate(sorted(sendings, key=lambda one: one.at), 1):
        most = 2 + sum(moment <= one.at - at for moment in spans) + silent
        told = f"{count} first sends within {one.at - at:.2f} s of its fall, {most} allowed"
        docket.check("INV-13", count <= most, one.at, region, told)
        silent += one.act not in FAULTS or one.end == "aborted"
