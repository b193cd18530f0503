"""Tables for people, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from stormkeel.cli.show import (
    Row,
    aligned,
    count,
    csv_lines,
    draw,
    exact_dollars,
    money,
    printable,
    seconds,
    share,
    show_table,
    table_options,
    text,
)

COLUMNS = [text("model"), count("requests"), share("ok"), money("cost_usd", "cost"), seconds("p50_s", "p50 s")]
ROWS: list[Row] = [
    {"model": "gpt-x", "requests": 12_345, "ok": 0.5, "cost_usd": 1_500_000_250, "p50_s": 1.256},
    {"model": "odd", "requests": 1, "ok": None, "cost_usd": None},
]


def run(*words: str, rows: Sequence[Row] = ROWS) -> Result:
    """Run a command that prints a table."""

    @click.command()
    @table_options
    def command(as_json: bool, as_csv: bool) -> None:
        show_table(rows, COLUMNS, as_json=as_json, as_csv=as_csv, last={"model": "total", "requests": 12_346})

    return CliRunner().invoke(command, words)


def test_plain_text_into_a_pipe() -> None:
    """Words to the left, numbers to the right, an unknown price "?", the sums last."""
    assert run().output.splitlines() == [
        "model  requests     ok         cost  p50 s",
        "gpt-x    12,345  50.0%  $1.50000025   1.26",
        "odd           1                   ?",
        "total    12,346                   ?",
    ]


def test_json() -> None:
    """A list of objects under the columns' names: exact dollars as text, unknown as null, no row of sums."""
    assert json.loads(run("--json").output) == [
        {"model": "gpt-x", "requests": 12_345, "ok": 0.5, "cost_usd": "1.500000250", "p50_s": 1.256},
        {"model": "odd", "requests": 1, "ok": None, "cost_usd": None, "p50_s": None},
    ]


def test_csv() -> None:
    """A header of stable names, CRLF, exact dollars, an empty field for what is unknown."""
    assert run("--csv").stdout_bytes == b"model,requests,ok,cost_usd,p50_s\r\ngpt-x,12345,0.5,1.500000250,1.256\r\nodd,1,,,\r\n"


def test_one_form_at_a_time() -> None:
    """JSON and CSV together are a usage error."""
    told = run("--json", "--csv")
    assert told.exit_code == 2
    assert "exclude each other" in told.output


@pytest.mark.parametrize("label", ["=1+1", "+x", "-x", "@x", "\tx", "\rx", '=cmd|"/c calc"!A1', "＝x"])
def test_no_formula_in_csv(label: str) -> None:
    """Text that a spreadsheet would run is defused with an apostrophe."""
    assert read_csv([label]) == [["model"], [f"'{label}"]]


@pytest.mark.parametrize("label", ["-", "gpt-5.4", "a=b", 'say "hi", then\r\nleave', "", "ü"])
def test_other_text_in_csv_stays(label: str) -> None:
    """All other text is read back as it was, quotes and line ends among it."""
    assert read_csv([label]) == [["model"], [label]]


@given(st.lists(st.text(st.characters(codec="utf-8"))))
def test_csv_is_read_back(labels: list[str]) -> None:
    """Whatever the labels are: one record a row, and no field begins like a formula."""
    found = read_csv(labels)[1:]
    assert [row[0].removeprefix("'") for row in found] == [label.removeprefix("'") for label in labels]
    assert [row[0] for row in found if row[0][:1] in {"=", "+", "@", "\t"}] == []


def read_csv(labels: list[str]) -> list[list[str]]:
    """Write labels as CSV and read them back."""
    written = "".join(csv_lines([{"model": label} for label in labels], COLUMNS[:1]))
    return list(csv.reader(io.StringIO(written, newline="")))


@pytest.mark.parametrize(
    ("label", "seen"), [("\x1b[31mred", r"\x1b[31mred"), ("a\nb", r"a\nb"), ("\u202eabc", r"\u202eabc"), ("[bold]ü", "[bold]ü")]
)
def test_a_label_never_steers_the_terminal(label: str, seen: str) -> None:
    """Escapes, line ends and direction marks are written out, and square brackets are no markup."""
    assert printable(label) == seen
    assert aligned([{"model": label}], COLUMNS[:1])[1] == seen
    assert seen in drawn([{"model": label}])


def test_wide_characters_line_up() -> None:
    """A label of wide characters takes two cells a character."""
    assert aligned([{"model": "日本", "requests": 1}, {"model": "abcd", "requests": 2}], COLUMNS[:2])[1:] == [
        "日本          1",
        "abcd          2",
    ]


def drawn(rows: Sequence[Row], last: Row | None = None) -> str:
    """Draw a table on a terminal of 80 columns."""
    out = io.StringIO()
    draw(rows, COLUMNS, Console(file=out, force_terminal=True, width=80, color_system=None), last)
    return out.getvalue()


def test_a_drawn_table() -> None:
    """On a terminal every cell of the rows and of the sums is there."""
    told = drawn(ROWS, {"model": "total", "requests": 12_346})
    for cell in ("model", "p50 s", "gpt-x", "12,345", "50.0%", "$1.50000025", "1.26", "total", "12,346"):
        assert cell in told


def test_dollars_are_exact() -> None:
    """No amount becomes a float on the way."""
    assert exact_dollars(10**18 + 1) == "1000000000.000000001"
