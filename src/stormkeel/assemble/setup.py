"""The Setup: what one configuration built, and what a request is answered with.

Never changes, and never knows whether it is still the present one: that is the House's.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec

from ..config.keys import KeyRing
from ..config.routes import Router
from ..config.settings import Settings
from ..dialects.base import Dialect, ModelCard, Target
from ..dialects.own import own_request
from ..engine.credentials import Birth
from ..engine.crossing import choose
from ..engine.explain import Explanation, Preview, explain
from ..engine.fitting import all_too_long
from ..engine.fleet import Member
from ..engine.heritage import Succession
from ..engine.line import Answer, answer
from ..engine.ports import Output, Transport
from ..engine.world import World
from ..ledger.estimate import UNKNOWN_WINDOW
from ..providers import KINDS
from ..routing.deployment import Deployment
from ..types.failure import Failure, FailureKind
from ..types.prompt import Prompt
from ..types.request import Options, Request
from ..types.secret import Secret
from .known import DIALECTS, catalog

Secrets = dict[tuple[str, str], Secret]
"""Credentials by (provider, credential)."""
NewId = Callable[[], str]


class Blueprint(msgspec.Struct, frozen=True):
    """What a setup is built from.

    Attributes:
        settings: what is configured.
        secrets: the providers' credentials.
        keys: the callers' keys.
        transports: how each provider is reached, by name; the house's own way for whoever is not in it.
        births: how old credentials are.
    """

    settings: Settings
    secrets: Secrets
    keys: KeyRing = KeyRing(())
    transports: Mapping[str, Transport] = {}
    births: Mapping[tuple[str, str], Birth] = {}

    def differences(self, other: Blueprint) -> tuple[str, ...]:
        """Name what differs from another: "settings", "credentials", "keys", "network"; nothing where none does."""
        same = {
            "settings": self.settings == other.settings, "credentials": self.secrets == other.secrets,
            "keys": self.keys.is_same(other.keys), "network": self.transports == other.transports,
        }  # fmt: skip
        return tuple(name for name, is_same in same.items() if not is_same)


class Asking(msgspec.Struct, frozen=True):
    """A prompt written as a request, and what of it the first deployment's dialect or model has no word for."""

    prompt: Prompt
    request: Request
    lost: tuple[str, ...] = ()


class _Lead(msgspec.Struct, frozen=True):
    """Where a model leads first: who is asked, whom a prompt is written for, and the largest window it leads to, in tokens."""

    member: Member
    target: Target
    room: int


class Setup:
    """What one configuration built. A request takes it once, at its beginning, and lives in it to its end (INV-30).

    Attributes:
        settings: what it was built from.
        keys: the callers' keys.
        blueprint: all that it was built from.
        world: what the engine needs.
        succession: its claim to the state that outlives configurations.
        new_id: returns a request id, unique for ever.
        preview: says where a request would lead; set by whoever builds it.
    """

    __slots__ = (
        "__weakref__", "_leads", "_router", "blueprint", "keys", "new_id", "preview", "settings", "succession", "world",
    )  # fmt: skip

    def __init__(self, blueprint: Blueprint, world: World, router: Router, succession: Succession, new_id: NewId) -> None:
        self.settings = blueprint.settings
        self.keys = blueprint.keys
        self.blueprint = blueprint
        self.world = world
        self.preview: Callable[[Request], Preview]
        self.succession = succession
        self.new_id = new_id
        self._router = router
        self._leads: dict[str, _Lead] = {}  # by model; the router bounds how many there can be

    @property
    def version(self) -> str:
        """The version of its configuration."""
        return self.world.config

    def dialect(self, name: str) -> Dialect:
        """Return a dialect by its name."""
        return DIALECTS[name]

    def stands_for(self, model: str) -> str:
        """Return what serves a model under another name: the default model, or the fallback route; "" for its own."""
        return self._router.stands_for(model)

    def answer(self, request: Request, out: Output | None = None) -> Coroutine[Any, Any, Answer]:
        """Answer one request through the engine's line, the only way to a provider (INV-7)."""
        return answer(request, self.world, out)

    def explain(self, request: Request) -> Explanation:
        """Say what would happen to a request now. Nothing is sent, and no state moves."""
        return explain(request, self.world, self.preview, self.world.ports.clock.now())

    def write(self, prompt: Prompt, model: str, stream: bool, options: Options) -> Asking | Failure:
        """Write a prompt in the dialect of the first deployment that its model leads to."""
        lead = self._leads.get(model) or self._lead(model)
        if isinstance(lead, Failure):
            return lead
        dialect = self._dialect_for(prompt, lead.member)
        if isinstance(dialect, Failure):
            return dialect
        written = dialect.write_prompt(prompt, lead.target, stream)
        if isinstance(written, Failure):
            return msgspec.structs.replace(written, message=f'"{model}": {written.message}')
        if len(written.body) > lead.room and (unfit := all_too_long(self._members(model), written.body)):
            return unfit
        request = own_request(dialect, written.body, (prompt, model, stream), self.new_id(), options)
        return request if isinstance(request, Failure) else Asking(prompt, request, written.lost)

    def _dialect_for(self, prompt: Prompt, member: Member) -> Dialect | Failure:
        """Return the dialect in which a member is asked a prompt: its first, unless that is too narrow."""
        first = member.first
        spoken = first if not first.is_narrow else choose(member, prompt, "generate")
        name = "" if spoken is None else spoken.dialect.name
        found = DIALECTS.get(name)
        return found or Failure(FailureKind.UNSUPPORTED, f"{member.deployment.name} answers no prompts")

    def leads_to(self, model: str) -> Deployment | Failure:
        """Return the first deployment of a model, in whichever dialect it speaks."""
        lead = self._leads.get(model) or self._lead(model)
        return lead if isinstance(lead, Failure) else lead.member.deployment

    def _lead(self, model: str) -> _Lead | Failure:
        route = self._router.resolve(Request("", "", model, b""))
        if isinstance(route, Failure):
            return route
        first = self.world.fleet.members[route.groups[0].deployments[0].index]
        room = max(member.window or UNKNOWN_WINDOW for member in self._members(model))
        self._leads[model] = lead = _Lead(first, msgspec.structs.replace(first.target, model=model), room)
        return lead

    def _members(self, model: str) -> list[Member]:
        """Return everybody a known model may lead to."""
        route = self._router.resolve(Request("", "", model, b""))
        if isinstance(route, Failure):
            return []
        members = self.world.fleet.members
        return [members[deployment.index] for group in route.groups for deployment in group.deployments]

    def models(self) -> list[ModelCard]:
        """Return what can be asked for: the routes, and without routes each provider's models by the catalog."""
        if self._router.names:
            return [ModelCard(name, 0, "stormkeel") for name in self._router.names]
        return [
            ModelCard(f"{name}/{model}", 0, name)
            for name, provider in self.settings.providers.items()
            for model in catalog().models(KINDS[provider.kind].catalog)
        ]

    def routes(self) -> dict[str, tuple[int, ...]]:
        """Return the routes of the settings by name, with the places in the fleet of all their deployments."""
        found: dict[str, tuple[int, ...]] = {}
        for name in self._router.names:
            route = self._router.resolve(Request("", "", name, b""))
            found[name] = () if isinstance(route, Failure) else tuple(sorted({one.index for one in route.deployments}))
        return found

    def model(self, name: str) -> ModelCard | Failure:
        """Return what one name stands for: a route, or a model that can be asked for and that the catalog knows.

        Leaves no trace: callers choose the names, and asking for one is not asking it.
        """
        found = self.preview(Request("", "", name, b""))
        if isinstance(found.route, Failure):
            return found.route
        first, is_route = found.members[found.route.groups[0].deployments[0].index], name in self._router.names
        if first.facts is None and not is_route:
            return Failure(FailureKind.MODEL_UNAVAILABLE, f'nothing is known of a model "{name}"', 404, "model_not_found")
        owner = "stormkeel" if is_route else first.deployment.provider
        return ModelCard(name, 0, owner, max_input=first.window, max_output=first.max_output)
