"""Which limits hold for a deployment, and where each of them comes from.

Never counts anything: `policies/rate.py` does. A setting nearer to the deployment wins over one further off, each limit alone:

    target of a route  >  its quota group's model  >  its quota group  >  its provider's model  >  its provider
    >  the tier that the group or the provider names
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from ..catalog.tiers import tier_of
from ..policies.rate import KINDS, RateSettings
from .limiting import LimitSettings, ModelLimitSettings
from .settings import Kinds, Settings, TargetSettings

NAMES = (*KINDS, "concurrency")
_SHAPES = ("burst", "token_burst", "window")


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
    """

    rate: RateSettings | None
    concurrency: int | None
    origins: tuple[Origin, ...]
    learns: bool


def group_of(settings: Settings, provider: str, credential: str) -> str:
    """Return the name of a credential's quota group: the one it names, else its own."""
    given = settings.providers[provider].credentials.get(credential)
    return (given.quota if given else "") or f"{provider}#{credential}"


def limits_of(settings: Settings, kinds: Kinds, target: TargetSettings, credential: str) -> InForce:
    """Return the limits that hold for a target with a credential."""
    provider = settings.providers[target.provider]
    group = group_of(settings, target.provider, credential)
    shared = settings.quotas.get(group, LimitSettings())
    layers = list(_layers(target, (f"quotas.{group}", shared), (f"providers.{target.provider}.limits", provider.limits)))
    tier = shared.tier or provider.limits.tier
    found: dict[str, Origin] = {}
    for name in NAMES:
        for source, values in (*layers, _preset(provider.kind, tier, target.model)):
            amount = values.get(name)
            if amount is not None:
                found[name] = Origin(name, int(amount), source)
                break
    shapes = {name: value for name in _SHAPES if (value := _first(layers, name)) is not None}
    known = kinds[provider.kind]
    rates = {name: origin.amount for name, origin in found.items() if name != "concurrency"}
    style = RateSettings(window=known.rate_window, counts=known.counts, frees_cached=known.frees_cached)
    settled = msgspec.structs.replace(style, **rates, **shapes) if rates else None
    places = found.get("concurrency")
    learns = provider.limits.learn and shared.learn
    return InForce(settled, places.amount if places else None, tuple(found.values()), learns)


Layer = tuple[str, Mapping[str, float | None]]


def _layers(target: TargetSettings, *tables: tuple[str, LimitSettings]) -> Iterator[Layer]:
    yield "target", {name: getattr(target, name) for name in NAMES}
    for name, table in tables:
        chosen = _fitting(table.models, target.model)
        if chosen is not None:
            yield f'{name}.models."{chosen}"', _values(table.models[chosen])
        yield name, _values(table)


def _values(table: LimitSettings | ModelLimitSettings) -> dict[str, float | None]:
    return {name: getattr(table, name) for name in (*NAMES, *_SHAPES)}


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
