"""What holds for every test: a law is judged by what it finds, never by how long a busy machine takes for one example."""

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the run leaves out: nothing is skipped in silence."""
    if config.option.markexpr == "not nightly":
        terminalreporter.write_line("scenarios marked `nightly` are not in this run: `make faults` runs them")
