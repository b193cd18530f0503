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


@pytest.mark.parametrize("asked", [0, 64_000])
def test_one_long_answer_shuts_no_limit_for_good(asked: int) -> None:
    """What is expected of an answer is a guess, and never more than the limit lets through at once: after its debt all goes on."""
    gate = RateGate(RateSettings(otpm=8000))
    ticket = gate.admit(0.0, 10, asked)
    assert isinstance(ticket, int)
    gate.settle(ticket, 128_010, 0.0, read=10, written=128_000)
    late = gate.admit(0.0, 10, asked)
    assert isinstance(late, Failure)
    assert not late.forever
    assert isinstance(gate.admit(hint(late), 10, asked), int)
    gate.learn("otpm", 4000, hint(late))
    assert isinstance(gate.admit(3 * hint(late), 10, asked), int)


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


def test_a_learned_limit_shuts_nobody_out_for_good() -> None:
    """Who never fits into a limit that the provider told asks it all the same, once it is full, and owes it the rest (INV-12)."""
    gate = RateGate(RateSettings())
    gate.learn("tpm", 5, 0.0)
    assert gate.refusal(100.0, 35) is None
    assert isinstance(gate.admit(100.0, 35), int)
    after = hint(gate.admit(100.0, 35))
    assert after == pytest.approx(420.0)
    assert isinstance(gate.admit(100.0 + after, 35), int)
    gate.change(RateSettings(tpm=4), 1000.0)
    refusal = gate.refusal(5000.0, 35)
    assert refusal is not None
    assert refusal.forever


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


def test_undone_is_what_was_taken_and_no_more() -> None:
    """Of two requests one is undone: the other's request, input and output stay debited, each in its own limit."""
    gate = RateGate(RateSettings(rpm=10, tpm=1000, itpm=1000, otpm=1000))
    first = gate.admit(0.0, 100, 50)
    assert isinstance(first, int)
    gate.settle(first, 140, 0.0, read=100, written=40)  # answers are about five tokens long from now on
    second, third = gate.admit(0.0, 200, 50), gate.admit(0.0, 300, 50)
    assert isinstance(second, int) and isinstance(third, int)
    before = {limit.name: limit.left for limit in gate.limits(0.0)}
    gate.release(second, 0.0)
    after = {limit.name: limit.left for limit in gate.limits(0.0)}
    assert {name: after[name] - before[name] for name in after} == {"rpm": 1, "tpm": 250, "itpm": 200, "otpm": 5}


def test_a_look_at_the_very_limit_is_no_refusal() -> None:
    """What would just pass is not refused by a look, and one token more is, in the words of the refusal itself."""
    gate = RateGate(RateSettings(tpm=100))
    assert gate.refusal(0.0, 100) is None
    gate.admit(0.0, 40)
    assert gate.refusal(0.0, 60) is None
    told = gate.refusal(0.0, 61)
    assert told == gate.admit(0.0, 61)
    assert told is not None
    assert told.message == "our own limit of 100 tokens a minute (`tpm`) is reached for 0.600 s more"


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        (RateSettings(tpm=100), "raise `tpm` or `token_burst`"),
        (RateSettings(itpm=100), "raise `itpm` or `token_burst`"),
        (RateSettings(tpd=100), "raise `tpd`"),
    ],
)
def test_what_never_fits_is_told_what_would_help(settings: RateSettings, mend: str) -> None:
    """Exactly the burst fits; one token more is told its size, the limit's, and the settings."""
    assert isinstance(RateGate(settings).admit(0.0, 100), int)
    refusal = RateGate(settings).admit(0.0, 101)
    assert isinstance(refusal, Failure)
    assert refusal.message == (
        "the request may take 101 tokens, and the limit never lets more than 100 through at once: "
        f"send less, ask for fewer output tokens, or {mend}"
    )


def test_the_wait_of_those_in_line_is_of_requests_and_tokens_both() -> None:
    """The longest of all limits is told, 0 where all pass or there is none; output, of which nobody knows, waits for nothing."""
    gate = RateGate(RateSettings(rpm=60, tpm=600, otpm=1, burst=1 / 60))
    assert gate.delay(0.0, 1, 600) == 0.0
    assert gate.delay(0.0, 3, 0) == pytest.approx(2.0, abs=1e-4)
    assert gate.delay(0.0, 1, 700) == pytest.approx(10.0, abs=1e-4)
    gate.settle(RateGate(RateSettings()).admit(0.0, 0), 0, 0.0, written=1)  # type: ignore[arg-type] - a ticket
    assert gate.delay(0.0, 1, 600) == 0.0
    assert RateGate(RateSettings()).delay(0.0, 10, 10) == 0.0


def test_the_mean_answer_is_learned_and_never_more_than_is_asked_for() -> None:
    """An eighth of each difference; a request that asks for less is debited less, one that says nothing the mean."""
    gate = RateGate(RateSettings(otpm=10_000))

    def debited(asked: int) -> int:
        before = gate.limits(0.0)[0].left
        ticket = gate.admit(0.0, 0, asked)
        assert isinstance(ticket, int)
        taken = before - gate.limits(0.0)[0].left
        gate.release(ticket, 0.0)
        return taken

    assert [debited(0), debited(500)] == [0, 0]
    for _ in range(2):
        gate.settle(0, 0, 0.0, written=800)
    assert [debited(0), debited(500), debited(50)] == [187, 187, 50]
    gate.settle(0, 0, 0.0, written=0)
    assert debited(0) == 187


def test_tokens_a_day_are_gone_for_a_day() -> None:
    """What was used in the morning does not come back by the minute, as a limit a minute's would."""
    gate = RateGate(RateSettings(tpd=1000))
    gate.admit(0.0, 1000)
    assert hint(gate.admit(12 * 3600.0, 1)) > 12 * 3600.0
    assert isinstance(gate.admit(DAY + 1801.0, 1000), int)


def test_a_small_part_of_a_minute_goes_out_one_by_one() -> None:
    """A fiftieth of what a short window lets through may go at once, and one always may, but no second."""
    gate = RateGate(RateSettings(rpm=600, window=1.0))
    assert gate.room(0.0)[0] == 1
    assert isinstance(gate.admit(0.0, 0), int)
    assert isinstance(gate.admit(0.0, 0), Failure)
    assert RateGate(RateSettings(rpm=6000, window=1.0)).room(0.0)[0] == 2
    assert RateGate(RateSettings(rpm=60, window=1.0)).room(0.0)[0] == 1
