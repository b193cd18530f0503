"""The limits in force, for people: of each quota group and model that a configuration names, and where each is said.

Never what a provider tells of itself: only a running gateway knows that (`stormkeel fleet`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..config.limits import InForce, group_of, limits_of
from ..config.settings import Settings, TargetSettings, credentials_of
from ..providers import KINDS


def rows_of(settings: Settings) -> list[dict[str, Any]]:
    """Return the limits of everything that routes name, once for a quota group and model; none of those that have none."""
    found: dict[tuple[str, str], InForce] = {}
    for target in _targets(settings):
        for credential in credentials_of(target, settings.providers[target.provider]):
            key = group_of(settings, target.provider, credential), target.model
            found.setdefault(key, limits_of(settings, KINDS, target, credential))
    return [
        {"quota": group, "model": model, "limit": one.name, "amount": one.amount, "source": one.source}
        for (group, model), force in found.items() for one in force.origins
    ]  # fmt: skip


def _targets(settings: Settings) -> Iterator[TargetSettings]:
    for route in settings.routes.values():
        for group in route.groups:
            yield from group


def words_of(settings: Settings, target: TargetSettings) -> str:
    """Return the limits of a target with its first credential, as one text."""
    credential = credentials_of(target, settings.providers[target.provider])[0]
    force = limits_of(settings, KINDS, target, credential)
    return ", ".join(f"{one.amount:,} {one.name} ({one.source})" for one in force.origins)
