"""THE line: how a request finds its answer. One screen, in order.

    resolve -> [ plan -> attempt -> decide ] ... -> answer or failure -> tell the sinks

Never knows a vendor, a socket or a file. An attempt's own steps (admit, reserve, send, read, settle) are in `trial.py`.
"""

from __future__ import annotations

import asyncio

import msgspec

from ..policies.retry import ELSEWHERE, Again, Decision, GiveUp, Situation, decide
from ..routing.plan import Walk
from ..routing.route import Route
from ..types.attempt import Story
from ..types.failure import Failure, FailureKind
from ..types.request import Request
from ..types.response import Response
from ..types.wire import NO_HEADERS, Headers, HttpResponse
from .attempt import attempt
from .crossing import headers_for
from .detours import OWN_FAULT, turn
from .fleet import Member
from .gates import PROBED
from .hedge import hedged
from .keeping import kept_alone, narrow
from .outlook import sight_of
from .ports import Output
from .residency import inside, kept_inside
from .retrying import begin, end, paused
from .run import Run
from .story import last_word
from .timing import needs, next_in_time
from .trial import Trial
from .turns import called, is_full, is_turn
from .world import World

K = FailureKind
LATE = GiveUp("the wait was over only after the deadline")  # a busy loop, or a machine that slept (INV-10)


class Answer(msgspec.Struct, frozen=True):
    """What became of a request.

    Attributes:
        response: the provider's whole answer; None for a stream, whose frames went to the output, and after a failure.
        failure: None where it was answered whole.
        began: did a stream's head go out? A failure must then be told in-stream.
        story: everything that happened.
        member: the deployment that had the last word, None where none was asked.
        read: the answer in canonical form, where it was read already (`Request.is_read`).
    """

    response: HttpResponse | None
    failure: Failure | None
    began: bool
    story: Story
    member: Member | None = None
    read: Response | None = None

    @property
    def headers(self) -> Headers:
        """What goes to the client with the answer."""
        if self.member is None or self.response is None:
            return NO_HEADERS
        return headers_for(self.member, self.response.headers, self.story.attempts[-1].lost)


async def answer(request: Request, world: World, out: Output | None = None) -> Answer:
    """Answer one request.

    Args:
        request: what is asked.
        world: who can be asked, and how.
        out: where a stream's frames go; None for requests that are not streamed.

    Returns:
        The answer or the failure; never raises for either. A cancel from outside passes through once everything is settled.
    """
    run = Run(request, world, out)
    trial: Trial | None = None
    failure: Failure | None = None
    world.active += 1
    try:
        trial, failure = await _pursue(run)
    except asyncio.CancelledError:
        failure = None if run.is_answered else Failure(K.CANCELLED, "the caller went away")
        raise
    except Exception as error:  # noqa: BLE001 - the last net: a fault of ours is told, not thrown at the caller
        failure = Failure(K.INTERNAL, f"a fault inside Stormkeel ({type(error).__name__}); request id {request.id}")
        for sink in world.ports.sinks:
            sink.broke(error, request)
    finally:
        world.active -= 1
        if run.turn is not None:
            run.turn.over()
        story = run.story(failure)
        for sink in world.ports.sinks:
            sink.answered(story)
        if request.stream:
            await run.release()
    if trial is None:
        return Answer(None, failure, run.began, story)
    return Answer(trial.response, failure, run.began, story, trial.member, trial.read)


async def _pursue(run: Run) -> tuple[Trial | None, Failure | None]:
    """Try deployments until one answers, or until nothing more may be tried."""
    world = run.world
    route = _find(run)
    if isinstance(route, Failure):
        return None, route
    run.way = route
    is_plain = route.is_plain  # the usual case, and it pays for nothing more
    walk = Walk(route, world.fleet, world.turn, world.ports.rng) if is_plain else sight_of(world).walk(route, run.request)
    spent: set[int] = set()  # deployments that this request will not ask again
    deployment = walk.next(spent)
    while deployment is not None:
        member = world.fleet.members[deployment.index]
        run.paid = 0  # what was paid elsewhere is another provider's
        if run.request.stream:
            run.hold()
        trial = await (attempt(run, member) if run.hedge is None else hedged(run, run.hedge, walk, member, spent))
        member = trial.member  # of two, who answered
        if trial.failure is not None:
            trial, decision = await _go_on(run, walk, member, spent, trial)
        if trial.failure is None:
            world.reward(member, run.paid)
            return trial, None
        if run.committed or run.is_answered or trial.failure.kind is K.CANCELLED:
            return trial, trial.failure
        spent.add(member.index)
        world.fleet.now = world.ports.clock.now()
        if trial.failure.kind in OWN_FAULT:
            walk, decision = turn(run, walk, spent, member, decision)
        deployment = None if type(decision) is GiveUp else next_in_time(run, walk, spent) or await called(run)
    return None, kept_inside(kept_alone(last_word(run), run.request), run.way)


def _find(run: Run) -> Route | Failure:
    """Find the route; of one who leans on what a provider keeps, no more of it than the account that does."""
    world, request = run.world, run.request
    route = world.resolve(request)
    if isinstance(route, Failure):
        return route
    if request.options.border or world.borders:
        route = inside(request, route, world.borders)
        if isinstance(route, Failure):
            return route
    run.take(route)
    if not request.follows:
        return route
    maker = world.makers.of(request.follows)
    return narrow(request, route, world.fleet.members, maker, lambda some: sight_of(world).walk(some, request).first())


async def _go_on(run: Run, walk: Walk, member: Member, spent: set[int], trial: Trial) -> tuple[Trial, Decision]:
    """Try a deployment that failed again, for as long as that is the best that can be done."""
    world, tries = run.world, 0
    while True:
        trial = await _probe(run, walk, member, spent, trial)
        failure = trial.failure
        if failure is None or run.committed or is_full(run, trial):
            return trial, ELSEWHERE  # whose limits are full is come back to, if nobody else answers
        tries += trial.made
        decision = decide(_situation(run, walk, member, spent, failure, tries), world.retry, world.ports.rng)
        if type(decision) is not Again:
            return trial, decision
        if trial.made and not await begin(run, member, failure, walk.has_other(spent | {member.index})):
            return trial, ELSEWHERE  # no retries are left in the budget: only somebody not asked yet may be
        try:
            if not await paused(run, member, decision.after):
                return trial, LATE
            run.is_thoughtless |= failure.kind is K.FOREIGN_THOUGHT
            if not trial.made:
                run.attempts.pop()  # what comes next stands for it: who waits long at a busy limit is refused many times
            trial = await attempt(run, member)
        finally:
            end(run)


async def _probe(run: Run, walk: Walk, member: Member, spent: set[int], trial: Trial) -> Trial:
    """Return a trial, or where an open breaker or a missing model refused the last one left, another as a probe."""
    failure = trial.failure
    is_last = not walk.has_other(spent | {member.index}) and not is_turn(run, member)  # a turn is taken as a probe already
    if failure is not None and not trial.made and failure.kind in PROBED and is_last:
        run.attempts.pop()  # the probe's outcome stands for it: a refusal is told once
        trial = await attempt(run, member, probe=True)  # the last one left: a wrong breaker must not black-hole the route
    return trial


def _situation(run: Run, walk: Walk, member: Member, spent: set[int], failure: Failure, tries: int) -> Situation:
    world, out = run.world, spent | {member.index}
    now = world.fleet.now = world.ports.clock.now()
    return Situation(
        failure, tries, run.made, walk.has_sibling(member.deployment, spent), walk.has_other(out) or bool(run.full),
        run.deadline - now, needs(run, member.index),
    )  # fmt: skip
