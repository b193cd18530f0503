"""The clocks of a request."""

import pytest

from stormkeel.policies.deadline import ClockSettings


@pytest.mark.parametrize("field", ClockSettings.__struct_fields__)
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_clock_out_of_range_is_refused_by_name(field, value):
    """A clock of nothing, of less, or of for ever names itself and its range."""
    with pytest.raises(ValueError, match=rf"`{field}` is .*: give a number from 0.001 to 86400 seconds"):
        ClockSettings(**{field: value})
