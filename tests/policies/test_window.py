"""Outcomes of the last while."""

from stormkeel.policies.window import Window


def test_a_bucket_leaves_as_a_whole_after_the_window():
    """What was counted in the first ten seconds is gone once the seventh bucket begins, and no sooner."""
    window = Window(60.0)
    window.add(0.0, fault=True)
    window.add(9.9, fault=False)
    window.add(59.9, fault=False)
    assert window.totals() == (3, 1)
    window.add(60.0, fault=False)
    assert window.totals() == (2, 0)


def test_a_little_late_outcome_is_counted_in_its_own_bucket():
    """A moment read just before a bucket's end and told after it empties nothing."""
    window = Window(60.0)
    window.add(20.0, fault=True)
    window.add(19.999, fault=True)
    assert window.totals() == (2, 2)
    window.add(70.0, fault=False)
    assert window.totals() == (2, 1)


def test_a_jump_of_a_window_or_more_empties_it():
    """After an hour, or just a window, either way, nothing that was known still counts."""
    for jump in (3600.0, -3600.0, 60.0, -60.0):
        window = Window(60.0)
        window.add(10_000.0, fault=True)
        window.add(10_000.0 + jump, fault=False)
        assert window.totals() == (1, 0)


def test_the_first_moment_of_all_is_counted():
    """An outcome at the very beginning of a clock, or before it, is as good as any."""
    for start in (0.0, 10.0, -30.0):
        window = Window(60.0)
        window.add(start, fault=True)
        assert window.totals() == (1, 1)


def test_each_bucket_that_was_passed_is_empty():
    """However many buckets pass without an outcome: all of them are forgotten, the others stay."""
    for passed in range(1, 6):
        window = Window(60.0)
        for bucket in range(6):
            window.add(10.0 * bucket, fault=bucket % 2 == 0)
        window.add(50.0 + 10.0 * passed, fault=False)
        left = range(passed, 6)
        assert window.totals() == (len(left) + 1, sum(bucket % 2 == 0 for bucket in left))


def test_a_late_outcome_of_the_oldest_bucket_still_counts():
    """Five buckets late is a little late; the window goes on from where it was."""
    window = Window(60.0)
    window.add(50.0, fault=True)
    window.add(9.9, fault=True)
    assert window.totals() == (2, 2)
    window.add(60.0, fault=False)
    assert window.totals() == (2, 1)


def test_a_cleared_window_goes_on_at_its_moment():
    """After it was cleared nothing counts, and what comes next does."""
    window = Window(60.0)
    window.add(100.0, fault=True)
    window.clear(130.0)
    assert window.totals() == (0, 0)
    window.add(131.0, fault=True)
    window.add(125.0, fault=True)
    assert window.totals() == (2, 2)
    window.add(189.0, fault=False)
    assert window.totals() == (2, 1)
