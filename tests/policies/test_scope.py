"""What several deployments share: when the evidence is enough to say that it is down."""

from random import Random

import pytest

from stormkeel.policies.base import Verdict
from stormkeel.policies.breaker import Breaker, BreakerSettings, State
from stormkeel.policies.ejection import may_eject
from stormkeel.policies.scope import ScopeBreaker, Sight, is_down, sight_of
from stormkeel.types.failure import Failure

DICE = Random(1)


def ill(model, since, credential="a", good_at=0.0):
    """A deployment that has failed since a moment."""
    return Sight(model, credential, True, since, good_at)


def well(model, good_at, credential="a"):
    """One that answers."""
    return Sight(model, credential, False, 0.0, good_at)


CASES = [
    ("one model dead, the other well", [ill("x", 10.0), well("y", 11.0)], False),
    ("one model dead, the other not asked", [ill("x", 10.0), well("y", 9.0)], False),
    ("two models dead, nobody well since", [ill("x", 10.0), ill("y", 10.5), well("z", 9.9)], True),
    ("two models dead, a third well since", [ill("x", 10.0), ill("y", 10.5), well("z", 10.1)], False),
    ("all of one model, two credentials", [ill("x", 10.0), ill("x", 10.5, "b")], True),
    ("one model with both credentials, another model not asked", [ill("x", 10.0), ill("x", 10.5, "b"), well("y", 9.0)], False),
    ("two models with one credential, the other credential not asked",
     [ill("x", 10.0), ill("y", 10.5), well("x", 9.0, "b"), well("y", 9.0, "b")], False),
    ("two models, two credentials", [ill("x", 10.0), ill("y", 10.5, "b"), well("y", 9.0), well("x", 9.0, "b")], True),
    ("another that has been dead for hours", [ill("x", 10.0), ill("y", -7000.0), well("z", 9.9)], False),
    ("one that answered before it fell ill itself", [ill("x", 10.0), ill("y", 10.5, good_at=10.3)], True),
    ("a single deployment", [ill("x", 10.0)], False),
    ("one of two that are alike, the other not asked", [ill("x", 10.0), well("x", 9.0)], False),
    ("both of two that are alike", [ill("x", 10.0), ill("x", 10.5)], True),
]  # fmt: skip


@pytest.mark.parametrize(("those", "down"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_evidence_against_a_scope(those, down):
    """Several deployments, of two models and two credentials where there are so many, and nobody who answered since."""
    assert is_down(those, those[0], 60.0) is down


def test_a_well_twin_is_evidence_against_a_credential():
    """A credential whose twin is well at the very same model is down on one deployment's evidence; not if another of its own is well."""
    those = [ill("x", 10.0), well("y", 9.0)]
    assert is_down(those, those[0], 60.0, has_well_twin=True)
    assert not is_down([ill("x", 10.0), well("y", 10.5)], those[0], 60.0, has_well_twin=True)
    assert not is_down([ill("x", 10.0)], those[0], 60.0, has_well_twin=True)


def test_a_breaker_opened_for_slowness_is_no_evidence():
    """Who answers late answers: only faults say that something is down."""
    breaker = Breaker(BreakerSettings(slow_times=0.0))
    for _ in range(20):
        breaker.begin(breaker.admit(1.0), 5.0, 1.0, DICE)
    assert breaker.state is State.OPEN
    assert not sight_of("m", "a", breaker).is_ill


def test_a_scope_lets_one_probe_out_and_one_answer_closes_it():
    """A tripped scope refuses, then lets one probe through; its good end closes it, outcomes before don't (INV-13)."""
    scope = ScopeBreaker('provider "p"', BreakerSettings())
    early = scope.admit(0.0)
    for _ in range(50):
        scope.settle(early, Verdict.FAULT, 0.0, DICE)
    assert scope.state is State.CLOSED
    scope.trip(0.0, DICE)
    refusal = scope.admit(0.1)
    assert isinstance(refusal, Failure)
    assert 'provider "p" is down' in refusal.message
    scope.settle(early, Verdict.OK, 0.2, DICE)
    assert scope.state is State.OPEN
    probe = scope.admit(6.0)
    assert isinstance(scope.admit(6.0), Failure)
    scope.settle(probe, Verdict.OK, 6.5, DICE)
    assert scope.state is State.CLOSED


def test_one_may_always_be_taken_out():
    """Whatever the share, one of a group may be out; never more than the share beyond that."""
    for of in range(1, 20):
        for share in (0.0, 0.1, 0.5, 0.75, 1.0):
            allowed = sum(may_eject(out, of, share) for out in range(of))
            assert allowed == max(1, int(share * of))


def test_a_scope_that_is_open_is_not_opened_again():
    """More evidence while it is open doesn't put its probe off."""
    scope = ScopeBreaker('provider "p"', BreakerSettings())
    scope.trip(0.0, DICE)
    due = scope.retry_at
    scope.trip(2.0, DICE)
    assert scope.retry_at == due
