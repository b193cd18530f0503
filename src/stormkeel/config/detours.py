"""The names by which a route says where a request goes on: which targets they stand for, and what is wrong with them.

Never makes a deployment: that is the Router's.
"""

from __future__ import annotations

from collections.abc import Iterator

from .fallbacks import NEXT, NOBODY, FallbackSettings, LastResortSettings, WaySettings
from .origins import Path
from .settings import RouteSettings, Settings, TargetSettings
from .shape import target_of
from .source import Source, quoted, suggestion

Targets = tuple[tuple[TargetSettings, ...], ...]
"""Groups of targets."""


def targets_of(to: tuple[str, ...], settings: Settings) -> Targets:
    """Return the groups of targets that names stand for, in their order; "next" stands for none of them."""
    groups: list[tuple[TargetSettings, ...]] = []
    for name in to:
        if name in settings.routes:
            groups += settings.routes[name].groups
        elif name != NEXT:
            said = target_of(name)
            groups.append((TargetSettings(said["provider"], said["model"], said["credential"]),))
    return tuple(groups)


def ways_of(route: RouteSettings) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Yield each list of names of a route, with its path inside of it."""
    yield ("fallback", "context_length"), route.fallback.context_length.to
    yield ("fallback", "content_refused"), route.fallback.content_refused.to
    if route.last_resort is not None:
        yield ("last_resort",), route.last_resort.to


def check_ways(source: Source, settings: Settings) -> None:
    """Check that each name stands for something; the source notes what is wrong."""
    for name, route in settings.routes.items():
        for inside, to in ways_of(route):
            path: Path = ("routes", name, *inside)
            for place, one in enumerate(to):
                fault = _fault_of(one, name, place == len(to) - 1, settings)
                if fault is not None and (one in settings.routes or not source.is_wrong(("routes", one))):
                    source.add(path, fault)
        if route.last_resort is not None:
            _check_last(source, ("routes", name, "last_resort"), route.last_resort)
        else:
            _check_caps(source, ("routes", name, "fallback"), route.fallback)


def _check_caps(source: Source, path: Path, fallback: FallbackSettings) -> None:
    for name in ("context_length", "content_refused"):
        way: WaySettings = getattr(fallback, name)
        if way.max_cost is not None and not way.to and not source.is_wrong((*path, name)):
            mend = f'add to = ["{NEXT}"] for what is left of the route'
            source.add((*path, name), f'"max_cost" is for nobody, as no "to" is given; {mend}')


def _check_last(source: Source, path: Path, last: LastResortSettings) -> None:
    if not (last.trim or last.system is not None or last.prompt is not None):
        source.add(path, 'a last resort changes nothing of a request; give it "trim", "system" or "prompt"')
    if NEXT in last.to:
        source.add(path, f'"{NEXT}" says nothing in a last resort: leave "to" out for the route\'s own')


def _fault_of(name: str, route: str, is_last: bool, settings: Settings) -> str | None:
    """Say what is wrong with one name."""
    if name == route:
        return f'{quoted(name)} is the route itself; say "{NEXT}" for what is left of it'
    if name == NEXT:
        return None if is_last else f'"{NEXT}" is not the last of its list; put it at the end'
    if name == NOBODY:
        return f'"{NOBODY}" stands alone; take the others out, or it'
    if name in settings.routes:
        return None
    target = target_of(name)
    provider = settings.providers.get(target["provider"])
    if provider is None or not target["model"]:
        known = [*settings.routes, *(f"{one}/..." for one in settings.providers)]
        return f"there is no route and no target {quoted(name)}; {suggestion(name, known)}"
    if target["credential"] and target["credential"] not in provider.credentials:
        mend = suggestion(target["credential"], provider.credentials)
        return f'provider "{target["provider"]}" has no credential {quoted(target["credential"])}; {mend}'
    return None
