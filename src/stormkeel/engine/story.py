"""The last word on a request that nobody answered: one failure that says who was asked, in order, and what each said.

Never invents a cause: where every attempt failed alike it keeps that kind, else it is EXHAUSTED.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..types.attempt import Attempt
from ..types.failure import REFUSALS, Failure, FailureKind
from .run import Run

K = FailureKind
NANO = 1_000_000_000
SAID, REFUSED = 160, 600  # characters of what a provider said, and of why we did not ask it


def last_word(run: Run) -> Failure:
    """Return the failure to tell the caller.

    A single attempt speaks for itself, with the provider's own body. Several are told as a story.
    """
    attempts, recovery = run.attempts, run.recovery
    if recovery is not None and recovery.broke is not None:
        return recovery.last_word(attempts)
    if not attempts:
        return Failure(K.EXHAUSTED, f'route "{run.route}" has no deployment to ask')
    asked = [a for a in attempts if a.made and a.failure is not None] or attempts
    failures = [a.failure for a in asked if a.failure is not None]
    latest = failures[-1]
    if len(attempts) == 1 or not latest.rule.elsewhere:
        return latest
    kinds = {failure.kind for failure in failures}
    kind = latest.kind if len(kinds) == 1 else K.EXHAUSTED
    if kind not in REFUSALS and all(a.failure and a.failure.kind in REFUSALS for a in attempts):
        kind = K.EXHAUSTED
    hint = soonest(asked, run.world.ports.clock.wall())
    return Failure(kind, story_text(run.route, attempts), latest.status, latest.code, hint)


def soonest(attempts: Sequence[Attempt], wall: int) -> float | None:
    """Return in how many seconds the first of those asked may be asked again, None where nobody said, or one may be now.

    Each one's latest word counts, and from when it was said: a hint that was waited out already says nothing any more.

    Args:
        attempts: oldest first.
        wall: now, nanoseconds since the epoch.
    """
    latest = {attempt.deployment: attempt for attempt in attempts if attempt.failure is not None}
    left = [_left(attempt, wall) for attempt in latest.values() if attempt.failure and attempt.failure.retry_after is not None]
    least = min(left, default=0.0)
    return least if least > 0.0 else None


def _left(attempt: Attempt, wall: int) -> float:
    """Return the seconds that are left of an attempt's hint."""
    assert attempt.failure is not None
    age = (wall - attempt.started) / NANO - attempt.latency
    return (attempt.failure.retry_after or 0.0) - max(0.0, age)


def story_text(route: str, attempts: Sequence[Attempt]) -> str:
    """Write what was tried, a line an attempt, oldest first."""
    made = sum(attempt.made for attempt in attempts)
    lines = [f'no deployment of route "{route}" answered in {made} attempt{"" if made == 1 else "s"}']
    for number, attempt in enumerate(attempts, 1):
        failure = attempt.failure
        room = SAID if attempt.made else REFUSED
        said = failure.message.splitlines()[0][:room] if failure and failure.message else "answered"
        said = said.removeprefix(f"{attempt.deployment}: ")
        who = "" if attempt.made else "refused by us: "
        status = f"{failure.status} " if failure and failure.status else ""
        lines.append(f"  {number}. {attempt.deployment:<32} {who}{status}{said}   {attempt.latency:.2f} s")
    return "\n".join(lines)
