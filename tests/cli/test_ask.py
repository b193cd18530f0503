"""`stormkeel ask`: questions that are none are refused before anybody is asked."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from stormkeel.cli.ask import command


@pytest.mark.parametrize(
    "arguments", [[""], ["  ", " "], ["-"], ["a\udcff"], ["--timeout", "nan", "hi"], ["--temperature", "inf", "hi"]]
)
def test_a_question_that_is_none_is_a_usage_error(arguments: list[str]) -> None:
    """Nothing to ask, bytes that are no text, and numbers that are none end with exit code 2."""
    told = CliRunner().invoke(command, arguments, input="")
    assert told.exit_code == 2 and "Error: " in told.stderr
