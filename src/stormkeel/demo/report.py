"""The demo's result for people (aligned tables) and for programs (one JSON object).

Never checks anything: what holds was decided in `claims.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from ..types.money import format_dollars
from .arrival import KINDS
from .audit import Audit, Side
from .claims import Claim
from .figures import Figures, ModelCost, Percentiles

OURS = "Stormkeel"


class Result(msgspec.Struct, frozen=True):
    """A whole run.

    Attributes:
        seed, requests: what was asked for.
        seconds: how long it took.
        versions: of the SDKs.
        arms: by name, ours last.
        audit: our ledger against the bill.
        models: cost by model through Stormkeel.
        claims: what was checked.
        notes: what a reader must know to read the numbers.
    """

    seed: int
    requests: int
    seconds: float
    versions: dict[str, str]
    arms: dict[str, Figures]
    audit: Audit
    models: dict[str, ModelCost]
    claims: list[Claim]
    notes: list[str]

    @property
    def ok(self) -> bool:
        """Does everything hold?"""
        return all(claim.holds for claim in self.claims)


def as_data(result: Result) -> dict[str, Any]:
    """Return the result as JSON values: seconds, nano-dollars, shares from 0 to 1."""
    data: dict[str, Any] = msgspec.to_builtins(result)
    for name, arm in result.arms.items():
        data["arms"][name]["success"] = arm.success
        data["arms"][name]["savable"] = arm.savable
    return {"ok": result.ok, **data}


def as_text(result: Result) -> str:
    """Return the result as tables."""
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    blocks = [
        [f"{result.requests} requests by the unmodified SDKs ({versions}), seed {result.seed}, {result.seconds:.0f} s"],
        table([["", *result.arms], *_arm_rows(list(result.arms.values()))]),
        table([["faults met", *result.arms], *_fault_rows(result.arms)]),
        table([["through Stormkeel", "attempts", "tokens in", "tokens out", "bill", "ledger"], *_model_rows(result.models)]),
        table([["ledger and bill", "attempts", "bill", "ledger", "reservation"], *_audit_rows(result.audit)]),
        result.notes,
        [_claim_line(claim) for claim in result.claims],
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


_ROWS: tuple[tuple[str, Callable[[Figures], str]], ...] = (
    ("requests", lambda arm: f"{arm.requests}"),
    ("answered whole", lambda arm: f"{arm.answered}"),
    ("streams broken after first content", lambda arm: f"{arm.broken}"),
    ("  told as an error", lambda arm: f"{arm.broken - arm.broken_silently}"),
    ("answered, of those that can be saved", lambda arm: f"{arm.success:.1%}"),
    ("wrong answers without an error", lambda arm: f"{arm.silent}"),
    ("attempts", lambda arm: f"{arm.attempts}"),
    ("  that failed", lambda arm: f"{arm.failed / max(1, arm.attempts):.1%}"),
    ("retries", lambda arm: f"{arm.retries}"),
    ("failovers", lambda arm: f"{arm.failovers}"),
    ("latency p50 / p95 / p99, s", lambda arm: _times(arm.latency)),
    ("added latency p50 / p95 / p99, s", lambda arm: _times(arm.added)),
    ("tokens in / out", lambda arm: f"{arm.input:,} / {arm.output:,}"),
    ("cost on the bill", lambda arm: format_dollars(arm.cost)),
    ("cost per answer", lambda arm: format_dollars(arm.cost // arm.answered) if arm.answered else "-"),
)


def _arm_rows(arms: Sequence[Figures]) -> list[list[str]]:
    return [[name, *(tell(arm) for arm in arms)] for name, tell in _ROWS]


def _fault_rows(arms: Mapping[str, Figures]) -> list[list[str]]:
    return [[kind, *(f"{arm.kinds[kind]}" for arm in arms.values())] for kind in KINDS]


def _model_rows(models: Mapping[str, ModelCost]) -> list[list[str]]:
    return [
        [name, f"{one.attempts}", f"{one.input:,}", f"{one.output:,}", format_dollars(one.bill), format_dollars(one.ledger)]
        for name, one in models.items()
    ]


def _audit_rows(found: Audit) -> list[list[str]]:
    return [_side("usage reported: equal", found.reported), _side("elsewhere: bill <= ledger <= reservation", found.elsewhere)]


def _side(name: str, side: Side) -> list[str]:
    return [name, f"{side.attempts}", *(format_dollars(amount) for amount in (side.bill, side.ledger, side.reserved))]


def _times(seconds: Percentiles) -> str:
    return "-" if seconds is None else " / ".join(f"{one:.3f}" for one in seconds)


def _claim_line(claim: Claim) -> str:
    return f"{'✓' if claim.holds else '✗'} {claim.text}: {claim.detail}"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns: the first to the left, all others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(_cells(row, widths)).rstrip() for row in rows]


def _cells(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = (text.rjust(width) for text, width in zip(row, widths, strict=True))
    return [row[0].ljust(len(first)), *others]
