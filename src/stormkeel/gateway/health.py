"""Health: is the process alive, can a request be served, and how is everything doing.

Never asks a provider: what is known comes from the fleet's own state, and from probes where they are on (`probing.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from ..assemble import House
from ..engine.credentials import CredentialState
from ..engine.fleet import Fleet
from ..engine.standing import Picture, Standing, State, Status, picture
from ..policies.admission import Reason
from .doorman import Doorman
from .probing import ProbeState


class DeploymentHealth(msgspec.Struct):
    """How one deployment is doing.

    Attributes:
        state: "healthy", "missing", "cooling", "half_open" or "open".
        why: what it is set aside for, "" where it is not.
        in_flight: attempts under way.
        latency_s: moving average of good attempts, None before the first.
    """

    name: str
    state: State
    why: str
    in_flight: int
    latency_s: float | None


class ProviderHealth(msgspec.Struct):
    """How one provider is doing, over its deployments and, where probes are on, by its latest probe.

    Attributes:
        status: as for the whole; a probe that failed makes it "degraded" at best.
        latency_s: of good attempts, None before the first.
        probes: what the latest ones found, with each credential.
    """

    name: str
    status: Status
    latency_s: float | None
    probes: list[ProbeState]


class DoorHealth(msgspec.Struct):
    """How the door is doing.

    Attributes:
        state: "open"; "full" where the next request would be turned away; "strained" while they wait too long to be begun.
        connections, requests, in_line, held_bytes: what there is of each.
        turned_away: how many requests were, by reason.
    """

    state: Literal["open", "strained", "full"]
    connections: int
    requests: int
    in_line: int
    held_bytes: int
    turned_away: dict[Reason, int]


class Health(msgspec.Struct, omit_defaults=True):
    """The whole picture: "healthy" (all deployments are, and no probe failed), "degraded" (some), "unhealthy" (none).

    Who asks without a key, where keys are asked for, is told no more than that.

    Attributes:
        ready: is any route left, as `/health/ready` says?
        dead_routes: routes of which no deployment may be asked now.
        door: how much there is to do, and whether requests are turned away. It makes no difference to `status` or `ready`: a
            gateway that is taken out for it would leave its load to the others.
    """

    status: Status
    version: str = ""
    active_requests: int | None = None
    ready: bool | None = None
    dead_routes: list[str] | None = None
    providers: list[ProviderHealth] | None = None
    deployments: list[DeploymentHealth] | None = None
    credentials: list[CredentialState] | None = None
    door: DoorHealth | None = None


def health_of(house: House, probes: Sequence[ProbeState], version: str, door: DoorHealth | None) -> Health:
    """Return how everything is doing at this moment; without the door, what anybody may know (INV-16)."""
    world = house.world
    shown = picture(world, world.ports.clock.now())
    status: Status = "degraded" if shown.status == "healthy" and _failed(probes) else shown.status
    if door is None:
        return Health(status)
    deployments, providers = [_deployment(row) for row in shown.deployments], _providers(shown, probes)
    dead = dead_routes(house)
    return Health(status, version, house.active, is_ready(house), dead, providers, deployments, shown.credentials, door)


def door_of(doorman: Doorman) -> DoorHealth:
    """Return how the door is doing."""
    bounds = doorman.bounds
    state: Literal["open", "strained", "full"] = "full" if bounds.full() else "strained" if bounds.is_strained else "open"
    return DoorHealth(state, doorman.connections, bounds.under_way, bounds.in_line, bounds.held, dict(bounds.refused))


def is_ready(house: House) -> bool:
    """Could a request be served: is any route left; without routes, any deployment? Probes don't count."""
    routes = house.setup.routes()
    if routes:
        return len(dead_routes(house)) < len(routes)
    fleet = _fleet(house)
    there = [member.index for member in fleet.members if not member.alone.is_missing]
    return any(map(fleet.is_ready, there)) or not there


def dead_routes(house: House) -> list[str]:
    """Return the routes of which every deployment is cooling or behind an open breaker."""
    fleet = _fleet(house)
    return [name for name, indexes in house.setup.routes().items() if not any(map(fleet.is_ready, indexes))]


def _fleet(house: House) -> Fleet:
    fleet = house.world.fleet
    fleet.now = house.world.ports.clock.now()
    return fleet


def _providers(shown: Picture, probes: Sequence[ProbeState]) -> list[ProviderHealth]:
    rows = []
    for one in shown.providers:
        own = [probe for probe in probes if probe.provider == one.name]
        status: Status = "degraded" if one.status == "healthy" and _failed(own) else one.status
        rows.append(ProviderHealth(one.name, status, one.latency_s, own))
    return rows


def _failed(probes: Sequence[ProbeState]) -> bool:
    return any(probe.result != "well" for probe in probes)


def _deployment(row: Standing) -> DeploymentHealth:
    return DeploymentHealth(row.name, row.state, row.why, row.in_flight, row.latency_s)
