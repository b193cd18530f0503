"""What is allowed in a configuration, and yet hardly meant.

Never refuses anything: a doubt is a warning of `stormkeel check`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..policies.hedge import HedgeSettings
from .borders import border_of_route, outside_of
from .flat import name_of
from .origins import DEFAULT, Fault, Origins, Path, origin_of
from .settings import Kinds, RouteSettings, Settings, credentials_of, prefixes_of
from .source import quoted, suggestion


def doubts_of(settings: Settings, origins: Origins, kinds: Kinds) -> Iterator[Fault]:
    """Yield what is doubtful in checked settings, each with its place and what to do.

    Args:
        settings: checked ones.
        origins: where they come from.
        kinds: what is known of providers (`providers.KINDS`).
    """
    model = settings.default_model
    if model and not _leads_somewhere(model, settings, kinds):
        mend = suggestion(model, [*settings.routes, *(f"{name}/..." for name in settings.providers)])
        text = f'"default_model" is {quoted(model)}, which no route and no provider is known by; {mend}'
        yield Fault(origin_of(origins, ("default_model",)) or DEFAULT, text)
    folder = origins.get(("ledger", "data"), DEFAULT)
    if settings.profile and folder.kind == "file" and folder.profile != settings.profile:
        mend = f"name another in [profiles.{settings.profile}.ledger], or leave it out: then each profile has its own"
        yield Fault(folder, f'the data folder is not the own one of profile "{settings.profile}"; {mend}')
    for name, route in settings.routes.items():
        for path, text in _route(name, route, settings):
            yield Fault(origin_of(origins, path) or DEFAULT, text)


def _leads_somewhere(model: str, settings: Settings, kinds: Kinds) -> bool:
    provider, slash, rest = model.partition("/")
    if model in settings.routes or (slash and rest and provider in settings.providers):
        return True
    return any(model.startswith(prefixes_of(one, kinds) or ("\0",)) for one in settings.providers.values())


def _route(name: str, route: RouteSettings, settings: Settings) -> Iterator[tuple[Path, str]]:
    path: Path = ("routes", name)
    deployments = [
        target
        for group in route.groups
        for target in group
        for _ in credentials_of(target, settings.providers[target.provider])
    ]  # fmt: skip
    if len(deployments) == 1:
        mend = "add another target, or a credential"
        yield path, f'route "{name}" has a single deployment, and nothing answers while that is down; {mend}'
    yield from ((path, said) for said in _hedge(name, route, len(deployments)))
    for place, number, target in outside_of(route, settings):
        border = border_of_route(route, settings)
        said = f'"{name_of(target)}" is never asked, for route "{name}" stays {border}; tag it, or take it out'
        yield (*path, "groups", place, number), said
    for place, group in enumerate(route.groups):
        for number, target in enumerate(group):
            reason = _why_idle(len(group), route)
            if target.weight != 1.0 and reason:
                said = f'the weight of "{name_of(target)}" does nothing, for {reason}; take it out'
                yield (*path, "groups", place, number), said


def _hedge(name: str, route: RouteSettings, many: int) -> Iterator[str]:
    hedge = route.hedge
    if hedge is not None and many == 1:
        yield f'the hedge of route "{name}" does nothing, for there is no second deployment; add one, or take it out'
    if hedge is not None and hedge.after is not None and hedge.percentile != HedgeSettings().percentile:
        yield f'the "percentile" of the hedge of route "{name}" does nothing beside its "after"; take one of the two out'


IDLE = {
    "round_robin": "round_robin takes each in turn",
    "random": "random takes each alike",
    "priority": "priority takes the first that is ready",
}
"""Why a weight does nothing, by the strategies that know none."""


def _why_idle(targets: int, route: RouteSettings) -> str:
    if targets == 1:
        return "no other target is in its group"
    return IDLE.get(route.strategy, "") if route.sticky == "off" else ""
