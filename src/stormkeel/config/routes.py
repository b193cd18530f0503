"""Router: from the model a request names to the route that serves it, and from routes to numbered deployments.

Never chooses between deployments (that is `routing/`) and never asks how they are. Names are looked for in this order:

    a route of the settings  >  "default", for the settings' default_model  >  "provider/model"
    >  a name that begins as a provider's own do, the longest beginning first  >  the settings' fallback_route
    >  Failure, naming the nearest
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from operator import itemgetter

import msgspec

from ..policies.queue import priority_of
from ..routing.deployment import Deployment
from ..routing.route import Detour, Group, LastResort, Route
from ..routing.strategies import StrategyName
from ..types.failure import Failure, FailureKind
from ..types.request import Request
from .borders import border_of_route, tags_of
from .detours import Targets, targets_of
from .fallbacks import NEXT, LastResortSettings, WaySettings, most_of
from .found import Found
from .limits import bucket_of, group_of, limits_of
from .settings import Kinds, Known, RouteSettings, Settings, TargetSettings, credentials_of, prefixes_of, region_of
from .source import suggestion

DEFAULTS = ("default", "stormkeel/default")
"""Models that stand for the settings' `default_model`, for clients that must name one."""
_NOTHING = ("", *DEFAULTS)
LONGEST = 256  # characters of a model's name


class Router:
    """The routes of one configuration. Numbers each deployment once, whichever routes it serves; a number is given again only
    where its deployment was made for a model that callers named, and was forgotten (`found.py`)."""

    __slots__ = ("_by_name", "_found", "_is_open", "_kinds", "_on_new", "_prefixes", "_routes", "_settings")

    def __init__(self, settings: Settings, kinds: Kinds, on_new: Callable[[Deployment], None]) -> None:
        """Make the deployments of all routes of the settings.

        Args:
            settings: checked ones.
            kinds: what is known of providers (`providers.KINDS`).
            on_new: is told of each deployment before any route holds it, in the order of their indexes; and of those that take
                the place of forgotten ones.
        """
        self._settings = settings
        self._kinds = kinds
        self._on_new = on_new
        self._by_name: dict[str, Deployment] = {}
        self._routes: dict[str, Route] = {}
        self._found = Found()
        self._is_open = False  # are deployments made for what callers name?
        self._prefixes = [
            (name, prefix) for name, provider in settings.providers.items() for prefix in prefixes_of(provider, kinds)
        ]
        for name, route in settings.routes.items():
            self._routes[name] = Route(name, self._groups(route.groups, route.strategy))
        for name, route in settings.routes.items():  # what only a failure leads to has the limits of where it stands in a group
            self._routes[name] = self._route(name, route, self._routes[name].groups)
        self._is_open = True

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the routes of the settings."""
        return tuple(self._settings.routes)

    def groups_of(self, index: int) -> list[Group]:
        """Return the groups of all routes that a deployment is in, by its place in the fleet. A walk over all of them."""
        groups = (group for route in (*self._routes.values(), *self._found) for group in route.groups)
        return [group for group in groups if any(one.index == index for one in group.deployments)]

    def resolve(self, request: Request) -> Route | Failure:
        """Return the route of a request; its deployments may speak any dialect (`dialects/across.py`)."""
        return self._named(request.model)

    def stands_for(self, model: str) -> str:
        """Return what serves a model under another name: the default model, or the fallback route; "" for its own."""
        settings = self._settings
        if model in settings.routes:
            return ""
        if model in DEFAULTS and settings.default_model not in _NOTHING:
            return settings.default_model
        return settings.fallback_route if settings.fallback_route and self._target(model) is None else ""

    def preview(self, request: Request, on_new: Callable[[Deployment], None]) -> Route | Failure:
        """Return what `resolve` would, and remember nothing; `on_new` is told of deployments that it would have made."""
        twin = copy(self)
        twin._by_name, twin._found, twin._on_new = dict(self._by_name), self._found.twin(), on_new
        return twin.resolve(request)

    def _find(self, model: str) -> Route | Failure:
        if model in DEFAULTS and self._settings.default_model not in _NOTHING:
            return self._named(self._settings.default_model)
        target = self._target(model)
        if target is None:
            fallback = self._settings.fallback_route
            return self._named(fallback) if fallback in self._settings.routes else self._unknown(model)
        given = RouteSettings(((target,),), requires=())
        return self._found.keep(self._route(model, given, self._groups(given.groups, "weighted")))

    def _named(self, model: str) -> Route | Failure:
        return self._routes.get(model) or self._found.look(model) or self._find(model)

    def _target(self, model: str) -> TargetSettings | None:
        provider, slash, rest = model.partition("/")
        if not model.isprintable() or len(model) > LONGEST:
            return None
        if slash and rest and provider in self._settings.providers:
            return TargetSettings(provider, rest)
        fitting = [(len(prefix), name) for name, prefix in self._prefixes if model.startswith(prefix)]
        return TargetSettings(max(fitting, key=itemgetter(0))[1], model) if fitting else None

    def _unknown(self, model: str) -> Failure:
        owner = self._owner(model)
        if owner is not None and owner.name not in self._settings.providers and owner.key_names:
            mend = f'provider "{owner.name}" is not set up; set {owner.key_names[0]}'
        elif model in DEFAULTS:
            mend = "set default_model"
        else:
            names = [*self._settings.routes, *(f"{name}/..." for name in self._settings.providers)]
            mend = suggestion(model[:LONGEST], names)
        shown = "".join(char for char in model[:100] if char.isprintable())
        return _unavailable(f'there is no model or route "{shown}"; {mend}')

    def _owner(self, model: str) -> Known | None:
        """The known provider a model name seems to mean, set up or not."""
        provider, slash, _ = model.partition("/")
        if slash:
            return self._kinds.get(provider)
        return next((known for known in self._kinds.values() if known.models and model.startswith(known.models)), None)

    # -- deployments -------------------------------------------------------------------------------------------------

    def _route(self, name: str, given: RouteSettings, groups: tuple[Group, ...]) -> Route:
        """The route of its settings; who is outside its border is named in it, and in no group."""
        border = border_of_route(given, self._settings)
        priority = None if given.priority is None else priority_of(given.priority)
        whole = Route(
            name, groups, given.strict, given.sticky, given.commit, given.recovery, border,
            too_long=self._detour(given.fallback.context_length),
            refused=self._detour(given.fallback.content_refused),
            last=self._last(given.last_resort),
            queue_wait=given.queue_wait, priority=priority,
            hedge=given.hedge,
        )  # fmt: skip
        if not border:
            return whole
        route = whole.only(lambda one: border.lets(one.tags))
        assert route is not None, "checked settings leave somebody inside"
        return msgspec.structs.replace(route, outside=tuple(one for one in whole.everybody if not border.lets(one.tags)))

    def _detour(self, way: WaySettings) -> Detour:
        """Where a request goes on, with the deployments that are named."""
        return Detour(self._groups(targets_of(way.to, self._settings), "weighted"), NEXT in way.to, most_of(way.max_cost))

    def _last(self, given: LastResortSettings | None) -> LastResort | None:
        if given is None:
            return None
        groups = self._groups(targets_of(given.to, self._settings), "weighted")
        return LastResort(groups, given.trim, given.system, given.prompt)

    def _groups(self, targets: Targets, strategy: StrategyName) -> tuple[Group, ...]:
        """Groups of targets with their deployments."""
        return tuple(
            Group(tuple(deployment for target in group for deployment in self._of(target)), strategy) for group in targets
        )

    def _of(self, target: TargetSettings) -> list[Deployment]:
        provider = self._settings.providers[target.provider]
        credentials = credentials_of(target, provider)
        weight = target.weight / len(credentials)
        return [self._deployment(target, credential, weight) for credential in credentials]

    def _deployment(self, target: TargetSettings, credential: str, weight: float) -> Deployment:
        """The deployment of a target with a credential: one number and one set of limits, a weight of its own in each route."""
        name = f"{target.provider}/{target.model}" + (f"#{credential}" if credential else "")
        known = self._by_name.get(name)
        if known is None:
            known = self._new(name, target, credential)
            self._by_name[name] = known
            self._on_new(known)
        if known.is_found:
            return self._found.copy_of(known, weight)
        return known if known.weight == weight else msgspec.structs.replace(known, weight=weight)

    def _new(self, name: str, target: TargetSettings, credential: str) -> Deployment:
        provider = self._settings.providers[target.provider]
        limits = limits_of(self._settings, self._kinds, target, credential)
        group = group_of(self._settings, target.provider, credential)
        return Deployment(
            name, target.provider, target.model, credential,
            quota=bucket_of(group, target.model, limits.pool),  # most providers count per model
            dialect=next(iter(provider.dialects), ""),
            index=self._place(),
            rate=limits.rate,
            concurrency=limits.concurrency,
            origins=tuple((origin.name, origin.source) for origin in limits.origins),
            learns=limits.learns,
            is_found=self._is_open,
            region=region_of(target, provider),
            tags=tags_of(target, credential, self._settings),
            alone=bucket_of(group, target.model, "") if limits.pool else "",
        )

    def _place(self) -> int:
        """The index of a new deployment: that of one which nobody has any more, else the next."""
        gone = self._found.give_away()
        return len(self._by_name) if gone is None else self._by_name.pop(gone).index


def _unavailable(text: str) -> Failure:
    return Failure(FailureKind.MODEL_UNAVAILABLE, text, 404, "model_not_found")
