"""The last word on a request that nobody answered: one failure that says who was asked, in order, and what each said.

Never invents a cause: where every attempt failed alike it keeps that kind, else it is EXHAUSTED.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..types.attempt import Attempt
from ..types.failure import REFUSALS, Failure, FailureKind
from .run import Run

K = FailureKind
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
    hints = [failure.retry_after for failure in failures if failure.retry_after is not None]
    return Failure(
        kind,
        story_text(run.route, attempts),
        latest.status,
        latest.code,
        min(hints, default=None),
    )


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
