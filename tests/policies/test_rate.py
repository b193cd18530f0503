"""Requests and tokens a minute."""

import pytest

from stormkeel.policies.gcra import Gcra
from stormkeel.policies.rate import RateGate, RateSettings
from stormkeel.types.failure import Failure, FailureKind


def passed(answer):
    """Was it a ticket?"""
    return not isinstance(answer, Failure)


def test_a_burst_passes_and_the_next_waits_its_turn():
    """Sixty a minute: sixty at once, the next a second later, and not a microsecond sooner than said (S-17)."""
    gate = RateGate(RateSettings(rpm=60))
    assert all(passed(gate.admit(5.0, 0)) for _ in range(60))
    refusal = gate.admit(5.0, 0)
    assert refusal.kind is FailureKind.RATE_REACHED and not refusal.forever
    assert 1.0 <= refusal.retry_after <= 1.001
    assert not passed(gate.admit(5.999, 0))
    assert passed(gate.admit(5.0 + refusal.retry_after, 0))


def test_a_small_burst_spreads_the_requests():
    """INV-12: with a burst of one, requests pass one by one."""
    gate = RateGate(RateSettings(rpm=60, burst=1 / 60))
    assert passed(gate.admit(0.0, 0))
    assert not passed(gate.admit(0.5, 0))
    assert passed(gate.admit(1.0, 0))


@pytest.mark.parametrize(("rpm", "every"), [(30, 2.0), (60, 1.0), (75, 0.8), (100, 0.6), (120, 1.0), (179, 1.0), (180, 0.5)])
def test_where_a_window_has_room_for_one_requests_pass_one_by_one_at_their_rate(rpm, every):
    """Enforced by the second: the next one after its time, and not before; where two fit into one, one is kept for the burst."""
    gate = RateGate(RateSettings(rpm=rpm, window=1.0))
    for number in range(100):
        assert not number or not passed(gate.admit(number * (every + 0.001) - 0.01, 0))
        assert passed(gate.admit(number * (every + 0.001), 0))


def test_what_fits_exactly_is_not_refused():
    """The last request and the last token of a limit pass, and a look says so."""
    gate = RateGate(RateSettings(rpm=2, tpm=100))
    assert passed(gate.admit(0.0, 60))
    assert gate.refusal(0.0, 40) is None
    assert isinstance(gate.refusal(0.0, 41), Failure)
    assert passed(gate.admit(0.0, 40))
    assert isinstance(gate.refusal(0.0, 0), Failure)


def test_all_limits_are_checked_before_any_is_debited():
    """A request the token limit refuses uses up no request, and the other way round."""
    gate = RateGate(RateSettings(rpm=2, tpm=100))
    assert passed(gate.admit(0.0, 90))
    for _ in range(5):
        assert not passed(gate.admit(0.0, 20))
    assert passed(gate.admit(0.0, 10))
    for _ in range(5):
        refusal = gate.admit(0.0, 0)
        assert "2 requests a minute (`rpm`)" in refusal.message
    assert passed(gate.admit(30.0, 50))


def test_the_longest_wait_of_all_limits_is_told():
    """Where both limits refuse, the hint satisfies both."""
    gate = RateGate(RateSettings(rpm=60, tpm=60, burst=1 / 60))
    gate.admit(0.0, 60)
    refusal = gate.admit(0.0, 30)
    assert "60 tokens a minute (`tpm`)" in refusal.message
    assert 30.0 <= refusal.retry_after <= 30.001
    assert passed(gate.admit(refusal.retry_after, 30))


def test_unused_tokens_come_back_and_an_overrun_is_owed():
    """A settlement corrects the estimate either way; debt delays the next (docs/reliability.md, Rates)."""
    gate = RateGate(RateSettings(tpm=60))
    ticket = gate.admit(0.0, 60)
    gate.settle(ticket, 20, 0.0)
    assert passed(gate.admit(0.0, 40))
    assert not passed(gate.admit(0.0, 1))
    other = RateGate(RateSettings(tpm=60))
    other.settle(other.admit(0.0, 10), 80, 0.0)
    assert not passed(other.admit(20.0, 1))
    assert passed(other.admit(21.0, 1))


def test_a_refund_never_overfills():
    """Tokens given back after the bucket is full again are no credit."""
    gate = RateGate(RateSettings(tpm=60))
    ticket = gate.admit(0.0, 60)
    gate.settle(ticket, 0, 1000.0)
    assert passed(gate.admit(1000.0, 60))
    assert not passed(gate.admit(1000.0, 1))


def test_a_failed_attempt_keeps_its_request_counted_and_an_unsent_one_does_not():
    """Providers count failed requests; what was never sent is undone as a whole."""
    sent, unsent = RateGate(RateSettings(rpm=1, tpm=60)), RateGate(RateSettings(rpm=1, tpm=60))
    sent.settle(sent.admit(0.0, 60), 0, 0.0)
    assert not passed(sent.admit(0.0, 1))
    unsent.release(unsent.admit(0.0, 60), 0.0)
    assert passed(unsent.admit(0.0, 60))


def test_what_can_never_fit_is_told_so():
    """A request larger than the burst is refused for ever, not for a minute again and again."""
    gate = RateGate(RateSettings(tpm=1000, token_burst=0.5))
    refusal = gate.admit(0.0, 501)
    assert refusal.forever and refusal.retry_after is None
    assert "may take 501 tokens" in refusal.message and "more than 500" in refusal.message
    assert passed(gate.admit(0.0, 500))


def test_without_limits_everything_passes():
    """An empty setting is no limit."""
    gate = RateGate(RateSettings())
    ticket = gate.admit(0.0, 10**9)
    assert not isinstance(ticket, Failure)
    gate.settle(ticket, 0, 0.0)
    gate.release(ticket, 0.0)


def test_an_awkward_limit_does_not_drift():
    """7 a minute for a day is exactly 7 * 1440 and the burst, though a seventh of a minute has no decimal form."""
    limit, at, passes = Gcra(7, 60.0, 7), 0, 0
    day = 86_400 * 10**9
    while at <= day:
        excess = limit.excess(at, 1)
        if excess <= 0:
            limit.take(at, 1)
            passes += 1
        else:
            at += -(-excess // 7)
    assert passes == 7 + 7 * 1440


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rpm": 0}, "`rpm` is 0: give a number from 1 to .* requests a minute"),
        ({"tpm": -5}, "`tpm` is -5"),
        ({"burst": 0.0}, "`burst` is 0: give a number from 0.0001 to 1"),
        ({"token_burst": 2.0}, "`token_burst` is 2"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_range(given, words):
    """A wrong number names itself and what would be right."""
    with pytest.raises(ValueError, match=words):
        RateSettings(**given)
