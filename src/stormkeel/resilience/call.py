"""A guarded call from its first attempt to its end, as a flow of steps; `steps.py` drives it in either colour.

Never raises for a failure: it ends with a value or with the exception to raise.
"""

from __future__ import annotations

import msgspec

from ..policies.retry import Again
from ..types.failure import Failure
from .failures import is_bug
from .gates import Ticket
from .steps import Do, Flow, Outcome, Sleep
from .turn import LATE, Turn


class Ended(msgspec.Struct, frozen=True):
    """How a call ended: a value, or an exception to raise."""

    value: object = None
    error: Exception | None = None


def call(turn: Turn) -> Flow[Ended]:
    """Make one guarded call. Closing it on its way settles everything."""
    try:
        why = yield from _pursue(turn)
        if not isinstance(why, str):
            turn.succeed()
            return Ended(why.value)
        return (yield from _fall(turn, why))
    except GeneratorExit:
        turn.break_off()
        raise


def _pursue(turn: Turn) -> Flow[Outcome | str]:
    """Try until an attempt succeeds; returns its outcome, or why nothing more is tried."""
    while True:
        ticket = yield from turn.admit()
        if isinstance(ticket, Failure):
            return ""
        outcome = yield from _attempt(turn, ticket)
        if turn.failure is None:
            return outcome
        decision = turn.decide()
        if not isinstance(decision, Again):
            return getattr(decision, "why", "")
        yield Sleep(decision.after)
        if turn.is_late:
            return LATE.why


def _attempt(turn: Turn, ticket: Ticket) -> Flow[Outcome]:
    try:
        outcome: Outcome = yield Do(0, turn.timeout)
    except BaseException:
        turn.cancel(ticket)
        raise
    turn.settle(ticket, outcome)
    return outcome


def _fall(turn: Turn, why: str) -> Flow[Ended]:
    """Ask the fallbacks in order; unguarded, and after the deadline too."""
    policies, error = turn.policies, turn.complaint(why)
    has_value = policies.value is not msgspec.UNSET
    if not (policies.fallback or has_value) or (turn.failure is not None and is_bug(turn.failure)):
        return Ended(error=turn.fail(error))
    for number in range(1, len(policies.fallback) + 1):
        turn.fall()
        outcome: Outcome = yield Do(number)
        if outcome.error is None:
            turn.fell()
            return Ended(outcome.value)
        is_last_word = turn.also_failed(outcome.error, error)
        error = outcome.error
        if is_last_word:
            return Ended(error=turn.fail(error))
    if has_value:
        turn.fall()
        turn.fell()
        return Ended(policies.value)
    return Ended(error=turn.fail(turn.exhausted(error)))
