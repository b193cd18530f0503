"""One try of one deployment: admit, reserve, send, read, classify, settle exactly once.

Never raises for a failure: a fault is a value. Only a cancel from outside passes through, after everything is settled.
Settling is plain synchronous code, so no cancel can interrupt it (INV-3).

    admit -> reserve (journal) -> send -> head -> first content -> ... -> terminal marker
              |                    |       |        |                     |
              refused?             connect silent   stalled, truncated    settle: gates, journal, record
"""

from __future__ import annotations

import asyncio

from ..types.failure import Failure, FailureKind
from .fleet import Member
from .mishaps import WIRE_KINDS
from .ports import ClientGone, WireFault
from .recovery import Recovery
from .run import Run
from .stream_trial import StreamTrial
from .trial import Trial
from .watchdog import Watchdog

K = FailureKind


async def attempt(run: Run, member: Member, probe: bool = False) -> Trial:
    """Try one deployment once. Raises only `CancelledError`, when the caller is gone, after settling."""
    trial = StreamTrial(run, member) if run.request.stream else Trial(run, member)
    refusal = trial.open(probe) if run.turn is None else run.take_turn(trial.open)
    if refusal is not None:
        trial.refuse(refusal)
        return trial
    trial.dog = Watchdog(run.world.kennel, run.loop, run.task)
    try:
        trial.settle(await trial.go())
    except asyncio.CancelledError:
        if not (trial.dog.bitten and trial.dog.calm()):
            trial.settle(Failure(K.CANCELLED, run.leaving))
            raise
        trial.cut(trial.bite())
    except WireFault as fault:
        trial.sent = fault.stage != "connect"
        trial.settle(Failure(WIRE_KINDS[fault.stage], f"{member.deployment.name}: {fault.detail}"))
    except ClientGone:
        trial.settle(Failure(K.CANCELLED, "the caller went away"))
    except Exception as error:
        trial.settle(Failure(K.INTERNAL, f"a fault of ours: {type(error).__name__}"))
        raise
    finally:
        trial.dog.stop()
        if isinstance(trial, StreamTrial):
            await trial.close()
    return trial if run.recovery is None else await _looked_at(run, run.recovery, trial)


async def _looked_at(run: Run, recovery: Recovery, trial: Trial) -> Trial:
    """See whether somebody may go on where a trial broke off; who only would not take a turn that was begun is asked in words."""
    if trial.failure is None or run.is_answered:
        return trial
    if run.committed:
        run.look(trial.failure)
    return await attempt(run, trial.member) if recovery.may_be_asked(trial.failure, trial.member) else trial
