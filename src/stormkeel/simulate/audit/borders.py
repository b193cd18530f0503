"""Borders: INV-31. Whatever fails, no byte of a request goes to anybody outside its route's, its key's and its own border.

Never asks the engine who has which tag: it reads the configuration as its file has it.
"""

from __future__ import annotations

from typing import Any

from ..evidence import Call, Sending
from ..ways import border_of, lets, tags_of
from .docket import Docket, Scene


def borders(scene: Scene, docket: Docket) -> None:
    """Check who was asked for each request, and that a request which may go nowhere is told so."""
    drawn, by_request = scene.plan.drawn, scene.evidence.of_request()
    keys = {one["name"]: one for one in drawn.get("keys", ())}
    spots = _spots(drawn)
    ways = {name: border_of(drawn, route) for name, route in drawn["routes"].items()}
    for call in scene.evidence.calls.values():
        said = [border for border in (ways[call.route], keys.get(call.key, {}), call.border) if border]
        for one in by_request.get(call.id, ()):
            tags = tags_of(drawn, one.provider, one.credential, spots.get((one.provider, one.model), {}))
            _inside(docket, call, one, (said, tags))


def _inside(docket: Docket, call: Call, one: Sending, border: tuple[list[dict[str, Any]], set[str]]) -> None:
    said, tags = border
    broken = [each for each in said if not lets(each, tags)]
    docket.check(
        "INV-31", not broken, one.at, one.attempt, f"{call.id} was sent to {one.deployment} ({sorted(tags)}), outside {broken}"
    )


def _spots(drawn: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what is said of each model of a provider in routes, the same in each."""
    groups = [group for route in drawn["routes"].values() for group in route["groups"]]
    return {(one["provider"], one["model"]): one for group in groups for one in group}
