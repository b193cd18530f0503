"""Says in a run's last lines which recordings were missing: a replay that did not happen is not a replay that passed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import recordings as source


@pytest.fixture
def recorded(request: pytest.FixtureRequest) -> list[dict]:
    """Return the recorded exchanges of the dialect a test names as its parameter; absent ones are skipped and reported."""
    rows = source.recordings(request.param)
    if not rows:
        pytest.skip(f"no recordings of {request.param} in {source.FOLDER}: set STORMKEEL_RECORDINGS to their folder")
    return list(rows)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Tell, below everything else, which recordings were asked for and not found."""
    yield
    for path in sorted(source.ABSENT):
        line = f"NOT REPLAYED: {path} is absent; set STORMKEEL_RECORDINGS to the folder of recordings"
        terminalreporter.write_line(line, red=True)
