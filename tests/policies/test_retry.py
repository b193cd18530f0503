"""What follows a failure."""

from random import Random

import pytest

from stormkeel.policies.retry import (
    Again,
    BudgetSettings,
    Elsewhere,
    GiveUp,
    RetryBudget,
    RetrySettings,
    Situation,
    decide,
)
from stormkeel.types.failure import RULES, Failure, FailureKind
from stormkeel.types.failure import Again as May

K = FailureKind
SETTINGS = RetrySettings()


class Fixed:
    """Dice that always fall the same way."""

    def __init__(self, value):
        self.value = value

    def random(self):
        """Return the value."""
        return self.value


HALF = Fixed(0.5)


def after(kind, *, hint=None, here=1, tries=None, sibling=False, other=False, left=600.0, forever=False, rng=HALF):
    """Decide about one failure, with nothing else in the way."""
    failure = Failure(kind, "no", retry_after=hint, forever=forever)
    return decide(Situation(failure, here, tries or max(here, 1), sibling, other or sibling, left), SETTINGS, rng)


@pytest.mark.parametrize("kind", [kind for kind, rule in RULES.items() if rule.again is May.NEVER])
def test_a_failure_never_to_repeat_goes_elsewhere_or_ends(kind):
    """A kind that asking again can't help leaves this deployment at once, and the request where elsewhere can't help either."""
    expected = Elsewhere() if RULES[kind].elsewhere else GiveUp("asking again does not help after this failure")
    assert after(kind, other=True) == expected
    assert isinstance(after(kind), GiveUp)


@pytest.mark.parametrize("kind", [kind for kind, rule in RULES.items() if rule.again is May.ONCE])
def test_a_failure_worth_one_more_try_prefers_elsewhere(kind):
    """An overloaded fleet or a broken answer goes elsewhere at once, and only where nobody is left is asked once more."""
    assert after(kind, other=True) == Elsewhere()
    assert isinstance(after(kind), Again)
    assert isinstance(after(kind, here=2), GiveUp)


@pytest.mark.parametrize("kind", [kind for kind, rule in RULES.items() if rule.again is May.BACKOFF])
def test_a_blip_is_tried_once_in_place_and_then_elsewhere(kind):
    """A 500, a reset or a failed connect is tried once more here; after that elsewhere, or here up to `attempts`."""
    assert isinstance(after(kind, other=True), Again)
    assert after(kind, here=2, other=True) == Elsewhere()
    assert isinstance(after(kind, here=2), Again)
    assert isinstance(after(kind, here=3), GiveUp)


def test_backoff_doubles_up_to_the_cap_with_full_jitter():
    """The range is base, twice, four times ... capped before the draw; a throttle starts at its own, longer base."""
    many = RetrySettings(attempts=20, request_attempts=100)

    def wait(kind, here):
        decision = decide(Situation(Failure(kind, "no"), here, here, False, False, 600.0), many, HALF)
        return decision.after

    assert [wait(K.SERVER, here) for here in (1, 2, 3)] == pytest.approx([0.025, 0.05, 0.1])
    assert [wait(K.RATE_LIMIT, here) for here in (1, 2, 3)] == pytest.approx([0.5, 1.0, 2.0])
    assert wait(K.SERVER, 19) == wait(K.RATE_LIMIT, 19) == 10.0
    assert after(K.SERVER, rng=Fixed(0.0)) == Again(0.0)


def test_a_rate_limit_goes_to_another_quota_at_once():
    """A sibling with a quota of its own is better than any wait."""
    assert after(K.RATE_LIMIT, hint=0.2, sibling=True) == Elsewhere()
    assert after(K.RATE_LIMIT, sibling=True) == Elsewhere()


def test_a_short_hint_is_waited_out_rather_than_spent_on_a_shared_limit():
    """LiteLLM #34399: a group of several deployments on one quota must not make us ignore Retry-After."""
    decision = after(K.RATE_LIMIT, hint=4.0, other=True)
    assert isinstance(decision, Again) and 4.0 <= decision.after <= 5.0


def test_a_hint_is_waited_out_once_where_somebody_else_is_left():
    """Who waited and is refused again, by the provider or by our own pause for it, goes elsewhere; with nobody left it waits on."""
    assert after(K.RATE_LIMIT, hint=1.0, here=2, other=True) == Elsewhere()
    assert after(K.COOLING, hint=1.0, here=1, other=True) == Elsewhere()
    assert isinstance(after(K.COOLING, hint=1.0, here=0, other=True), Again)
    assert isinstance(after(K.RATE_LIMIT, hint=1.0, here=2), Again)


def test_a_long_hint_goes_elsewhere_and_is_waited_out_only_where_nobody_is_left():
    """A hint beyond `wait_hint` costs a failover where there is one, and the wait where there is none."""
    assert after(K.RATE_LIMIT, hint=60.0, other=True) == Elsewhere()
    decision = after(K.RATE_LIMIT, hint=60.0)
    assert isinstance(decision, Again) and 60.0 <= decision.after <= 61.0


def test_a_throttle_without_a_hint_goes_elsewhere_or_backs_off():
    """Nobody said how long: any other candidate, else the throttle's own backoff."""
    assert after(K.RATE_LIMIT, other=True) == Elsewhere()
    assert after(K.RATE_LIMIT) == Again(0.5)


def test_the_latest_hint_counts_not_the_first():
    """LiteLLM #20722: asked to wait 9 s, then 107 s, we wait 107 s (INV-12)."""
    first, second = after(K.RATE_LIMIT, hint=9.0), after(K.RATE_LIMIT, hint=107.0, here=2)
    assert 9.0 <= first.after < 107.0 <= second.after


def test_a_hint_is_honoured_whatever_the_kind():
    """A 503 that says when to come back is not asked earlier."""
    decision = after(K.SERVER, hint=3.0)
    assert isinstance(decision, Again) and decision.after >= 3.0
    assert after(K.SERVER, hint=30.0, other=True) == Elsewhere()


def test_a_wait_past_the_deadline_is_not_begun():
    """INV-10: a hint or a backoff that doesn't fit sends us elsewhere or ends the request now."""
    assert after(K.RATE_LIMIT, hint=4.0, left=4.0, other=True) == Elsewhere()
    assert isinstance(after(K.RATE_LIMIT, hint=4.0, left=4.0), GiveUp)
    assert after(K.RATE_LIMIT, hint=4.0, left=4.1).after < 4.1
    assert isinstance(after(K.SERVER, left=0.02), GiveUp)
    assert after(K.SERVER, left=0.0, other=True) == GiveUp("the deadline has passed")


def test_a_hint_is_spread_a_little_and_never_undercut():
    """A tenth of the hint at most, a second at most, half the room before the deadline at most; however short the hint is."""
    assert after(K.RATE_LIMIT, hint=4.0).after == pytest.approx(4.2)
    assert after(K.RATE_LIMIT, hint=60.0).after == pytest.approx(60.5)
    assert after(K.RATE_LIMIT, hint=4.0, left=4.1).after == pytest.approx(4.025)
    assert after(K.RATE_LIMIT, hint=0.4).after == pytest.approx(0.425)
    assert after(K.SERVER, hint=0.4).after == pytest.approx(0.425)


def test_a_request_that_ends_says_what_did_not_fit():
    """The story names the wait that was asked for, or the one we drew."""
    assert after(K.RATE_LIMIT, hint=12.0, left=4.0) == GiveUp("asked to wait 12 s, and the deadline is 4 s away")
    assert after(K.SERVER, left=0.025) == GiveUp("the next try would be 0.025 s from now, and the deadline is 0.025 s away")


def test_an_absurd_hint_is_never_waited_out():
    """A hint beyond `max_hint` ends the request, or sends it elsewhere."""
    assert after(K.RATE_LIMIT, hint=301.0, left=10_000.0, other=True) == Elsewhere()
    decision = after(K.RATE_LIMIT, hint=301.0, left=10_000.0)
    assert decision == GiveUp("asked to wait 301 s, longer than `max_hint` (300 s)")
    assert isinstance(after(K.RATE_LIMIT, hint=300.0, left=10_000.0), Again)


def test_what_can_never_fit_is_not_asked_again_here():
    """A request larger than its limit leaves, whatever its kind's rule and hint say."""
    for kind in (K.RATE_LIMIT, K.RATE_REACHED, K.SERVER):
        assert after(kind, hint=1.0, forever=True, other=True) == Elsewhere()
        assert after(kind, hint=1.0, forever=True) == GiveUp("asking again can never help")


def test_all_attempts_of_a_request_count_together():
    """`request_attempts` caps the walk over all deployments."""
    assert isinstance(after(K.SERVER, tries=4, other=True), Again)
    assert isinstance(after(K.SERVER, tries=5, sibling=True), GiveUp)


def test_our_own_refusal_before_the_first_attempt_is_decided_too():
    """A gate of ours that says when waits in place while the hint is short."""
    assert isinstance(after(K.RATE_REACHED, hint=0.5, here=0), Again)
    assert after(K.COOLING, hint=60.0, here=0, other=True) == Elsewhere()
    assert after(K.BREAKER_OPEN, hint=1.0, here=0, other=True) == Elsewhere()


def test_an_outage_costs_at_most_35_retries_and_then_none():
    """S-20, INV-11: 500 // 14 retries leave during a total outage, not one more until something succeeds."""
    budget = RetryBudget(BudgetSettings())
    assert sum(budget.take(throttled=False) > 0 for _ in range(12_000)) == 35
    for _ in range(4):
        budget.refund(0)
    assert budget.take(throttled=False) == 14
    assert budget.take(throttled=False) == 0


def test_throttles_are_cheaper_than_faults():
    """100 retries after throttles fit the bucket."""
    budget = RetryBudget(BudgetSettings())
    assert sum(budget.take(throttled=True) > 0 for _ in range(1000)) == 100


def test_success_refunds_what_its_retry_paid_up_to_the_brim():
    """A retry that succeeds costs nothing in the end; the bucket never holds more than its capacity."""
    budget = RetryBudget(BudgetSettings())
    paid = budget.take(throttled=False)
    budget.refund(paid)
    assert budget.left == 500
    budget.refund(0)
    budget.refund(14)
    assert budget.left == 500


@pytest.mark.parametrize(
    ("settings", "given", "words"),
    [
        (RetrySettings, {"attempts": 0}, "`attempts` is 0: give a number from 1 to 20"),
        (RetrySettings, {"base": -1.0}, "`base` is -1: give a number from 0.001 to 60 seconds"),
        (RetrySettings, {"cap": 0.5}, "`cap` is 0.5: give a number from 1 to 3600 seconds"),
        (RetrySettings, {"max_hint": 1.0}, "`max_hint` is 1: give a number from 5 to 86400 seconds"),
        (RetrySettings, {"base": float("nan")}, "`base` is nan"),
        (BudgetSettings, {"transient_cost": 501}, "`transient_cost` is 501: give a number from 1 to 500"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_its_range(settings, given, words):
    """A wrong number names itself and what would be right."""
    with pytest.raises(ValueError, match=words):
        settings(**given)


def test_any_random_source_will_do():
    """`random.Random` is dice, and the same seed decides the same (INV-26)."""
    assert after(K.SERVER, rng=Random(7)) == after(K.SERVER, rng=Random(7))


def test_what_was_refused_is_left_out_at_once_and_once():
    """A request that can be told without what this deployment refused is told so here, without a wait, and no second time."""
    assert after(K.FOREIGN_THOUGHT, other=True) == Again(0.0)
    assert after(K.FOREIGN_THOUGHT, here=2, other=True) == Elsewhere()
    assert isinstance(after(K.FOREIGN_THOUGHT, here=2), GiveUp)


@pytest.mark.parametrize(("under_way", "places"), [(0, 3), (10, 3), (15, 3), (20, 4), (100, 20), (1000, 200)])
def test_a_fifth_of_what_is_under_way_may_be_retries(under_way, places):
    """At most a fifth of a provider's attempts are retries at once, and three always may be (INV-11)."""
    budget = RetryBudget(BudgetSettings())
    assert [budget.enter(under_way) for _ in range(places + 5)] == [True] * places + [False] * 5
    budget.leave()
    assert budget.enter(under_way)
    assert not budget.enter(under_way)


def test_a_try_with_too_little_time_left_is_not_begun():
    """With less left than half of a deployment's answers take to begin, it is left: elsewhere, or for good (INV-10)."""
    failure = Failure(FailureKind.SERVER, "no")
    for has_other, expected in ((True, Elsewhere), (False, GiveUp)):
        situation = Situation(failure, 1, 1, False, has_other, remaining=2.0, needs=2.5)
        assert isinstance(decide(situation, RetrySettings(), Random(1)), expected)
    assert isinstance(decide(Situation(failure, 1, 1, False, False, remaining=4.0, needs=2.5), RetrySettings(), Random(1)), Again)


def why(decision):
    """Why nothing more is tried."""
    assert isinstance(decision, GiveUp)
    return decision.why


def test_whoever_gives_up_says_why_and_by_which_setting():
    """Each end has words of its own, for people: what is used up, by its setting's name, or what can't help."""
    assert why(after(K.SERVER, left=0.0)) == "the deadline has passed"
    assert why(after(K.SERVER, tries=5, other=True)) == "all 5 attempts of the request are used (`request_attempts`)"
    assert why(after(K.SERVER, here=3)) == "all 3 attempts here are used (`attempts`)"
    assert why(after(K.SERVER, forever=True)) == "asking again can never help"
    assert why(after(K.OVERLOADED, here=2)) == "this failure is worth one more try, and it was made"
    assert why(after(K.RATE_LIMIT, hint=301.0)) == "asked to wait 301 s, longer than `max_hint` (300 s)"
    assert why(after(K.RATE_LIMIT, hint=20.0, left=10.0)) == "asked to wait 20 s, and the deadline is 10 s away"
    assert why(after(K.RATE_LIMIT, left=0.4)) == "the next try would be 0.5 s from now, and the deadline is 0.4 s away"


def test_a_hint_of_exactly_the_most_is_waited_out():
    """`max_hint` and `wait_hint` themselves are inside."""
    assert after(K.RATE_LIMIT, hint=300.0).after >= 300.0
    assert after(K.RATE_LIMIT, hint=5.0, other=True).after >= 5.0
    assert after(K.RATE_LIMIT, hint=5.1, other=True) == Elsewhere()


def test_a_budget_at_its_edges():
    """A retry that costs exactly what is left is paid; a place more than the share is not taken, and one given back is."""
    budget = RetryBudget(BudgetSettings(capacity=14, throttle_cost=5))
    assert budget.share == 1.0
    assert budget.take(throttled=False) == 14
    assert (budget.left, budget.share) == (0, 0.0)
    assert budget.take(throttled=True) == 0
    budget.refund(0)
    assert budget.left == 1
    budget.refund(4)
    assert budget.left == 5
    assert budget.take(throttled=True) == 5
    assert [budget.enter(100) for _ in range(21)] == [True] * 20 + [False]
    budget.leave()
    assert budget.enter(100)
    assert budget.under_way == 20
