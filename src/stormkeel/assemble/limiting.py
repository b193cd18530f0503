"""The limits in force, for people: of each quota group and model that a configuration names, and where each is said.

Never what a provider tells of itself: only a running gateway knows that (`stormkeel fleet`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..config.limits import InForce, bucket_of, group_of, limits_of
from ..config.settings import Settings, TargetSettings, credentials_of
from ..providers import KINDS


def rows_of(settings: Settings) -> list[dict[str, Any]]:
    """Return the limits of everything that routes name, once for what counts in one; none of those that have none.

    Each has the quota group, its model, or in its place all those of a pool, and the pool's name, "" where it is one model's.
    """
    found: dict[str, tuple[str, list[str], InForce]] = {}
    for target in _targets(settings):
        for credential in credentials_of(target, settings.providers[target.provider]):
            group, force = group_of(settings, target.provider, credential), limits_of(settings, KINDS, target, credential)
            models = found.setdefault(bucket_of(group, target.model, force.pool), (group, [], force))[1]
            if target.model not in models:
                models.append(target.model)
    return [
        {
            "quota": group, "model": ", ".join(models), "pool": force.pool,
            "limit": one.name, "amount": one.amount, "source": one.source,
        }
        for group, models, force in found.values() for one in force.origins
    ]  # fmt: skip


def _targets(settings: Settings) -> Iterator[TargetSettings]:
    for route in settings.routes.values():
        for group in route.groups:
            yield from group


def words_of(settings: Settings, target: TargetSettings) -> str:
    """Return the limits of a target with its first credential, as one text."""
    credential = credentials_of(target, settings.providers[target.provider])[0]
    force = limits_of(settings, KINDS, target, credential)
    shared = f", shared in {force.pool}" if force.pool else ""
    return ", ".join(f"{one.amount:,} {one.name}{shared} ({one.source})" for one in force.origins)
