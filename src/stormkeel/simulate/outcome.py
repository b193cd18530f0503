"""What came of one seed, and of many: counts and figures, as values that travel between processes.

Never holds the evidence: that is as large as the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from .audit import Docket, Violation
from .evidence import Call, Evidence, Sending

SHOWN = 5
"""Violations kept of each seed: the rest follows from these, or is found by its replay."""


class Outcome(msgspec.Struct, frozen=True):
    """One seed, or the sum of several.

    Attributes:
        seeds: how many.
        virtual, cpu: seconds that were simulated, and that it took.
        requests: that were asked.
        outcomes: how they ended: "whole", "left", or "failed: " and the kind.
        sends: to providers.
        asked: requests of which at least one send was made.
        troubled: of these, the ones whose first send met trouble and whose caller stayed and asked sense.
        rescued: the ones of those that were answered whole all the same.
        first: milliseconds to the first content, by how many.
        checks: made, by invariant.
        broken: violations, by invariant.
        violations: with their seed, the first few of each.
        digest: of the trace; of several seeds "".
    """

    seeds: int = 0
    virtual: float = 0.0
    cpu: float = 0.0
    requests: int = 0
    outcomes: dict[str, int] = {}
    sends: int = 0
    asked: int = 0
    troubled: int = 0
    rescued: int = 0
    first: dict[int, int] = {}
    checks: dict[str, int] = {}
    broken: dict[str, int] = {}
    violations: tuple[tuple[int, Violation], ...] = ()
    digest: str = ""

    @property
    def ok(self) -> bool:
        """Does everything hold?"""
        return not self.broken

    @property
    def rescued_share(self) -> float | None:
        """The share of requests in trouble that were answered whole, None where none was in trouble."""
        return self.rescued / self.troubled if self.troubled else None

    @property
    def amplification(self) -> float | None:
        """Sends for each request that was sent at all, None where none was."""
        return self.sends / self.asked if self.asked else None

    def first_content(self, share: float) -> float | None:
        """Return a percentile of the seconds to the first content of streams, None where there was none."""
        left = share * sum(self.first.values())
        for milliseconds, count in sorted(self.first.items()):
            left -= count
            if left <= 0.0:
                return milliseconds / 1000.0
        return None

    def plus(self, other: Outcome) -> Outcome:
        """Return the sum of two."""
        return Outcome(
            self.seeds + other.seeds, self.virtual + other.virtual, self.cpu + other.cpu, self.requests + other.requests,
            _sum(self.outcomes, other.outcomes), self.sends + other.sends, self.asked + other.asked,
            self.troubled + other.troubled, self.rescued + other.rescued, _sum(self.first, other.first),
            _sum(self.checks, other.checks), _sum(self.broken, other.broken), self.violations + other.violations,
        )  # fmt: skip


K = TypeVar("K")


def _sum(one: dict[K, int], other: dict[K, int]) -> dict[K, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in (*one, *(key for key in other if key not in one))}


def outcome_of(seed: int, span: float, cpu: float, evidence: Evidence, docket: Docket) -> Outcome:
    """Sum one run up."""
    by_request = evidence.of_request()
    troubled = [call for call in evidence.calls.values() if _is_troubled(call, by_request.get(call.id, ()))]
    first = Counter(
        round(1000.0 * (call.first - call.at)) for call in evidence.calls.values() if call.stream and call.first is not None
    )
    return Outcome(
        1, span, cpu, len(evidence.calls), dict(Counter(map(_ended, evidence.calls.values()))), len(evidence.sendings),
        len(by_request), len(troubled), sum(call.outcome == "whole" for call in troubled), dict(first), dict(docket.made),
        dict(Counter(found.invariant for found in docket.violations)), tuple((seed, one) for one in _few(docket.violations)),
        evidence.trace.digest,
    )  # fmt: skip


def _is_troubled(call: Call, sendings: Sequence[Sending]) -> bool:
    stayed = call.outcome in ("whole", "failed") and call.ask == "good"
    return stayed and bool(sendings) and not sendings[0].finished and sendings[0].act not in ("served", "slow")


def _ended(call: Call) -> str:
    return f"failed: {call.kind}" if call.outcome == "failed" else call.outcome


def _few(found: Iterable[Violation]) -> list[Violation]:
    kept: list[Violation] = []
    counts: Counter[str] = Counter()
    for one in found:
        counts[one.invariant] += 1
        if counts[one.invariant] <= SHOWN:
            kept.append(one)
    return kept
