"""Scenarios with a figure: each says what was asked and what was reached, and `make faults` prints a line for each.

    def test_a_stop_resets_nobody(figure):
        ...
        figure("S-41", "0 resets under 300 streams", f"{resets} resets under {streams} streams")
        assert resets == 0

A scenario that takes longer than a commit can wait for is marked `@pytest.mark.nightly`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

Figure = Callable[[str, str, str], None]
NAME = "figure"


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Note the figure of a scenario: its name, what is asked, what was reached. Judging it is the test's own business."""
    return lambda scenario, asked, reached: record_property(NAME, [scenario, asked, reached])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each scenario that noted a figure."""
    lines = sorted(_lines(terminalreporter), key=lambda line: (int(line[0].partition("-")[2]), line))
    if not lines:
        return
    terminalreporter.section("scenarios: figure asked, figure reached")
    name = max(len(line[0]) for line in lines)
    asked = min(60, max(len(line[1]) for line in lines))
    for scenario, wanted, reached, verdict in lines:
        terminalreporter.write_line(f"{scenario:<{name}} {verdict:<6} {wanted:<{asked}}  {reached}")


def _lines(reporter: pytest.TerminalReporter) -> Iterator[tuple[str, str, str, str]]:
    for outcome, verdict in (("passed", "ok"), ("failed", "FAILED")):
        for report in reporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == NAME:
                    scenario, asked, reached = value
                    yield scenario, asked, reached, verdict
