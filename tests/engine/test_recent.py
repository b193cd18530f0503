"""What the last minutes of a deployment came to."""

from __future__ import annotations

import pytest

from stormkeel.engine.recent import LastError, Recent
from stormkeel.types.failure import Failure, FailureKind

LIMIT = Failure(FailureKind.RATE_LIMIT, "secret words", 429, "rate_limit_exceeded")
GONE = Failure(FailureKind.CANCELLED, "the caller went away")


def test_counts_and_share() -> None:
    """Good attempts and failures by kind are counted; a caller who left says nothing about the deployment."""
    recent = Recent()
    for moment, failure in ((0.0, None), (61.0, LIMIT), (62.0, LIMIT), (122.0, None), (123.0, GONE)):
        recent.add(moment, failure, 1.0, None)
    counts = recent.look(130.0)
    assert [counts.attempts, counts.success, counts.errors] == [5, 0.5, {"rate_limit": 2, "cancelled": 1}]


def test_what_is_older_than_five_minutes_is_forgotten() -> None:
    """A minute's counts go as a whole, when it is five minutes old, whether something was counted since or not."""
    recent = Recent()
    recent.add(30.0, None, 1.0, None)
    assert [recent.look(now).attempts for now in (30.0, 299.9, 300.0, 3000.0)] == [1, 1, 0, 0]
    recent.add(330.0, LIMIT, 1.0, None)
    assert [recent.look(330.0).attempts, recent.look(330.0).success] == [1, 0.0]
    assert recent.look(3000.0).success is None


def test_the_last_error_stays_and_holds_no_words_of_the_provider() -> None:
    """The latest failure is told by kind, status, code and age, however old; a code that could move a terminal is not."""
    recent = Recent()
    assert recent.look(0.0).last_error is None
    recent.add(10.0, LIMIT, 1.0, None)
    told = recent.look(1000.0).last_error
    assert told is not None
    assert [told.kind, told.status, told.code, told.ago_s] == ["rate_limit", 429, "rate_limit_exceeded", 990.0]
    recent.add(20.0, Failure(FailureKind.SERVER, "", 500, "\x1b[2J"), 1.0, None)
    told = recent.look(21.0).last_error
    assert told is not None
    assert told.code is None


def test_the_averages_follow_good_attempts_only() -> None:
    """The first good attempt is the average; each further one moves it by a fifth; a failure does not."""
    recent = Recent()
    recent.add(0.0, None, 1.0, 0.5)
    recent.add(1.0, LIMIT, 9.0, None)
    recent.add(2.0, None, 2.0, None)
    assert [recent.latency, recent.ttft] == [1.2, 0.5]


def test_what_is_told_has_no_more_digits_than_anybody_reads() -> None:
    """An age to the thousandth; kinds with the most first; a long code cut."""
    recent = Recent()
    assert (recent.look(0.0).success, recent.look(0.0).attempts, recent.latency, recent.ttft) == (None, 0, None, None)
    recent.add(10.0, Failure(FailureKind.SERVER, "no", 500, "x" * 70), 1.0, None)
    for _ in range(2):
        recent.add(10.0, LIMIT, 1.0, None)
    recent.add(10.0, Failure(FailureKind.SERVER, "no", 500, "x" * 70), 1.0, None)
    recent.add(10.0, Failure(FailureKind.SERVER, "no", 500, "x" * 70), 1.0, None)
    counts = recent.look(12.34567)
    assert list(counts.errors.items()) == [("server", 3), ("rate_limit", 2)]
    assert counts.last_error == LastError("server", 500, "x" * 64, 2.346)


def test_an_average_moves_by_a_fifth() -> None:
    """Both of them, each by its own values."""
    recent = Recent()
    for latency, ttft in ((1.0, 0.5), (2.0, 1.5), (2.0, None)):
        recent.add(0.0, None, latency, ttft)
    assert (recent.latency, recent.ttft) == (pytest.approx(1.36), pytest.approx(0.7))


def test_a_minute_is_a_whole_one() -> None:
    """Counted by the clock's minutes, and the newest of two that share a place is the one that counts."""
    recent = Recent()
    for moment in (0.0, 59.9, 60.0, 299.0):
        recent.add(moment, None, 1.0, None)
    assert [recent.look(now).attempts for now in (299.9, 300.0, 359.9, 360.0, 420.0)] == [4, 2, 2, 1, 1]
    recent.add(301.0, LIMIT, 1.0, None)
    assert (recent.look(301.0).attempts, recent.look(301.0).errors, recent.look(250.0).attempts) == (3, {"rate_limit": 1}, 2)
