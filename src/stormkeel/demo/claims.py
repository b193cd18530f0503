"""What must hold after a run, each claim checked and told with its numbers.

Never rounds in our favour: a share is compared as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from .arrival import KINDS
from .audit import Audit
from .figures import Figures

LEAST_REQUESTS = 300
LEAST_FAILED = 0.30
LEAST_OF_EACH = 5
LEAST_SUCCESS = 0.99
SHOWN = 3  # examples of what is wrong, at most


class Claim(msgspec.Struct, frozen=True):
    """One thing that must hold, whether it does, and the numbers."""

    text: str
    holds: bool
    detail: str


def check(arms: Sequence[Figures], ours: Figures, found: Audit) -> list[Claim]:
    """Check everything the demo promises.

    Args:
        arms: every arm, ours among them.
        ours: the arm through the gateway.
        found: its ledger against the bill.
    """
    return [
        *_storm(arms, ours),
        Claim(
            f"at least {LEAST_SUCCESS:.0%} of the requests that can be saved before their first content are answered",
            ours.success >= LEAST_SUCCESS,
            f"{ours.answered} of {ours.savable}",
        ),
        Claim(
            "every stream that broke off after its first content was told as an error",
            ours.broken_silently == 0,
            f"{ours.broken - ours.broken_silently} of {ours.broken}",
        ),
        Claim("no answer was wrong or cut short in silence", ours.silent == 0, f"{ours.silent}"),
        *_money(found),
    ]


def _storm(arms: Sequence[Figures], ours: Figures) -> list[Claim]:
    least = min(arm.requests for arm in arms)
    calmest = min(arm.failed / max(1, arm.attempts) for arm in arms)
    rare = [f"{kind} {ours.kinds[kind]}" for kind in KINDS if ours.kinds[kind] < LEAST_OF_EACH]
    every = f"the rarest {min(ours.kinds[kind] for kind in KINDS)} times"
    return [
        Claim(f"at least {LEAST_REQUESTS} requests in every arm", least >= LEAST_REQUESTS, f"{least}"),
        Claim(f"at least {LEAST_FAILED:.0%} of all attempts fail in every arm", calmest >= LEAST_FAILED, f"{calmest:.1%}"),
        Claim(f"every fault is met at least {LEAST_OF_EACH} times through Stormkeel", not rare, ", ".join(rare) or every),
    ]


def _money(found: Audit) -> list[Claim]:
    equal, bounded = found.reported, found.elsewhere
    return [
        Claim(
            "where usage was reported, ledger and bill are equal attempt by attempt",
            not equal.faults and equal.attempts > 0,
            _of(equal.attempts, equal.faults),
        ),
        Claim(
            "everywhere else, bill <= ledger <= reservation attempt by attempt",
            not bounded.faults,
            _of(bounded.attempts, bounded.faults),
        ),
        Claim("each attempt stands once on both sides, finished", not found.strays, _of(None, found.strays)),
    ]


def _of(attempts: int | None, faults: Sequence[str]) -> str:
    if faults:
        return f"{len(faults)} do not: {'; '.join(faults[:SHOWN])}"
    return "all" if attempts is None else f"all {attempts}"
