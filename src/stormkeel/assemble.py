"""Settings to a House: the one place that knows every concrete class.

Never serves a request itself: it builds the world that does, and takes it down again.

    file, environment -> Settings -> secrets, catalog, ledger, transport -> fleet and routes -> World
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import count
from pathlib import Path
from random import Random

import msgspec

from .catalog.load import MODELS, PRICES, Catalog
from .catalog.load import load as load_catalog
from .config.check import complete
from .config.keys import KeyRing
from .config.load import FILE, fault_of_nothing, from_environment
from .config.load import load as load_settings
from .config.paths import data_folder
from .config.routes import Router
from .config.settings import Settings
from .config.source import Source
from .dialects.anthropic_messages import AnthropicMessages
from .dialects.base import Dialect, ModelCard
from .dialects.openai_chat import OpenAIChat
from .engine.fleet import Cooling, Fleet, Gates, Member
from .engine.line import Answer, answer
from .engine.ports import Clock, Journal, Output, Sink, Transport
from .engine.world import Policies, Ports, World
from .errors import SettingsError
from .policies.breaker import Breaker
from .policies.concurrency import ConcurrencyGate
from .policies.rate import RateGate
from .policies.retry import RetryBudget
from .providers import KINDS
from .providers.base import Auth, Caller, Provider
from .routing.deployment import Deployment
from .routing.route import Route
from .runtime.clock import LoopClock
from .runtime.credentials.sources import read_environment, resolve_credentials, resolve_keys
from .runtime.http import HttpSettings, HttpTransport
from .runtime.journal import MemoryJournal
from .runtime.ledger import Ledger
from .runtime.telemetry.logs import Logs, open_logs
from .runtime.telemetry.metrics import Metrics
from .types.content import Prompt
from .types.failure import Failure, FailureKind
from .types.request import Options, Request
from .types.secret import Secret

CONFIG = "STORMKEEL_CONFIG"
DATA = "STORMKEEL_DATA"
MEMORY = "memory"
DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (OpenAIChat(), AnthropicMessages())}
NEEDS_LIMIT = frozenset({"anthropic_messages"})
"""Dialects that refuse a request without a largest output."""

Secrets = dict[tuple[str, str], Secret]


class House:
    """Everything one configuration built, in one event loop.

    Attributes:
        settings: what it was built from.
        world: what the engine needs.
        metrics: one of the world's sinks, kept to be read.
        keys: the callers' keys.
        draining: a stop has been asked for; the gateway's readiness says no.
    """

    def __init__(self, settings: Settings, world: World, router: Router, metrics: Metrics, belongings: Belongings) -> None:
        self.settings = settings
        self.world = world
        self.metrics = metrics
        self.keys = belongings.keys
        self.draining = False
        self._router = router
        self._ledger = belongings.ledger
        self._logs = belongings.logs
        self._ids = _ids()
        self._first: dict[str, Deployment] = {}  # by model; the router bounds how many there can be

    def new_id(self) -> str:
        """Return a request id, unique for ever: random per process, then counted."""
        return next(self._ids)

    def dialect(self, name: str) -> Dialect:
        """Return a dialect by its name."""
        return DIALECTS[name]

    async def answer(self, request: Request, out: Output | None = None) -> Answer:
        """Answer one request through the engine's line, the only way to a provider (INV-7)."""
        return await answer(request, self.world, out)

    def write(self, prompt: Prompt, model: str, stream: bool, options: Options) -> Request | Failure:
        """Write a prompt in the dialect of the first deployment that its model leads to."""
        found = self._find(model)
        if isinstance(found, Failure):
            return found
        member = self.world.fleet.members[found.index]
        try:
            body = member.dialect.write_prompt(_with_limit(prompt, member), model, stream)
        except ValueError as error:
            return Failure(FailureKind.UNSUPPORTED, f'"{model}": {error}')
        return member.dialect.read_request(body, self.new_id(), options=options)

    def _find(self, model: str) -> Deployment | Failure:
        """Return the first deployment of a model, in whichever dialect it speaks."""
        known = self._first.get(model)
        if known is not None:
            return known
        said: Failure | None = None
        for name in DIALECTS:
            route = self._router.resolve(Request("", name, model, b""))
            if isinstance(route, Route):
                return self._first.setdefault(model, route.groups[0].deployments[0])
            if said is None or said.kind is FailureKind.UNSUPPORTED:
                said = route
        assert said is not None
        return said

    def models(self) -> list[ModelCard]:
        """Return what can be asked for: the routes, and in a house without routes each provider's models by the catalog."""
        if self._router.names:
            return [ModelCard(name, 0, "stormkeel") for name in self._router.names]
        return [
            ModelCard(f"{name}/{model}", 0, name)
            for name, provider in self.settings.providers.items()
            for model in catalog().models(KINDS[provider.kind].catalog)
        ]

    async def close(self) -> None:
        """Close every connection and fold the ledger to its end. Safe to call twice."""
        await self.world.ports.transport.close()
        if self._ledger is not None:
            try:
                await asyncio.to_thread(self._ledger.close)
            except RuntimeError:  # the interpreter is ending and gives no thread any more; closing twice is safe
                self._ledger.close()
        if self._logs is not None:
            await asyncio.sleep(0)  # what the ledger's thread had to say is on its way
            self._logs.close()


def _ids() -> Iterator[str]:
    prefix = f"req_{os.urandom(6).hex()}"
    return (f"{prefix}{number:08x}" for number in count(1))


def _with_limit(prompt: Prompt, member: Member) -> Prompt:
    """Fill in the model's own largest output where the dialect insists on a limit and none was named; never a made-up one."""
    if prompt.max_tokens is None and member.dialect.name in NEEDS_LIMIT and member.facts is not None and member.facts.max_output:
        return msgspec.structs.replace(prompt, max_tokens=member.facts.max_output)
    return prompt


# -- opening ----------------------------------------------------------------------------------------------------


def read_settings(config: str | Path | Settings | None, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a file, of the environment, or as they are given.

    Raises:
        SettingsError: the file is missing or wrong, or nothing is configured at all.
    """
    if isinstance(config, Settings):
        return complete(Source("the settings", {}), config, KINDS)
    path = Path(config) if config else _usual_file(environ)
    if path is None:
        settings = from_environment(environ, KINDS)
    else:
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise SettingsError(
                f'the configuration "{path}" can\'t be read: {error.strerror}; name another, or mend its rights'
            ) from None
        settings = load_settings(raw, environ, KINDS, str(path))
    fault = fault_of_nothing(settings)
    if fault:
        raise SettingsError(fault)
    return settings


def _usual_file(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(CONFIG)
    if named:
        return Path(named)
    usual = Path(FILE)
    return usual if usual.is_file() else None


@cache
def catalog() -> Catalog:
    """Return the catalog that comes with the package."""
    folder = files("stormkeel.catalog")
    return load_catalog((folder / PRICES).read_bytes(), (folder / MODELS).read_bytes())


def open_house(config: str | Path | Settings | None = None, data: str | None = None, opening: Opening | None = None) -> House:
    """Build everything one configuration says, in the running loop.

    Args:
        config: a file's path, ready settings, or None for the usual file or the environment.
        data: the data folder, "memory" for none; None as configured.
        opening: what the gateway asks for beyond a library's needs.

    Raises:
        SettingsError: anything is wrong; nothing is left open then.
    """
    opening = opening or Opening()
    environ = read_environment()
    settings = read_settings(config, environ)
    secrets = resolve_credentials(settings, environ)
    keys = resolve_keys(settings, environ)
    logs = opening.logs
    if logs is None and settings.telemetry.log:
        logs = open_logs(settings.telemetry.log, quiet=settings.telemetry.level == "warning")
    clock = LoopClock(asyncio.get_running_loop())
    folder = data or settings.ledger.data or environ.get(DATA, "")
    ledger = (
        None
        if folder == MEMORY
        else Ledger.open(Path(folder) if folder else data_folder(environ), clock, must_own=opening.owns_data)
    )
    journal: Journal = MemoryJournal() if ledger is None else ledger.journal
    transport = HttpTransport(HttpSettings(connect_timeout=settings.policies.clocks.connect))
    sinks = opening.sinks if logs is None else (*opening.sinks, logs)
    parts = Parts(transport, clock, journal, Random(), sinks)  # noqa: S311 - jitter, no secret
    return build(settings, secrets, parts, Belongings(ledger, keys, logs))


class Opening(msgspec.Struct, frozen=True):
    """How a house is opened.

    Attributes:
        owns_data: refuse to start where another process owns the data folder.
        logs: the log to write to; None opens the configured file, and writes none where no file is configured (a library's
            standard error is its program's).
        sinks: who else wants to know, beside the metrics and the log.
    """

    owns_data: bool = False
    logs: Logs | None = None
    sinks: tuple[Sink, ...] = ()


class Parts(msgspec.Struct, frozen=True):
    """The ways out of the world, as `build` wants them."""

    transport: Transport
    clock: Clock
    journal: Journal
    rng: Random
    sinks: tuple[Sink, ...] = ()


class Belongings(msgspec.Struct, frozen=True):
    """What a house holds beside its world, and closes with it."""

    ledger: Ledger | None = None
    keys: KeyRing = KeyRing(())
    logs: Logs | None = None


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
    return House(settings, world, router, metrics, belongings or Belongings())


class _Builder:
    """Makes the fleet's members as the router names their deployments."""

    def __init__(self, settings: Settings, secrets: Secrets) -> None:
        self.fleet = Fleet([])
        self.budgets = {name: RetryBudget(settings.policies.budget) for name in settings.providers}
        self._settings = settings
        self._secrets = secrets
        self._cooling: dict[str, Cooling] = {}
        self._providers = {name: _provider(name, settings) for name in settings.providers}

    def add(self, deployment: Deployment) -> None:
        """Give a new deployment its place in the fleet."""
        provider = self._providers[deployment.provider]
        dialect = DIALECTS[deployment.dialect]
        caller = Caller(provider, dialect.path, self._secrets.get((deployment.provider, deployment.credential)))
        gates = Gates(
            (
                self._cool(f'quota group "{deployment.quota}"'),
                self._cool(f'credential "{deployment.credential}" of provider "{deployment.provider}"'),
            ),
            Breaker(self._settings.policies.breaker),
            RateGate(deployment.rate) if deployment.rate else None,
            ConcurrencyGate(deployment.concurrency) if deployment.concurrency else None,
        )
        seller = provider.vendor.catalog
        facts = catalog().find(seller, deployment.model) if seller else None
        self.fleet.members.append(Member(deployment, dialect, caller, facts, gates))

    def _cool(self, name: str) -> Cooling:
        return self._cooling.setdefault(name, Cooling(name))


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
