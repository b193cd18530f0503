"""Which limits hold for a deployment, where each of them comes from, and which models count in one.

Never counts anything: `policies/rate.py` does. A setting nearer to the deployment wins over one further off, each limit alone:

    target of a route  >  its quota group's model  >  its quota group  >  its provider's model  >  its provider
    >  the tier that the group or the provider names

Models that name one pool share a bucket, and what any of their entries says is said of all of them. The nearest that names a pool
wins, at last what the catalog knows; a model of which something nearer says a limit counts by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from ..catalog.tiers import pool_of, tier_of
from ..policies.rate import KINDS, RateSettings
from .limiting import LimitSettings, ModelLimitSettings
from .settings import Kinds, Settings, TargetSettings

NAMES = (*KINDS, "concurrency")
SHAPES = ("burst", "token_burst", "window")


class Origin(msgspec.Struct, frozen=True):
    """One limit that holds: its name, how much it is, and where it is said."""

    name: str
    amount: int
    source: str


class InForce(msgspec.Struct, frozen=True):
    """The limits of one deployment.

    Attributes:
        rate: those of requests and tokens, None where there are none.
        concurrency: the most attempts at once, None for no limit.
        origins: each limit and where it is said, in the order of their names.
        learns: may those that the provider tells of itself hold as well?
        pool: the word of those that it shares them with, "" for nobody.
    """

    rate: RateSettings | None
    concurrency: int | None
    origins: tuple[Origin, ...]
    learns: bool
    pool: str = ""


class _Table(msgspec.Struct, frozen=True):
    """A table of limits, and what it is called."""

    name: str
    said: LimitSettings


Layer = tuple[str, Mapping[str, float | None]]


def group_of(settings: Settings, provider: str, credential: str) -> str:
    """Return the name of a credential's quota group: the one it names, else its own."""
    given = settings.providers[provider].credentials.get(credential)
    return (given.quota if given else "") or f"{provider}#{credential}"


def bucket_of(group: str, model: str, pool: str) -> str:
    """Return the name of what a model counts in. That of a pool is no model's: callers make up names of models."""
    return f"{group}:{pool}" if pool else f"{group}/{model}"


def limits_of(settings: Settings, kinds: Kinds, target: TargetSettings, credential: str) -> InForce:
    """Return the limits that hold for a target with a credential."""
    provider = settings.providers[target.provider]
    group = group_of(settings, target.provider, credential)
    shared = settings.quotas.get(group, LimitSettings())
    tables = (_Table(f"quotas.{group}", shared), _Table(f"providers.{target.provider}.limits", provider.limits))
    known_pool = pool_of(provider.kind, target.model)
    pool = _pool(target, tables, known_pool)
    layers = list(_layers_of_pool(pool, tables) if pool else _layers(target, tables))
    tier = (shared.tier or provider.limits.tier) if pool in {"", known_pool} else ""  # it speaks of models, and pools it knows
    preset = _preset(provider.kind, tier, target.model)
    found: dict[str, Origin] = {}
    for name in NAMES:
        for source, values in (*layers, preset):
            amount = values.get(name)
            if amount is not None:
                found[name] = Origin(name, int(amount), source)
                break
    shapes = {name: value for name in SHAPES if (value := _first(layers, name)) is not None}
    known = kinds[provider.kind]
    rates = {name: origin.amount for name, origin in found.items() if name != "concurrency"}
    published = tuple(name for name, origin in found.items() if name in rates and origin.source == preset[0])
    style = RateSettings(window=known.rate_window, counts=known.counts, frees_cached=known.frees_cached, published=published)
    settled = msgspec.structs.replace(style, **rates, **shapes) if rates else None
    places = found.get("concurrency")
    learns = provider.limits.learn and shared.learn
    return InForce(settled, places.amount if places else None, tuple(found.values()), learns, pool)


def says_limits(said: ModelLimitSettings | TargetSettings) -> bool:
    """Does it say any limit of its own?"""
    return any(getattr(said, name, None) is not None for name in (*NAMES, *SHAPES))


def _pool(target: TargetSettings, tables: tuple[_Table, ...], known: str) -> str:
    """Return the pool of a target, "" where it counts by itself."""
    if says_limits(target):
        return ""
    for table in tables:
        chosen = _fitting(table.said.models, target.model)
        entry = None if chosen is None else table.said.models[chosen]
        if entry is not None and entry.pool is not None:
            return entry.pool
        if entry is not None and says_limits(entry):
            return ""
        if table.said.pool is not None:
            return table.said.pool
    return known


def _layers(target: TargetSettings, tables: tuple[_Table, ...]) -> Iterator[Layer]:
    yield "target", {name: getattr(target, name) for name in NAMES}
    for table in tables:
        chosen = _fitting(table.said.models, target.model)
        if chosen is not None:
            yield f'{table.name}.models."{chosen}"', _values(table.said.models[chosen])
        yield table.name, _values(table.said)


def _layers_of_pool(pool: str, tables: tuple[_Table, ...]) -> Iterator[Layer]:
    """What is said of a pool: the same, whichever of its models asks."""
    for table in tables:
        for chosen, entry in table.said.models.items():
            if entry.pool == pool:
                yield f'{table.name}.models."{chosen}"', _values(entry)
        yield table.name, _values(table.said)


def _values(table: LimitSettings | ModelLimitSettings) -> dict[str, float | None]:
    return {name: getattr(table, name) for name in (*NAMES, *SHAPES)}


def _fitting(models: Mapping[str, ModelLimitSettings], model: str) -> str | None:
    """Return the entry that a model goes by: its own name, else the longest beginning, written with a star at its end."""
    if model in models:
        return model
    stars = [name for name in models if name.endswith("*") and model.startswith(name[:-1])]
    return max(stars, key=len, default=None)


def _preset(kind: str, tier: str, model: str) -> Layer:
    found = tier_of(kind, tier, model) if tier else None
    return ("", {}) if found is None else (f'tier "{tier}" ({found.source}, as of {found.as_of})', dict(found.limits))


def _first(layers: list[Layer], name: str) -> float | None:
    return next((value for _, values in layers if (value := values.get(name)) is not None), None)
