"""Spans of time as people write them: "7d", "yesterday", "2026-11", "2026-11-25 14:00".

Never looks at a clock or a time zone: the moment is an argument, and all times are UTC.

    7d  24h  90m  2w      so long before now
    today  yesterday      a day: --since takes its beginning, --until its end
    month  2026-11        a month, likewise: this one, or the one named
    2026-11-25            a day, likewise
    2026-11-25T14:00      a moment; with "+02:00" or "Z" behind it, in that zone
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click
import msgspec

SECOND_NS = 10**9
HOUR_NS = 3_600 * SECOND_NS
LENGTHS_NS = {"m": 60 * SECOND_NS, "h": HOUR_NS, "d": 24 * HOUR_NS, "w": 168 * HOUR_NS}


class Period(msgspec.Struct, frozen=True):
    """A span of time, nanoseconds since the epoch.

    Attributes:
        since, until: from the one, up to before the other.
        words: what it is called.
        end: where the day or month ends that it is the beginning of; None where it is none, or is over.
    """

    since: int
    until: int
    words: str
    end: int | None = None


def read_period(hours: float | None, since: str | None, until: str | None, now: int) -> Period:
    """Return the span that the options name: the last 24 hours where they name none.

    Raises:
        click.BadParameter, click.UsageError: one is no time, or the end is not behind the beginning.
    """
    if hours is not None and since is not None:
        raise click.UsageError("--hours and --since (or --month) exclude each other: name one beginning")
    stop = now if until is None else _span(until, now, "--until")[1]
    if since is None:
        length = 24.0 if hours is None else hours
        words = f"the last {length:g} hours" if until is None else f"{length:g} hours up to {moment_words(stop)}"
        return Period(stop - int(length * HOUR_NS), stop, words)
    start, end = _span(since, now, "--since")
    if start >= stop:
        raise click.UsageError(f'"{since}" ({moment_words(start)}) is not before the end ({moment_words(stop)})')
    words = f"{moment_words(start)} to {moment_words(stop)}"
    return Period(start, stop, words, end if until is None and end > now else None)


def moment_words(moment: int) -> str:
    """Write a moment for people, to the minute."""
    return datetime.fromtimestamp(moment // SECOND_NS, UTC).strftime("%Y-%m-%d %H:%M UTC")


def moment_iso(moment: int) -> str:
    """Write a moment for programs, to the microsecond."""
    return (datetime.fromtimestamp(moment // SECOND_NS, UTC) + timedelta(microseconds=moment % SECOND_NS // 1000)).isoformat()


def _span(words: str, now: int, option: str) -> tuple[int, int]:
    """Return the beginning and the end of what was named; of a moment both are the same."""
    try:
        return _read(words.strip().lower(), now)
    except (ValueError, OverflowError):
        expected = 'a date (2026-11-25), a month (2026-11), an ISO time, "7d", "24h", "today", "yesterday" or "month"'
        raise click.BadParameter(f'"{words}" is no time we know; expected {expected}.', param_hint=option) from None


def _read(words: str, now: int) -> tuple[int, int]:
    today = datetime.fromtimestamp(now // SECOND_NS, UTC).replace(hour=0, minute=0, second=0)
    if words == "now":
        return now, now
    if words == "month" or re.fullmatch(r"\d{4}-\d{2}", words):
        first = today.replace(day=1) if words == "month" else datetime.strptime(words, "%Y-%m").replace(tzinfo=UTC)
        return _ns(first), _ns((first + timedelta(days=31)).replace(day=1))
    if words in {"today", "yesterday"} or re.fullmatch(r"\d{4}-\d{2}-\d{2}", words):
        days = {"today": today, "yesterday": today - timedelta(days=1)}
        day = days.get(words) or datetime.fromisoformat(words).replace(tzinfo=UTC)
        return _ns(day), _ns(day + timedelta(days=1))
    if length := re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([mhdw])", words):
        back = now - int(float(length[1]) * LENGTHS_NS[length[2]])
        return max(0, back), max(0, back)
    moment = datetime.fromisoformat(words.upper())
    at = _ns(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return at, at


def _ns(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return max(0, (since.days * 86_400 + since.seconds) * SECOND_NS + since.microseconds * 1000)
