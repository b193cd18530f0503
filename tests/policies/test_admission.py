"""Admission: what is begun, what is refused, and how a server finds out that it has more to do than it can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.policies.admission import DEAF, LEAST_CALM, REFUSALS, SLACK, Admission, AdmissionSettings, Reason
from stormkeel.policies.base import OutOfRangeError


def worked(admission: Admission, now: float, requests: int, each: float) -> float:
    """Let requests come at once and be begun one after the other, each taking so long, and end; return when the last was begun."""
    for _ in range(requests):
        admission.enter(now)
    for number in range(requests):
        admission.begin(now + each * (number + 1))
        admission.leave()
    return now + each * requests


def most_in_line(admission: Admission, now: float) -> int:
    """How many requests it takes at once; they are begun and end at once."""
    taken = 0
    while not admission.full() and taken < 100_000:
        admission.enter(now)
        taken += 1
    for _ in range(taken):
        admission.begin(now)
        admission.leave()
    return taken


def taught(each: float, **settings: float) -> Admission:
    """A server whose requests take so long to begin."""
    admission = Admission(AdmissionSettings(**settings))  # type: ignore[arg-type]
    for number in range(200):
        worked(admission, number, 1, each)
    return admission


def test_a_request_at_a_time_is_always_taken() -> None:
    """Whatever one takes to begin, one at a time is never refused."""
    admission, now = Admission(AdmissionSettings()), 0.0
    for _ in range(1000):
        assert admission.full() == ""
        now = worked(admission, now + 1.0, 1, 0.04)
    assert (admission.under_way, admission.in_line) == (0, 0)


def test_as_many_as_may_be_under_way() -> None:
    """The bound on requests under way holds from the first to the last, and a place that is free again is given again."""
    admission = Admission(AdmissionSettings(requests=2))
    for _ in range(2):
        assert admission.full() == ""
        admission.enter(0.0)
        admission.begin(0.0)
    assert admission.full() == "requests"
    admission.leave()
    assert admission.full() == ""


def test_the_line_is_as_long_as_can_be_begun_in_time() -> None:
    """What a request takes to begin is learned, and no more stand in line than can be begun within the wait."""
    assert most_in_line(taught(0.001, burst_wait=0.5), 300.0) == pytest.approx(500, rel=0.1)
    assert most_in_line(taught(0.0001, burst_wait=0.5), 300.0) == pytest.approx(5000, rel=0.1)


def test_a_slow_moment_refuses_nobody() -> None:
    """One line that took a second to work off, after a collection or a stolen processor, leaves room for a few dozen at once."""
    admission = taught(0.0001)
    worked(admission, 500.0, 1, 1.0)
    assert most_in_line(admission, 502.0) >= LEAST_CALM
    assert not admission.is_strained


def test_lines_that_stay_long_become_short() -> None:
    """Where each line of an interval took longer than `standing_wait`, a line is only let grow as long as that; and again freely once
    nobody had to be refused for an interval and lines are quick."""
    admission, now = taught(0.001, burst_wait=0.5, standing_wait=0.05, interval=0.25), 300.0
    while not admission.is_strained:
        now = worked(admission, now, 100, 0.001)
        assert now < 302.0
    admission.refuse("line", now)
    assert most_in_line(admission, now) == pytest.approx(50, rel=0.2)
    worked(admission, now + 0.1, 1, 0.001)
    assert admission.is_strained
    worked(admission, now + 0.3, 1, 0.001)
    assert not admission.is_strained


@pytest.mark.parametrize(("second", "is_strained"), [(0.25, True), (0.1875, False)])
def test_an_interval_of_slow_lines_is_a_strain(second: float, is_strained: bool) -> None:
    """A whole one, from the end of the first slow line to that of the latest; and calm comes back only beyond one without a refusal."""
    admission = Admission(AdmissionSettings(standing_wait=0.125, interval=0.25))
    worked(admission, 300.0, 1, 0.25)
    worked(admission, 300.25, 1, second)
    assert admission.is_strained is is_strained
    admission.refuse("line", 301.0)
    worked(admission, 301.25, 1, 0.0)
    assert admission.is_strained is is_strained
    worked(admission, 301.3125, 1, 0.0)
    assert not admission.is_strained


def test_under_strain_one_at_a_time_is_taken_where_each_takes_too_long() -> None:
    """Not two: the second would wait for longer than a standing line may."""
    admission = taught(0.5, standing_wait=0.25, burst_wait=0.5)
    assert (admission.is_strained, most_in_line(admission, 300.0)) == (True, 1)


def test_two_slow_lines_far_apart_are_no_strain() -> None:
    """A slow line, a quick one, and a slow one again: only lines that are all slow are a strain."""
    admission = taught(0.001)
    for number in range(20):
        worked(admission, 300.0 + number, 1, 0.2)
        worked(admission, 300.5 + number, 1, 0.001)
    assert not admission.is_strained


@given(st.lists(st.integers(0, 60), max_size=200), st.sampled_from([0.0001, 0.001, 0.01]))
def test_what_is_taken_is_begun_in_time(arrivals: list[int], each: float) -> None:
    """Whatever comes, nobody who was taken waits for longer than the bound of a burst, give or take what a moment is off."""
    admission, now = taught(each, burst_wait=0.5), 300.0
    for arriving in arrivals:
        taken = 0
        for _ in range(arriving * 100):
            if not admission.full():
                admission.enter(now)
                taken += 1
        assert taken <= max(LEAST_CALM, 0.5 / each * 1.2)
        for number in range(taken):
            admission.begin(now + each * (number + 1))
            admission.leave()
        now += each * taken + 0.001
    assert (admission.under_way, admission.in_line) == (0, 0)


def test_refusals_beyond_a_rate_are_heard_later() -> None:
    """A burst of refusals is answered at once; in a storm of them the refused are listened to later, and no longer than a bound."""
    admission = Admission(AdmissionSettings())
    burst = int(REFUSALS * SLACK) - 1
    assert [admission.pause(10.0) for _ in range(burst)] == [0.0] * burst
    pauses = [admission.pause(10.0) for _ in range(10 * burst)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 0.01 < pauses[100]
    assert pauses[-1] == pytest.approx(DEAF)
    assert admission.pause(20.0) == 0.0


@pytest.mark.parametrize(("reason", "each", "gap"), [("line", 0.002, 0.01), ("line", 0.00001, 0.0005), ("requests", 0.002, 0.0005)])
def test_a_slow_processor_refuses_less(reason: Reason, each: float, gap: float) -> None:
    """Where the line is too long, refusals take a part of the processor's time, however little that is; for want of places they cost
    nothing that anybody waits for."""
    admission = taught(each)
    for _ in range(20_000):
        admission.refuse(reason, 300.0)
        if admission.pause(300.0) > 0.0:
            break
    first = admission.pause(300.0)
    assert admission.pause(300.0) - first == pytest.approx(gap, rel=0.1)


def test_room_is_what_may_still_come() -> None:
    """As many as the line and the bound on requests let in, and never less than none."""
    admission = Admission(AdmissionSettings(requests=3))
    assert admission.room() == 3
    for left in (2, 1, 0):
        admission.enter(0.0)
        assert admission.room() == left
    admission.change(AdmissionSettings(requests=1))
    assert admission.room() == 0
    admission = taught(0.01, burst_wait=0.5)
    admission.enter(300.0)
    assert admission.room() == most_in_line(taught(0.01, burst_wait=0.5), 300.0) - 1


def test_bodies_are_held_up_to_a_bound() -> None:
    """Bytes beyond the bound are not held; those dropped make room; one body alone may be larger."""
    admission = Admission(AdmissionSettings(bodies=10_000))
    assert admission.hold(8_000)
    assert not admission.hold(3_000)
    assert admission.hold(2_000)
    admission.drop(10_000)
    assert admission.held == 0
    assert admission.hold(50_000)


def test_bounds_may_change_under_way() -> None:
    """New bounds hold from then on, and what is under way beyond them may end."""
    admission = Admission(AdmissionSettings(requests=5))
    for _ in range(5):
        admission.enter(0.0)
        admission.begin(0.0)
    admission.change(AdmissionSettings(requests=3))
    for _ in range(2):
        assert admission.full() == "requests"
        admission.leave()
    assert admission.full() == "requests"
    admission.leave()
    assert admission.full() == ""


@pytest.mark.parametrize(
    "wrong", [{"connections": 0}, {"requests": 0}, {"bodies": 1}, {"standing_wait": 3.0}, {"interval": 0.0}, {"retry_after": -1.0}]
)
def test_a_bound_out_of_its_range_is_named(wrong: dict[str, float]) -> None:
    """Each bound has a range; a burst may not have to wait for less than a standing line."""
    with pytest.raises(OutOfRangeError, match="burst_wait" if "standing_wait" in wrong else next(iter(wrong))):
        AdmissionSettings(**wrong)  # type: ignore[arg-type]


def test_one_slow_line_counts_as_four_times_what_is_usual() -> None:
    """A tenth of that is learned, however slow it was: so a stolen second is not what a request costs."""
    lengths = set()
    for span in (0.0008, 1.0, 100.0):
        admission = Admission(AdmissionSettings(burst_wait=0.5))
        worked(admission, 10.0, 1, span)
        lengths.add(most_in_line(admission, 20.0))
    assert lengths == {int(0.5 / (0.0002 * 1.3))}


def test_a_clock_that_went_back_costs_nothing() -> None:
    """A line that was worked off before it began took no time."""
    admission = Admission(AdmissionSettings(burst_wait=0.5))
    admission.enter(10.0)
    admission.begin(5.0)
    assert most_in_line(admission, 5.0) == int(0.5 / (0.0002 * 0.9))


def test_a_new_server_is_calm() -> None:
    """It takes as many as it usually could begin in time, and listens to whoever was refused at once."""
    admission = Admission(AdmissionSettings())
    assert (admission.under_way, admission.in_line, admission.held, admission.is_strained) == (0, 0, 0, False)
    assert most_in_line(admission, 0.0) == 10_000 // 2
    assert admission.pause(0.0) == 0.0
