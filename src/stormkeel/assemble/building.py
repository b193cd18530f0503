"""Settings, secrets and ports to a House. Tests give ports of their own.

Never opens a file or a socket.
"""

from __future__ import annotations

from functools import partial
from random import Random

import msgspec

from ..config.routes import Router
from ..config.settings import Settings
from ..engine.cooling import Cooling
from ..engine.credentials import Credential
from ..engine.explain import Preview
from ..engine.fleet import Fleet, Member
from ..engine.gates import Gates
from ..engine.ports import Clock, Journal, Sink, Transport
from ..engine.world import Policies, Ports, World
from ..policies.breaker import Breaker
from ..policies.concurrency import ConcurrencyGate
from ..policies.rate import RateGate
from ..policies.retry import RetryBudget
from ..providers import KINDS
from ..providers.base import Auth, Caller, Provider
from ..routing.deployment import Deployment
from ..runtime.telemetry.metrics import Metrics
from ..types.request import Request
from ..types.secret import Secret
from .house import Belongings, House
from .known import DIALECTS, catalog

Secrets = dict[tuple[str, str], Secret]


class Parts(msgspec.Struct, frozen=True):
    """The ways out of the world, as `build` wants them."""

    transport: Transport
    clock: Clock
    journal: Journal
    rng: Random
    sinks: tuple[Sink, ...] = ()


def build(settings: Settings, secrets: Secrets, parts: Parts, belongings: Belongings | None = None) -> House:
    """Build a house of settings and ports; tests give ports of their own."""
    metrics = Metrics()
    builder = _Builder(settings, secrets)
    router = Router(settings, KINDS, builder.add)
    policies = settings.policies
    world = World(
        builder.fleet,
        Ports(parts.transport, parts.clock, parts.journal, parts.rng, (metrics, *parts.sinks)),
        router.resolve,
        Policies(policies.clocks, policies.retry, policies.parking, builder.budgets),
        catalog().snapshot,
    )
    metrics.world = world
    house = House(settings, world, router, metrics, belongings or Belongings())
    house.preview = partial(builder.preview, router)
    return house


class _Builder:
    """Makes the fleet's members as the router names their deployments."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        self.fleet = Fleet([])
        self.budgets = {name: RetryBudget(settings.policies.budget) for name in settings.providers}
        self._settings = settings
        self._secrets = secrets
        self._quotas: dict[str, Cooling] = {}
        self._providers = {name: _provider(name, settings) for name in settings.providers}
        for name, given in settings.providers.items():
            for label in given.credentials or ("",):
                self.fleet.credentials[name, label] = self._credential(name, label)

    def add(self, deployment: Deployment) -> None:
        """Give a new deployment its place in the fleet."""
        self.fleet.members.append(self._make(deployment, self._quota(deployment.quota)))

    def preview(self, router: Router, request: Request) -> Preview:
        """Say where a request would lead; what it would add to the fleet is made, and not added."""
        members = list(self.fleet.members)

        def make(deployment: Deployment) -> None:
            quota = self._quotas.get(deployment.quota) or Cooling(_quota_name(deployment.quota))
            members.append(self._make(deployment, quota))

        return Preview(router.preview(request, make), members)

    def _make(self, deployment: Deployment, quota: Cooling) -> Member:
        dialect = DIALECTS[deployment.dialect]
        credential = self.fleet.credentials[deployment.provider, deployment.credential]
        caller = credential.caller
        gates = Gates(
            (quota, credential),
            Breaker(self._settings.policies.breaker),
            RateGate(deployment.rate) if deployment.rate else None,
            ConcurrencyGate(deployment.concurrency) if deployment.concurrency else None,
        )
        seller = caller.provider.vendor.catalog
        facts = catalog().find(seller, deployment.model) if seller else None
        return Member(deployment, dialect, caller, facts, gates)

    def _quota(self, name: str) -> Cooling:
        return self._quotas.setdefault(name, Cooling(_quota_name(name)))

    def _credential(self, name: str, label: str) -> Credential:
        provider = self._providers[name]
        caller = Caller(provider, DIALECTS[provider.dialect].path, self._secrets.get((name, label)))
        return Credential(name, label, caller, self._settings.policies.parking)


def _quota_name(name: str) -> str:
    return f'quota group "{name}"'


def _provider(name: str, settings: Settings) -> Provider:
    said = settings.providers[name]
    vendor = KINDS[said.kind]
    return Provider(
        name,
        vendor,
        said.base_url or vendor.base_url,
        vendor.dialect,
        Auth(said.auth) if said.auth else vendor.auth,
        tuple(said.headers.items()),
    )
