"""A simulation for people (aligned tables) and for programs (one JSON object).

Never judges: what holds was found by the audit.
"""

from __future__ import annotations

from typing import Any

import msgspec

from .outcome import Outcome
from .run import Replay

TELLS = {
    "INV-2": "reserved before it is sent",
    "INV-3": "settled exactly once",
    "INV-5": "what was billed is never booked as free",
    "INV-6": "booked to the token what was billed",
    "INV-8": "no bytes of two attempts in one answer",
    "INV-9": "whole only if its end has come",
    "INV-10": "an outcome by the deadline",
    "INV-11": "sends are bounded",
    "INV-12": "limits kept, no Retry-After violated",
    "INV-13": "open breakers hold, the healed are found",
    "INV-14": "little is held for a slow reader",
    "INV-15": "nothing is left over at rest",
    "INV-31": "nothing is sent outside a border",
    "INV-32": "too long: larger windows only; refused: nowhere unasked",
    "INV-33": "what is left out is allowed, and told",
    "INV-34": "a conversation begins where it began before",
}
"""What each invariant says, in the order they are told."""


def as_data(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as JSON values: seconds, shares, counts."""
    data: dict[str, Any] = msgspec.to_builtins(outcome)
    del data["first"]
    firsts = {f"p{round(100 * share)}": outcome.first_content(share) for share in (0.5, 0.95, 0.99)}
    found = [{"seed": seed, **msgspec.to_builtins(one)} for seed, one in outcome.violations]
    return {
        "ok": outcome.ok, **data, "violations": found, "rescued_share": outcome.rescued_share,
        "amplification": outcome.amplification, "first_content_s": firsts,
    }  # fmt: skip


def as_text(outcome: Outcome, command: str) -> str:
    """Return the outcome as tables; `command` replays a seed, which is put in its place."""
    blocks = [_figures(outcome), _invariants(outcome)]
    if outcome.violations:
        blocks.append([f"seed {seed}: {found}\n    {command.format(seed)}" for seed, found in outcome.violations])
    return "\n\n".join("\n".join(block) for block in blocks)


def as_trace(replay: Replay) -> str:
    """Return one seed to be read: its configuration, its weather, and what happened in order."""
    drawn = msgspec.json.format(msgspec.json.encode(replay.plan.drawn), indent=2).decode()
    weather = [str(one) for one in replay.plan.weather]
    return "\n".join(("configuration:", drawn, "", "weather:", *weather, "", "what happened:", *replay.lines))


def _figures(outcome: Outcome) -> list[str]:
    hours = outcome.virtual / 3600.0
    rows = [
        ("seeds", f"{outcome.seeds}, {hours:g} virtual hours in {outcome.cpu:.0f} CPU-seconds"),
        ("requests", f"{outcome.requests:,}"),
        *((f"  {name}", f"{count:,}") for name, count in sorted(outcome.outcomes.items(), key=lambda row: -row[1])),
        ("in trouble, and rescued", f"{outcome.rescued:,} of {outcome.troubled:,} ({_share(outcome.rescued_share)})"),
        ("sends a request", _number(outcome.amplification)),
        ("first content p50 / p99, s", f"{_number(outcome.first_content(0.5))} / {_number(outcome.first_content(0.99))}"),
    ]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {told}" for name, told in rows]


def _invariants(outcome: Outcome) -> list[str]:
    lines = [f"{'invariant':<9}  {'checks':>12}  {'broken':>6}"]
    for name, tells in TELLS.items():
        lines.append(f"{name:<9}  {outcome.checks.get(name, 0):>12,}  {outcome.broken.get(name, 0):>6,}  {tells}")
    return lines


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
