"""What is checked, and what was found: the scene of a run, and the docket of its audit.

Never decides whether something holds: the checks beside it do.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from ..evidence import Evidence
from ..stage import Plan

if TYPE_CHECKING:
    from ...config.settings import Settings

MOST = 1000
"""Violations that are kept of one run: a broken engine has no end of them."""


class Scene(msgspec.Struct, frozen=True):
    """What an audit goes by.

    Attributes:
        plan: what was played.
        settings: what was configured, as the auditor reads it.
        evidence: what was seen.
    """

    plan: Plan
    settings: Settings
    evidence: Evidence


class Violation(msgspec.Struct, frozen=True):
    """Something that must never be.

    Attributes:
        invariant: its name, as in "INV-8".
        at: when it was seen, virtual seconds.
        whom: the request, attempt or deployment.
        what: what was seen, and what was allowed.
    """

    invariant: str
    at: float
    whom: str
    what: str

    def __str__(self) -> str:
        return f"{self.invariant} at {self.at:.3f} s, {self.whom}: {self.what}"


class Docket:
    """The checks made of each invariant, and the violations found.

    Attributes:
        made: how many checks, by invariant.
        violations: what was found, oldest first within a check.
    """

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()
        self.violations: list[Violation] = []

    def check(self, invariant: str, holds: bool, at: float, whom: str, what: str) -> None:
        """Note a check; where it does not hold, a violation. For a `what` that costs something, see `accuse`."""
        self.made[invariant] += 1
        if not holds:
            self.accuse(invariant, at, whom, what)

    def accuse(self, invariant: str, at: float, whom: str, what: str) -> None:
        """Note a violation."""
        if len(self.violations) < MOST:
            self.violations.append(Violation(invariant, at, whom, what))
