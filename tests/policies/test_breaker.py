"""The circuit breaker and its states."""

import pytest

from stormkeel.policies.base import Verdict
from stormkeel.policies.breaker import BEYOND, Breaker, BreakerSettings, State
from stormkeel.types.failure import Failure, FailureKind

OK, FAULT, IGNORED = Verdict.OK, Verdict.FAULT, Verdict.IGNORED


class Longest:
    """Dice that make every open time as long as it gets."""

    def random(self):
        """Return 1."""
        return 1.0


DICE = Longest()


def outcome(breaker, verdict, now):
    """One whole attempt."""
    ticket = breaker.admit(now)
    assert isinstance(ticket, int)
    breaker.settle(ticket, verdict, now, DICE)


def opened(now=100.0, **settings):
    """Return a breaker that faults have just opened."""
    breaker = Breaker(BreakerSettings(**settings))
    while breaker.state is State.CLOSED:
        outcome(breaker, FAULT, now)
    return breaker


def passes(breaker, now):
    """Would it let one through now?"""
    return not isinstance(breaker.admit(now), Failure)


def test_five_faults_in_a_row_open_it():
    """The fifth fault in a row opens; an OK between starts the row anew."""
    breaker = Breaker(BreakerSettings())
    for verdict in (FAULT, FAULT, FAULT, FAULT, OK, FAULT, FAULT, FAULT, FAULT):
        outcome(breaker, verdict, 1.0)
    assert breaker.state is State.CLOSED
    outcome(breaker, FAULT, 1.0)
    assert breaker.state is State.OPEN


def test_ignorable_outcomes_say_nothing():
    """Cancels and callers' mistakes neither open a breaker nor break a row of faults."""
    breaker = Breaker(BreakerSettings())
    for verdict in (FAULT, FAULT, FAULT, FAULT, *[IGNORED] * 50):
        outcome(breaker, verdict, 1.0)
    assert breaker.state is State.CLOSED
    outcome(breaker, FAULT, 1.0)
    assert breaker.state is State.OPEN


def test_half_of_twenty_in_a_minute_open_it():
    """Every other outcome a fault: nothing before the twentieth, open at it."""
    breaker = Breaker(BreakerSettings())
    for turn in range(19):
        outcome(breaker, OK if turn % 2 == 0 else FAULT, turn * 2.0)
    assert breaker.state is State.CLOSED
    outcome(breaker, FAULT, 38.0)
    assert breaker.state is State.OPEN


def test_outcomes_older_than_the_window_are_forgotten():
    """Good answers of more than a minute ago don't outvote the faults of this one."""
    breaker = Breaker(BreakerSettings(consecutive=1000))
    for _ in range(100):
        outcome(breaker, OK, 5.0)
    for _ in range(19):
        outcome(breaker, FAULT, 66.0)
    assert breaker.state is State.CLOSED
    outcome(breaker, FAULT, 66.0)
    assert breaker.state is State.OPEN
    young = Breaker(BreakerSettings(consecutive=1000))
    for _ in range(100):
        outcome(young, OK, 15.0)
    for _ in range(20):
        outcome(young, FAULT, 66.0)
    assert young.state is State.CLOSED


def test_open_refuses_with_the_time_left():
    """INV-13: an open breaker lets nothing through and says for how long."""
    breaker = opened(now=100.0)
    refusal = breaker.admit(102.0)
    assert refusal.kind is FailureKind.BREAKER_OPEN
    assert refusal.retry_after == pytest.approx(3.0)
    assert breaker.retry_at == pytest.approx(105.0)
    assert not breaker.is_ready(104.9) and breaker.is_ready(105.0)
    assert not passes(breaker, 104.9) and passes(breaker, 105.0)


def test_half_open_widens_from_one_to_three_to_ten_and_closes():
    """Each step lets so many probes out at a time, and goes on when as many have succeeded."""
    breaker = opened(now=100.0)
    for permits in (1, 3, 10):
        tickets = [breaker.admit(105.0) for _ in range(permits)]
        assert all(isinstance(ticket, int) for ticket in tickets)
        assert breaker.state is State.HALF_OPEN and not breaker.is_ready(105.0)
        assert not passes(breaker, 105.0)
        for ticket in tickets:
            breaker.settle(ticket, OK, 105.0, DICE)
    assert breaker.state is State.CLOSED
    assert breaker.retry_at is None


def test_a_failed_revival_doubles_the_open_time_up_to_its_cap():
    """5 s, 10 s, 15 s, 15 s; and 5 s again once it was closed."""
    breaker, now, spans = opened(now=100.0), 100.0, []
    for _ in range(4):
        spans.append(breaker.retry_at - now)
        now = breaker.retry_at
        outcome(breaker, FAULT, now)
    assert spans == pytest.approx([5.0, 10.0, 15.0, 15.0])
    now = breaker.retry_at
    for _ in range(14):
        outcome(breaker, OK, now)
    assert breaker.state is State.CLOSED
    for _ in range(5):
        outcome(breaker, FAULT, now)
    assert breaker.retry_at - now == pytest.approx(5.0)


def test_the_open_time_is_drawn_from_half_to_all():
    """Equal jitter: the shortest draw is half."""

    class Shortest:
        def random(self):
            return 0.0

    breaker = Breaker(BreakerSettings(consecutive=1))
    breaker.settle(breaker.admit(0.0), FAULT, 0.0, Shortest())
    assert breaker.retry_at == pytest.approx(2.5)


def test_a_late_outcome_of_an_older_generation_changes_nothing():
    """INV-13: a stream begun before the trip neither closes nor re-opens what has moved on."""
    breaker = Breaker(BreakerSettings())
    late = breaker.admit(1.0)
    for _ in range(5):
        outcome(breaker, FAULT, 1.0)
    breaker.settle(late, OK, 2.0, DICE)
    assert breaker.state is State.OPEN
    probe = breaker.admit(6.0)
    breaker.settle(late, FAULT, 6.0, DICE)
    assert breaker.state is State.HALF_OPEN
    breaker.settle(probe, FAULT, 6.0, DICE)
    before = breaker.retry_at
    breaker.settle(probe, FAULT, 9.0, DICE)
    assert breaker.state is State.OPEN and breaker.retry_at == before


def test_a_cancelled_probe_makes_room_for_the_next():
    """Finagle's trap: an ignorable outcome of the only probe must not keep it busy for ever (S-23)."""
    breaker = opened(now=100.0)
    for _ in range(50):
        outcome(breaker, IGNORED, 105.0)
    assert breaker.state is State.HALF_OPEN
    assert passes(breaker, 105.0) and not passes(breaker, 105.0)


def test_an_older_ticket_that_was_not_sent_makes_no_room_for_a_probe():
    """Only a probe's own place comes back."""
    breaker = Breaker(BreakerSettings(consecutive=1, permits=(1,)))
    older = breaker.admit(100.0)
    outcome(breaker, FAULT, 100.0)
    probe = breaker.admit(106.0)
    assert breaker.state is State.HALF_OPEN
    breaker.release(older)
    assert not passes(breaker, 106.0)
    breaker.release(probe)
    assert passes(breaker, 106.0)


def test_a_lost_probe_blocks_only_for_its_lease():
    """A ticket nobody ever settles, or a stream of ten minutes, delays the next probe by `lease` at most."""
    breaker = opened(now=100.0)
    assert passes(breaker, 105.0)
    assert not passes(breaker, 119.9)
    assert breaker.is_ready(120.0) and passes(breaker, 120.0)
    assert not passes(breaker, 134.9)


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_a_clock_jump_delays_a_probe_by_one_span_at_most(jump):
    """S-23: an hour forward probes at once, an hour back after one more open time."""
    breaker = opened(now=10_000.0)
    now = 10_000.0 + jump
    if jump > 0:
        assert passes(breaker, now)
    else:
        assert not breaker.is_ready(now) and not passes(breaker, now)
        assert passes(breaker, now + 5.0)


def test_the_last_candidate_is_probed_once_a_second():
    """S-24: with all targets open one try a second goes out, whoever asks how often."""
    breaker = opened(now=100.0, open_time=60.0, open_cap=60.0)
    sent = [tick for tick in range(100) if not isinstance(breaker.admit_probe(100.0 + tick / 10), Failure)]
    assert sent == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]


def test_a_rare_probe_that_succeeds_half_opens_at_once():
    """S-24: the first success ends the open time, and fourteen in all close it."""
    breaker = opened(now=100.0, open_time=60.0, open_cap=60.0)
    breaker.settle(breaker.admit_probe(101.0), OK, 101.5, DICE)
    assert breaker.state is State.HALF_OPEN
    for _ in range(13):
        outcome(breaker, OK, 101.5)
    assert breaker.state is State.CLOSED


def test_a_rare_probe_that_fails_changes_nothing():
    """A fault or a cancel of a rare probe leaves the open time as it was."""
    breaker = opened(now=100.0, open_time=60.0, open_cap=60.0)
    for verdict, now in ((FAULT, 101.0), (IGNORED, 102.0)):
        breaker.settle(breaker.admit_probe(now), verdict, now, DICE)
        assert breaker.state is State.OPEN and breaker.retry_at == 160.0
    outcome(breaker, FAULT, 160.0)
    assert breaker.retry_at == 220.0


def test_a_rare_probe_passes_a_busy_half_open_breaker_too():
    """The last candidate is never black-holed by probes that are long out."""
    breaker = opened(now=100.0)
    assert passes(breaker, 105.0)
    assert not passes(breaker, 105.5)
    ticket = breaker.admit_probe(105.5)
    assert isinstance(ticket, int) and isinstance(breaker.admit_probe(105.6), Failure)
    breaker.settle(ticket, OK, 106.0, DICE)
    assert passes(breaker, 106.0)


def test_a_clock_that_went_back_does_not_silence_the_rare_probe():
    """S-23 meets S-24: an hour back costs one more second."""
    breaker = opened(now=10_000.0)
    assert isinstance(breaker.admit_probe(10_000.0), int)
    assert isinstance(breaker.admit_probe(6_400.0), Failure)
    assert isinstance(breaker.admit_probe(6_401.0), int)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"consecutive": 0}, "`consecutive` is 0"),
        ({"share": 50.0}, "`share` is 50: give a number from 0.01 to 1"),
        ({"open_cap": 1.0}, "`open_cap` is 1: give a number from 5 to 3600 seconds"),
        ({"permits": ()}, "`number of permits` is 0"),
        ({"permits": (1, 0)}, "`permits` is 0: give a number from 1 to 1000"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_range(given, words):
    """A wrong number names itself and what would be right."""
    with pytest.raises(ValueError, match=words):
        BreakerSettings(**given)


# -- late first contents, and what goes beyond -----------------------------------------------------------------------------


def begun(breaker, seconds, now=1.0, times=1):
    """So many streams whose first content came after so long."""
    for _ in range(times):
        ticket = breaker.admit(now)
        assert isinstance(ticket, int)
        breaker.begin(ticket, seconds, now, DICE)
        breaker.settle(ticket, OK, now, DICE)


def test_late_is_beyond_a_multiple_of_the_usual():
    """Where a second is usual, three are not late and six are, once ten were seen; below two nothing is."""
    breaker = Breaker(BreakerSettings())
    begun(breaker, 1.0, times=30)
    begun(breaker, 3.0, times=20)
    assert breaker.state is State.CLOSED
    breaker = Breaker(BreakerSettings())
    begun(breaker, 1.0, times=30)
    for _ in range(20):
        if breaker.state is State.CLOSED:
            begun(breaker, 9.0)
    assert (breaker.state, breaker.is_slow) == (State.OPEN, True)
    breaker = Breaker(BreakerSettings())
    begun(breaker, 0.1, times=30)
    begun(breaker, 1.9, times=100)
    assert breaker.state is State.CLOSED


def test_before_ten_were_seen_nothing_is_late():
    """A deployment that is slow from its first answer on is so by nature."""
    breaker = Breaker(BreakerSettings())
    begun(breaker, 20.0, times=100)
    assert breaker.state is State.CLOSED


def test_what_answers_earn_is_bounded():
    """However many were answered, at most a hundred attempts are let through to one that is dead by now."""
    breaker = opened()
    breaker.spared = True
    breaker.settle(breaker.admit(100.0), OK, 100.0, DICE)  # a rare probe; from here on half open
    for _ in range(500):
        ticket = breaker.admit(100.0)
        if ticket == BEYOND:
            breaker.settle(ticket, OK, 100.0, DICE)
    passed = 0
    while isinstance(breaker.admit(100.0), int):
        passed += 1
    assert 90 <= passed <= 103


def test_an_attempt_beyond_that_was_not_sent_is_given_back():
    """What one answer earned is there again, where its attempt was refused by another gate."""
    breaker = opened()
    breaker.spared = True
    breaker.settle(breaker.admit(100.0), OK, 100.0, DICE)
    for _ in range(3):
        breaker.admit(100.0)  # the probes of this step go first
    for _ in range(20):
        ticket = breaker.admit(100.0)
        assert ticket == BEYOND
        breaker.release(ticket)


def test_a_look_says_what_a_spared_one_would_answer():
    """A spared breaker refuses nothing to a look that it would give to who asks, and the other way round."""
    breaker = opened()
    breaker.spared = True
    assert breaker.refusal(100.0) is None and breaker.is_ready(100.0)
    assert isinstance(breaker.admit(100.0), int)
    assert breaker.refusal(100.0) is not None and not breaker.is_ready(100.0)
    assert isinstance(breaker.admit(100.0), Failure)
    assert breaker.refusal(101.0) is None


def words(breaker, now):
    """Why it refuses."""
    return breaker.admit(now).message


def test_a_refusal_says_why_and_for_how_long():
    """Open after faults, half open with its probes out, or late: each in its own words, with the seconds left and never less than 0."""
    breaker = opened(now=100.0)
    assert words(breaker, 101.0) == "the breaker is open after faults: refused by us for 4.0 s more"
    breaker.admit(105.0)
    assert words(breaker, 106.0) == "the breaker is half open and its probes are out: refused by us for 14.0 s more"
    slow = Breaker(BreakerSettings(least=1))
    slow.begin(slow.admit(100.0), 60.0, 100.0, DICE)
    assert slow.state is State.CLOSED, "nothing is known of what is usual"
    for _ in range(10):
        slow.usual.add(0.5)
    slow.begin(slow.admit(100.0), 60.0, 100.0, DICE)
    assert words(slow, 102.0) == "the breaker is open, as its answers begin late: refused by us for 3.0 s more"


def spent():
    """A half-open breaker whose probes are out and whose rare one has been answered, and those tickets."""
    breaker = opened(now=100.0, open_time=60.0, open_cap=60.0, probe_every=1000.0, permits=(2,), lease=500.0)
    breaker.settle(breaker.admit_probe(101.0), OK, 101.0, DICE)
    tickets = [breaker.admit(101.0) for _ in range(2)]
    return breaker, tickets


def beyond(breaker, most=200, at=101.0):
    """How many attempts beyond what its state allows it lets through at one moment."""
    leaves = [breaker.admit_probe(at) for _ in range(most)]
    assert {leave for leave in leaves if isinstance(leave, int)} <= {0}
    return sum(leave == 0 for leave in leaves)


def test_each_answer_earns_three_attempts_beyond():
    """The last candidate goes on with three attempts for each that was answered, and none for one that wasn't."""
    breaker, _ = spent()
    assert beyond(breaker) == 3
    assert not breaker.lets_probe(101.0)
    breaker.settle(0, IGNORED, 101.0, DICE)
    breaker.settle(0, FAULT, 101.0, DICE)
    assert beyond(breaker) == 0
    breaker.settle(0, OK, 101.0, DICE)
    assert breaker.lets_probe(101.0)
    assert beyond(breaker) == 3
    breaker.release(0)
    assert breaker.lets_probe(101.0), "one that was never sent is left"
    assert beyond(breaker) == 1


def test_no_more_than_a_hundred_attempts_are_saved_up():
    """However many answers came: a hundred beyond, be they earned or handed back."""
    breaker, _ = spent()
    for _ in range(50):
        breaker.settle(0, OK, 101.0, DICE)
    breaker.release(0)
    assert beyond(breaker) == 100


def test_what_was_earned_longer_ago_than_the_window_is_worth_nothing():
    """Who has answered nothing for a minute has no attempts left from before, not even once it answers again; INV-13."""
    for at, left in ((161.0, 3), (161.1, 0)):
        breaker, _ = spent()
        assert breaker.lets_probe(at) is bool(left)
        assert beyond(breaker, at=at) == left
    breaker.settle(0, OK, 170.0, DICE)
    assert beyond(breaker, at=170.0) == 3, "what the one answer earned, and none of before"


def test_an_older_generations_outcome_earns_nothing():
    """INV-13: neither a late answer nor a late fault changes what a breaker that moved on lets through."""
    breaker = Breaker(BreakerSettings(open_time=60.0, open_cap=60.0))
    late = [breaker.admit(1.0) for _ in range(10)]
    for _ in range(5):
        outcome(breaker, FAULT, 1.0)
    assert isinstance(breaker.admit_probe(1.0), int)
    for ticket in late:
        breaker.settle(ticket, OK, 1.5, DICE)
    assert isinstance(breaker.admit_probe(1.5), Failure)
    assert breaker.good_at == 1.5, "that it answered is known all the same"


def test_what_closed_owes_nothing_to_what_was_out():
    """An attempt beyond that ends after the breaker closed neither earns nor counts."""
    breaker, tickets = spent()
    assert beyond(breaker) == 3
    breaker.settle(tickets[0], OK, 102.0, DICE)
    assert breaker.state is State.CLOSED
    for _ in range(20):
        breaker.settle(0, FAULT, 103.0, DICE)
    assert breaker.state is State.CLOSED and breaker.admit(103.0) == breaker.admit(103.0) != 0


def slowed(now=100.0):
    """A breaker that late first contents have opened."""
    breaker = Breaker(BreakerSettings(least=5))
    for _ in range(10):
        breaker.usual.add(0.5)
    while breaker.state is State.CLOSED:
        breaker.begin(breaker.admit(now), 9.0, now, DICE)
    return breaker


def test_four_of_five_late_first_contents_open_it():
    """`slow_share` of the latest `least` within the window, and not one fewer; what was late is so by both measures."""
    for late, state in ((3, State.CLOSED), (4, State.OPEN)):
        breaker = Breaker(BreakerSettings(least=5))
        for _ in range(10):
            breaker.usual.add(0.5)
        for seconds in [0.5] * (5 - late) + [9.0] * late:
            breaker.begin(breaker.admit(100.0), seconds, 100.0, DICE)
        assert breaker.state is state
    assert breaker.is_slow and breaker.ill_since == breaker.opened_at == 100.0


def test_who_is_slow_but_answers_goes_on_where_it_is_the_last():
    """A slow one is asked for all as the last candidate, until faults in a row show that it does not answer any more."""
    breaker = slowed()
    assert isinstance(breaker.admit(101.0), Failure)
    assert breaker.admit_probe(101.0) != 0, "a rare probe moves the state"
    assert beyond(breaker, most=50) == 50
    for verdict in (FAULT, FAULT, FAULT, FAULT, OK, FAULT, FAULT, FAULT, FAULT):
        breaker.settle(0, verdict, 101.0, DICE)
    assert breaker.is_slow
    breaker.settle(0, FAULT, 101.0, DICE)
    assert not breaker.is_slow
    assert beyond(breaker) == 3, "what the one answer earned"


def test_late_first_contents_longer_ago_than_the_window_say_nothing():
    """Exactly a window ago still counts."""
    for age, state in ((60.0, State.OPEN), (60.1, State.CLOSED)):
        breaker = Breaker(BreakerSettings(least=5))
        for _ in range(10):
            breaker.usual.add(0.5)
        for _ in range(4):
            breaker.begin(breaker.admit(100.0), 9.0, 100.0, DICE)
        breaker.begin(breaker.admit(100.0 + age), 9.0, 100.0 + age, DICE)
        assert breaker.state is state


def test_what_is_late():
    """Later than `slow_after` and than `slow_times` the usual, each of them strictly; `slow_times` 0 leaves the first alone."""

    def opens(seconds, **settings):
        breaker = Breaker(BreakerSettings(least=1, **settings))
        for _ in range(10):
            breaker.usual.add(1.0)
        breaker.usual.median = 1.0
        breaker.begin(breaker.admit(1.0), seconds, 1.0, DICE)
        return breaker.state is State.OPEN

    assert [opens(seconds) for seconds in (4.9, 5.0, 5.1)] == [False, False, True]
    assert [opens(seconds, slow_after=7.0) for seconds in (7.0, 7.1)] == [False, True]
    assert [opens(seconds, slow_times=0.0) for seconds in (2.0, 2.1)] == [False, True]


def test_a_spared_breaker_goes_on_with_a_probe_a_second():
    """Where too many are out already an open one lets one through a second, and says so when it is asked for a look."""
    breaker = opened(now=100.0, open_time=60.0, open_cap=60.0)
    breaker.spared = True
    assert breaker.is_ready(100.5) and breaker.refusal(100.5) is None
    assert isinstance(breaker.admit(100.5), int)
    assert not breaker.is_ready(101.4) and breaker.refusal(101.4).retry_after == pytest.approx(58.6)
    assert isinstance(breaker.admit(101.4), Failure)
    assert isinstance(breaker.admit(101.5), int)
