"""The command behind `make storm`: what it lists, and what it refuses before anything starts."""

from __future__ import annotations

import pytest
from bench.storm.__main__ import main
from click.testing import CliRunner


def ran(*arguments: str) -> tuple[int, str]:
    """Run it and return the exit code and what it said."""
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.output


def test_the_list_has_every_scenario_with_its_reason() -> None:
    """All names with their bounds; of one number all its variants; for another gateway not those of our own modes."""
    code, told = ran("--list")
    assert code == 0
    assert {line.split()[0] for line in told.splitlines() if not line.startswith("    ")} == {
        str(number) for number in range(1, 17)
    }
    assert "cut-continue" in told
    assert [line.split()[1] for line in ran("--list", "--only", "12")[1].splitlines()[::2]] == ["context", "context-both"]
    assert "cut-continue" not in ran("--list", "--gateway", "http://x")[1]
    assert "cut-continue" in ran("--list", "--gateway", "http://x", "--only", "cut-continue")[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--only", "nope"), 'no scenario "nope"'),
        (("--gateway", "http://x"), "--primary-port"),
        (("--gateway", "http://x", "--primary-port", "1", "--fallback-port", "2", "--header", "x"), "NAME:VALUE"),
        (("--gateway", "http://x", "--primary-port", "1", "--fallback-port", "2", "--body", "["), "JSON object"),
    ],
)
def test_a_mistake_is_told_before_anything_starts(arguments: tuple[str, ...], told: str) -> None:
    """Exit code 2 and what to write instead."""
    code, said = ran(*arguments)
    assert code == 2
    assert told in said
