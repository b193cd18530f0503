"""What would happen to a request now: its route, the candidates in the order they would be tried, and each gate's answer.

Never sends, never debits, never moves any state: gates are looked at, not asked; the dice are a copy, so that the draw shown is
the one that the next request makes; a model nobody has asked for yet gets no place in the fleet.

    resolve -> walk over a copy of the dice -> for each candidate: what of the body is carried -> gates -> price -> what is left
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

import msgspec

from ..policies.base import Dice, Need
from ..policies.deadline import ClockSettings
from ..routing.deployment import Deployment
from ..routing.route import Group, Route
from ..types.failure import Failure, FailureKind
from ..types.money import NanoDollars, dollars
from ..types.request import Request
from ..types.usage import Usage
from .carried import Carried, carry
from .choice import Scene, words_of
from .crossing import not_all, request_on
from .detours import in_words
from .fitting import too_long
from .fleet import Member
from .gates import GATES, PROBED
from .hold import Extent, extent_of, held_for
from .keeping import narrow
from .outlook import Sight
from .reasoning import waiting
from .residency import Outsider, inside, outsiders
from .run import time_of
from .standing import Room, Standing, room, standing
from .waiting import FULL
from .world import World


class GateAnswer(msgspec.Struct, frozen=True):
    """What one gate would say now.

    Attributes:
        gate: its name.
        passes: would it let the attempt through?
        says: why not; or what it lets through, where it has a limit.
    """

    gate: str
    passes: bool
    says: str = ""


class Price(msgspec.Struct, frozen=True):
    """What an attempt may cost; None where the price is unknown.

    Attributes:
        input_tokens, input, input_usd: about what the input costs at the full rate: nano-dollars, and dollars as exact text.
        most_input_tokens, most_output_tokens, most, most_usd: the upper bounds, and what would be reserved for them.
        own: are the prices the configuration's own, and not the catalog's?
    """

    input_tokens: int
    input: NanoDollars | None
    input_usd: str | None
    most_input_tokens: int
    most_output_tokens: int
    most: NanoDollars | None
    most_usd: str | None
    own: bool = False


class Clocks(msgspec.Struct, frozen=True):
    """The spans of an attempt, in seconds: to connect, to the first content or the whole answer, between two pieces."""

    connect: float
    first_content: float
    answer: float
    idle: float


class Candidate(msgspec.Struct, frozen=True):
    """One deployment, in its place in the order.

    Attributes:
        standing: how it stands, its credential by name.
        group, strategy, weight: its place in the route.
        choice: how it came to its place.
        would_try: would it be tried now, when its turn came?
        why: why not, "" where it would.
        gates: each gate's answer, in the order they are asked; empty where the body can't be carried there.
        edits: what of the body would be changed on the way.
        losses: what of the body could not be told it, by the client's names.
        price: what it may cost, None where the body can't be carried there.
        left: what its limits would let through after this attempt had begun.
        clocks: its own, or the common ones.
    """

    standing: Standing
    group: int
    strategy: str
    weight: float
    choice: str
    would_try: bool
    why: str
    gates: list[GateAnswer]
    edits: list[str]
    losses: list[str]
    price: Price | None
    left: Room
    clocks: Clocks


class Explanation(msgspec.Struct, frozen=True):
    """What would happen to one request now.

    Attributes:
        model, dialect, stream: what is asked.
        strict: is a candidate passed over that can't be told everything, by the request's wish or its route's?
        key, task, user, tags: whom it would be booked to.
        gates: the order in which the gates of an attempt are asked.
        route: which route was found, "" where none was.
        why: why none was found, or why nobody would be asked; "" else.
        first: the deployment that would be asked first, None where none would.
        commit: how much of a streamed answer must be here before the client is sent any of it; "" where no route was found.
        recovery: what becomes of a stream that breaks off behind that point; "" where no route was found.
        deadline_s: seconds the request has in all.
        attempts, request_attempts: the most tries of one deployment, and of all.
        candidates: in the order they would be tried; each but the first only after those before it had failed.
        outside: whom the route names and nobody may ask for this request.
        onwards: where it goes on when it is too long or refused, and what is tried last; in words, a line each.
    """

    model: str
    dialect: str
    stream: bool
    strict: bool
    key: str
    task: str
    user: str
    tags: tuple[str, ...]
    gates: list[str]
    route: str
    why: str
    first: str | None
    commit: str
    recovery: str
    deadline_s: float
    attempts: int
    request_attempts: int
    candidates: list[Candidate]
    outside: list[Outsider] = []
    onwards: list[str] = []


class Preview(msgspec.Struct, frozen=True):
    """Where a request would lead, without a trace.

    Attributes:
        route: as `World.resolve` would say.
        members: the fleet, and behind it the deployments that the request would add to it.
    """

    route: Route | Failure
    members: Sequence[Member]


def explain(request: Request, world: World, preview: Callable[[Request], Preview], now: float) -> Explanation:
    """Say what would happen to a request at a moment (monotonic seconds)."""
    found = preview(request)
    if isinstance(found.route, Failure):
        return _told(request, world, None, found.route.message, [])
    request = request_on(found.route, request)
    explainer = _Explainer(request, world, found, now)
    kept = inside(request, found.route, world.borders)
    route = kept if isinstance(kept, Failure) else explainer.narrow(kept)
    if isinstance(route, Failure):
        return _told(request, world, found.route, route.message, [])
    candidates = explainer.candidates(route)
    tried = any(candidate.would_try for candidate in candidates)
    why = "" if tried else "nobody would be asked now: each candidate would be refused by us"
    return msgspec.structs.replace(
        _told(request, world, found.route, why, candidates), outside=outsiders(route), onwards=_onwards(request, world, route)
    )


def _onwards(request: Request, world: World, route: Route) -> list[str]:
    """Say where the request would go on for a reason of its own, and when it would be hedged."""
    first = route.groups[0].deployments[0].name
    hedge = [] if route.hedge is None else [world.hedging.in_words(route.hedge, first, request.stream)]
    return [*in_words(route), *hedge]


def _told(request: Request, world: World, route: Route | None, why: str, candidates: list[Candidate]) -> Explanation:
    options, total = request.options, world.clocks.total
    first = next((one.standing.name for one in candidates if one.would_try), None)
    return Explanation(
        request.model, request.dialect, request.stream, options.strict, options.key, options.task, options.user, options.tags,
        [name for name, _ in GATES], "" if route is None else route.name, why, first,
        *(("", "") if route is None else (options.commit or route.commit, options.recovery or route.recovery)),
        time_of(request, total),
        world.retry.attempts, world.retry.request_attempts, candidates,
    )  # fmt: skip


NOTHING_NEEDED = Need()


class _Dice:
    """A copy of the dice that remembers what it drew."""

    def __init__(self, rng: Dice) -> None:
        self._rng = copy(rng)
        self.drawn: list[float] = []

    def random(self) -> float:
        self.drawn.append(self._rng.random())
        return self.drawn[-1]


class _View:
    """What routing may see of the fleet at a moment, by looks only."""

    def __init__(self, members: Sequence[Member], now: float) -> None:
        self._members = members
        self._now = now

    def load(self, index: int) -> float:
        return self._members[index].in_flight

    def is_ready(self, index: int) -> bool:
        gates = dict(self._members[index].gates)
        health = (gates["cooling"], gates["breaker"])
        return all(gate is None or gate.refusal(self._now, NOTHING_NEEDED, False) is None for gate in health)


class _Explainer:
    """One explanation under way."""

    def __init__(self, request: Request, world: World, found: Preview, now: float) -> None:
        self._request = request
        self._world = world
        self._members = found.members
        self._now = now
        self._wall = world.ports.clock.wall()
        self._view = _View(found.members, now)
        self._dice, self._turn = _Dice(world.ports.rng), world.turn + 1
        self._sight = Sight(self._view, found.members, (self._turn, self._dice), world.ports.clock)

    def narrow(self, route: Route) -> Route | Failure:
        """Return what of a route may be asked by one who leans on what a provider keeps: its account alone."""
        request = self._request
        if not request.follows:
            return route
        maker = self._world.makers.look(request.follows)
        return narrow(request, route, self._members, maker, lambda some: self._sight.walk(some, request).first())

    def candidates(self, route: Route) -> list[Candidate]:
        """Walk the route to its end, as a request would whose every attempt fails."""
        dice = self._dice
        dice.drawn.clear()
        walk, spent, told = self._sight.walk(route, self._request), set[int](), list[Candidate]()
        while (deployment := walk.next(spent)) is not None:
            choice = self._choice(route, deployment, spent)
            dice.drawn.clear()
            is_last = not walk.has_other(spent | {deployment.index})
            told.append(self._candidate(route, deployment, choice, is_last))
            spent.add(deployment.index)
        return told

    def _candidate(self, route: Route, deployment: Deployment, choice: str, is_last: bool) -> Candidate:
        member = self._members[deployment.index]
        place, group = _place(route, deployment)
        stands, clocks = standing(member, self._now), _clocks(deployment.clocks or self._world.clocks)
        at = (stands, place, group.strategy, deployment.weight, choice)
        carried = carry(self._request, member, self._world.dialects[self._request.dialect])
        losses = [] if isinstance(carried, Failure) else carried.losses
        if not isinstance(carried, Failure):
            carried = self._refusal(member, carried) or carried
        if isinstance(carried, Failure):
            return Candidate(*at, False, carried.message, [], [], losses, None, stands.left, clocks)
        extent = extent_of(self._request, carried.counted, member, carried.limit)
        gates = [self._ask(name, member, extent, is_last) for name, _ in GATES]
        why = next((gate.says for gate in gates if not gate.passes), "")
        price, left = self._price(extent, carried, member), self._after(member, extent)
        spans = deployment.clocks or self._world.clocks
        first, whole = (
            waiting(span, spans, member.reasons, carried.counted, extent.need.input)
            for span in (spans.first_content, spans.answer)
        )
        clocks = msgspec.structs.replace(clocks, first_content=first, answer=whole)
        return Candidate(*at, not why, why, gates, carried.edits, carried.losses, price, left, clocks)

    def _refusal(self, member: Member, carried: Carried) -> Failure | None:
        """Why a body that could be carried to a member would not be sent to it."""
        if carried.losses and self._request.options.strict:
            return not_all(member, carried.losses)
        return too_long(member, self._request, carried.counted)

    def _price(self, extent: Extent, carried: Carried, member: Member) -> Price:
        tariff, about = member.tariff(self._wall), extent.need.input
        held = held_for(extent, carried.counted, member, self._wall, tariff)
        price = None if tariff is None else tariff.price(Usage(input=about))
        return Price(about, price, _usd(price), *extent.bounds, held, _usd(held), bool(member.own_prices))

    def _ask(self, name: str, member: Member, extent: Extent, is_last: bool) -> GateAnswer:
        gate = dict(member.gates)[name]
        if gate is None:
            return GateAnswer(name, passes=True, says="no limit is set")
        refusal = gate.refusal(self._now, extent.need, False)
        if refusal is None:
            return GateAnswer(name, passes=True)
        if is_last and refusal.kind in PROBED and gate.refusal(self._now, extent.need, True) is None:
            why = "it is open" if refusal.kind is FailureKind.BREAKER_OPEN else "the model was missing"
            return GateAnswer(name, passes=True, says=f"{why}; as the last one left this would go as a probe")
        turn = "; its turn may be waited for" if refusal.kind in FULL and not refusal.forever else ""
        return GateAnswer(name, passes=False, says=refusal.message + turn)

    def _after(self, member: Member, extent: Extent) -> Room:
        now = room(member, self._now)
        return Room(_less(now.requests, 1), _less(now.tokens, extent.need.tokens), _less(now.places, 1))

    def _choice(self, route: Route, chosen: Deployment, spent: set[int]) -> str:
        """Say how a candidate came to its place."""
        place, group = _place(route, chosen)
        is_ready = self._view.is_ready(chosen.index)
        left = [one for one in group.deployments if one.index not in spent and (not is_ready or self._view.is_ready(one.index))]
        which = "ready" if is_ready else "left, none of them ready"
        if len(left) == 1:
            return f"the only one {which} of group {place}"
        outlook = self._sight.outlook(route, self._request)
        scene = Scene(left, which, self._dice.drawn, self._turn, self._view, outlook)
        return words_of(group, chosen, scene, route.sticky)


def _place(route: Route, deployment: Deployment) -> tuple[int, Group]:
    """The first group a deployment stands in, counted from 1."""
    pairs = enumerate(route.groups, 1)
    return next(pair for pair in pairs if any(one.index == deployment.index for one in pair[1].deployments))


def _less(amount: int | None, by: int) -> int | None:
    return None if amount is None else max(0, amount - by)


def _usd(amount: NanoDollars | None) -> str | None:
    return None if amount is None else f"{dollars(amount):f}"


def _clocks(clocks: ClockSettings) -> Clocks:
    return Clocks(clocks.connect, clocks.first_content, clocks.answer, clocks.idle)
