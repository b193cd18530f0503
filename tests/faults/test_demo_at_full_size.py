"""The demo as a newcomer runs it: six hundred requests an arm through a storm, and every claim holds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

PROGRAM = (sys.executable, "-m", "stormkeel", "demo", "--json")
DEADLINE = 300.0  # seconds


@pytest.mark.nightly
def test_every_claim_of_the_demo_holds(figure: Callable[[str, str, str], None]) -> None:
    """Its storm reaches us as it should, what can be saved is, no cut goes untold, and the ledger is the bill (S-6)."""
    ended = subprocess.run(PROGRAM, capture_output=True, text=True, timeout=DEADLINE, check=False)
    claims = json.loads(ended.stdout.splitlines()[-1])["claims"]
    broken = [claim["text"] for claim in claims if not claim["holds"]]
    figure("S-6", "the demo: every claim holds", f"{len(claims) - len(broken)} of {len(claims)}")
    assert (broken, ended.returncode) == ([], 0)
