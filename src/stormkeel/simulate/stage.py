"""One run: a house as the gateway has it, on a seeded loop, among the providers and callers of a plan.

Never judges anything: it gathers the evidence. A test that plants a bug overrides what a house is given here.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import msgspec

from ..engine.credentials import probe
from ..ledger.entry import Reserved, Settled
from ..testing import VirtualClock
from ..types.request import Request
from . import configuration
from .caller import USUAL, Habits, Wish, ask, draw_callers
from .evidence import Evidence, Trace
from .loop import SeededLoop, run_seeded
from .transport import Door, Wire
from .upstream import Side, Upstream
from .ways import Drawn
from .weather import Episode, draw_weather

if TYPE_CHECKING:
    from ..assemble import House
    from ..config.settings import Settings
    from ..engine.ports import Clock, Journal, Transport
    from ..engine.world import World
    from ..types.attempt import Story

HOUR = 3600.0
REST = 1.0
"""Seconds after the last request has ended at which nothing may be left of it (INV-15 allows five)."""


class Plan(msgspec.Struct, frozen=True):
    """All that a run follows from.

    Attributes:
        seed: of every dice in it.
        span: seconds in which requests are asked.
        drawn: the configuration.
        sides: the providers as they are.
        weather: what befalls them.
        habits: how callers are.
        probes: is there a task that probes refused credentials, as the gateway has one?
        reloads: when the configuration is read again, with other strategies, seconds.
        pauses: when the whole process stands still, and for how long, seconds.
    """

    seed: int
    span: float
    drawn: Drawn
    sides: tuple[Side, ...]
    weather: tuple[Episode, ...]
    habits: Habits = Habits()
    probes: bool = False
    reloads: tuple[float, ...] = ()
    pauses: tuple[tuple[float, float], ...] = ()


def draw_plan(seed: int, hours: float) -> Plan:
    """Draw the plan of a seed."""
    rng, span = Random(f"plan {seed}"), hours * HOUR  # noqa: S311 - a plan, no secret
    drawn, sides = configuration.draw(rng)
    weather = draw_weather(rng, [side.place for side in sides], span)
    reloads = tuple(sorted(rng.uniform(0.0, span) for _ in range(rng.choice((0, 0, 1, 3)))))
    pauses = tuple((rng.uniform(0.0, span), rng.choice((0.05, 0.5, 3.0, 20.0))) for _ in range(rng.choice((0, 0, 4))))
    return Plan(seed, span, drawn, sides, weather, USUAL, rng.random() < 0.5, reloads, tuple(sorted(pauses)))


class Books:
    """A journal (`ports.Journal`) that keeps what it is told as evidence."""

    def __init__(self, evidence: Evidence, clock: Clock) -> None:
        self._evidence = evidence
        self._clock = clock

    def reserve(self, entry: Reserved) -> None:
        """Note a reservation."""
        if entry.attempt in self._evidence.reserved:
            self._evidence.twice.append(entry.attempt)
        self._evidence.reserved[entry.attempt] = entry

    def settle(self, entry: Settled) -> None:
        """Note a settlement."""
        now = self._clock.now()
        self._evidence.settled.append((now, entry))
        self._evidence.trace.note(now, entry.attempt, "settled", entry.outcome, entry.usage_source, entry.amount)


class _Sink:
    """Notes what sinks are told, and faults of ours (`ports.Sink`)."""

    def __init__(self, evidence: Evidence, clock: Clock) -> None:
        self._evidence = evidence
        self._clock = clock

    def answered(self, story: Story) -> None:
        call = self._evidence.calls[story.request.id]
        made = sum(attempt.sent and attempt.made for attempt in story.attempts)
        call.told.append((story.failure.kind.value if story.failure else "", made))

    def broke(self, error: BaseException, request: Request) -> None:
        self._evidence.faults.append((self._clock.now(), request.id, f"{type(error).__name__}: {error}"))


class Stage:
    """One run of a plan.

    Attributes:
        plan: what is played.
        evidence: what was seen.
        keep: are the trace's lines kept?
    """

    def __init__(self, plan: Plan, keep: bool = False) -> None:
        self.plan = plan
        self.evidence = Evidence(Trace(keep))
        self._active = 0

    # -- what a house is given -----------------------------------------------------------------------------------------

    def settings(self) -> Settings:
        """Return the settings the house is built from."""
        return configuration.read(self.plan.drawn)

    def clock(self, clock: Clock) -> Clock:
        """Return the clock the house reads."""
        return clock

    def transport(self, wire: Wire) -> Transport:
        """Return the way to the providers."""
        return wire

    def journal(self, books: Journal) -> Journal:
        """Return the journal."""
        return books

    # -- the run -------------------------------------------------------------------------------------------------------

    def play(self) -> Evidence:
        """Play the whole plan."""
        run_seeded(self._play(), self.plan.seed)
        return self.evidence

    async def _play(self) -> None:
        house, rng = self._build(), Random(f"callers {self.plan.seed}")  # noqa: S311 - callers' moods, no secret
        others = {asyncio.ensure_future(self._reload(house)), asyncio.ensure_future(self._stand_still())}
        if self.plan.probes:
            others.add(asyncio.ensure_future(_keep_probing(house)))
        routes, calls = tuple(self.plan.drawn["routes"]), set[asyncio.Task[None]]()
        for wish in draw_callers(rng, routes, self.plan.span, self.plan.habits):
            await _until(wish.at)
            task = asyncio.ensure_future(self._call(house, wish))
            calls.add(task)
            task.add_done_callback(calls.discard)
        while calls:
            await asyncio.wait(set(calls))
        for other in others:
            other.cancel()
        await asyncio.sleep(REST + 0.5)
        self._look(house, {asyncio.current_task()})

    def _build(self) -> House:
        from ..assemble import Belongings, House, Parts

        clock = VirtualClock(asyncio.get_running_loop())
        sides = {side.place.provider: side for side in self.plan.sides}
        doors = {f"{name}.invalid": self._door(side) for name, side in sides.items()}
        wire, books = Wire(doors, self.evidence, clock), Books(self.evidence, clock)
        dice = Random(f"engine {self.plan.seed}")  # noqa: S311 - jitter, no secret
        sinks = (_Sink(self.evidence, clock),)
        house = House(Parts(self.transport(wire), self.clock(clock), self.journal(books), dice, sinks), Belongings())
        house.has_prober = self.plan.probes
        self._apply(house, self.settings())
        return house

    def _door(self, side: Side) -> Door:
        name, place = side.place.provider, side.place
        names = {configuration.secret_of(name, label): (label, quota) for label, quota in place.credentials}
        return Door(Upstream(side, self.plan.seed, self.plan.weather), names, place.regions)

    def _apply(self, house: House, settings: Settings) -> None:
        from ..assemble.building import build_setup
        from ..assemble.setup import Blueprint

        house.swap(build_setup(Blueprint(settings, configuration.secrets_of(settings)), house))

    async def _reload(self, house: House) -> None:
        for number, at in enumerate(self.plan.reloads, 1):
            await _until(at)
            settings = self.settings()
            other = configuration.STRATEGIES[(self.plan.seed + number) % len(configuration.STRATEGIES)]
            routes = {name: msgspec.structs.replace(route, strategy=other) for name, route in settings.routes.items()}
            self._apply(house, msgspec.structs.replace(settings, routes=routes))
            self.evidence.trace.note(at, "reloaded", other)

    async def _stand_still(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SeededLoop)
        for at, seconds in self.plan.pauses:
            await _until(at)
            self.evidence.pauses.append((loop.time(), loop.time() + seconds))
            loop.leap(seconds)
            self.evidence.trace.note(at, "stood still for", seconds, "s")

    async def _call(self, house: House, wish: Wish) -> None:
        self._active += 1
        try:
            await ask(house, wish, self.evidence)
        finally:
            self._active -= 1
            if not self._active:
                asyncio.get_running_loop().call_later(REST, self._look_if_idle, house)

    # -- at rest -------------------------------------------------------------------------------------------------------

    def _look_if_idle(self, house: House) -> None:
        if not self._active:
            self._look(house, None)

    def _look(self, house: House, tasks: set[asyncio.Task[None] | None] | None) -> None:
        """See what is left over while nothing is in flight; tasks that may be are given where nothing else may run."""
        evidence, now = self.evidence, asyncio.get_running_loop().time()
        evidence.rests += 1
        left = [what for world in house.worlds() for what in _left_in(world)]
        left += [f"the exchange of {one.attempt} is open" for one in evidence.sendings if not one.end]
        if len(evidence.reserved) != len(evidence.settled):
            left.append(f"{len(evidence.reserved)} attempts were reserved, {len(evidence.settled)} settled")
        if tasks is not None:
            left += [f"a task runs on: {one.get_coro()}" for one in asyncio.all_tasks() if one not in tasks]
        evidence.rest += [(now, what) for what in left]


def _left_in(world: World) -> list[str]:
    """Say what is left over in a world in which no request is under way."""
    members = world.fleet.members
    left = [f"an attempt is in flight at {one.deployment.name}" for one in members if one.in_flight]
    left += [f"somebody waits at {one.cooling[0].name}" for one in members if one.cooling[0].line.is_busy]
    left += [f"a place is taken at {one.deployment.name}" for one in members if one.concurrency and one.concurrency.in_flight]
    if world.active or world.kennel.dogs:
        left.append(f"{world.active} requests are under way, {len(world.kennel.dogs)} watchdogs on watch")
    return left


async def _until(at: float) -> None:
    wait = at - asyncio.get_running_loop().time()
    if wait > 0.0:
        await asyncio.sleep(wait)


async def _keep_probing(house: House, tick: float = 1.0) -> None:
    """Probe refused credentials one after the other, as the gateway's task does."""
    clock, rng = house.parts.clock, house.parts.rng
    while True:
        await asyncio.sleep(tick)
        now = clock.now()
        for one in list(house.world.fleet.credentials.values()):
            if not one.is_unclear and one.needs_probe(now):
                await probe(one, clock, rng)
