"""A hedge: a second attempt beside one that is slow to begin. The first that brings content wins, the other is ended and booked.

Never more than two at once, and never two at the caller: a race grants its commit point to one of its legs, by plain code that
nothing interrupts. Both have the request's one deadline and count as attempts of it. What comes back is as if one had been made.

    request ──> first leg (a task) ── no content in time, somebody is ready, the budget pays ──> second leg (a task)
                     '── content, or a whole answer ──> claim ──> the other is cancelled, and settles (INV-3, INV-5)
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ..ledger.estimate import UNSEEN_TOKENS, input_estimate
from ..policies.hedge import HedgeSettings, moment
from ..routing.plan import Walk
from ..types.failure import FailureKind
from ..types.usage import Usage
from ..types.wire import Headers
from .attempt import attempt
from .detours import is_no_larger, pass_over_smaller
from .fleet import Member
from .hedging import Outcome, Unit
from .outlook import Outlook
from .run import Run
from .trial import Trial

K = FailureKind
LOST = "another attempt of the request answered first"
QUICKEST = 250
"""Output tokens a second that a model may have written unseen, reasoning for instance: more than nearly all of them do."""
GIVEN_UP = frozenset({K.CANCELLED, K.SILENT, K.DEADLINE})


class Leg(Run):
    """One of the attempts of a race: a run of its own, whose content goes out as the request's once it has won.

    Attributes:
        member: who is asked.
        begun: when, monotonic seconds.
        trial: what became of it, None before and where it was cancelled.
    """

    __slots__ = ("_race", "begun", "member", "trial")

    def __init__(self, race: Race, member: Member) -> None:
        whole = race.run
        for name in COPIED:
            setattr(self, name, getattr(whole, name))
        self._race = race
        self.member = member
        self.begun = whole.world.ports.clock.now()
        self.trial: Trial | None = None
        self.attempts = []
        self.number = len(whole.attempts) + 1 + len(race.legs)
        self.task = whole.loop.create_task(self._go())

    @property
    def began(self) -> bool:  # type: ignore[override]  # whoever asks wants to know of the one stream that there is
        """Has the head of the stream gone out?"""
        return self._race.run.began

    async def _go(self) -> None:
        self.trial = await attempt(self, self.member)

    async def commit(self, headers: Headers) -> None:
        """Mark the first content, which is granted to one leg alone; the other never comes back from here."""
        if not self._race.claim(self):
            await asyncio.sleep(0)  # its cancel is on its way
            raise asyncio.CancelledError
        await self._race.run.commit(headers)
        self.committed = True
        self.ttft = self._race.run.ttft

    def look(self, failure: object) -> None:
        """Leave it to the whole request whether somebody goes on."""

    @property
    def is_futile(self) -> bool:
        """Did it hear that asking elsewhere does not help? Then the request is over, however the other one ended."""
        return self.trial is not None and self.trial.failure is not None and not self.trial.failure.rule.elsewhere

    @property
    def is_too_long(self) -> bool:
        """Did it hear that the request is too long? Then it is for whoever has no larger window, however the other one ended."""
        return self.trial is not None and self.trial.failure is not None and self.trial.failure.kind is K.CONTEXT_LENGTH

    @property
    def is_well(self) -> bool:
        """Has it brought a whole answer?"""
        return self.trial is not None and self.trial.failure is None


COPIED = tuple(name for name in Run.__slots__ if name not in {"began", "original", "attempts", "task", "number"})


class Race:
    """Two attempts of one request at most, and who of them may answer.

    Attributes:
        run: the request.
        legs: in the order they began.
        winner: whose the answer is.
        unit: what the second leg was paid in.
    """

    __slots__ = ("_heard", "legs", "run", "unit", "winner")

    def __init__(self, run: Run) -> None:
        self.run = run
        self.legs: list[Leg] = []
        self.winner: Leg | None = None
        self.unit: Unit = "tokens"
        self._heard: asyncio.Future[None] = run.loop.create_future()

    def begin(self, member: Member) -> Leg:
        """Start one more leg."""
        leg = Leg(self, member)
        self.legs.append(leg)
        return leg

    def claim(self, leg: Leg) -> bool:
        """Grant the answer to one leg, once; all others are ended in the same step."""
        if self.winner is None:
            self.winner = leg
            if not self._heard.done():
                self._heard.set_result(None)
            for other in self.legs:
                if other is not leg:
                    self._end(other, leg)
        return self.winner is leg

    def _end(self, loser: Leg, winner: Leg) -> None:
        if not loser.task.done():
            loser.leaving, loser.guess = LOST, _guess(loser, winner)
            loser.task.cancel()

    async def first_word(self, seconds: float) -> bool:
        """Wait for the first leg's content or end, but not for longer; return whether neither has come."""
        done, _ = await asyncio.wait({self.legs[0].task, self._heard}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return not done

    async def over(self) -> None:
        """Wait until every leg has ended; the first whole answer wins."""
        while open_ := [leg for leg in self.legs if not leg.task.done()]:
            await asyncio.wait({leg.task for leg in open_}, return_when=asyncio.FIRST_COMPLETED)
            for leg in self.legs:
                if leg.task.done() and leg.is_well:
                    self.claim(leg)

    async def abandon(self) -> None:
        """The caller is gone: end every leg, and wait until they are settled, whoever else cancels meanwhile."""
        for leg in self.legs:
            leg.task.cancel()
        while open_ := [leg.task for leg in self.legs if not leg.task.done()]:
            try:
                await asyncio.wait(open_)
            except asyncio.CancelledError:
                continue

    def tell(self) -> Leg:
        """Let the request go on as its winner, or where none answered as its first leg; each attempt is told, that one last.

        As the second one where that says more: asking elsewhere does not help, or the request is too long for the first as well.
        """
        first, second = self.legs[0], self.legs[-1]
        last = self.winner or next((leg for leg in self.legs if leg.is_futile), first)
        if self.winner is None and last is first and second.is_too_long and is_no_larger(first.member, second.member):
            last = second
        self._keep(last)
        for leg in self.legs:
            fault = None if leg.task.cancelled() else leg.task.exception()
            if fault is not None and leg is last:
                raise fault
            if fault is not None:
                for sink in self.run.world.ports.sinks:
                    sink.broke(fault, self.run.request)
        return last

    def _keep(self, last: Leg) -> None:
        run = self.run
        for leg in (*(leg for leg in self.legs if leg is not last), last):
            run.attempts += [one for one in leg.attempts if one.made or leg is last]
        if last.ttft is not None and run.ttft is None:
            run.ttft = last.ttft


def _guess(loser: Leg, winner: Leg) -> Usage:
    """What a loser has probably taken unseen, rather more than less: what can be written in its time, and of a whole answer at
    least twice the winner's, for one answer may be longer than another.
    """
    told, least = winner.attempts[-1].usage if winner.attempts else None, input_estimate(loser.request.raw)
    output = int((loser.world.ports.clock.now() - loser.begun) * QUICKEST)
    if told is not None:
        least, output = max(told.total_input, least), max(2 * told.total_output, output)
    return Usage(input=least, output=output + UNSEEN_TOKENS)


async def hedged(run: Run, settings: HedgeSettings, walk: Walk, member: Member, spent: set[int]) -> Trial:
    """Try a deployment once, and where it is slow to begin another one beside it.

    Args:
        run: the request.
        settings: its route's.
        walk, spent: who else may be asked.
        member: who is asked first.
    """
    request, book = run.request, run.world.hedging
    is_rest = run.recovery is not None and run.recovery.broke is not None
    if request.is_kept or request.follows or is_rest or run.turn is not None:
        return await attempt(run, member)  # two answers would be kept; it is the rest of one; it has waited for this one
    if not run.attempts:  # once a request, however many it is sent on to
        for unit, amount in _expected(run, member).items():
            book.budget(run.route, unit).pay_in(amount, settings.share)
    seconds = moment(settings, book.waits(member.deployment.name, request.stream))
    race = Race(run)
    race.begin(member)
    try:
        if seconds is not None and await race.first_word(seconds):
            _second(race, walk, spent)
        await race.over()
    except BaseException:  # the caller is gone, or a fault of ours between the two: nobody answers for the legs any more
        await race.abandon()
        with suppress(Exception):  # what ends the request is told, and what a leg made of it is not
            race.tell()
        raise
    return _ended(race, settings, spent)


def _second(race: Race, walk: Walk, spent: set[int]) -> None:
    """Start a second attempt, where somebody is ready and the budget pays."""
    run, first = race.run, race.legs[0].member
    world = run.world
    world.fleet.now = world.ports.clock.now()
    if run.made + 2 > world.retry.request_attempts or world.fleet.now >= run.deadline:  # a busy loop is late (INV-10)
        return
    other = walk.next(spent | {first.index})
    if other is None or not world.fleet.is_ready(other.index):
        world.hedging.outcomes[run.route, "nobody"] += 1
        return
    member = world.fleet.members[other.index]
    costs = _expected(run, member)
    race.unit = "money" if "money" in costs and "money" in _expected(run, race.legs[0].member) else "tokens"
    if not world.hedging.budget(run.route, race.unit).take(costs[race.unit]):
        world.hedging.outcomes[run.route, "unpaid"] += 1
        return
    run.hedge = None  # one a request
    race.begin(member)


def _expected(run: Run, member: Member) -> dict[Unit, float]:
    """About what a request costs at a deployment: tokens, and nano-dollars where the price is known, and not nothing."""
    outlook = Outlook(run.request, "off", run.world.fleet.members, run.world.ports.clock)
    price, tokens = outlook.price(member.index), float(sum(outlook.expected))
    return {"tokens": tokens, "money": float(price)} if price else {"tokens": tokens}


def _ended(race: Race, settings: HedgeSettings, spent: set[int]) -> Trial:
    """Tell the race, learn from it, and return the trial that counts."""
    run, last = race.run, race.tell()
    for leg in race.legs:
        _learn(leg, settings)
    if len(race.legs) == 2:
        _count(race, spent)
        if race.legs[1].is_too_long and run.way is not None:
            pass_over_smaller(run, run.way, race.legs[1].member, spent)
    assert last.trial is not None  # a leg that was not cancelled has ended in a trial
    if run.committed and last.trial.failure is not None and not run.is_answered:
        run.look(last.trial.failure)
    return last.trial


def _learn(leg: Leg, settings: HedgeSettings) -> None:
    """Take note of a wait: until the first content, or, where it was given up later than most waits end, until then."""
    waits = leg.world.hedging.waits(leg.member.deployment.name, leg.request.stream)
    for one in leg.attempts:
        if one.ttft is not None:
            waits.add(one.ttft)
        elif one.failure is not None and one.failure.kind in GIVEN_UP:
            usual = waits.percentile(settings.percentile)
            if usual is not None and one.latency >= usual:
                waits.add(one.latency)


def _count(race: Race, spent: set[int]) -> None:
    """Count how a hedge ended; who failed beside a first one that failed as well is not asked again."""
    run, second = race.run, race.legs[1]
    made = any(one.made for one in second.attempts)
    if not made:
        run.world.hedging.budget(run.route, race.unit).give_back(_expected(run, second.member)[race.unit])
    elif race.winner is not second:
        spent.add(second.member.index)
    is_failed = second.trial is not None and second.trial.failure is not None
    outcome: Outcome = "refused" if not made else "won" if race.winner is second else "failed" if is_failed else "lost"
    run.world.hedging.outcomes[run.route, outcome] += 1
