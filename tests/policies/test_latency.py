"""How quick somebody has been of late."""

from math import e

import pytest

from stormkeel.policies.latency import DECAY, FADE, PENALTY, PeakLatency


def test_nothing_is_known_before_the_first_news():
    """No estimate is None, and no small number."""
    assert PeakLatency().estimate(100.0, False) is None


def test_bad_news_count_at_once_and_good_ones_slowly():
    """A slower answer is the estimate; a quicker one at the same moment changes nothing, after ten seconds most of it."""
    pace = PeakLatency()
    pace.observe(0.0, 1.0)
    pace.observe(0.0, 5.0)
    assert pace.estimate(0.0, True) == 5.0
    pace.observe(0.0, 1.0)
    assert pace.estimate(0.0, True) == 5.0
    pace.observe(DECAY, 1.0)
    assert pace.estimate(DECAY, True) == pytest.approx(1.0 + 4.0 / e)


def test_an_idle_ones_estimate_fades_and_an_asked_ones_stands():
    """Who was slow becomes worth a try again, and a single one: while it is out the old news hold."""
    pace = PeakLatency()
    pace.observe(0.0, 5.0)
    assert pace.estimate(FADE, False) == pytest.approx(5.0 / e)
    assert pace.estimate(FADE, True) == 5.0


def test_who_is_waited_for_is_at_least_so_slow():
    """From the first attempt since the last news; any news, or an end that says nothing else, puts an end to it."""
    pace = PeakLatency()
    pace.observe(0.0, 1.0)
    pace.ask(5.0, False)
    pace.ask(8.0, True)
    assert [pace.estimate(now, True) for now in (5.5, 9.0)] == [1.0, 4.0]
    pace.hear()
    assert pace.estimate(9.0, True) == 1.0
    pace.ask(10.0, True)
    pace.observe(12.0, 1.0)
    assert pace.estimate(30.0, True) == 1.0


def test_an_attempt_of_which_nothing_was_heard_is_forgotten_once_nobody_is_there():
    """One that was refused on the way leaves nothing behind: the next one, where no other is under way, is waited for anew."""
    pace = PeakLatency()
    pace.observe(0.0, 1.0)
    pace.ask(5.0, False)
    pace.ask(100.0, False)
    assert pace.estimate(101.5, True) == 1.5
    assert PeakLatency().estimate(9.0, True) is None


def test_a_quick_failure_is_slow():
    """Who refuses within a millisecond counts as if it had taken ten seconds; a longer one as long as it took."""
    pace = PeakLatency()
    pace.fail(0.0, 0.001)
    assert pace.estimate(0.0, True) == PENALTY
    pace.fail(0.0, 30.0)
    assert pace.estimate(0.0, True) == 30.0


def test_a_wait_that_was_given_up_can_only_make_it_slower():
    """It is known to be at least so slow: that says nothing where it is thought slower already."""
    pace = PeakLatency()
    pace.endure(0.0, 3.0)
    assert pace.estimate(0.0, True) == 3.0
    pace.endure(1.0, 2.0)
    assert pace.estimate(1.0, True) == 3.0


def test_a_clock_that_stands_makes_nothing_grow():
    """News that seem to come from the future leave the estimate as it is."""
    pace = PeakLatency()
    pace.observe(10.0, 2.0)
    assert pace.estimate(9.0, False) == 2.0


def test_the_first_wait_that_was_given_up_is_news_however_short():
    """Of whom nothing is known it says that it was at least so slow."""
    pace = PeakLatency()
    pace.endure(1.0, 0.5)
    assert pace.estimate(1.0, True) == 0.5
