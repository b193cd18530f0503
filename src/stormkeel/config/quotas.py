"""What is said of quota groups and tiers, against what there is: groups that no credential is of, tiers that nobody knows.

Never checks a single limit's range: `limiting.py` does.
"""

from __future__ import annotations

from ..catalog.tiers import tiers_of
from .limits import group_of
from .origins import Path
from .settings import Kinds, Settings
from .source import Source, quoted, suggestion


def check_quotas(source: Source, settings: Settings, kinds: Kinds) -> None:
    """Note quota groups and tiers that lead nowhere."""
    used = {
        group_of(settings, name, label): provider.kind
        for name, provider in settings.providers.items() for label in provider.credentials or ("",)
    }  # fmt: skip
    for name, limits in settings.quotas.items():
        where: Path = ("quotas", name)
        if name not in used:
            source.add(where, f"no credential is of a quota group {quoted(name)}; {suggestion(name, used)}")
        elif used[name] in kinds:
            _check_tier(source, (*where, "tier"), limits.tier, used[name])
    for name, provider in settings.providers.items():
        if provider.kind in kinds:
            _check_tier(source, ("providers", name, "limits", "tier"), provider.limits.tier, provider.kind)


def _check_tier(source: Source, path: Path, tier: str, kind: str) -> None:
    known = tiers_of(kind)
    if tier and not known:
        source.add(path, f'no tier of "{kind}" is known here; give its limits themselves, as in rpm = 500')
    elif tier and tier not in known:
        names = ", ".join(f'"{one}"' for one in known)
        source.add(path, f'"{kind}" has no tier {quoted(tier)}; known are {names}')
