"""What a report is asked for: which span of time, summed up by what, of which attempts.

Never reads a ledger: a query is a value, and `runtime/reports.py` answers it.
"""

from __future__ import annotations

import msgspec

NOBODY = "-"
"""The name of what has no name: no task, no user, no tag, no loss, a reservation that was lost."""

NAMES = ("model", "provider", "deployment", "route", "key", "task", "user")
"""What a reservation says of an attempt, one name each."""

TIMES = ("hour", "day")
"""Spans in UTC, told in their order."""

LISTS = ("tag", "loss")
"""Of what an attempt may have several, or none; with two tags it is summed up under both. A loss is a name of `Settled.lost`."""

FILTERS = (*NAMES, *LISTS, "outcome")
"""What attempts can be chosen by."""

GROUPINGS = (*NAMES, *LISTS, *TIMES, "outcome")
"""What attempts can be summed up by. An outcome is "ok", "open" or a failure's kind."""


class Where(msgspec.Struct, frozen=True):
    """A condition that attempts are chosen by.

    Attributes:
        field: one of `FILTERS`.
        pattern: a name, "-" for none; `*` stands for any text, `?` for any character.
        is_not: are those chosen that do not match?
    """

    field: str
    pattern: str
    is_not: bool = False


class Query(msgspec.Struct, frozen=True):
    """What to report.

    Attributes:
        since, until: nanoseconds since the epoch; attempts that began at `since` or later, and before `until`.
        by: what to sum up by, from `GROUPINGS`, outermost first; nothing for one sum over all.
        where: conditions. Of those on one field one must hold, each of the fields must hold, and no negative one may fail.
    """

    since: int
    until: int
    by: tuple[str, ...] = ()
    where: tuple[Where, ...] = ()
