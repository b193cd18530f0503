"""What the last minutes of a deployment came to."""

from __future__ import annotations

from stormkeel.engine.recent import Recent
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
