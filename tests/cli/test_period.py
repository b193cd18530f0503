"""Spans of time as people write them."""

from __future__ import annotations

from datetime import datetime

import click
import pytest

from stormkeel.cli.usage.period import read_period

NOW = int(datetime.fromisoformat("2026-11-25T13:30:00Z").timestamp()) * 10**9


def ns(moment: str) -> int:
    """Nanoseconds of a moment in UTC."""
    return int(datetime.fromisoformat(f"{moment}Z").timestamp()) * 10**9


@pytest.mark.parametrize(
    ("since", "start", "end"),
    [
        ("7d", "2026-11-18T13:30", None),
        ("1.5h", "2026-11-25T12:00", None),
        ("90m", "2026-11-25T12:00", None),
        ("2w", "2026-11-11T13:30", None),
        ("today", "2026-11-25T00:00", "2026-11-26T00:00"),
        ("Yesterday", "2026-11-24T00:00", None),
        ("month", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("2026-10", "2026-10-01T00:00", None),
        ("2026-11-20", "2026-11-20T00:00", None),
        ("2026-11-20 10:15", "2026-11-20T10:15", None),
        ("2026-11-20T10:15:00Z", "2026-11-20T10:15", None),
        ("2026-11-20T10:15+02:00", "2026-11-20T08:15", None),
    ],
)
def test_beginnings(since: str, start: str, end: str | None) -> None:
    """A day or month stands for its beginning; one that is not over yet has an end to look forward to."""
    period = read_period(None, since, None, NOW)
    assert (period.since, period.until) == (ns(start), NOW)
    assert period.end == (ns(end) if end else None)


@pytest.mark.parametrize(
    ("until", "end"),
    [
        ("2026-11-20", "2026-11-21T00:00"),
        ("2026-10", "2026-11-01T00:00"),
        ("yesterday", "2026-11-25T00:00"),
        ("1d", "2026-11-24T13:30"),
        ("now", "2026-11-25T13:30"),
        ("2026-11-20T10:15", "2026-11-20T10:15"),
    ],
)
def test_ends(until: str, end: str) -> None:
    """Up to a day or month means to its end; there is nothing to look forward to."""
    period = read_period(None, "2026-10", until, NOW)
    assert (period.until, period.end) == (ns(end), None)


def test_a_day_alone() -> None:
    """From yesterday up to yesterday is the whole day."""
    period = read_period(None, "yesterday", "yesterday", NOW)
    assert period.until - period.since == 86_400 * 10**9


def test_hours() -> None:
    """Hours count back from now, or from the end that is named; 24 where nothing is said."""
    assert read_period(2.5, None, None, NOW).since == NOW - 9_000 * 10**9
    assert read_period(None, None, None, NOW).words == "the last 24 hours"
    assert read_period(1, None, "yesterday", NOW).since == ns("2026-11-24T23:00")


def test_longer_than_time() -> None:
    """A span longer than all time begins at its beginning."""
    assert read_period(None, "999999999w", None, NOW).since == 0


@pytest.mark.parametrize("words", ["", "soon", "7", "7y", "-3d", "2026-02-30", "2026-13", "0000-01-01", "26-11-25", "٣d ago"])
def test_no_time(words: str) -> None:
    """What is no time is refused with what would be one."""
    with pytest.raises(click.BadParameter, match="no time we know"):
        read_period(None, words, None, NOW)


def test_the_wrong_way_round() -> None:
    """An end before the beginning is refused, and both are told."""
    with pytest.raises(click.UsageError, match=r"2026-11-25 00:00 UTC\) is not before the end \(2026-11-21 00:00 UTC"):
        read_period(None, "today", "2026-11-20", NOW)
