"""What is said of quota groups, tiers and pools, against what there is: groups that no credential is of, tiers that nobody knows,
pools that say two things at once.

Never checks a single limit's range: `limiting.py` does.
"""

from __future__ import annotations

from ..catalog.tiers import tiers_of
from .limiting import LimitSettings
from .limits import NAMES, SHAPES, group_of
from .origins import Path
from .settings import NAME, Kinds, Settings
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
        _check_pools(source, where, limits)
    for name, provider in settings.providers.items():
        _check_pools(source, ("providers", name, "limits"), provider.limits)
        if provider.kind in kinds:
            _check_tier(source, ("providers", name, "limits", "tier"), provider.limits.tier, provider.kind)


def _check_tier(source: Source, path: Path, tier: str, kind: str) -> None:
    known = tiers_of(kind)
    if tier and not known:
        source.add(path, f'no tier of "{kind}" is known here; give its limits themselves, as in rpm = 500')
    elif tier and tier not in known:
        names = ", ".join(f'"{one}"' for one in known)
        source.add(path, f'"{kind}" has no tier {quoted(tier)}; known are {names}')


def _check_pools(source: Source, path: Path, table: LimitSettings) -> None:
    """A pool has a name that can be read, and its limits are those of one bucket, wherever in a table they are said."""
    said: dict[tuple[str, str], tuple[str, float]] = {}
    if table.pool:
        _check_name(source, (*path, "pool"), table.pool)
    for model, entry in table.models.items():
        where: Path = (*path, "models", model)
        if not entry.pool:
            continue
        _check_name(source, (*where, "pool"), entry.pool)
        for name in (*NAMES, *SHAPES):
            amount = getattr(entry, name)
            first, before = said.setdefault((entry.pool, name), (model, amount)) if amount is not None else ("", amount)
            if before != amount:
                what = f'{name} = {amount:g} here and {before:g} for {quoted(first)} are both said of pool "{entry.pool}"'
                source.add(where, f"{what}; a pool is one bucket: say it once")


def _check_name(source: Source, path: Path, pool: str) -> None:
    if not NAME.fullmatch(pool):
        source.add(path, f"a pool is named {quoted(pool)}; use letters, digits, dots, dashes and underscores")
