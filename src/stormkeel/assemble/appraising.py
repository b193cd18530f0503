"""What is doubtful about models: prices nobody knows, prices of one's own far off the catalog's, windows that are too small.

Never refuses anything, and never reads a clock: the moment is an argument.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..config.detours import targets_of
from ..config.flat import name_of
from ..config.loaded import Loaded
from ..config.models import ANY, ModelSettings, nearest
from ..config.origins import DEFAULT, Fault, origin_of
from ..config.settings import Settings, TargetSettings
from ..types.money import Rate, format_dollars
from .facts import catalog_facts, facts_of
from .vendors import vendor_of

FAR = 10
"""How many times the catalog's price, or what part of it, is no contract but a slip: dollars a thousand tokens, or cents."""


def appraise(loaded: Loaded, wall: int) -> Iterator[Fault]:
    """Yield what is doubtful about the prices of a configuration, each with its place and what to do.

    Args:
        loaded: the configuration.
        wall: the moment the catalog's prices are asked for, nanoseconds since the epoch.
    """
    yield from _unknown(loaded)
    yield from _too_small(loaded)
    for name, given in loaded.settings.models.items():
        for setting, text in _far_off(name, given, loaded.settings, wall):
            yield Fault(origin_of(loaded.origins, ("models", name, setting)) or DEFAULT, text)


def _unknown(loaded: Loaded) -> Iterator[Fault]:
    """Targets whose price nobody knows: what they cost is not counted."""
    settings = loaded.settings
    for name, route in settings.routes.items():
        for place, group in enumerate(route.groups):
            for number, target in enumerate(group):
                if text := _not_known(target, settings):
                    yield Fault(origin_of(loaded.origins, ("routes", name, "groups", place, number)) or DEFAULT, text)


def _too_small(loaded: Loaded) -> Iterator[Fault]:
    """Targets that are named for what is too long, and have no larger window than anybody whom it was too long for."""
    settings = loaded.settings
    for name, route in settings.routes.items():
        own = [_window(target, settings) for group in route.groups for target in group]
        known = [window for window in own if window is not None]
        if not known or len(known) < len(own):
            continue
        for target in (target for group in targets_of(route.fallback.context_length.to, settings) for target in group):
            window = _window(target, settings)
            if window is not None and window <= min(known):
                text = f'"{name_of(target)}" has a window of {window:,} tokens, and the least of route "{name}" is {min(known):,}'
                path = ("routes", name, "fallback", "context_length")
                yield Fault(origin_of(loaded.origins, path) or DEFAULT, f"{text}; name a model with a larger one")


def _window(target: TargetSettings, settings: Settings) -> int | None:
    facts = facts_of(settings, target.provider, target.model)
    return None if facts is None else facts.window


def _not_known(target: TargetSettings, settings: Settings) -> str:
    """Say what nobody knows of a target's model at a provider whose prices the catalog has; "" where all is known."""
    is_sold = bool(vendor_of(settings.providers[target.provider]).catalog)
    if not is_sold or catalog_facts(settings, target.provider, target.model) is not None:
        return ""
    own, name = facts_of(settings, target.provider, target.model), name_of(target)
    if own is None:
        what = f'the catalog does not know "{name}", so its price and its window are unknown'
        return f"{what}; mind the spelling, or say them in [models]"
    return "" if own.own else f'neither the catalog nor [models] has a price of "{name}", so it is unknown; say it in [models]'


def _far_off(name: str, given: ModelSettings, settings: Settings, wall: int) -> Iterator[tuple[str, str]]:
    """Prices of one entry that are far off the catalog's for a model it stands for."""
    said = given.rates()
    told: set[str] = set()
    for provider, model in _meant(name, settings):
        facts = catalog_facts(settings, provider, model)
        known = facts.rates(wall) if facts else None
        pairs = () if known is None else (("input_price", said.input, known.input), ("output_price", said.output, known.output))
        for setting, own, usual in pairs:
            if setting not in told and own and usual and not usual <= own * FAR <= usual * FAR**2:
                told.add(setting)
                yield setting, _words(f"{provider}/{model}", setting, own, usual)


def _words(model: str, setting: str, own: Rate, usual: Rate) -> str:
    said = f'"{setting}" is {format_dollars(own)} a million tokens, and the catalog has {format_dollars(usual)} for "{model}"'
    return f"{said}; mend it, unless that is your contract"


def _meant(name: str, settings: Settings) -> Iterator[tuple[str, str]]:
    """The model an entry names, or those models in routes whose prices it says."""
    if not name.endswith(ANY):
        provider, _, model = name.partition("/")
        yield provider, model
        return
    for route in settings.routes.values():
        for target in (target for group in route.groups for target in group):
            found = nearest(settings.models, target.provider, target.model)
            if found is not None and found[0] == name:
                yield target.provider, target.model
