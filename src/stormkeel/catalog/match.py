"""Which model a name means: the match clauses of the price data, evaluated.

Never remembers an answer: whoever asks often keeps it.
"""

from __future__ import annotations

import re
from datetime import date

import msgspec


class Clause(msgspec.Struct, frozen=True, omit_defaults=True, rename={"any_of": "or", "all_of": "and"}):
    """A test of a lower-case name; exactly one field is set. Literals are lower case in the data."""

    equals: str | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    contains: str | None = None
    regex: str | None = None
    any_of: tuple[Clause, ...] = ()
    all_of: tuple[Clause, ...] = ()


def is_match(clause: Clause, name: str) -> bool:
    """Tell whether a lower-case name passes the clause."""
    if clause.any_of:
        return any(is_match(part, name) for part in clause.any_of)
    if clause.all_of:
        return all(is_match(part, name) for part in clause.all_of)
    return _literal(clause, name)


def _literal(clause: Clause, name: str) -> bool:
    if clause.equals is not None:
        return name == clause.equals
    if clause.starts_with is not None:
        return name.startswith(clause.starts_with)
    if clause.contains is not None:
        return clause.contains in name
    if clause.ends_with is not None:
        return name.endswith(clause.ends_with)
    return clause.regex is not None and re.search(clause.regex, name) is not None


_COMPACT_DATE = re.compile(r"-(20\d{2})(\d{2})(\d{2})(?=-|:|$)")


def dashed_date(name: str) -> str:
    """Rewrite a compact date inside a name: some routers say `-20251211` where the price data says `-2025-12-11`.

    >>> dashed_date("gpt-5.2-20251211"), dashed_date("x-20259999")
    ('gpt-5.2-2025-12-11', 'x-20259999')
    """
    return _COMPACT_DATE.sub(_dashed, name)


def _dashed(found: re.Match[str]) -> str:
    try:
        day = date(*(int(part) for part in found.groups()))
    except ValueError:
        return found.group(0)
    return f"-{day.isoformat()}"
