"""Limits that count apart: input and output, a day, windows of a second, what was asked for; learned ones, and slowed ones."""

from __future__ import annotations

import pytest

from stormkeel.policies.rate import RateGate, RateSettings
from stormkeel.types.failure import Failure

DAY = 86_400.0


def hint(answer: object) -> float:
    """The wait of a refusal."""
    assert isinstance(answer, Failure)
    assert answer.retry_after is not None
    return answer.retry_after


def test_input_and_output_count_apart() -> None:
    """Input is debited by estimate; output by what answers have been like, never by the most that is asked for."""
    gate = RateGate(RateSettings(itpm=1000, otpm=1000))
    ticket = gate.admit(0.0, 400, 64_000)
    assert isinstance(ticket, int)
    gate.settle(ticket, 700, 0.0, read=300, written=400)
    left = {limit.name: limit.left for limit in gate.limits(0.0)}
    assert left == {"itpm": 700, "otpm": 600}
    answer = gate.admit(0.0, 701, 64_000)
    assert "input tokens a minute (`itpm`)" in answer.message  # type: ignore[union-attr] - a refusal


def test_output_debts_delay_the_next() -> None:
    """Answers longer than expected are a debt of the output limit."""
    gate = RateGate(RateSettings(otpm=600))
    ticket = gate.admit(0.0, 10, 5000)
    assert isinstance(ticket, int)
    gate.settle(ticket, 1210, 0.0, read=10, written=1200)
    assert hint(gate.admit(0.0, 10, 0)) > 60.0


def test_asked_tokens_are_not_refunded() -> None:
    """Where the provider counts what is asked for, the larger of input and most output is debited, and stays."""
    gate = RateGate(RateSettings(tpm=1000, counts="asked"))
    ticket = gate.admit(0.0, 100, 600)
    assert isinstance(ticket, int)
    gate.settle(ticket, 5, 0.0, read=3, written=2)
    assert gate.room(0.0) == (None, 400)
    gate.release(ticket, 0.0)
    assert gate.room(0.0) == (None, 1000)


def test_a_day_lets_its_number_through_and_no_more() -> None:
    """In no 24 hours more than a day's requests pass, and what was sent first comes back first, never early."""
    gate, sends, now = RateGate(RateSettings(rpd=10)), [], 5.0
    while now < 3 * DAY:
        answer = gate.admit(now, 0)
        if isinstance(answer, Failure):
            assert isinstance(gate.admit(now + hint(answer) - 0.001, 0), Failure)
            now += hint(answer)
        else:
            sends.append(now)
            now += 60.0
    assert max(sum(start <= one < start + DAY for one in sends) for start in sends) == 10
    assert len(sends) >= 29


def test_a_days_refund_is_room_again() -> None:
    """What was not sent after all is free again."""
    gate = RateGate(RateSettings(rpd=1))
    ticket = gate.admit(0.0, 0)
    assert isinstance(ticket, int)
    assert isinstance(gate.admit(3600.0, 0), Failure)
    gate.release(ticket, 3600.0)
    assert not isinstance(gate.admit(3600.0, 0), Failure)


@pytest.mark.parametrize("window", [1.0, 10.0])
def test_no_window_of_the_provider_sees_more_than_its_part(window: float) -> None:
    """Where a minute's requests are enforced by the second, no second gets more than a sixtieth, and 95 % of the limit are used."""
    gate, sends, now = RateGate(RateSettings(rpm=6000, window=window)), [], 0.0
    while now < 120.0:
        answer = gate.admit(now, 0)
        if isinstance(answer, Failure):
            now += hint(answer)
        else:
            sends.append(now)
    part = int(6000 * window / 60)
    for place, start in enumerate(sends):
        beyond = sends[place + part] if place + part < len(sends) else start + window
        assert beyond - start >= window - 1e-6
    assert len(sends) >= 0.95 * 12_000


def test_a_learned_limit_holds_and_never_raises_ours() -> None:
    """What the provider tells is a limit where we had none, and where ours was higher; a lower one of ours stays."""
    gate = RateGate(RateSettings(rpm=5))
    assert gate.learn("rpm", 500, 0.0)
    assert gate.learn("tpm", 100, 0.0)
    assert not gate.learn("tpm", 100, 1.0)
    assert [(limit.name, limit.amount) for limit in gate.limits(0.0)] == [("rpm", 5), ("tpm", 100)]
    assert gate.learned == {"tpm"}
    assert gate.learn("rpm", 3, 0.0)
    assert gate.room(0.0) == (3, 100)


def test_what_is_left_is_believed_downward_only() -> None:
    """A provider that says less is left is believed, one that says more is not (INV-12)."""
    gate = RateGate(RateSettings(rpm=500))
    gate.sink("rpm", 600, 0.0)
    assert gate.room(0.0)[0] == 500
    gate.sink("rpm", 3, 0.0)
    assert gate.room(0.0)[0] == 3
    gate.sink("rpm", 400, 0.0)
    assert gate.room(0.0)[0] == 3
    gate.sink("itpm", 0, 0.0)  # no such limit


def test_a_slowed_limit_keeps_its_burst() -> None:
    """After throttles a limit fills more slowly, and whatever fitted into it still does; then it is as quick as before."""
    gate = RateGate(RateSettings(tpm=600))
    gate.admit(0.0, 600)
    gate.scale(0.5, 0.0)
    assert 119.9 < hint(gate.admit(0.0, 600)) < 120.1
    gate.scale(1.0, 60.0)
    assert 29.9 < hint(gate.admit(60.0, 600)) < 30.1


def test_a_setting_after_a_learned_limit_begins_with_its_share() -> None:
    """What is left of a provider's limit by its own word is no debt of a smaller one that is set later."""
    gate = RateGate(RateSettings())
    gate.learn("rpm", 500, 0.0)
    gate.sink("rpm", 489, 0.0)
    gate.change(RateSettings(rpm=2), 0.0)
    assert gate.room(0.0)[0] == 1
    assert isinstance(gate.admit(0.0, 0), int)
    gate.sink("rpm", 0, 0.0)
    gate.change(RateSettings(rpm=4), 0.0)
    assert gate.room(0.0)[0] == 2


def test_a_learned_limit_that_is_slowed_opens_nothing() -> None:
    """What was taken of a learned limit stays taken, unit for unit, when throttles slow it down."""
    gate = RateGate(RateSettings())
    gate.learn("rpm", 500, 0.0)
    for _ in range(500):
        gate.admit(0.0, 0)
    gate.scale(0.7, 0.0)
    assert gate.room(0.0)[0] == 0
    gate.learn("rpm", 400, 0.0)
    assert gate.room(0.0)[0] == 0
