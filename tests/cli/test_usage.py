"""`stormkeel usage` over a real data folder."""

from __future__ import annotations

import csv
import io
import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from stormkeel.cli.usage import command
from stormkeel.ledger.entry import Reserved, Settled
from stormkeel.runtime.ledger import Ledger
from stormkeel.runtime.reports import open_view
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
    assert rows["total"].split()[1:8] == ["4", "66.7%", "5", "4,800", "16.7%", "200", "$1.50000025"]
    assert rows["total"].split()[8:10] == ["+", "?"]
    assert "of which estimated: $0.00000025" in told
    assert "price unknown (?): 1 attempts" in told
    assert "asked again: 1 times the same deployment, 0 times another" in told
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
    cost = sum(one["cost"]["nano_dollars"] for one in found["rows"])
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
    held = {one["attempt"]: one["reserved"] for one in as_json}["d.1"]
    assert held == {"nano_dollars": 5000, "dollars": "0.000005000"}


def test_attempts_from_a_place_not_folded_yet(data: Path) -> None:
    """The dearest attempts only, those of unknown price last."""
    found = json.loads(run("--data", str(data), "--attempts", "--json", "--top", "2").output)["attempts"]
    assert [one["attempt"] for one in found] == ["a.2", "d.1"]


def test_csv(data: Path) -> None:
    """Sums as CSV: exact dollars, an unknown price as an empty field and counted beside, no row of sums."""
    rows = list(csv.DictReader(io.StringIO(run("--data", str(data), "--csv", "--by", "model", "--by", "tag").output)))
    found = {(row["model"], row["tag"]): row for row in rows}
    assert set(found) == {("gpt-x", "x"), ("gpt-x", "y"), ("gpt-x", "-"), ("odd-model", "-"), ("gpt-y", "-")}
    assert found["gpt-x", "x"]["cost_usd"] == "1.500000000"
    assert (found["odd-model", "-"]["cost_usd"], found["odd-model", "-"]["unpriced"]) == ("", "1")
    assert (found["gpt-y", "-"]["estimated_usd"], found["gpt-y", "-"]["held_usd"]) == ("0.000000250", "0.000005000")


def test_attempts_as_csv(data: Path) -> None:
    """Attempts as CSV: what is held by an open one stands apart from what is booked."""
    rows = {row["attempt"]: row for row in csv.DictReader(io.StringIO(run("--data", str(data), "--attempts", "--csv").output))}
    assert (rows["d.1"]["outcome"], rows["d.1"]["cost_usd"], rows["d.1"]["held_usd"]) == ("open", "", "0.000005000")
    assert (rows["a.2"]["tags"], rows["a.2"]["cost_usd"], rows["a.2"]["ttft_s"]) == ("x y", "1.500000000", "0.5")


def test_conditions(data: Path) -> None:
    """Conditions on one field are alternatives, those on several all hold, and a negative one leaves out."""

    def models(*words: str) -> list[str]:
        return sorted(one["model"] for one in json.loads(run("--data", str(data), "--json", *words).output)["rows"])

    assert models("--model", "gpt-*") == ["gpt-x", "gpt-y"]
    assert models("--where", "model=gpt-y", "--model", "odd-model") == ["gpt-y", "odd-model"]
    assert models("--where", "model!=gpt-x", "--where", "outcome=ok") == ["odd-model"]
    assert models("--tag", "-", "--key", "key-1") == ["gpt-x", "gpt-y", "odd-model"]
    assert models("--task", "none") == []


@pytest.mark.parametrize(
    "words",
    [
        ("--where", "colour=red"),
        ("--where", "model"),
        ("--since", "someday"),
        ("--since", "2026-13-01"),
        ("--month", "--since", "7d"),
        ("--hours", "2", "--month"),
        ("--since", "today", "--until", "2020-01-01"),
        ("--limit", "0"),
        ("--limit", "nan"),
        ("--limit", "0.0000000001"),
        ("--json", "--csv"),
        ("--errors", "--sort", "cost"),
    ],
)
def test_nonsense_is_a_usage_error(words: tuple[str, ...], data: Path) -> None:
    """What makes no sense is refused with a message, exit code 2, and no traceback."""
    told = run("--data", str(data), *words)
    assert told.exit_code == 2 and told.stdout == "" and "Error:" in told.stderr
    assert isinstance(told.exception, SystemExit)


def test_order(data: Path) -> None:
    """The dearest first, or as told; of as many as wanted."""

    def first(*words: str) -> str:
        return str(json.loads(run("--data", str(data), "--json", "--top", "1", *words).output)["rows"][0]["model"])

    assert (first(), first("--sort", "failures"), first("--sort", "name")) == ("gpt-x", "gpt-x", "gpt-x")
    assert first("--sort", "tokens") == "gpt-x"
    assert first("--where", "model!=gpt-x", "--sort", "failures") == "gpt-y"


def test_errors(data: Path) -> None:
    """What failed, its share of all attempts, and whether the request was answered all the same."""
    found = json.loads(run("--data", str(data), "--errors", "--json").output)["failures"]
    assert [(one["failure"], one["attempts"], one["share"], one["answered"]) for one in found] == [
        ("overloaded", 1, 0.2, 1),
        ("truncated", 1, 0.2, 0),
    ]
    told = run("--data", str(data), "--errors").output
    assert "overloaded" in told and "20.0%" in told
    assert "No failures" in run("--data", str(data), "--errors", "--model", "odd-model").output
    assert run("--data", str(data), "--errors", "--csv", "--by", "model").output.splitlines()[1] == (
        "gpt-x,overloaded,1,0.5,1,1,0.000000000,0"
    )


def test_latency(data: Path) -> None:
    """Times on demand: of the answer and of its first content."""
    told = run("--data", str(data), "--latency").output
    rows = {line.split()[0]: line.split() for line in told.splitlines() if line}
    assert rows["gpt-x"] == ["gpt-x", "1", "100.0%", "2", "1", "0", "1.25", "1.25", "1.25", "0.50", "0.50", "0.50"]


def test_a_budget_question(data: Path) -> None:
    """What was spent, what is left, and when it is gone: told as a report, and what has no price is named."""
    told = run("--data", str(data), "--since", "48h", "--limit", "3", "--model", "gpt-x").output
    assert "spent                  $3.0000" in told and "the limit is reached" in told and "nothing is refused" in told
    looked = json.loads(run("--data", str(data), "--since", "48h", "--limit", "30", "--json").output)["outlook"]
    assert looked["left"] == {"nano_dollars": 26_999_999_750, "dollars": "26.999999750"}
    assert (looked["is_reached"], looked["unpriced"], looked["end"]) == (False, 1, None)
    assert 1.2 < looked["days"] < 1.3, "the average is over the time the ledger knows, not over the two days asked for"
    assert looked["reached_at"] is not None
    assert "expected" in run("--data", str(data), "--month", "--limit", "$5.50").output


EXAMPLES = [
    shlex.split(line, comments=True)[2:]
    for line in (Path(__file__).parents[2] / "docs/usage.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("stormkeel usage")
]


@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_the_guides_examples_run(words: list[str], data: Path) -> None:
    """Each example of the guide does what it says on a real ledger."""
    told = run("--data", str(data), *words)
    assert told.exit_code == 0, told.output
    assert told.output


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


def test_a_reader_that_leaves(data: Path) -> None:
    """A pipe that is closed while a report is written is no fault of the ledger."""
    with pytest.raises(BrokenPipeError), open_view(data):
        raise BrokenPipeError


def test_a_database_that_is_damaged(data: Path) -> None:
    """A page of the database gone bad is one line on stderr, no traceback."""
    path = data / "ledger.db"
    whole = bytearray(path.read_bytes())
    whole[5_000:9_000] = b"x" * 4_000
    path.write_bytes(whole)
    told = run("--data", str(data), "--hours", "100")
    assert told.exit_code == 2 and "can not be read" in told.stderr and len(told.stderr.splitlines()) == 1


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
