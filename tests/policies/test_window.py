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
