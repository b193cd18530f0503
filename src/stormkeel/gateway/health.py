"""Health: is the process alive, can a request be served, and how is each deployment doing.

Never asks a provider: what is known comes from the fleet's own state.
"""

from __future__ import annotations

import msgspec

from ..assemble import House
from ..engine.standing import Standing, standing, status_of


class DeploymentHealth(msgspec.Struct):
    """How one deployment is doing.

    Attributes:
        state: "healthy", "cooling", "half_open" or "open".
        why: what it is set aside for, "" where it is not.
        in_flight: attempts under way.
        latency_s: moving average of good attempts, None before the first.
    """

    name: str
    state: str
    why: str
    in_flight: int
    latency_s: float | None


class Health(msgspec.Struct, omit_defaults=True):
    """The whole picture: "healthy" (all deployments are), "degraded" (some) or "unhealthy" (none).

    Who asks without a key, where keys are asked for, is told no more than that.
    """

    status: str
    version: str = ""
    active_requests: int | None = None
    deployments: list[DeploymentHealth] | None = None


def health_of(house: House, version: str, may_know: bool) -> Health:
    """Return how everything is doing at this moment; the details only for who may know them (INV-16)."""
    world = house.world
    now = world.ports.clock.now()
    rows = [standing(member, now) for member in world.fleet.members]
    if not may_know:
        return Health(status_of(rows))
    return Health(status_of(rows), version, house.active, [_health(row) for row in rows])


def is_ready(house: House) -> bool:
    """Could a request be served: is any deployment neither cooling nor behind an open breaker?"""
    fleet = house.world.fleet
    fleet.now = house.world.ports.clock.now()
    return any(fleet.is_ready(member.index) for member in fleet.members) or not fleet.members


def _health(row: Standing) -> DeploymentHealth:
    return DeploymentHealth(row.name, row.state, row.why, row.in_flight, row.latency_s)
