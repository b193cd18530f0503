"""Tables, the one way every command prints them: for people, as JSON, as CSV.

    on a terminal       a drawn table (rich)
    into a pipe         plain text, columns aligned, one line a row
    --json              a list of objects under the columns' names
    --csv               RFC 4180: CRLF, a header of the columns' names, quoted where needed

Never lets a label speak to the terminal or to a spreadsheet: control characters are written out, and text that a spreadsheet
would take for a formula gets an apostrophe in front. Never writes an unknown amount as 0, or any amount as a float.

    show_table(rows, [text("model"), count("requests"), money("cost")], as_json=as_json, as_csv=as_csv)
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click
import msgspec

from ..types.money import dollars, format_dollars

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Row = Mapping[str, Any]
"""Values by column name; what is missing is unknown."""
WIDEST = 10_000
"""Cells; a table wider than that is not drawn."""
Function = TypeVar("Function", bound=Callable[..., object])


class Column(msgspec.Struct, frozen=True):
    """A column of a table.

    Attributes:
        name: the name in JSON and CSV, which stays the same over releases; units are part of it ("p95_s").
        title: the head that people see.
        is_number: is it aligned to the right?
        shown: writes a value for people.
        plain: makes of a value what JSON and CSV hold: text, a number, a truth or None.
        is_extra: is it left out on a terminal that is too narrow for it?
    """

    name: str
    title: str
    is_number: bool
    shown: Callable[[Any], str]
    plain: Callable[[Any], Any]
    is_extra: bool = False


def text(name: str, title: str = "") -> Column:
    """Return a column of names and words."""
    return Column(name, title or name, False, _words, _same)


def count(name: str, title: str = "") -> Column:
    """Return a column of whole numbers."""
    return Column(name, title or name, True, lambda value: "" if value is None else f"{value:,}", _same)


def seconds(name: str, title: str = "") -> Column:
    """Return a column of spans in seconds; name it with its unit ("p50_s")."""
    return Column(name, title or name, True, lambda value: "" if value is None else f"{value:.2f}", _same)


def share(name: str, title: str = "") -> Column:
    """Return a column of shares, 0 to 1; people see percent."""
    return Column(name, title or name, True, lambda value: "" if value is None else f"{100 * value:.1f}%", _same)


def money(name: str, title: str = "") -> Column:
    """Return a column of nano-dollars, None where the price is unknown: "?" for people, exact decimal dollars for programs."""
    return Column(name, title or name, True, format_dollars, exact_dollars)


def extra(column: Column) -> Column:
    """Return a column that is left out on a terminal that is too narrow for it."""
    return msgspec.structs.replace(column, is_extra=True)


def exact_dollars(amount: int | None) -> str | None:
    """Write nano-dollars as dollars, exactly; None where the amount is unknown.

    >>> exact_dollars(1_500_000_250), exact_dollars(0)
    ('1.500000250', '0.000000000')
    """
    return None if amount is None else f"{dollars(amount):f}"


def table_options(command: Function) -> Function:
    """Give a command `--json` and `--csv`, as `as_json` and `as_csv`."""
    as_csv = click.option("--csv", "as_csv", is_flag=True, help="Print CSV (RFC 4180): money in dollars, exact.")
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    return as_json(as_csv(command))


def show_table(
    rows: Iterable[Row], columns: Sequence[Column], *, as_json: bool = False, as_csv: bool = False, last: Row | None = None
) -> None:
    """Print a table to standard output.

    Args:
        rows: the values by column name; read one by one for CSV, so that there may be any number of them.
        columns: in the order they are shown.
        as_json, as_csv: for programs.
        last: the row of sums below the others, which only people see.

    Raises:
        click.UsageError: JSON and CSV are asked for together.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other: ask for one of them")
    if as_csv:
        for line in csv_lines(rows, columns):
            click.echo(line, nl=False)
    elif as_json:
        show_json(as_data(rows, columns))
    elif is_terminal():
        from rich.console import Console

        draw(list(rows), columns, Console(), last)
    else:
        click.echo("\n".join(aligned(list(rows), columns, last)))


def show_json(data: object) -> None:
    """Print a value as JSON, indented."""
    click.echo(msgspec.json.format(msgspec.json.encode(data)).decode())


def is_terminal() -> bool:
    """Tell whether a person looks at standard output."""
    return sys.stdout.isatty()


def as_data(rows: Iterable[Row], columns: Sequence[Column]) -> list[dict[str, object]]:
    """Return rows as JSON holds them."""
    return [{column.name: column.plain(row.get(column.name)) for column in columns} for row in rows]


def csv_lines(rows: Iterable[Row], columns: Sequence[Column]) -> Iterator[str]:
    """Yield the lines of a CSV file, each with its line end; an unknown value is an empty field."""
    yield _csv_line([column.name for column in columns])
    for row in rows:
        yield _csv_line([_field(column.plain(row.get(column.name))) for column in columns])


def _csv_line(fields: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(fields)
    return line.getvalue()


def _field(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _defused(value) if isinstance(value, str) else value


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How text begins that a spreadsheet may run: OWASP, CSV Injection; the full-width ones count in some locales."""


def _defused(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) and value != "-" else value


def aligned(rows: Sequence[Row], columns: Sequence[Column], last: Row | None = None) -> list[str]:
    """Return a table as lines of plain text: words to the left, numbers to the right."""
    from rich.cells import cell_len

    cells = [[column.title for column in columns], *_cells(rows, columns, last)]
    widths = [max(cell_len(row[place]) for row in cells) for place in range(len(columns))]
    lines = []
    for row in cells:
        parts = []
        for cell, column, width in zip(row, columns, widths, strict=True):
            gap = " " * (width - cell_len(cell))
            parts.append(gap + cell if column.is_number else cell + gap)
        lines.append("  ".join(parts).rstrip())
    return lines


def draw(rows: Sequence[Row], columns: Sequence[Column], console: Console, last: Row | None = None) -> None:
    """Draw a table on a terminal; where it is too narrow, without its extras, and then as plain text that the terminal wraps."""
    fits = fitting(rows, columns, console, last)
    console.print(fits, markup=False, highlight=False, soft_wrap=isinstance(fits, str))


def fitting(rows: Sequence[Row], columns: Sequence[Column], console: Console, last: Row | None = None) -> Table | str:
    """Return the table as far as it fits a terminal: whole, without its extras, or as plain text of many columns."""
    from rich.measure import Measurement

    unlimited = console.options.update(max_width=WIDEST)
    needed = [column for column in columns if not column.is_extra]
    for shown in (columns, needed):
        table = drawn(rows, shown, last)
        if Measurement.get(console, unlimited, table).maximum <= console.width:
            return table
    return "\n".join(aligned(rows, needed, last))


def drawn(rows: Sequence[Row], columns: Sequence[Column], last: Row | None = None) -> Table:
    """Return a table as it is drawn on a terminal that is wide enough."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_footer=last is not None, pad_edge=False, padding=(0, 1, 0, 0))
    sums = _cells([last], columns)[0] if last is not None else [""] * len(columns)
    for column, end in zip(columns, sums, strict=True):
        justify: Literal["right", "left"] = "right" if column.is_number else "left"
        table.add_column(Text(column.title, "bold"), Text(end, "bold"), justify=justify, no_wrap=True)
    for row in _cells(rows, columns):
        table.add_row(*map(Text, row))
    return table


def _cells(rows: Iterable[Row], columns: Sequence[Column], last: Row | None = None) -> list[list[str]]:
    every = [*rows, last] if last is not None else rows
    return [[printable(column.shown(row.get(column.name))) for column in columns] for row in every]


def printable(words: str) -> str:
    r"""Write out what a terminal would obey instead of show: escapes, line ends, marks that turn the direction of text.

    >>> printable("a\x1b[2J") == r"a\x1b[2J"
    True
    """
    return words if words.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in words)


def _words(value: object) -> str:
    return "" if value is None else str(value)


def _same(value: object) -> object:
    return value
