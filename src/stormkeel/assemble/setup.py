"""The Setup: what one configuration built, and what a request is answered with.

Never changes, and never knows whether it is still the present one: that is the House's.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import msgspec

from ..config.keys import KeyRing
from ..config.routes import Router
from ..config.settings import Settings, TargetSettings
from ..dialects.base import Codec, Dialect
from ..dialects.own import own_request
from ..dialects.values import Call, ModelCard, Target, Written
from ..engine.counting import Counted, count, with_limit
from ..engine.credentials import Birth
from ..engine.crossing import fitting, not_all
from ..engine.explain import Explanation, Preview, explain
from ..engine.fitting import all_too_long
from ..engine.fleet import Member
from ..engine.heritage import Succession
from ..engine.line import Answer, answer
from ..engine.ports import Output, Transport
from ..engine.raw import Errand, Passed, RawOutput, pass_through
from ..engine.residency import inside
from ..engine.world import World
from ..ledger.estimate import UNKNOWN_WINDOW
from ..routing.deployment import Deployment
from ..types.border import NO_BORDER, Border
from ..types.embedding import Texts
from ..types.failure import Failure, FailureKind
from ..types.prompt import Prompt
from ..types.request import Options, Request
from ..types.secret import Secret
from ..types.wire import NO_HEADERS
from .facts import facts_of, models_of
from .known import CODECS, DIALECTS, EMBEDDERS

Secrets = dict[tuple[str, str], Secret]
"""Credentials by (provider, credential)."""
NewId = Callable[[], str]
MOST_LEADS = 2000  # models of which it is kept whom they lead to


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
    """Where a model leads first.

    Attributes:
        member: who is asked.
        target: whom a prompt is written for.
        room: the largest window it leads to, in tokens.
        is_strict: may nobody of its route be asked who can't be told everything?
    """

    member: Member
    target: Target
    room: int
    is_strict: bool = False


_Found = tuple[Dialect, Written]
"""A dialect, and a prompt written in it."""
_FoundAny = tuple[Codec, Written]
"""A wire format of any service, and what was written in it."""


def _not_whole(member: Member, written: Written | Failure) -> Failure:
    """Say why a member can't be asked all of a prompt."""
    if isinstance(written, Failure):
        return msgspec.structs.replace(written, message=f"{member.deployment.name}: {written.message}")
    return not_all(member, written.lost)


def _no_vectors(member: Member) -> Failure:
    name = member.deployment.name
    return Failure(FailureKind.UNSUPPORTED, f"{name} speaks no dialect in which texts are embedded: ask another provider's model")


def _texts_for(lead: _Lead, texts: Texts, model: str) -> _FoundAny | Failure | None:
    """Write texts for whom they lead to first; None where that one embeds none."""
    spoken = next(iter(fitting(lead.member, texts, "embed")), None)
    if spoken is None:
        return None
    written = spoken.dialect.write_prompt(texts, lead.target, False)
    if isinstance(written, Failure):
        return msgspec.structs.replace(written, message=f'"{model}": {written.message}')
    return spoken.dialect, written


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
        "__weakref__", "_cards", "_leads", "_router", "blueprint", "keys", "new_id", "preview", "settings", "succession", "world",
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
        self._leads: dict[str, _Lead] = {}  # by model
        self._cards: tuple[ModelCard, ...] = ()

    @property
    def version(self) -> str:
        """The version of its configuration."""
        return self.world.config

    def dialect(self, name: str) -> Dialect:
        """Return a dialect by its name."""
        return DIALECTS[name]

    def codec(self, name: str) -> Codec:
        """Return a wire format of any service by its name."""
        return CODECS[name]

    def stands_for(self, model: str) -> str:
        """Return what serves a model under another name: the default model, or the fallback route; "" for its own."""
        return self._router.stands_for(model)

    def answer(self, request: Request, out: Output | None = None) -> Coroutine[Any, Any, Answer]:
        """Answer one request through the engine's line, the only way to a provider (INV-7)."""
        return answer(request, self.world, out)

    def pass_through(self, errand: Errand, out: RawOutput) -> Coroutine[Any, Any, Passed]:
        """Pass a request for one of a provider's other paths through, along the engine's line for those (INV-7)."""
        return pass_through(errand, self.world, out)

    def count(self, request: Request) -> Coroutine[Any, Any, Counted | Failure]:
        """Count the tokens of a request's prompt. It costs nothing, and moves no gate."""
        return count(request, self.world, self.preview)

    async def count_prompt(self, prompt: Prompt, model: str, border: Border = NO_BORDER) -> Counted | Failure:
        """Count the tokens of a prompt, as it would be written for the first deployment of its model, inside a border."""
        lead = self._leads.get(model) or self._lead(model)
        if isinstance(lead, Failure):
            return lead
        found = self._written(prompt, msgspec.structs.replace(lead, target=with_limit(lead.target)), model, False)
        if isinstance(found, Failure):
            return found
        dialect, written = found
        request = Request(self.new_id(), dialect.name, model, written.body, options=Options(border=border))
        return await count(request, self.world, self.preview, is_ours=True)

    def explain(self, request: Request) -> Explanation:
        """Say what would happen to a request now. Nothing is sent, and no state moves."""
        return explain(request, self.world, self.preview, self.world.ports.clock.now())

    def write(self, prompt: Prompt, model: str, stream: bool, options: Options) -> Asking | Failure:
        """Write a prompt in the dialect of the first deployment that its model leads to."""
        lead = self._leads.get(model) or self._lead(model)
        if isinstance(lead, Failure):
            return lead
        is_strict = options.strict or lead.is_strict
        found = self._strict(prompt, model, stream) if is_strict else self._written(prompt, lead, model, stream)
        if isinstance(found, Failure):
            return found
        dialect, written = found
        if len(written.body) > lead.room and (unfit := all_too_long(self._members(model, everybody=True), written.body)):
            return unfit
        request = own_request(dialect, written.body, (prompt, model, stream), self.new_id(), options)
        return request if isinstance(request, Failure) else Asking(prompt, request, written.lost)

    def _written(self, prompt: Prompt, lead: _Lead, model: str, stream: bool) -> _Found | Failure:
        """Write a prompt in the dialect in which a member is asked it: its first, unless that is too narrow."""
        member = lead.member
        first = member.first
        is_wide = not first.is_narrow or not prompt.tools  # as in `is_direct`: most prompts need no closer look
        spoken = first if is_wide else next(iter(fitting(member, prompt, "generate")), None)
        dialect = None if spoken is None else DIALECTS.get(spoken.dialect.name)
        if dialect is None:
            return Failure(FailureKind.UNSUPPORTED, f"{member.deployment.name} answers no prompts")
        written = dialect.write_prompt(prompt, lead.target, stream)
        if isinstance(written, Failure):
            return msgspec.structs.replace(written, message=f'"{model}": {written.message}')
        return dialect, written

    def _strict(self, prompt: Prompt, model: str, stream: bool) -> _Found | Failure:
        found = self._written_whole(prompt, model, "generate", stream)
        if found is None:
            return Failure(FailureKind.UNSUPPORTED, f'"{model}" answers no prompts')
        return found if isinstance(found, Failure) else (DIALECTS[found[0].name], found[1])

    def _written_whole(self, prompt: Prompt | Texts, model: str, service: str, stream: bool) -> _FoundAny | Failure | None:
        """Write a strict prompt for the first deployment that can be told all of it, or say what each could not be told.

        None where no deployment has the service.
        """
        why: dict[str, Failure] = {}
        for member in self._members(model):
            target = msgspec.structs.replace(member.target, model=model)
            for spoken in fitting(member, prompt, service):
                written = spoken.dialect.write_prompt(prompt, target, stream)
                if isinstance(written, Written) and not written.lost:
                    return spoken.dialect, written
                why.setdefault(member.deployment.name, _not_whole(member, written))
        if not why:
            return None
        told = "; ".join(failure.message for failure in why.values())
        return msgspec.structs.replace(next(iter(why.values())), message=f'"{model}": {told}')

    def write_texts(self, texts: Texts, model: str, options: Options) -> tuple[Request, tuple[str, ...]] | Failure:
        """Write texts as a request of the first deployment that their model leads to; with what of them it has no word for."""
        lead = self._leads.get(model) or self._lead(model)
        if isinstance(lead, Failure):
            return lead
        is_strict = options.strict or lead.is_strict
        found = self._written_whole(texts, model, "embed", False) if is_strict else _texts_for(lead, texts, model)
        if not isinstance(found, tuple):
            return found or _no_vectors(lead.member)
        codec, written = found
        request = codec.read_request(written.body, self.new_id(), NO_HEADERS, options, Call(lead.target.model))
        return request if isinstance(request, Failure) else (request, written.lost)

    def most_at_once(self, model: str) -> tuple[int, int | None] | Failure:
        """Return how many texts, and tokens in all (None for no limit), each deployment of a model can be sent at once."""
        lead = self._leads.get(model) or self._lead(model)
        if isinstance(lead, Failure):
            return lead
        found = [EMBEDDERS[name] for member in self._members(model) for name in member.spoken if name in EMBEDDERS]
        wide = [codec for codec in found if codec.most_inputs > 1]
        if not wide:
            return _no_vectors(lead.member)
        tokens = min((codec.most_tokens for codec in wide if codec.most_tokens), default=None)
        return min(codec.most_inputs for codec in wide), tokens

    def leads_to(self, model: str, border: Border = NO_BORDER) -> Deployment | Failure:
        """Return the first deployment of a model that is inside a border, in whichever dialect it speaks."""
        lead = self._leads.get(model) or self._lead(model)
        if isinstance(lead, Failure) or not border:
            return lead if isinstance(lead, Failure) else lead.member.deployment
        asked = Request("", "", model, b"", options=Options(border=border))
        route = self._router.resolve(asked)
        left = route if isinstance(route, Failure) else inside(asked, route, self.world.borders)
        return left if isinstance(left, Failure) else left.groups[0].deployments[0]

    def _lead(self, model: str) -> _Lead | Failure:
        route = self._router.resolve(Request("", "", model, b""))
        if isinstance(route, Failure):
            return route
        first = self.world.fleet.members[route.groups[0].deployments[0].index]
        windows = [self.world.fleet.members[one.index].window for one in route.everybody]
        room = UNKNOWN_WINDOW if route.last else max(window or UNKNOWN_WINDOW for window in windows)
        target = msgspec.structs.replace(first.target, model=model)
        if len(self._leads) >= MOST_LEADS:
            self._leads.clear()
        self._leads[model] = lead = _Lead(first, target, room, route.strict)
        return lead

    def _members(self, model: str, everybody: bool = False) -> list[Member]:
        """Return whom a known model leads to; `everybody`: those as well to whom only a failure does."""
        route = self._router.resolve(Request("", "", model, b""))
        if isinstance(route, Failure):
            return []
        members = self.world.fleet.members
        return [members[deployment.index] for deployment in (route.everybody if everybody else route.deployments)]

    def models(self) -> list[ModelCard]:
        """Return what can be asked for: the routes, and without routes each provider's models that are known."""
        if not self._cards:  # some hundred models are looked up once
            routes = ((name, "stormkeel", route.groups[0][0]) for name, route in self.settings.routes.items())
            models = (
                (f"{name}/{model}", name, TargetSettings(name, model))
                for name in self.settings.providers
                for model in models_of(self.settings, name)
            )
            self._cards = tuple(self._card(*named) for named in (routes if self._router.names else models))
        return list(self._cards)

    def _card(self, name: str, owner: str, first: TargetSettings) -> ModelCard:
        """Return what is known of a name by whom it leads to first."""
        facts = facts_of(self.settings, first.provider, first.model)
        if facts is None:
            return ModelCard(name, 0, owner)
        return ModelCard(name, 0, owner, max_input=facts.window, max_output=facts.max_output)

    def routes(self) -> dict[str, tuple[int, ...]]:
        """Return the routes of the settings by name, with the places in the fleet of all their deployments."""
        found: dict[str, tuple[int, ...]] = {}
        for name in self._router.names:
            route = self._router.resolve(Request("", "", name, b""))
            found[name] = () if isinstance(route, Failure) else tuple(sorted({one.index for one in route.deployments}))
        return found

    def model(self, name: str) -> ModelCard | Failure:
        """Return what one name stands for: a route, or a model that can be asked for and of which something is known.

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
