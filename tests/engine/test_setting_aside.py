"""What a failure means for the credential and the quota group it was met with."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from stormkeel.engine.credentials import Credential
from stormkeel.engine.quota import Alone, Quota
from stormkeel.engine.setting_aside import set_aside
from stormkeel.policies.parking import ParkingSettings
from stormkeel.policies.quarantine import Standing
from stormkeel.policies.rate import RateSettings
from stormkeel.types.alert import Alert, AlertKind
from stormkeel.types.failure import Failure, FailureKind

K = FailureKind
NOW, WALL = 1000.0, 1_795_000_000_000_000_000
PARKING = ParkingSettings(credential=60.0, quota=300.0, model=200.0)
MISSING = Failure(K.MODEL_UNAVAILABLE, "The model `m-1` does not exist", 404, "model_not_found")


class Aside:
    """One deployment of model "m-1", and what became of it after a failure at NOW.

    Args:
        shares: do other models count in its quota group?
        is_found: was it made for a model that a caller named?
        good_at, last_good_at: when it answered last, and when its credential was of use.
    """

    def __init__(self, *, shares: bool = False, is_found: bool = False, good_at: float = float("-inf"), last_good_at: float = 0.0) -> None:
        self.told: list[Alert] = []
        self.quota = Quota("g", RateSettings(rpm=60))
        self.credential = Credential(("p", "main"), None, None, PARKING)  # type: ignore[arg-type]  # nothing is sent
        self.credential.tell = self.told.append
        self.credential.last_good_at = last_good_at
        self.alone = Alone('model "m-1"') if shares else self.quota
        self.member: Any = SimpleNamespace(
            cooling=(self.quota, self.credential), credential=self.credential, alone=self.alone,
            deployment=SimpleNamespace(name="p/m-1", model="m-1", is_found=is_found), breaker=SimpleNamespace(good_at=good_at),
        )  # fmt: skip
        clock = SimpleNamespace(now=lambda: NOW, wall=lambda: WALL)
        self.ports: Any = SimpleNamespace(clock=clock, rng=Random(1), tell=self.told.append)

    def after(self, failure: Failure, *, is_probe: bool = False) -> Aside:
        """It has failed so."""
        set_aside(self.member, failure, is_probe, self.ports, PARKING)
        return self


def test_a_throttle_with_a_hint_pauses_the_group_and_slows_it() -> None:
    """For as long as it says; turns are waited for; the credential was not of use."""
    one = Aside().after(Failure(K.RATE_LIMIT, "no", 429, "rate_limit_exceeded", retry_after=20.0))
    assert (one.quota.until, one.quota.why, one.quota.waits) == (NOW + 20.0, "rate_limit (rate_limit_exceeded)", True)
    assert (one.quota.rate.share < 1.0, one.credential.last_failed, one.credential.until, one.told) == (True, WALL, 0.0, [])


def test_a_throttle_without_a_hint_only_slows_it() -> None:
    """And one that no waiting mends pauses it, for nobody's turn, and says nothing of how much is let through."""
    one = Aside().after(Failure(K.RATE_LIMIT, "no", 429))
    assert (one.quota.until, one.quota.rate.share < 1.0) == (0.0, True)
    one = Aside().after(Failure(K.RATE_LIMIT, "no", 429, retry_after=20.0, forever=True))
    assert (one.quota.until, one.quota.waits, one.quota.rate.share, one.quota.why) == (NOW + 20.0, False, 1.0, "rate_limit (429)")


@pytest.mark.parametrize("shares", [False, True])
def test_an_overload_is_one_models(*, shares: bool) -> None:
    """Whoever counts in the same group goes on; all of it asks for less."""
    one = Aside(shares=shares).after(Failure(K.OVERLOADED, "no", 529, retry_after=20.0))
    assert (one.alone.until, one.quota.until, one.alone.waits) == (NOW + 20.0, 0.0 if shares else NOW + 20.0, not shares)
    assert one.quota.rate.share < 1.0


@pytest.mark.parametrize(
    ("status", "code", "last_good_at", "why"),
    [
        (401, "bad", NOW, "401 bad"), (401, None, NOW, "401"), (403, "no", NOW - 60.0, "403 no"), (403, "no", NOW - 59.9, ""),
    ],
)  # fmt: skip
def test_a_refused_credential(status: int, code: str | None, last_good_at: float, why: str) -> None:
    """It is set aside; but a 403 just after it was good is about this model, which rests for a minute."""
    one = Aside(last_good_at=last_good_at).after(Failure(K.CREDENTIAL, "no", status, code))
    assert (one.credential.since, one.credential.why, len(one.told)) == ((WALL, why, 1) if why else (0, "", 0))
    assert (one.quota.until, one.quota.why) == ((0.0, "") if why else (NOW + 60.0, "credential (no)"))
    assert one.quota.rate.share == 1.0


@pytest.mark.parametrize(
    ("kind", "standing"),
    [
        (K.CREDENTIAL, Standing.SET_ASIDE), (K.RATE_LIMIT, Standing.IN_SERVICE), (K.QUOTA, Standing.IN_SERVICE),
        (K.SERVER, Standing.SET_ASIDE), (K.CANCELLED, Standing.SET_ASIDE),
    ],
)  # fmt: skip
def test_a_probe_that_failed(kind: FailureKind, standing: Standing) -> None:
    """Whoever counts its requests or its money knows it; what else went wrong says nothing, and it is soon tried again."""
    one = Aside()
    one.credential.refused("401", NOW - 100.0, WALL, Random(1))
    assert one.credential.quarantine.take(NOW)
    one.after(Failure(kind, "no", 403), is_probe=True)
    assert one.credential.quarantine.standing is standing
    assert one.quota.until == 0.0
    if standing is Standing.SET_ASIDE:
        assert one.credential.quarantine.next_at - NOW == (5.0 if kind is not K.CREDENTIAL else pytest.approx(135.0, abs=15.0))


def test_an_empty_account_rests_for_all_its_models() -> None:
    """Five minutes, and its owner is told."""
    one = Aside().after(Failure(K.QUOTA, "no", 429, "insufficient_quota"))
    assert (one.credential.until, one.credential.why, one.quota.until) == (NOW + 300.0, "quota (insufficient_quota)", 0.0)
    assert [(alert.kind, alert.at) for alert in one.told] == [(AlertKind.ACCOUNT_EMPTY, WALL)]


@pytest.mark.parametrize("shares", [False, True])
def test_a_model_that_is_gone_is_left_alone_and_told_once(*, shares: bool) -> None:
    """With its mend; the rest of its group goes on."""
    one = Aside(shares=shares).after(MISSING)
    one.after(MISSING)
    assert (one.alone.is_missing, one.alone.until, one.alone.why) == (True, NOW + 200.0, "404 model_not_found")
    text = "has no such model (any more; 404 model_not_found): take it out of its routes, or mend its name"
    assert one.told == [Alert(AlertKind.MODEL_GONE, "p/m-1", text, WALL)]
    assert (one.quota.until > 0.0) is not shares


@pytest.mark.parametrize(("is_found", "good_at", "alerts"), [(True, float("-inf"), 0), (True, 5.0, 1), (False, float("-inf"), 1)])
def test_a_model_that_a_caller_made_up_is_nobodys_to_mend(alerts: int, good_at: float, *, is_found: bool) -> None:
    """It is left alone like others, and nobody is told, unless it was there once."""
    one = Aside(is_found=is_found, good_at=good_at).after(MISSING)
    assert (one.quota.is_missing, len(one.told)) == (True, alerts)


def test_what_else_is_missing_is_no_reason_to_leave_a_model_alone() -> None:
    """A request can have brought that about itself; nor are other failures one."""
    one = Aside().after(Failure(K.MODEL_UNAVAILABLE, "no such file", 404, "not_found"))
    for kind in (K.SERVER, K.CALLER, K.SILENT):
        one.after(Failure(kind, "no", 500, retry_after=9.0))
    assert (one.quota.until, one.credential.until, one.told, one.quota.rate.share) == (0.0, 0.0, [], 1.0)
    gone = Aside().after(Failure(K.CANCELLED, "the caller went away"))
    assert (gone.credential.last_failed, one.credential.last_failed) == (0, WALL)
