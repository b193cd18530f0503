"""INV-10, INV-11, INV-12, S-20: laws of what follows a failure."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from stormkeel.policies.retry import (
    Again,
    BudgetSettings,
    Elsewhere,
    RetryBudget,
    RetrySettings,
    Situation,
    ceiling,
    decide,
)
from stormkeel.types.failure import RULES, Failure, FailureKind
from stormkeel.types.failure import Again as May

SETTINGS = RetrySettings()
HINTS = st.none() | st.floats(0.0, 2.0) | st.floats(0.0, 1000.0)
SITUATIONS = st.builds(
    lambda kind, hint, forever, here, more, sibling, other, remaining: Situation(
        Failure(kind, "no", retry_after=hint, forever=forever), here, here + more, sibling, other or sibling, remaining
    ),
    st.sampled_from(FailureKind), HINTS, st.booleans(), st.integers(0, 6), st.integers(0, 6), st.booleans(), st.booleans(),
    st.floats(-1.0, 1000.0),
)  # fmt: skip


@given(SITUATIONS, st.integers())
def test_a_wait_obeys_hint_deadline_and_caps(situation, seed):
    """INV-10, INV-12: what is tried again here is never early, never past the deadline, never one too many, never in vain."""
    decision = decide(situation, SETTINGS, Random(seed))
    if isinstance(decision, Again):
        assert (situation.failure.retry_after or 0.0) <= decision.after < situation.remaining
        assert decision.after <= max(SETTINGS.cap, SETTINGS.max_hint + 1.0)
        assert situation.tries_here < SETTINGS.attempts and situation.tries < SETTINGS.request_attempts
        assert not situation.failure.forever and situation.failure.rule.again is not May.NEVER


@given(SITUATIONS, st.integers())
def test_elsewhere_is_never_promised_in_vain(situation, seed):
    """We go elsewhere only where there is an elsewhere, and where the kind of failure allows it."""
    if isinstance(decide(situation, SETTINGS, Random(seed)), Elsewhere):
        assert situation.has_other and situation.failure.rule.elsewhere and situation.remaining > 0.0


@given(SITUATIONS, st.integers())
def test_nobody_gives_up_while_somebody_may_still_be_asked(situation, seed):
    """A request ends only by deadline, by its attempts, by its kind, or for want of candidates."""
    decision = decide(situation, SETTINGS, Random(seed))
    if situation.remaining > 0.0 and situation.tries < SETTINGS.request_attempts and situation.has_other:
        assert isinstance(decision, Again | Elsewhere) or not situation.failure.rule.elsewhere


@given(
    st.floats(0.001, 60.0), st.floats(0.001, 3600.0), st.integers(0, 200), st.integers(0, 200), st.integers()
)  # fmt: skip
def test_backoff_ranges_never_shrink_and_never_pass_the_cap(base, cap, one, other, seed):
    """Monotone backoff: a later retry's range is at least as wide, up to the cap."""
    early, late = sorted((one, other))
    assert 0.0 < ceiling(base, cap, early) <= ceiling(base, cap, late) <= cap


@given(st.sampled_from([kind for kind, rule in RULES.items() if rule.again is May.BACKOFF]), st.floats(0.0, 0.999))
def test_with_the_same_dice_each_wait_is_at_least_the_last(kind, value):
    """Monotone backoff as decided: tries 1, 2, 3 ... wait ever longer by the same dice."""

    class Same:
        def random(self):
            return value

    many = RetrySettings(attempts=20, request_attempts=100)
    waits = [decide(Situation(Failure(kind, "no"), here, here, False, False, 1e6), many, Same()).after for here in range(1, 20)]
    assert waits == sorted(waits)


def test_every_kind_ends_in_bounded_attempts():
    """INV-11: whatever keeps failing the same way, a request makes at most `request_attempts` attempts; the hopeless, one."""
    for kind, rule in RULES.items():
        for candidates in (1, 2, 8):
            here, tries, left, rng = 1, 1, candidates - 1, Random(0)
            while True:
                decision = decide(Situation(Failure(kind, "no"), here, tries, False, left > 0, 600.0), SETTINGS, rng)
                if isinstance(decision, Elsewhere):
                    here, left = 1, left - 1
                elif isinstance(decision, Again):
                    here += 1
                else:
                    break
                tries += 1
            assert tries <= SETTINGS.request_attempts
            assert tries == 1 or rule.elsewhere or rule.again is not May.NEVER


@given(st.lists(st.sampled_from(["fault", "throttle", "first", "retried"]), max_size=400))
def test_the_bucket_is_never_overdrawn_nor_overfilled(steps):
    """S-20: retries between two successes never cost more than the bucket holds."""
    settings = BudgetSettings()
    budget, paid = RetryBudget(settings), 0
    for step in steps:
        before = budget.left
        if step in ("fault", "throttle"):
            price = settings.throttle_cost if step == "throttle" else settings.transient_cost
            taken = budget.take(step == "throttle")
            assert taken == (price if before >= price else 0) and budget.left == before - taken
            paid = taken
        else:
            budget.refund(paid if step == "retried" else 0)
            paid = 0
        assert 0 <= budget.left <= settings.capacity


def test_a_third_of_failures_stays_within_a_fifth_more_sends():
    """S-20, INV-11: at 30 % faults the bucket runs dry and sends settle at no more than 1.2 times what was offered."""
    rng, budget, sends = Random(5), RetryBudget(BudgetSettings()), 0
    offered = 60_000
    for _ in range(offered):
        paid, tries = 0, 1
        while rng.random() < 0.3 and tries < 3:
            taken = budget.take(throttled=False)
            if not taken:
                break
            paid, tries = taken, tries + 1
        else:
            if tries < 3:
                budget.refund(paid)
        sends += tries
    assert sends <= 1.2 * offered
