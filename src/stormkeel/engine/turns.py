"""A request's turn at full limits: which of its candidates it waits for, for how long, and what it is told if that is not enough.

Never debits anything: whoever is called is asked again like anybody else. Where a candidate has room the request does not wait
at all, and where a wait can't fit into what it is worth it does not begin one.

    worth: the request's own `queue_wait`  >  its key's  >  its route's  >  until its deadline, if it brings one  >  `queue.wait`
    and beside it: a provider's own pause;  never beyond the deadline
"""

from __future__ import annotations

import msgspec

from ..policies.base import Need
from ..routing.deployment import Deployment
from ..types.failure import Failure, FailureKind
from .fleet import Member
from .quota import Quota
from .run import Run
from .trial import Trial
from .waiting import FULL, Waiter

K = FailureKind


class Full(msgspec.Struct, frozen=True):
    """A candidate whose limits were full, and what the attempt would have needed."""

    member: Member
    need: Need
    failure: Failure


def is_full(run: Run, trial: Trial) -> bool:
    """Was a trial refused by a limit that time undoes? Then its turn may be waited for, and it is remembered."""
    failure = trial.failure
    if failure is None or trial.made or failure.kind not in FULL or failure.forever or is_turn(run, trial.member):
        return False
    run.full[trial.member.index] = Full(trial.member, trial.extent.need, failure)
    return True


def is_turn(run: Run, member: Member) -> bool:
    """Has a member called in this very moment? Then it is not waited for again: what refuses the request is something else."""
    return run.turned is not None and run.turned == (member.index, run.world.ports.clock.now())


async def called(run: Run) -> Deployment | None:
    """Wait until a candidate that was full has room for the request; None where nobody had in time.

    Raises only `CancelledError`, when the caller is gone; then nothing is left in any line.
    """
    if not run.full:
        return None
    clock, settings = run.world.ports.clock, run.world.queue
    began = clock.now()
    fitting, until = _fitting(run, began)
    if not fitting:
        return None
    waiter = _waiter(run, max((one.need for one in fitting.values()), key=lambda need: need.tokens))
    line = await waiter.wait([quota.line for quota in fitting], settings, until)
    now = clock.now()
    run.queued += now - began
    if line is None:
        for full in run.full.values():
            _tell(run, full, full.member.cooling[0].line.estimate(waiter))
        run.full.clear()
        return None
    if now >= run.deadline:
        line.over()
        return None
    line.is_open = True
    run.turn = line
    one = next(full for quota, full in fitting.items() if quota.line is line)
    del run.full[one.member.index]
    run.turned = one.member.index, now
    _forget(run, one)
    return one.member.deployment


def _waiter(run: Run, need: Need) -> Waiter:
    options = run.request.options
    return Waiter(options.key, run.priority, need, len(run.request.raw))


def _fitting(run: Run, now: float) -> tuple[dict[Quota, Full], float]:
    """Find those for whose turn there is time, one of each quota group, and until when; the others are told how long it is."""
    fitting: dict[Quota, Full] = {}
    until = now
    for full in run.full.values():
        quota = full.member.cooling[0]
        quota.line.use(run.world.ports.clock)
        wait = quota.line.estimate(_waiter(run, full.need))
        allowed = min(_worth(run, quota, now), run.deadline - now)
        if allowed > 0.0 and wait < allowed and quota not in fitting:
            fitting[quota] = full
            until = max(until, now + allowed)
        else:
            _tell(run, full, wait)
    return fitting, until


def _worth(run: Run, quota: Quota, now: float) -> float:
    """How many seconds the turn of a candidate is worth."""
    own = run.worth
    pause = quota.until - now
    if run.made:  # it has cost something already: as long as a provider's hint is waited out
        own = max(own, run.world.retry.wait_hint)
    if pause <= 0.0:
        return own
    return pause + max(own, 1.0) if pause <= run.world.retry.max_hint else 0.0


def _tell(run: Run, full: Full, wait: float) -> None:
    """Let the refusal say how long the wait would be: that of those before it is part of it."""
    failure = full.failure
    places, line = full.member.concurrency, full.member.cooling[0].line
    if failure.kind is K.CONCURRENCY_REACHED and places is not None:  # as long as attempts usually take, as far as that is known
        wait = max(wait, (full.member.recent.latency or 1.0) * (len(line.queue) + 1) / places.limit)
    if wait > (failure.retry_after or 0.0):
        _replace(run, full, msgspec.structs.replace(failure, retry_after=wait))


def _replace(run: Run, full: Full, failure: Failure) -> None:
    for place in range(len(run.attempts) - 1, -1, -1):
        one = run.attempts[place]
        if one.failure is full.failure:
            run.attempts[place] = msgspec.structs.replace(one, failure=failure)
            return


def _forget(run: Run, full: Full) -> None:
    """Take the refusal out of the story: what comes next stands for it. Before an attempt that was made it stays: ids count."""
    for place in range(len(run.attempts) - 1, -1, -1):
        if run.attempts[place].made:
            return
        if run.attempts[place].failure is full.failure:
            del run.attempts[place]
            return
