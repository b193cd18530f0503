"""A credential set aside, and how it comes back."""

from random import Random

import pytest

from stormkeel.policies.base import Verdict
from stormkeel.policies.parking import ParkingSettings
from stormkeel.policies.quarantine import AGAIN, LEASE, Quarantine, Standing, span_of

SETTINGS = ParkingSettings()


class Never:
    """Dice that always fall on the lowest number."""

    def random(self) -> float:
        """Return it."""
        return 0.0


LOW = Never()


def refused_at(now: float) -> Quarantine:
    """A credential that was refused."""
    quarantine = Quarantine(SETTINGS)
    assert quarantine.refused(now, LOW)
    return quarantine


def test_one_probe_when_its_time_is_up():
    """Nobody may probe before the time is up, then exactly one."""
    quarantine = refused_at(100.0)
    assert not quarantine.take(159.9)
    assert quarantine.take(160.0)
    assert quarantine.standing is Standing.PROBING
    assert not quarantine.take(160.0)


def test_a_lost_probe_does_not_block_for_ever():
    """A probe that stays out lets the next go after its lease."""
    quarantine = refused_at(0.0)
    assert quarantine.take(60.0)
    assert not quarantine.take(60.0 + LEASE - 0.1)
    assert quarantine.take(60.0 + LEASE)


def test_the_interval_doubles_up_to_the_cap():
    """Each refused probe doubles the time to the next, up to 15 minutes."""
    quarantine, now, spans = refused_at(0.0), 0.0, []
    for _ in range(6):
        spans.append(quarantine.next_at - now)
        now = quarantine.next_at
        assert quarantine.take(now)
        quarantine.settle(Verdict.FAULT, now, LOW)
    assert spans == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0]


def test_an_interval_is_at_least_its_span_and_at_most_a_quarter_more():
    """Chance spreads probes without ever making one too early."""
    for seed in range(100):
        quarantine = Quarantine(SETTINGS)
        quarantine.refused(0.0, Random(seed))
        assert 60.0 <= quarantine.next_at <= 75.0


def test_an_answered_probe_puts_it_back_but_does_not_forget():
    """Back in service, a refusal soon after goes on doubling; only a caller's answered request makes it the first again."""
    quarantine = refused_at(0.0)
    quarantine.take(60.0)
    quarantine.settle(Verdict.OK, 60.0, LOW)
    assert quarantine.standing is Standing.IN_SERVICE
    quarantine.refused(61.0, LOW)
    assert quarantine.next_at == 61.0 + 120.0
    quarantine.take(181.0)
    quarantine.settle(Verdict.OK, 181.0, LOW)
    quarantine.proved()
    quarantine.refused(200.0, LOW)
    assert quarantine.next_at == 260.0


def test_a_probe_that_tells_nothing_is_followed_soon():
    """Where nothing was learned the next probe goes after a moment, and nothing doubles."""
    quarantine = refused_at(0.0)
    quarantine.take(60.0)
    quarantine.settle(Verdict.IGNORED, 60.0, LOW)
    assert quarantine.next_at == 60.0 + AGAIN
    quarantine.take(65.0)
    quarantine.settle(Verdict.FAULT, 65.0, LOW)
    assert quarantine.next_at == 65.0 + 120.0


def test_late_refusals_change_nothing():
    """The other attempts that were under way when it was set aside come back refused, and lengthen nothing."""
    quarantine = refused_at(0.0)
    assert not quarantine.refused(5.0, LOW)
    assert quarantine.next_at == 60.0


def test_a_probe_given_back_is_due_at_once():
    """A probe that another gate did not let pass is the next one's."""
    quarantine = refused_at(0.0)
    quarantine.take(60.0)
    quarantine.give_back(60.0)
    assert quarantine.take(60.0)


@pytest.mark.parametrize("cap", [0.0, 30.0])
def test_a_cap_below_the_first_span_is_that_span(cap):
    """A cap smaller than the first interval shortens nothing."""
    assert span_of(3, ParkingSettings(credential_cap=cap)) == 60.0
