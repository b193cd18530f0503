"""Borders as they are written: tags of who serves, what routes and keys ask of them, and the terms that failing over keeps.

Never decides for one request: that is `engine/residency.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..types.border import Border, border_of
from .origins import Path
from .settings import NAME, KeySettings, RouteSettings, Settings, TargetSettings, credentials_of, region_of
from .shape import sound
from .source import Source, quoted, suggestion

TERMS = ("zdr", "no-training")
"""Tags that say how a prompt is handled: a route whose whole first group has one keeps it, unless `requires` says otherwise."""


def tags_of(target: TargetSettings, credential: str, settings: Settings) -> tuple[str, ...]:
    """Return the tags of a target with one of its credentials: its provider's, the credential's, its own, and its region."""
    provider = settings.providers[target.provider]
    given = provider.credentials.get(credential)
    said = (*provider.tags, *(given.tags if given else ()), *target.tags, region_of(target, provider))
    return tuple(dict.fromkeys(tag.lower() for tag in said if tag))


def tags_of_accounts(settings: Settings) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the tags of each provider with each of its credentials, whatever model is asked."""
    each = [(name, label) for name, one in settings.providers.items() for label in tuple(one.credentials) or ("",)]
    return {(name, label): tags_of(TargetSettings(name, ""), label, settings) for name, label in each}


def border_of_route(route: RouteSettings, settings: Settings) -> Border:
    """Return what a route asks of its targets."""
    if route.requires is not None:
        return border_of(route.within, route.requires)
    first = [tags for target in route.groups[0] for tags in _each(target, settings)] if route.groups else []
    return border_of(route.within, [term for term in TERMS if first and all(term in tags for tags in first)])


def borders_of_keys(settings: Settings) -> dict[str, Border]:
    """Return the borders of the callers' keys that have any, by the key's name."""
    borders = {key.name: border_of(key.within, key.requires) for key in settings.keys}
    return {name: border for name, border in borders.items() if border}


def outside_of(route: RouteSettings, settings: Settings) -> Iterator[tuple[int, int, TargetSettings]]:
    """Yield the targets of a route that its border leaves out with every credential, each with its place."""
    border = border_of_route(route, settings)
    for place, group in enumerate(route.groups):
        for number, target in enumerate(group):
            if not any(border.lets(tags) for tags in _each(target, settings)):
                yield place, number, target


def _each(target: TargetSettings, settings: Settings) -> list[tuple[str, ...]]:
    provider = settings.providers[target.provider]
    return [tags_of(target, credential, settings) for credential in credentials_of(target, provider)]


def check_borders(source: Source, settings: Settings) -> None:
    """Check how tags are written, that borders ask for tags that somebody has, and that each leaves somebody."""
    for path, tags in _tagged(settings):
        for place, tag in enumerate(tags):
            if not NAME.fullmatch(tag):
                source.add((*path, place), f"{quoted(tag)} is no tag; use letters, digits, dots, dashes and underscores")
    known = _known(settings)
    for name, route in settings.routes.items():
        _check_border(source, ("routes", name), route, known)
        if not source.is_wrong(("routes", name)):
            _check_somebody(source, name, route, settings)
    for place, key in sound(settings.keys):
        _check_border(source, ("keys", place), key, known)


def _tagged(settings: Settings) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """All that have tags, with their paths."""
    for name, provider in settings.providers.items():
        yield ("providers", name, "tags"), provider.tags
        for label, credential in provider.credentials.items():
            yield ("providers", name, "credentials", label, "tags"), credential.tags
    for path, target in _targets(settings):
        yield (*path, "tags"), target.tags


def _targets(settings: Settings) -> Iterator[tuple[Path, TargetSettings]]:
    for name, route in settings.routes.items():
        for place, group in sound(route.groups):
            for number, target in sound(group):
                yield ("routes", name, "groups", place, number), target


def _known(settings: Settings) -> set[str]:
    regions = [one.region for one in settings.providers.values()] + [target.region for _, target in _targets(settings)]
    said = (*regions, *(tag for _, tags in _tagged(settings) for tag in tags))
    return {tag.lower() for tag in said if NAME.fullmatch(tag)}


def _check_border(source: Source, path: Path, given: RouteSettings | KeySettings, known: set[str]) -> None:
    for setting in ("within", "requires"):
        for place, tag in enumerate(getattr(given, setting) or ()):
            if tag.lower() not in known:
                mend = f"{suggestion(tag, known)} (or give it to somebody, as in tags = [{quoted(tag)}])"
                source.add((*path, setting, place), f"nobody has the tag {quoted(tag)}; {mend}")


def _check_somebody(source: Source, name: str, route: RouteSettings, settings: Settings) -> None:
    if any(target.provider not in settings.providers for group in route.groups for target in group):
        return  # one that is written but could not be read: that fault is told there
    border, many = border_of_route(route, settings), sum(map(len, route.groups))
    if border and many and sum(1 for _ in outside_of(route, settings)) == many:
        setting = "within" if route.within else "requires"
        source.add(("routes", name, setting), f'no target of route "{name}" is {border}; add one that is, or tag those that are')

