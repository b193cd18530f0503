"""Stickiness: requests of one key meet the same deployment, so that what a provider keeps of their beginning is found again.

Never remembers anything: the hash of key and name is the memory, so it outlives restarts and reloads, and is the same in every
process. Rendezvous hashing: where a deployment comes or goes, only the keys move that it wins or had won.

    key -> the deployments in its own order -> the first with room: at most 1.25 times its share of what is in flight
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from math import ceil, log
from typing import Literal

from .deployment import Deployment
from .strategies import FleetView

StickyName = Literal["off", "conversation", "prefix", "user"]
ROOM = 1.25
"""How much more than its share of the attempts in flight a deployment may have (docs/reliability.md, Choosing one of several)."""
_BITS = 52  # of the hash that are used: as many as make a float that is below 1 for certain


def ranked(candidates: Sequence[Deployment], key: bytes) -> list[Deployment]:
    """Return the candidates in the order of a key; each is the first for a share of all keys that is its weight's."""
    return sorted(candidates, key=lambda one: _arrival(one, key))


def _arrival(deployment: Deployment, key: bytes) -> float:
    """When a deployment comes in, in a race of clocks that run as fast as their weights: the way to weigh a rendezvous."""
    digest = blake2b(deployment.name.encode(), digest_size=8, key=key).digest()
    point = ((int.from_bytes(digest, "big") >> (64 - _BITS)) + 0.5) / (1 << _BITS)
    return -log(point) / deployment.weight


def bounds(candidates: Sequence[Deployment], view: FleetView) -> dict[int, int]:
    """Return how many attempts each may have in flight, the coming one among them, by index; together they have room for it."""
    coming = sum(view.load(one.index) for one in candidates) + 1.0
    weight = sum(one.weight for one in candidates)
    return {one.index: ceil(ROOM * coming * one.weight / weight) for one in candidates}


def stick(candidates: Sequence[Deployment], view: FleetView, key: bytes) -> Deployment:
    """Return the first in a key's order that has room ("consistent hashing with bounded loads", Mirrokni and others, 2016).

    Args:
        candidates: at least one.
        view: their loads.
        key: 1 to 64 bytes.
    """
    order, most = ranked(candidates, key), bounds(candidates, view)
    return next((one for one in order if view.load(one.index) + 1.0 <= most[one.index]), order[0])
