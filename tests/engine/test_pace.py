"""The past of a deployment whose quickness counts."""

from __future__ import annotations

import pytest

from stormkeel.engine.pace import Paced
from stormkeel.engine.recent import Recent
from stormkeel.policies.latency import PENALTY
from stormkeel.types.failure import Failure, FailureKind

K = FailureKind


@pytest.mark.parametrize(
    ("kind", "ttft", "estimate"),
    [
        (None, 1.9, 1.9),
        (None, None, 2.0),
        (None, 0.5, None),
        (K.RATE_LIMIT, None, PENALTY),
        (K.SERVER, None, PENALTY),
        (K.TRUNCATED, 0.5, PENALTY),
        (K.CANCELLED, None, 2.0),
        (K.CANCELLED, 0.5, None),
        (K.DEADLINE, None, 2.0),
        (K.DEADLINE, 0.5, None),
        (K.CALLER, None, None),
        (K.CONTEXT_LENGTH, None, None),
        (K.INTERNAL, None, None),
    ],
)
def test_what_an_end_says_of_quickness(kind: FailureKind | None, ttft: float | None, estimate: float | None) -> None:
    """The first content where it came only now, the whole span where it did not, a penalty for its failures; nothing of what was
    told before, or was another's fault."""
    past = Paced()
    past.add(1.0, None if kind is None else Failure(kind, "no"), 2.0, ttft)
    assert past.pace.estimate(1.0, True) == estimate
    assert past.look(1.0).attempts == 1


def test_a_plain_past_goes_on_in_a_paced_one() -> None:
    """Counts are kept, and those that the old world still adds are seen; an own estimate is kept as it is."""
    plain, paced = Recent(), Paced()
    plain.add(1.0, None, 2.0, 0.5)
    went_on = paced.following(plain)
    assert isinstance(went_on, Paced)
    plain.add(1.5, None, 2.0, 0.5)
    assert (went_on.look(2.0).attempts, went_on.latency, went_on.pace.estimate(2.0, True)) == (2, 2.0, None)
    assert Paced().following(went_on) is went_on
    assert Recent().following(went_on) is went_on
