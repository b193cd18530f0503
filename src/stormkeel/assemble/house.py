"""The House: what lives as long as the process, around the setup of the present configuration.

Never builds anything: `building.py` does. Everything a request needs it takes from one setup, once.

    House   ledger, log, metrics, request ids, heritage of gates        until the process ends
      '- setup   settings, keys, routes, world                          swapped by a reload, in one step
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

import msgspec

from ..config.keys import KeyRing
from ..config.settings import Settings
from ..dialects.base import Codec, Dialect
from ..dialects.values import ModelCard
from ..engine.explain import Explanation
from ..engine.hedging import Hedging
from ..engine.heritage import Heritage
from ..engine.learning import Learning
from ..engine.line import Answer
from ..engine.makers import Makers
from ..engine.ports import Clock, Journal, Output, Sink, Transport
from ..engine.world import World
from ..ledger.calibration import Calibration
from ..policies.base import Dice
from ..runtime.alerts import Alarm
from ..runtime.credentials.age import Sightings
from ..runtime.ledger import Ledger
from ..runtime.telemetry.logs import Logs
from ..runtime.telemetry.metrics import Metrics
from ..runtime.transports import Transports
from ..types.alert import Alert
from ..types.request import Request
from .known import CODECS, DIALECTS
from .looking import Look
from .setup import Setup

if TYPE_CHECKING:
    from .reloading import Origin


class Parts(msgspec.Struct, frozen=True):
    """The ways out of every world of a house."""

    transport: Transport
    clock: Clock
    journal: Journal
    rng: Dice
    sinks: tuple[Sink, ...] = ()


class Belongings(msgspec.Struct, frozen=True):
    """What a house holds beside its ways out, and closes with it."""

    ledger: Ledger | None = None
    logs: Logs | None = None
    transports: Transports | None = None
    sightings: Sightings = Sightings(None)
    alarm: Alarm | None = None


class Follower(Protocol):
    """Something beside the world that follows the configuration: a certificate, a log."""

    def check(self, settings: Settings) -> None:
        """See whether it could follow. Raises `SettingsError`: then the configuration is not applied."""
        ...

    def follow(self, settings: Settings) -> str:
        """Follow; name what changed, "" for nothing worth telling. Never fails after a `check` that did not."""
        ...


class House:
    """What serves requests in one event loop, whatever the configuration of the moment.

    Attributes:
        setup: what the present configuration built; `swap` is the only one to set it.
        parts: the ways out of its worlds.
        metrics: one of the sinks, kept to be read.
        heritage: gates and cooldowns that outlive a configuration.
        calibration: what is known of how far our estimates of a prompt's tokens are off.
        learning: one of the sinks: it learns that from answers.
        hedging: what is learned and spent by hedging.
        makers: who made the answers that providers keep.
        logs: the log, None where none is written.
        transports: the ways out to providers, None where `parts.transport` is the only one.
        sightings: when credentials were first seen.
        alarm: who is told of what somebody should look at, None for nobody.
        draining: a stop has been asked for; the gateway's readiness says no.
        origin: where the configuration is read again, None for a house built of values.
        reloading: held while a reload is under way.
        has_prober: does somebody look after refused credentials in the background?
        followers: who else follows the configuration, asked before a swap and told after it.
        files: the files that the configuration was last read from, good or bad, and how they looked.
    """

    def __init__(self, parts: Parts, belongings: Belongings) -> None:
        self.setup: Setup
        self.parts = parts
        self.metrics = Metrics()
        self.heritage = Heritage()
        self.calibration = Calibration()
        self.learning = Learning(self.calibration, CODECS)
        self.makers = Makers()
        self.hedging = Hedging()
        self.logs = belongings.logs
        self.transports = belongings.transports
        self.sightings = belongings.sightings
        self.alarm = belongings.alarm
        self.metrics.alarm = belongings.alarm
        self.draining = False
        self.origin: Origin | None = None
        self.reloading = asyncio.Lock()
        self.has_prober = False
        self.followers: list[Follower] = []
        self.files: Mapping[str, Look] = {}
        self._ledger = belongings.ledger
        self._ids = _ids()
        self._older: WeakSet[World] = WeakSet()

    def new_id(self) -> str:
        """Return a request id, unique for ever: random per process, then counted."""
        return next(self._ids)

    def tell(self, alert: Alert) -> None:
        """Tell of something that somebody should look at."""
        if self.alarm is not None:
            self.alarm.tell(alert)

    # -- the present setup -------------------------------------------------------------------------------------------

    def swap(self, setup: Setup) -> None:
        """Serve by another setup from now on. Requests under way live in theirs to their end."""
        before = getattr(self, "setup", None)
        if before is not None:
            before.succession.end()
            self._older.add(before.world)
            setup.world.turn = before.world.turn
        self.setup = setup
        setup.succession.commit()
        self.metrics.worlds, self.metrics.named = self.worlds, setup.settings.routes
        self.heritage.sweep(setup.world, self.parts.clock.now())

    def worlds(self) -> list[World]:
        """Return the present world first, and then those older ones in which requests are still under way."""
        return [self.world, *(world for world in self._older if world.active)]

    @property
    def active(self) -> int:
        """Requests under way, in whichever world."""
        return sum(world.active for world in self.worlds())

    @property
    def settings(self) -> Settings:
        """What is configured now."""
        return self.setup.settings

    @property
    def world(self) -> World:
        """The present world."""
        return self.setup.world

    @property
    def keys(self) -> KeyRing:
        """The callers' keys of now."""
        return self.setup.keys

    def dialect(self, name: str) -> Dialect:
        """Return a dialect by its name."""
        return DIALECTS[name]

    def codec(self, name: str) -> Codec:
        """Return a wire format of any service by its name."""
        return CODECS[name]

    def models(self) -> list[ModelCard]:
        """Return what can be asked for now."""
        return self.setup.models()

    async def answer(self, request: Request, out: Output | None = None) -> Answer:
        """Answer one request by the setup of now."""
        return await self.setup.answer(request, out)

    def explain(self, request: Request) -> Explanation:
        """Say what would happen to a request by the setup of now."""
        return self.setup.explain(request)

    async def close(self) -> None:
        """Close every connection and fold the ledger to its end. Safe to call twice."""
        if self.alarm is not None:
            await self.alarm.close()
        await self.parts.transport.close()
        if self._ledger is not None:
            try:
                await asyncio.to_thread(self._ledger.close)
            except RuntimeError:  # the interpreter is ending and gives no thread any more; closing twice is safe
                self._ledger.close()
        if self.logs is not None:
            await asyncio.sleep(0)  # what the ledger's thread had to say is on its way
            self.logs.close()


def _ids() -> Iterator[str]:
    prefix = f"req_{os.urandom(6).hex()}"
    return (f"{prefix}{number:08x}" for number in count(1))
