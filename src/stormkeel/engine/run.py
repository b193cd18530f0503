"""One request on its way through the engine: what its attempts share.

Never decides anything; `line.py` does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

import msgspec

from ..dialects.base import Codec, Told
from ..policies.commit import bytes_held
from ..policies.hedge import HedgeSettings
from ..policies.retry import RetryBudget
from ..routing.route import Group, Route
from ..types.attempt import Attempt, Story
from ..types.failure import Failure, FailureKind
from ..types.request import Request
from ..types.usage import Usage
from ..types.wire import NO_HEADERS, Headers
from .crossing import Way, cross_to, request_on
from .fleet import Member
from .ports import Output
from .recovery import Recovery
from .waiting import Line
from .world import World

if TYPE_CHECKING:
    from .turns import Full
LEFT = "the caller went away"


class Run:
    """One request, its deadline, what was tried so far, and how far its answer has got to the caller.

    Attributes:
        started, deadline: monotonic seconds.
        wall: nanoseconds since the epoch at the start.
        began: has the head of a stream gone out?
        committed: has content gone out, with nobody to go on with it? From then on nothing may be tried again.
        held: bytes of content that are held back before, 0 for none.
        recovery: how a stream that breaks off behind that point is gone on with, None where the client is told.
        ttft: seconds to the first content, None before it.
        way: the route, as far as the request may walk it; None before one is found.
        home: the groups of the route before any detour was taken, () before one is.
        left_out: what of the client's body the request is told without, by its last resort; and how often that was taken
            (`resorts`).
        original: the body as it came, read and raw, once there was a last resort.
        is_thoughtless: is the request to be told without what proves a model's thoughts?
        place: where the retry under way holds a place, None where it holds none.
        full: the candidates whose limits were full, by their index.
        turn: the line that has called the request, until it has been asked.
        turned: whose limits had room for it last, by index, and when.
        queued: seconds it waited for its turns.
        number: what is added to the attempts so far for the number of the next one.
        hedge: when a second attempt may be made beside a slow one, None for never.
        leaving: what a cancelled attempt is told to have ended by.
        guess: what an attempt has probably taken of which nothing was seen, None where nobody knows better than its reservation.
        paid: what the latest retry at this deployment cost its provider's retry budget, 0 before one.
    """

    __slots__ = (
        "_crossed",
        "_keeper",
        "_pause",
        "_reading",
        "attempts",
        "began",
        "committed",
        "deadline",
        "full",
        "guess",
        "hedge",
        "held",
        "home",
        "is_thoughtless",
        "leaving",
        "left_out",
        "loop",
        "number",
        "original",
        "out",
        "paid",
        "place",
        "queued",
        "recovery",
        "request",
        "resorts",
        "route",
        "started",
        "task",
        "ttft",
        "turn",
        "turned",
        "wall",
        "way",
        "world",
    )

    def __init__(self, request: Request, world: World, out: Output | None) -> None:
        clock = world.ports.clock
        self.request = request
        self.world = world
        self.out = out
        self.route = ""
        self.started = clock.now()
        self.wall = clock.wall()
        options, total = request.options, world.clocks.total
        if options.timeout is not None or options.patience is not None:
            total = time_of(request, total)
        self.deadline = self.started + total
        self.paid = 0
        self.place: RetryBudget | None = None
        self.full: dict[int, Full] = {}
        self.turn: Line | None = None
        self.queued = 0.0
        self.turned: tuple[int, float] | None = None
        self.held = 0.0
        self.number = 1
        self.hedge: HedgeSettings | None = None
        self.leaving = LEFT
        self.guess: Usage | None = None
        self.recovery: Recovery | None = None
        self.is_thoughtless = False
        self.left_out: tuple[str, ...] = ()
        self.original: tuple[Told | Failure, bytes]
        self.resorts = 0
        self.way: Route | None = None
        self.home: tuple[Group, ...] = ()
        self._reading: Told | Failure | None = None
        self._crossed: tuple[Member, Way | Failure | None] | None = None
        self.attempts: list[Attempt] = []
        self.began = False
        self.committed = False
        self.ttft: float | None = None
        self._pause = 0.0  # seconds between two keep-alives
        self.task = _own_task()
        self.loop = self.task.get_loop()
        self._keeper: asyncio.Task[None] | asyncio.TimerHandle | None = None

    def take(self, route: Route) -> None:
        """Note the route and what it asks for, and let the fleet's view stand at this moment."""
        world = self.world
        self.route = route.name
        self.held = route.held
        self.hedge = route.hedge
        self.request = request_on(route, self.request)
        options = self.request.options
        if options.commit:
            self.held = bytes_held(options.commit)
        recovery = options.recovery or route.recovery
        if recovery != "error" and self.request.stream:
            self.recovery = Recovery(recovery, self.request, self.world.dialects[self.request.dialect])
        world.turn += 1
        world.fleet.now = self.started

    def take_instead(self, request: Request, lost: tuple[str, ...]) -> None:
        """Go on with a smaller request in the place of the one that came."""
        self.request, self.left_out = request, lost
        self.resorts += 1
        self._reading = self._crossed = None

    def cross(self, member: Member) -> Way | Failure | None:
        """Return the request as a member is told it in another dialect, as `cross_to` does; it stays for its next try."""
        if self._crossed is None or self._crossed[0] is not member:
            client = self.world.dialects[self.request.dialect]
            self._crossed = member, cross_to(self.request, self.reading(), member, client)
        return self._crossed[1]

    def ask(self, request: Request) -> None:
        """Ask something else from now on, in the client's name: the rest of an answer that broke off."""
        if request is not self.request:
            self.request = request
            self._reading = self._crossed = None

    def reading(self) -> Told | Failure:
        """Return the request's body, read whole; once, for all attempts.

        What we can't read, its own provider may: a field newer than we are is no reason not to ask it.
        """
        if self._reading is None:
            client = self.world.dialects[self.request.dialect]
            self._reading = client.read_prompt(self.request.raw)
            if isinstance(self._reading, Failure) and self._has_own(client):
                self._reading = msgspec.structs.replace(self._reading, kind=FailureKind.UNSUPPORTED)
        return self._reading

    def _has_own(self, client: Codec) -> bool:
        members = self.world.fleet.members
        return self.way is not None and any(client.name in members[one.index].spoken for one in self.way.deployments)

    @property
    def made(self) -> int:
        """How many attempts were made so far, refused connections among them; not those that we refused ourselves."""
        return sum(attempt.made for attempt in self.attempts)

    @property
    def is_answered(self) -> bool:
        """Has an attempt ended well? Whoever leaves after that has had the whole answer."""
        return bool(self.attempts) and self.attempts[-1].failure is None

    def take_turn(self, opens: Callable[[bool], Failure | None]) -> Failure | None:
        """Have an attempt opened by the turn in a line, as a probe: nobody else is left. Whoever is next may be called then."""
        line, self.turn = self.turn, None
        try:
            return opens(True)
        finally:
            if line is not None:
                line.over()

    @property
    def worth(self) -> float:
        """Seconds that a turn at a full limit is worth to it, however long its deadline leaves."""
        options, way, terms = self.request.options, self.way, self.world.terms.get(self.request.options.key)
        for given in (options, terms, way):
            if given is not None and given.queue_wait is not None:
                return given.queue_wait
        return inf if options.timeout is not None else self.world.queue.wait

    @property
    def priority(self) -> int:
        """How much of a full limit's room it gets (`policies/queue.py`): by its own word, but no more than its key allows.

        A key that says nothing allows what its route says, which is the usual where that says nothing: nobody takes the room of
        others by a header (INV-19, INV-23). Without keys there are no others.
        """
        options, way, terms = self.request.options, self.way, self.world.terms.get(self.request.options.key)
        usual = terms.priority if terms is not None and terms.priority is not None else None if way is None else way.priority
        usual = usual or 0
        said = usual if options.priority is None else options.priority
        return min(said, usual) if options.key else said

    def pay(self, member: Member, failure: Failure) -> bool:
        """Pay for one more try of a provider; False where its retry budget is spent."""
        self.paid = self.world.budgets[member.deployment.provider].take(failure.rule.throttled)
        return self.paid > 0

    def hold(self) -> None:
        """After `clocks.hold` seconds without content, send the head and the dialect's keep-alive, again and again.

        At half of the silence that the client bears, where that is sooner.
        """
        streams = self.world.dialects[self.request.dialect].streams
        if self.out is None or self._keeper is not None or streams is None:
            return
        hold, patience = self.world.clocks.hold, self.request.options.patience
        self._pause = hold if patience is None else min(hold, patience / 2.0)
        self._keeper = self.loop.call_later(self._pause, self._keep, streams.keep_alive)

    def _keep(self, keep_alive: bytes) -> None:
        self._keeper = asyncio.ensure_future(self._keep_alive(keep_alive))
        self._keeper.add_done_callback(_look_at)

    async def _keep_alive(self, keep_alive: bytes) -> None:
        out = self.out
        assert out is not None
        if not self.began:
            self.began = True
            await out.start(NO_HEADERS)
        while True:
            await out.write(keep_alive)
            await asyncio.sleep(self._pause)

    async def release(self) -> None:
        """Stop keeping alive; when this returns nobody else writes to the output."""
        keeper, self._keeper = self._keeper, None
        if isinstance(keeper, asyncio.Task):
            keeper.cancel()
            await asyncio.wait((keeper,))
        elif keeper is not None:
            keeper.cancel()

    async def commit(self, headers: Headers) -> None:
        """Mark the first content: the head goes out if it has not."""
        if self._keeper is not None:
            await self.release()
        self.committed = True
        if self.ttft is None:
            self.ttft = self.world.ports.clock.now() - self.started
        if not self.began:
            self.began = True
            assert self.out is not None
            await self.out.start(headers)

    @property
    def is_joining(self) -> bool:
        """Has the stream broken off, so that whoever is asked goes on with it?"""
        return self.recovery is not None and self.recovery.broke is not None

    def look(self, failure: Failure) -> None:
        """An attempt failed behind the commit point: open that again, where somebody may go on with what was sent."""
        if self.recovery is not None and self.recovery.take_up(failure, self.attempts[-1], self.request):
            self.committed = False
            self.hold()

    def story(self, failure: Failure | None) -> Story:
        """Return the whole story, once the request has ended."""
        recovery = self.recovery
        if recovery is not None and recovery.broke is not None:  # whoever was asked for the rest
            self.request, self.committed = recovery.request, True
        latency = self.world.ports.clock.now() - self.started
        return Story(
            self.request, self.route, tuple(self.attempts), failure, self.wall, latency, self.ttft, self.committed,
            self.world.config, self.queued,
        )  # fmt: skip


def time_of(request: Request, total: float) -> float:
    """Return the seconds a request may take: its caller's, never more than the configuration's.

    Who bears only so much silence has an answer in one piece by then; a stream goes on for as long as it speaks.
    """
    timeout, patience = request.options.timeout, request.options.patience
    if timeout is not None and timeout < total:
        total = timeout
    return patience if patience is not None and patience < total and not request.stream else total


def _own_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None  # the engine runs inside a task
    return task


def _look_at(task: asyncio.Task[None]) -> None:
    """Take note of a keeper's end: a gone client is found by the attempt itself."""
    if not task.cancelled():
        task.exception()
