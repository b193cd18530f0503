"""`stormkeel ask`: questions that are none are refused before anybody is asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from client_stage import provided, wish

from stormkeel.cli.ask import command
from stormkeel.runtime.stores.sqlite import read_file

PROGRAM = [sys.executable, "-c", "from stormkeel.cli.ask import command; command()"]
DEADLINE_S = 30


@pytest.mark.parametrize(
    "arguments", [[""], ["  ", " "], ["-"], ["a\udcff"], ["--timeout", "nan", "hi"], ["--temperature", "inf", "hi"]]
)
def test_a_question_that_is_none_is_a_usage_error(arguments: list[str]) -> None:
    """Nothing to ask, bytes that are no text, and numbers that are none end with exit code 2."""
    told = CliRunner().invoke(command, arguments, input="")
    assert told.exit_code == 2 and "Error: " in told.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 1)])
def test_who_stops_it_has_the_attempt_settled(number: int, code: int, tmp_path: Path) -> None:
    """SIGTERM and Ctrl-C in the midst of an answer leave a ledger without open attempts (INV-3)."""
    with provided() as provider:
        environment = {**os.environ, "OPENAI_API_KEY": "sk-ask-0123456789abcdef", "OPENAI_BASE_URL": f"{provider.url}/v1"}
        asked = ["--model", "openai/gpt-5.4-mini", "--data", str(tmp_path / "data"), wish(answer="one two three", pace_ms=60_000)]
        with subprocess.Popen([*PROGRAM, *asked], stdout=subprocess.PIPE, env=environment, cwd=tmp_path) as process:
            provider.wait(lambda sandbox: sandbox.arrived(1), DEADLINE_S)
            process.send_signal(number)
            assert process.wait(DEADLINE_S) == code
    stored = read_file(tmp_path / "data" / "ledger.db", 0)
    assert [booking.settled and booking.settled.outcome for booking in stored.bookings.values()] == ["cancelled"]
