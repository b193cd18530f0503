"""The SQL of reports: a query becomes a statement and its values.

Never runs anything, and never puts a value into a statement. All read `booked`, attempts as `runtime/reports.py` shows them:

    booked --where, since, until--> seen --group by--> sums | percentiles in order | failures
"""

# ruff: noqa: S608 - the statements are put together from the parts below alone; every value is bound
from __future__ import annotations

from collections.abc import Iterable

from ...ledger.booking import ORPHANED
from ...ledger.query import LISTS, NAMES, NOBODY, Query, Where
from ...ledger.reports import GUESSED
from ...types.usage import Usage

COLUMNS = dict(zip(LISTS, ("tags", "lost"), strict=True))
"""Where the fields stand of which an attempt has a list."""

SPANS_NS = {"hour": 3_600 * 10**9, "day": 86_400 * 10**9}

_REQUEST = "coalesce({at}.request, substr({at}.id, 1, length(rtrim({at}.id, '0123456789')) - 1))"
"""A request's id; without its reservation, the attempt's id up to the last dot (`Reserved.attempt`)."""

_NUMBER = "cast(substr({at}.id, length(rtrim({at}.id, '0123456789')) + 1) AS INTEGER)"
"""An attempt's number within its request."""

_SIBLING = (
    (f"o.id > {_REQUEST} || '.' AND o.id < {_REQUEST} || '/' AND {_REQUEST.replace('{at}', '{{at}}')} = {_REQUEST}")
    .format(at="b")
    .format(at="o")
)
"""Is `o` an attempt of the same request as `b`? A range of ids, so that it is looked up and not searched for."""

_EARLIER = f"{_SIBLING} AND {_NUMBER.format(at='o')} < {_NUMBER.format(at='b')}"

_FIRST = "substr(b.id, -2) = '.1'"
"""Has it the number 1, as most have? Then nothing need be looked up."""


def _exists(condition: str) -> str:
    """Return whether there is an attempt `o` of which a condition holds; what it binds is bound twice.

    Names both tables itself, as below: an id is then looked up, whatever SQLite makes of a view of the two.
    """
    stored = f"NOT EXISTS (SELECT 1 FROM temp.attempt fresh WHERE fresh.id = o.id) AND {condition}"
    return f"(EXISTS (SELECT 1 FROM main.attempt o WHERE {stored}) OR EXISTS (SELECT 1 FROM temp.attempt o WHERE {condition}))"


_SAME_DEPLOYMENT = f"""
    CASE WHEN {_FIRST} THEN NULL ELSE (
        SELECT earlier.deployment IS b.deployment FROM (
            SELECT o.id, o.deployment FROM main.attempt o WHERE {_EARLIER}
            UNION ALL SELECT o.id, o.deployment FROM temp.attempt o WHERE {_EARLIER}
        ) earlier ORDER BY {_NUMBER.format(at="earlier")} DESC, earlier.deployment IS NULL LIMIT 1
    ) END
"""
"""Did the attempt before, of the same request, ask the same deployment? NULL where there was none.

Names both tables itself: SQLite would not look ids up in a view of two that it has to sort, but read it whole."""

_ANSWERED = _exists(f"{_SIBLING} AND o.outcome = 'ok'")

_FINISHED = f"b.settled_at IS NOT NULL AND b.outcome <> '{ORPHANED}'"
_GUESSED = "b.usage_source IN ({})".format(", ".join(f"'{source}'" for source in sorted(GUESSED)))
_UNPRICED = "CASE WHEN b.settled_at IS NULL THEN b.reserved ELSE b.amount END IS NULL"

COUNTS = ("attempts", "requests", "succeeded", "failures", "open", "open_requests", "unpriced", "timed", "begun")
"""The first columns of sums: counts. `timed` attempts have a latency, `begun` ones a first content."""

LARGE = (*Usage.__struct_fields__, "cost", "guessed", "held", "again")
"""The columns behind: sums that 64 bits may not hold, as a high and a low half; fallbacks are the high one of `again`."""

Statement = tuple[str, list[object]]


def sums(query: Query) -> Statement:
    """Return what sums up: the groups' names, `COUNTS`, and `LARGE` in halves, in the order of the names.

    Requests are counted at their first attempt within the group: most have only one, and of the others the earlier ones are
    looked up. (`count(DISTINCT request)` takes several times as long.)
    """
    other, values = _others(query)
    won_before = f"{other} AND {_EARLIER} AND o.outcome = 'ok'"
    won_or_waits = f"{other} AND {_SIBLING} AND (o.outcome = 'ok' OR o.settled_at IS NULL AND {_EARLIER})"
    seen = [
        "b.outcome IS 'ok' AS won",
        "b.settled_at IS NULL AS open",
        f"CASE WHEN {_FIRST} THEN 0 ELSE {_exists(f'{other} AND {_EARLIER}')} END AS later",
        f"CASE WHEN {_FIRST} OR b.outcome IS NOT 'ok' THEN 0 ELSE {_exists(won_before)} END AS rewon",
        f"CASE WHEN b.settled_at IS NOT NULL THEN 0 ELSE NOT {_exists(won_or_waits)} END AS waits",
        f"{_UNPRICED} AS unpriced",
        f"{_FINISHED} AS timed",
        "b.ttft AS ttft",
        *(f"b.{name} AS {name}" for name in Usage.__struct_fields__),
        "b.amount AS cost",
        f"CASE WHEN {_GUESSED} THEN b.amount END AS guessed",
        "CASE WHEN b.settled_at IS NULL THEN b.reserved END AS held",
        f"{_SAME_DEPLOYMENT} AS again",
    ]
    source, chosen = _seen(query, seen)
    told = [
        *("count(*)", "count(*) - sum(s.later)", "sum(s.won) - sum(s.rewon)", "count(*) - sum(s.won) - sum(s.open)"),
        *("sum(s.open)", "sum(s.waits)", "sum(s.unpriced)", "sum(s.timed)", "count(s.ttft)"),
        *(f"sum(s.{name} >> 32), sum(s.{name} & 4294967295)" for name in LARGE if name != "again"),
        "NULL, sum(CASE s.again WHEN 1 THEN 1 WHEN 0 THEN 4294967296 END)",  # named once, and so looked up once
    ]
    keys = _list(_keys(query.by))
    grouped = f"GROUP BY {keys} ORDER BY {keys}" if keys else ""
    return f"SELECT {_list([*_keys(query.by), *told])} FROM ({source}) s {grouped}", [*values * 6, *chosen]


def _others(query: Query) -> Statement:
    """Return the condition that `o` is of a query too, and in the group of `b`."""
    chosen, values = conditions(query, "o")
    chosen = chosen.replace("o.at", "+o.at", 2)  # to be found by their ids, not by when they began
    return " AND ".join([chosen, *(_same(field) for field in query.by)]), values


def _same(field: str) -> str:
    """Return whether `o` has the name by which `b` is grouped.

    The tags of a request's attempts mostly agree, and so do their losses: then nothing need be looked for.
    """
    if field in COLUMNS:
        alike = f"o.{COLUMNS[field]} IS b.{COLUMNS[field]}"
        return f"({alike} OR EXISTS (SELECT 1 FROM ({_listed(field, 'o')}) WHERE name = {_expression(field, 'b')}))"
    return f"{_expression(field, 'o')} = {_expression(field, 'b')}"


def spans(query: Query, column: str) -> Statement:
    """Return what lists one kind of span ("latency" or "ttft"), the groups in the order of their names, the shortest first."""
    condition = _FINISHED if column == "latency" else "b.ttft IS NOT NULL"
    source, values = _seen(query, [f"b.{column} AS span"], condition)
    return (
        f"SELECT {_list([*_keys(query.by), 's.span'])} FROM ({source}) s ORDER BY {_list([*_keys(query.by), 's.span'])}",
        values,
    )


def counts(query: Query) -> Statement:
    """Return what counts attempts: names, how many."""
    source, values = _seen(query, ["b.id"])
    keys = _keys(query.by)
    return f"SELECT {_list([*keys, 'count(*)'])} FROM ({source}) s" + (f" GROUP BY {_list(keys)}" if keys else ""), values


def failures(query: Query) -> Statement:
    """Return what sums up failures: names, kind, attempts, requests, answered ones, unpriced ones, cost in halves."""
    seen = [
        "b.outcome AS kind",
        f"{_REQUEST.format(at='b')} AS request",
        f"{_ANSWERED} AS answered",
        f"{_UNPRICED} AS unpriced",
        "b.amount AS cost",
    ]
    source, values = _seen(query, seen, "b.settled_at IS NOT NULL AND b.outcome <> 'ok'")
    told = [
        *_keys(query.by),
        "s.kind",
        "count(*)",
        "count(DISTINCT s.request)",
        "count(DISTINCT CASE WHEN s.answered THEN s.request END)",
        "sum(s.unpriced)",
        "sum(s.cost >> 32), sum(s.cost & 4294967295)",
    ]
    keys = _list([*_keys(query.by), "s.kind"])
    return f"SELECT {_list(told)} FROM ({source}) s GROUP BY {keys} ORDER BY {keys}", values


def _seen(query: Query, columns: Iterable[str], condition: str = "1") -> Statement:
    """Return the attempts in question, with the names of their groups."""
    keys = [f"{_expression(field, 'b')} AS k{place}" for place, field in enumerate(query.by)]
    chosen, values = conditions(query)
    source = f"booked b{''.join(_join(field) for field in query.by if field in COLUMNS)}"
    return f"SELECT {_list([*keys, *columns])} FROM {source} WHERE {chosen} AND ({condition})", values


def _join(field: str) -> str:
    """Return what puts an attempt's list beside it, an item a row and each item once."""
    items = f"json_each(b.{COLUMNS[field]})"
    return f" LEFT JOIN {items} {field} ON {field}.id = (SELECT min(id) FROM {items} WHERE value = {field}.value)"


def conditions(query: Query, at: str = "b") -> Statement:
    """Return the condition that chooses a query's attempts, under the name `at`."""
    parts, values = [f"{at}.at >= ? AND {at}.at < ?"], list[object]([query.since, query.until])
    for field in dict.fromkeys(where.field for where in query.where):
        wanted = [where for where in query.where if where.field == field and not where.is_not]
        unwanted = [where for where in query.where if where.field == field and where.is_not]
        if wanted:
            parts.append("(" + " OR ".join(_match(where, at) for where in wanted) + ")")
        parts += [f"NOT {_match(where, at)}" for where in unwanted]
        values += [_glob(where.pattern) for where in (*wanted, *unwanted)]
    return " AND ".join(parts), values


def _match(where: Where, at: str) -> str:
    if where.field not in COLUMNS:
        return f"({_expression(where.field, at)} GLOB ?)"
    return f"EXISTS (SELECT 1 FROM ({_listed(where.field, at)}) WHERE name GLOB ?)"


def _listed(field: str, at: str) -> str:
    """Return what lists an attempt's tags or losses as `name`, one at least."""
    column = f"{at}.{COLUMNS[field]}"
    named = f"SELECT coalesce(nullif(value, ''), '{NOBODY}') AS name FROM json_each({column})"
    return f"{named} UNION ALL SELECT '{NOBODY}' WHERE coalesce({column}, '[]') = '[]'"


def _glob(pattern: str) -> str:
    """Return a pattern in which only `*` and `?` mean anything."""
    return pattern.replace("[", "[[]")


def _expression(field: str, at: str) -> str:
    """Return what names an attempt's group."""
    if field in SPANS_NS:
        return f"{at}.at / {SPANS_NS[field]}"
    if field in COLUMNS:
        return f"coalesce(nullif({field}.value, ''), '{NOBODY}')"
    if field == "outcome":
        return f"coalesce({at}.outcome, 'open')"
    assert field in NAMES, field
    return f"coalesce(nullif({at}.{field}, ''), '{NOBODY}')"


def _keys(by: tuple[str, ...]) -> list[str]:
    return [f"s.k{place}" for place in range(len(by))]


def _list(parts: Iterable[str]) -> str:
    return ", ".join(parts)
