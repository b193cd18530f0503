"""How long somebody is set aside."""

import pytest

from stormkeel.policies.parking import ParkingSettings


@pytest.mark.parametrize("field", ParkingSettings.__struct_fields__)
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_time_out_of_range_is_refused_by_name(field, value):
    """A negative or endless time names itself and its range."""
    with pytest.raises(ValueError, match=rf"`{field}` is .*: give a number from 0 to"):
        ParkingSettings(**{field: value})
