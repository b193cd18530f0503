"""`stormkeel usage` over a real data folder."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stormkeel.cli.usage import command
from stormkeel.ledger.entry import Reserved, Settled
from stormkeel.runtime.ledger import Ledger
from stormkeel.types.usage import Usage

NOW = time.time_ns()  # the command looks back from the real present; the entries below begin there


class Clock:
    """The present, one nanosecond later each time."""

    moment = NOW

    def now(self) -> float:
        """Not asked."""
        return 0.0

    def wall(self) -> int:
        """A later moment."""
        self.moment += 1
        return self.moment


def reserved(
    attempt: str, model: str = "gpt-x", amount: int | None = 5_000, hours_ago: int = 0, tags: tuple[str, ...] = ()
) -> Reserved:
    """A reservation."""
    at = NOW - hours_ago * 3_600_000_000_000
    return Reserved(
        attempt, attempt[:-2], at, "fast", "openai/x#main", "openai", model, "c", "key-1", "", "", tags, 9, 9, amount, "s"
    )


def settled(attempt: str, outcome: str = "ok", amount: int | None = 1_500_000_000, source: str = "provider") -> Settled:
    """A settlement."""
    return Settled(attempt, NOW, outcome, 200, 1.25, 0.5, Usage(input=1_000, cache_read=200, output=50), source, amount)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A ledger: half folded, half in the journal, an attempt of unknown price, an estimate, an open one and one of yesterday."""
    ledger = Ledger.open(tmp_path, Clock(), every_s=3_600)
    ledger.journal.reserve(reserved("a.1"))
    ledger.journal.settle(settled("a.1", "overloaded", 0, "none"))
    ledger.journal.reserve(reserved("a.2", tags=("x", "y")))
    ledger.journal.reserve(reserved("old.1", hours_ago=30))
    ledger.journal.settle(settled("old.1"))
    ledger.fold()
    ledger.journal.settle(settled("a.2"))
    ledger.journal.reserve(reserved("b.1", "odd-model", None))
    ledger.journal.settle(settled("b.1", amount=None))
    ledger.journal.reserve(reserved("c.1", "gpt-y"))
    ledger.journal.settle(settled("c.1", "truncated", 250, "estimated"))
    ledger.journal.reserve(reserved("d.1", "gpt-y"))
    ledger._stop.set()  # this process stays the writer; nothing of it is folded or closed while the test runs
    yield tmp_path
    ledger.close()


def run(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(command, words)


def test_table(data: Path) -> None:
    """Sums by model with a total, what is estimated, what has no price and what is under way."""
    told = run("--data", str(data)).output
    rows = {line.split()[0]: line for line in told.splitlines() if line}
    assert "$1.5000" in rows["gpt-x"] and "$0.00000025" in rows["gpt-y"]
    assert rows["odd-model"].split()[7] == "?"
    assert rows["total"].split()[1:8] == ["4", "66.7%", "5", "4,800", "800", "200", "$1.50000025"]
    assert rows["total"].split()[8:10] == ["+", "?"]
    assert "of which estimated: $0.00000025" in told
    assert "price unknown (?): 1 attempts" in told
    assert "open reservations: 1, holding $0.000005" in told
    assert "damaged" not in told


def test_columns_line_up(data: Path) -> None:
    """Numbers end under each other."""
    lines = run("--data", str(data)).output.splitlines()
    ends = {line.index("1.25", len(line) - 20) for line in lines if line.endswith("1.25")}
    assert len(ends) == 1


def test_hours(data: Path) -> None:
    """Looking further back finds yesterday's attempt."""
    assert json.loads(run("--data", str(data), "--json", "--hours", "48").output)["total"]["requests"] == 5


@pytest.mark.parametrize("by", ["model", "provider", "route", "key", "task", "user", "tag", "hour", "day", "outcome"])
def test_json(data: Path, by: str) -> None:
    """Every grouping as JSON: money in whole nano-dollars, success as a share, nothing unknown as 0."""
    found = json.loads(run("--data", str(data), "--json", "--by", by).output)
    assert found["total"]["cost"] == {"nano_dollars": 1_500_000_250, "dollars": "1.500000250"}
    assert found["total"]["unpriced"] == 1
    assert found["total"]["latencies"] == {"p50": 1.25, "p95": 1.25, "p99": 1.25}
    cost = sum(one["cost"]["nano_dollars"] for one in found[f"by_{by}"])
    assert cost == (1_500_000_250 if by != "tag" else 3_000_000_250)


def test_attempts(data: Path) -> None:
    """Attempts one by one: open ones show what they hold, unknown prices "?"."""
    told = run("--data", str(data), "--attempts").output
    rows = {line.split()[2]: line for line in told.splitlines()[1:]}
    assert list(rows) == ["a.1", "a.2", "b.1", "c.1", "d.1"]
    assert "open" in rows["d.1"] and "$0.000005" in rows["d.1"] and "held" in rows["d.1"]
    assert " ?  provider" in rows["b.1"]
    as_json = json.loads(run("--data", str(data), "--attempts", "--json").output)["attempts"]
    assert {one["attempt"]: one["amount"] for one in as_json}["b.1"] is None


def test_empty(tmp_path: Path) -> None:
    """An empty ledger says so, and how it is filled."""
    told = run("--data", str(tmp_path))
    assert told.exit_code == 0
    assert "No attempts in the last 24 hours" in told.output and "STORMKEEL_DATA" in told.output


def test_bad_folder(tmp_path: Path) -> None:
    """A folder that is not there is one line on stderr and exit code 2."""
    told = run("--data", str(tmp_path / "no"))
    assert told.exit_code == 2
    assert told.stdout == "" and len(told.stderr.splitlines()) == 1
    assert str(tmp_path / "no") in told.stderr


def test_nothing_is_written(data: Path) -> None:
    """Looking changes no file."""
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    run("--data", str(data))
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before


def test_the_configurations_folder_is_found(data: Path, tmp_path: Path) -> None:
    """The ledger that a configuration names is read, though the providers' keys are known to the gateway alone."""
    config = tmp_path / "own.toml"
    config.write_text(f'[ledger]\ndata = "{data}"\n[providers.openai]\ncredentials = {{ main = "env:NOT_SET_HERE" }}\n')
    assert run("--config", str(config)).output == run("--data", str(data)).output


@pytest.mark.parametrize("text", ["[ledger", "ledger = 3", '[ledger]\ndata = "memory"'])
def test_a_configuration_without_a_ledger_is_refused(text: str, tmp_path: Path) -> None:
    """A configuration that is broken, or keeps nothing, is one line on stderr and exit code 2."""
    config = tmp_path / "own.toml"
    config.write_text(text)
    told = run("--config", str(config))
    assert told.exit_code == 2
    assert told.stdout == "" and len(told.stderr.splitlines()) == 1 and str(config) in told.stderr


@pytest.mark.parametrize("hours", ["nan", "inf", "1e12", "0", "-1"])
def test_hours_that_make_no_sense_are_refused(hours: str, data: Path) -> None:
    """A span that is no finite number, or longer than any ledger, is a usage error."""
    assert run("--data", str(data), "--hours", hours).exit_code == 2
