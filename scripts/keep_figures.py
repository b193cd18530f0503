"""Keep the figures of a demo for docs/comparison.md.

    make demo ARGS=--json | python scripts/keep_figures.py "what machine it was"

Never keeps a run of which a claim does not hold.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parents[1] / "docs" / "measured" / "demo.json"
OF_AN_ARM = (
    "requests", "answered", "savable", "broken", "broken_silently", "silent", "attempts", "failed", "retries", "failovers",
    "latency", "added", "cost",
)  # fmt: skip
OF_A_RUN = ("seed", "versions", "claims", "notes")


def kept(run: dict[str, Any], machine: str) -> dict[str, Any]:
    """Return what is kept of a run.

    Raises:
        ValueError: a claim does not hold.
    """
    if not run["ok"]:
        raise ValueError(f"not kept: {[claim['text'] for claim in run['claims'] if not claim['holds']]}")
    about = {"command": "make demo ARGS=--json", "date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine}
    arms = {name: {field: arm[field] for field in OF_AN_ARM} for name, arm in run["arms"].items()}
    return {**about, **{field: run[field] for field in OF_A_RUN}, "arms": arms}


if __name__ == "__main__":
    KEPT.write_text(json.dumps(kept(json.load(sys.stdin), sys.argv[1]), indent=1) + "\n", encoding="utf-8")
