"""The clocks of a request."""

import pytest

from stormkeel.policies.deadline import ClockSettings, before


@pytest.mark.parametrize("field", ["connect", "first_content", "idle", "answer", "total", "hold"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_clock_out_of_range_is_refused_by_name(field, value):
    """A clock of nothing, of less, or of for ever names itself and its range."""
    with pytest.raises(ValueError, match=rf"`{field}` is .*: give a number from 0.001 to 86400 seconds"):
        ClockSettings(**{field: value})


@pytest.mark.parametrize(("field", "value"), [("reasoning", 0.5), ("reasoning", 101.0), ("prefill", -1.0), ("prefill", 601.0)])
def test_what_stretches_a_clock_has_a_range_too(field, value):
    """Reasoning never shortens a wait, and neither it nor the input's length makes it endless."""
    with pytest.raises(ValueError, match=rf"`{field}` is .*: give a number from"):
        ClockSettings(**{field: value})


@pytest.mark.parametrize("patience", [0.001, 0.1, 1.0, 5.0, 20.0, 600.0, 80_000.0])
def test_a_client_hears_before_its_own_clock_runs_out(patience):
    """A part of its patience is left for the way back, never more than half a second and never all."""
    assert 0.9 * patience <= before(patience) < patience
    assert patience - before(patience) <= 0.5
