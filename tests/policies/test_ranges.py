"""The range of each setting of a policy: both ends are inside, one step beyond is refused in words that mend it."""

import math

import pytest

from stormkeel.policies.admission import AdmissionSettings
from stormkeel.policies.base import OutOfRangeError, within
from stormkeel.policies.breaker import BreakerSettings
from stormkeel.policies.commit import bytes_held
from stormkeel.policies.deadline import ClockSettings
from stormkeel.policies.easing import EasingSettings
from stormkeel.policies.hedge import HedgeSettings
from stormkeel.policies.parking import ParkingSettings
from stormkeel.policies.queue import QueueSettings, check_turns
from stormkeel.policies.rate import RateSettings
from stormkeel.policies.retry import BudgetSettings, RetrySettings

HOUR, DAY, WEEK, MONTH, MIB = 3600.0, 86_400.0, 604_800.0, 2_678_400.0, 1 << 20
SHARE = "(a share of a limit)"
BURST = "(a share of a minute's limit)"

RANGES = [
    (AdmissionSettings, "connections", 1, 1_000_000, ""),
    (AdmissionSettings, "requests", 1, 1_000_000, ""),
    (AdmissionSettings, "bodies", 1024, 1024 * 1024 * MIB, "bytes"),
    (AdmissionSettings, "burst_wait", AdmissionSettings().standing_wait, 60.0, "seconds"),
    (AdmissionSettings, "interval", 0.001, 60.0, "seconds"),
    (AdmissionSettings, "retry_after", 0.0, HOUR, "seconds"),
    (BreakerSettings, "consecutive", 1, 10_000, ""),
    (BreakerSettings, "share", 0.01, 1.0, ""),
    (BreakerSettings, "least", 1, 1_000_000, ""),
    (BreakerSettings, "window", 1.0, HOUR, "seconds"),
    (BreakerSettings, "open_cap", 5.0, HOUR, "seconds"),
    (BreakerSettings, "lease", 0.01, HOUR, "seconds"),
    (BreakerSettings, "probe_every", 0.01, HOUR, "seconds"),
    (BreakerSettings, "slow_share", 0.01, 1.0, ""),
    (BreakerSettings, "slow_times", 0.0, 1000.0, ""),
    (BreakerSettings, "slow_after", 0.01, DAY, "seconds"),
    (BreakerSettings, "max_ejected", 0.0, 1.0, ""),
    *[(ClockSettings, name, 0.001, DAY, "seconds") for name in ("connect", "first_content", "idle", "answer", "total", "hold")],
    (ClockSettings, "reasoning", 1.0, 100.0, ""),
    (ClockSettings, "prefill", 0.0, 600.0, "seconds"),
    (EasingSettings, "cut", 0.0, 0.9, SHARE),
    (EasingSettings, "floor", 0.01, 1.0, SHARE),
    (EasingSettings, "gain", 0.001, 1.0, SHARE),
    (EasingSettings, "window", 0.1, HOUR, "seconds"),
    (EasingSettings, "pause", 0.0, HOUR, "seconds"),
    (HedgeSettings, "after", 0.001, 600.0, "seconds"),
    (HedgeSettings, "percentile", 50.0, 99.9, "percent"),
    (HedgeSettings, "share", 0.001, 0.5, ""),
    (ParkingSettings, "credential", 0.0, DAY, "seconds"),
    (ParkingSettings, "credential_cap", 0.0, WEEK, "seconds"),
    (ParkingSettings, "quota", 0.0, MONTH, "seconds"),
    (ParkingSettings, "model", 0.0, MONTH, "seconds"),
    (QueueSettings, "wait", 0.0, DAY, "seconds"),
    (QueueSettings, "most", 0, 1_000_000, "requests"),
    (QueueSettings, "bytes", 0, 1024 * MIB, "bytes"),
    (RateSettings, "rpm", 1, 1_000_000_000_000, "requests a minute"),
    (RateSettings, "tpm", 1, 1_000_000_000_000, "tokens a minute"),
    (RateSettings, "itpm", 1, 1_000_000_000_000, "input tokens a minute"),
    (RateSettings, "otpm", 1, 1_000_000_000_000, "output tokens a minute"),
    (RateSettings, "rpd", 1, 1_000_000_000_000, "requests a day"),
    (RateSettings, "tpd", 1, 1_000_000_000_000, "tokens a day"),
    (RateSettings, "burst", 0.0001, 1.0, BURST),
    (RateSettings, "token_burst", 0.0001, 1.0, BURST),
    (RateSettings, "window", 0.1, 60.0, "seconds"),
    (RetrySettings, "attempts", 1, 20, ""),
    (RetrySettings, "request_attempts", 1, 100, ""),
    (RetrySettings, "base", 0.001, 60.0, "seconds"),
    (RetrySettings, "throttle_base", 0.001, 60.0, "seconds"),
    (RetrySettings, "cap", 1.0, HOUR, "seconds"),
    (RetrySettings, "max_hint", 5.0, DAY, "seconds"),
    (BudgetSettings, "transient_cost", 1, 500, ""),
    (BudgetSettings, "throttle_cost", 1, 500, ""),
    (BudgetSettings, "concurrent_share", 0.0, 1.0, ""),
    (BudgetSettings, "concurrent_least", 1, 1_000_000, ""),
]
NEIGHBOURS = [
    (AdmissionSettings, "standing_wait", 0.0001, 60.0, "seconds", ("burst_wait",)),
    (BreakerSettings, "open_time", 0.01, HOUR, "seconds", ("open_cap",)),
    (RetrySettings, "wait_hint", 0.0, HOUR, "seconds", ("max_hint",)),
    (BudgetSettings, "capacity", 1, 1_000_000, "", ("transient_cost", "throttle_cost")),
]
"""Settings that another must be at least, or at most: it goes with them here."""
BESIDE = {"base": {"cap": HOUR}, "throttle_base": {"cap": HOUR}}
"""What makes room for a setting's range."""


def beyond(end, away):
    """The next number outside of an end."""
    return end + (1 if away > end else -1) if isinstance(end, int) else math.nextafter(end, away)


def refused(settings, given):
    """What is said of a setting out of its range."""
    with pytest.raises(OutOfRangeError) as told:
        settings(**given)
    return told.value


@pytest.mark.parametrize(("settings", "name", "low", "high", "unit"), RANGES)
def test_both_ends_are_inside_and_the_next_is_not(settings, name, low, high, unit):
    """A setting may be as small and as large as its range says, and no smaller and no larger; the refusal tells name and range."""
    for end, away in ((low, -math.inf), (high, math.inf)):
        assert getattr(settings(**{name: end} | BESIDE.get(name, {})), name) == end
        wrong = beyond(end, away)
        told = refused(settings, {name: wrong} | BESIDE.get(name, {}))
        assert (told.setting, told.low, told.high) == (name, low, high)
        mend = f"give a number from {low:g} to {high:g} {unit}".rstrip()
        assert str(told) == f"`{name}` is {wrong:g}: {mend}"


@pytest.mark.parametrize(("settings", "name", "low", "high", "unit", "others"), NEIGHBOURS)
def test_a_setting_that_another_goes_with_has_a_range_too(settings, name, low, high, unit, others):
    """So do those that are others' lower or upper end."""
    for end, away in ((low, -math.inf), (high, math.inf)):
        assert getattr(settings(**{name: end} | dict.fromkeys(others, end)), name) == end
        wrong = beyond(end, away)
        told = refused(settings, {name: wrong} | dict.fromkeys(others, wrong))
        assert (told.setting, told.low, told.high) == (name, low, high)
        assert str(told).endswith(f"to {high:g} {unit}".rstrip())


@pytest.mark.parametrize(("permits", "name", "low", "high", "unit"), [
    ((), "number of permits", 1, 10, "steps"), ((1,) * 11, "number of permits", 1, 10, "steps"),
    ((1, 0), "permits", 1, 1000, "probes a step"), ((1001,), "permits", 1, 1000, "probes a step"),
])  # fmt: skip
def test_how_many_probes_have_ranges(permits, name, low, high, unit):
    """From one to ten steps, of one to a thousand probes each."""
    assert BreakerSettings(permits=(1,) * 10).permits == (1,) * 10
    assert BreakerSettings(permits=(1000,)).permits == (1000,)
    told = refused(BreakerSettings, {"permits": permits})
    assert (told.setting, told.low, told.high) == (name, low, high)
    assert str(told).endswith(unit)


def test_the_cap_is_at_least_the_longer_base():
    """No backoff's first range is wider than the widest."""
    assert refused(RetrySettings, {"base": 3.0, "cap": 2.0}).low == 3.0
    assert refused(RetrySettings, {"throttle_base": 4.0, "base": 3.0, "cap": 3.5}).low == 4.0


@pytest.mark.parametrize("wait", [-0.1, 86_400.1, float("nan")])
def test_a_wait_for_a_turn_has_the_range_of_the_queue(wait):
    """A route or a key may say from nothing to a day."""
    check_turns(None, None)
    check_turns(0.0, "high")
    check_turns(86_400.0, "-10")
    with pytest.raises(OutOfRangeError, match=r"`queue_wait` is .*: give a number from 0 to 86400 seconds"):
        check_turns(wait, None)


def test_a_priority_that_is_none_is_told_how_it_is_written():
    """A wrong priority names itself and every right one."""
    words = '`priority` is "soon": give "high", "normal", "low", or a number from -10 to 10 as text'
    with pytest.raises(ValueError, match="`priority`") as told:
        check_turns(None, "soon")
    assert str(told.value) == words


def test_a_commit_point_of_too_many_tokens_says_so():
    """From one token to a hundred thousand, of four bytes each."""
    assert bytes_held("tokens:1") == 4
    for wrong in ("tokens:0", "tokens:999999"):
        with pytest.raises(OutOfRangeError, match=r"`commit` is .*: give a number from 1 to .* tokens$"):
            bytes_held(wrong)


def test_a_number_in_no_unit_is_told_without_one():
    """What has no unit ends with its range."""
    with pytest.raises(OutOfRangeError) as told:
        within("share", 2.0, 0.0, 1.0)
    assert str(told.value) == "`share` is 2: give a number from 0 to 1"
