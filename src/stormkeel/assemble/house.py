"""The House: everything one configuration built, in one event loop.

Never builds anything: `building.py` does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from itertools import count

import msgspec

from ..config.keys import KeyRing
from ..config.routes import Router
from ..config.settings import Settings
from ..dialects.base import Dialect, ModelCard, own_request
from ..engine.explain import Explanation, Preview, explain
from ..engine.fleet import Member
from ..engine.line import Answer, answer
from ..engine.ports import Output
from ..engine.world import World
from ..providers import KINDS
from ..routing.deployment import Deployment
from ..routing.route import Route
from ..runtime.ledger import Ledger
from ..runtime.telemetry.logs import Logs
from ..runtime.telemetry.metrics import Metrics
from ..types.content import Prompt
from ..types.failure import Failure, FailureKind
from ..types.request import Options, Request
from .known import DIALECTS, NEEDS_LIMIT, catalog


class Belongings(msgspec.Struct, frozen=True):
    """What a house holds beside its world, and closes with it."""

    ledger: Ledger | None = None
    keys: KeyRing = KeyRing(())
    logs: Logs | None = None


class House:
    """Everything one configuration built, in one event loop.

    Attributes:
        settings: what it was built from.
        world: what the engine needs.
        metrics: one of the world's sinks, kept to be read.
        keys: the callers' keys.
        preview: says where a request would lead; set by whoever builds the house.
        draining: a stop has been asked for; the gateway's readiness says no.
    """

    def __init__(self, settings: Settings, world: World, router: Router, metrics: Metrics, belongings: Belongings) -> None:
        self.settings = settings
        self.world = world
        self.metrics = metrics
        self.keys = belongings.keys
        self.draining = False
        self.preview: Callable[[Request], Preview]
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

    def explain(self, request: Request) -> Explanation:
        """Say what would happen to a request now. Nothing is sent, and no state moves."""
        return explain(request, self.world, self.preview, self.world.ports.clock.now())

    def write(self, prompt: Prompt, model: str, stream: bool, options: Options) -> Request | Failure:
        """Write a prompt in the dialect of the first deployment that its model leads to."""
        found = self._find(model)
        if isinstance(found, Failure):
            return found
        member = self.world.fleet.members[found.index]
        try:
            return own_request(member.dialect, _with_limit(prompt, member), (model, stream), self.new_id(), options)
        except ValueError as error:
            return Failure(FailureKind.UNSUPPORTED, f'"{model}": {error}')

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
