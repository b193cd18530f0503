"""Settings, secrets and ports to a House. Tests give ports of their own.

Never opens a file or a socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ..config.borders import borders_of_keys, tags_of_accounts
from ..config.routes import Router
from ..config.settings import Settings
from ..config.version import version_of
from ..dialects.base import Codec
from ..dialects.values import Target
from ..engine.credentials import Birth, Credential
from ..engine.explain import Preview
from ..engine.fleet import Fleet, Knowledge, Member, Spoken
from ..engine.gates import Gates
from ..engine.heritage import Succession
from ..engine.learned import Learned
from ..engine.pace import Paced, PacedMember
from ..engine.scopes import Circle, Neighbours, scopes_of
from ..engine.world import Known, Policies, Ports, Terms, World
from ..policies.breaker import Breaker
from ..policies.queue import priority_of
from ..providers import KINDS
from ..providers.base import COMPANIONS, Auth, Caller, Provider
from ..routing.deployment import Deployment
from ..types.content import Message
from ..types.prompt import Prompt, Tool
from ..types.request import Request
from ..types.secret import Secret
from .facts import abilities_of, facts_of
from .house import Belongings, House, Parts
from .known import CODECS, COUNTING, catalog
from .setup import Blueprint, Secrets, Setup
from .vendors import vendor_of


def build(settings: Settings, secrets: Secrets, parts: Parts, belongings: Belongings | None = None) -> House:
    """Build a house of settings and ports; tests give ports of their own."""
    house = House(parts, belongings or Belongings())
    house.swap(build_setup(Blueprint(settings, secrets), house))
    return house


def build_setup(blueprint: Blueprint, house: House) -> Setup:
    """Build a setup beside the present one of a house. Nothing that is in use changes before the house swaps it in."""
    parts, settings = house.parts, blueprint.settings
    succession = Succession(house.heritage, parts.clock.now)
    builder = _Builder(blueprint, house, succession)
    router = Router(settings, KINDS, builder.add)
    builder.neighbours.groups_of = router.groups_of
    policies = settings.policies
    world = World(
        builder.fleet,
        Ports(parts.transport, parts.clock, parts.journal, parts.rng, (house.metrics, house.learning, *parts.sinks), house.tell),
        router.resolve,
        Policies(policies.clocks, policies.retry, policies.parking, builder.budgets, policies.queue),
        Known(CODECS, catalog().snapshot, COUNTING),
    )
    world.config = version_of(settings)
    world.terms = {
        key.name: Terms(key.queue_wait, None if key.priority is None else priority_of(key.priority))
        for key in settings.keys if key.queue_wait is not None or key.priority is not None
    }  # fmt: skip
    world.borders, world.tags = borders_of_keys(settings), tags_of_accounts(settings)
    world.calibration = house.calibration
    world.makers, world.hedging = house.makers, house.hedging
    setup = Setup(blueprint, world, router, succession, house.new_id)
    setup.preview = partial(builder.preview, router)
    return setup


class _Builder:
    """Makes the fleet's members as the router names their deployments."""

    def __init__(self, blueprint: Blueprint, house: House, succession: Succession) -> None:
        settings = blueprint.settings
        self.fleet = Fleet([])
        self.budgets = {name: succession.budget(name, settings.policies.budget) for name in settings.providers}
        self.neighbours = Neighbours(settings.policies.breaker)
        self._settings = settings
        self._secrets = blueprint.secrets
        self._succession = succession
        self._has_prober = house.has_prober
        self._tell = house.tell
        self._births = blueprint.births
        self._transports = {name: blueprint.transports.get(name, house.parts.transport) for name in settings.providers}
        self._providers = {name: provider_of(name, settings) for name in settings.providers}
        self._paced = {
            (target.provider, target.model)
            for route in settings.routes.values() if route.strategy == "least_latency"
            for group in route.groups for target in group
        }  # fmt: skip
        for name, given in settings.providers.items():
            for label in given.credentials or ("",):
                self.fleet.credentials[name, label] = self._credential(name, label)

    def add(self, deployment: Deployment) -> None:
        """Give a new deployment its place in the fleet, the next one or that of one who was forgotten."""
        members, place = self.fleet.members, deployment.index
        gone, member = members[place : place + 1], self._make(deployment, self._succession)
        for one in gone:
            self.neighbours.leave(one.deployment, one.scopes)
            self._succession.leave(one)
        members[place : place + 1] = [member]
        self.neighbours.join(deployment, member.breaker, member.scopes)

    def preview(self, router: Router, request: Request) -> Preview:
        """Say where a request would lead; what it would add to the fleet is made, and not added."""
        members, onlooker = list(self.fleet.members), self._succession.onlooker()
        return Preview(router.preview(request, lambda deployment: members.append(self._make(deployment, onlooker))), members)

    def _make(self, deployment: Deployment, succession: Succession) -> Member:
        credential = self.fleet.credentials[deployment.provider, deployment.credential]
        transport = self._transports[deployment.provider]
        share = succession.quota(deployment, self._settings.policies.easing)
        quota = share.quota
        fresh = Gates(
            (quota, credential),
            Breaker(self._settings.policies.breaker),
            self._circle(deployment, succession),
            quota.rate if share.rate else None,
            quota.places_of(share.concurrency),
            succession.alone(deployment),
        )
        provider = self._providers[deployment.provider]
        known = _know(provider, deployment.model, self._settings)
        spoken = _spoken(provider, self._settings.providers[deployment.provider].dialects, known.target, credential.caller.secret)
        gates = succession.gates(deployment, fresh, self._settings.policies.breaker, transport)
        is_paced = (deployment.provider, deployment.model) in self._paced
        member = (PacedMember if is_paced else Member)(deployment, spoken, known, gates)
        member.transport = transport
        if deployment.learns:
            member.learned = Learned(quota, provider.meant)
            if share.rate is None:
                quota.wait_for(member)
        if is_paced:
            member.recent = Paced()
        succession.enter(member)
        if isinstance(member.recent, Paced):
            member.pace = member.recent.pace
        return member

    def _circle(self, deployment: Deployment, succession: Succession) -> Circle:
        settings = self._settings.policies.breaker
        several = len(self._settings.providers[deployment.provider].credentials) > 1
        scopes = scopes_of(deployment, lambda name: succession.scope(name, settings), several)
        return Circle(deployment, scopes, self.neighbours)

    def _credential(self, name: str, label: str) -> Credential:
        provider = self._providers[name]
        caller = caller_of(provider, self._secrets.get((name, label)))
        fresh = Credential((name, label), caller, self._transports[name], self._settings.policies.parking)
        fresh.has_prober = self._has_prober
        fresh.tell = self._tell
        fresh.birth = self._births.get((name, label), Birth())
        return self._succession.credential(fresh)


OFFERED = Prompt((Message("user", "?"),), tools=(Tool("f"),), effort="high")
"""The prompt that a narrow dialect is too narrow for."""


def _spoken(provider: Provider, dialects: Mapping[str, str], target: Target, secret: Secret | None) -> list[Spoken]:
    """Return the wire formats that a deployment speaks, with those that come with them."""
    there: dict[str, str] = {
        one: url for name, url in dialects.items() for one in (name, *COMPANIONS.get(name, ())) if one in CODECS
    }
    is_only = len(dialects) == 1
    return [
        Spoken(codec, _caller_at(provider.at(name, url), codec, target.model, secret), not (is_only or _suits(codec, target)))
        for name, url in there.items()
        for codec in (CODECS[name],)
    ]


def _suits(codec: Codec, target: Target) -> bool:
    return codec.service != "generate" or codec.suits(OFFERED, target)


def _caller_at(provider: Provider, codec: Codec, model: str, secret: Secret | None) -> Caller:
    return Caller(provider, codec.path_for(model, False), secret, codec.path_for(model, True) if codec.streams else "")


def caller_of(provider: Provider, secret: Secret | None) -> Caller:
    """Return who speaks for a credential where no model is asked: for probes."""
    return Caller(provider, CODECS[provider.dialect].path_for("-", False), secret)


def _know(provider: Provider, model: str, settings: Settings) -> Knowledge:
    """Look a model up in the configuration and the catalog: once for each deployment."""
    vendor = provider.vendor
    facts = facts_of(settings, provider.name, model)
    accepts = abilities_of(settings, provider.name, model)
    largest = facts.max_output if facts else None
    return Knowledge(Target(model, accepts, largest, vendor.limit, vendor.asks_usage, vendor.takes_thoughts), facts)


def provider_of(name: str, settings: Settings) -> Provider:
    """Return a provider as it is configured."""
    said = settings.providers[name]
    vendor = vendor_of(said)
    provider = Provider(
        name,
        vendor,
        said.base_url or vendor.base_url,
        next(iter(said.dialects)),
        Auth(said.auth) if said.auth else vendor.auth,
        tuple(said.headers.items()),
    )
    return provider.at(*next(iter(said.dialects.items())))
