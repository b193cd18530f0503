"""What a failed attempt means for the credential it was made with, and for its quota group.

Never decides what the request does next: `policies/retry.py` does.
"""

from __future__ import annotations

from ..policies.base import Verdict
from ..policies.parking import ParkingSettings
from ..providers.signals import names_model
from ..types.alert import Alert, AlertKind
from ..types.failure import Failure, FailureKind
from .credentials import shown
from .fleet import Member
from .world import Ports

K = FailureKind
NEVER = float("-inf")
PROBED = {K.CREDENTIAL: Verdict.FAULT, K.RATE_LIMIT: Verdict.OK, K.QUOTA: Verdict.OK}
"""What a failed probe says about the credential: whoever counts its requests or its money knows it."""


def set_aside(member: Member, failure: Failure, is_probe: bool, ports: Ports, parking: ParkingSettings) -> None:
    """Set the quota group or the credential aside where the failure asks for it (INV-12: a Retry-After is never violated)."""
    credential = member.credential
    now, wall = ports.clock.now(), ports.clock.wall()
    why = f"{failure.kind.value} ({failure.code or failure.status})"  # not the provider's words: they may name its account
    if failure.kind is not K.CANCELLED:
        credential.last_failed = wall
    if is_probe:
        credential.probed(PROBED.get(failure.kind, Verdict.IGNORED), now, wall, ports.rng)
    elif failure.kind is K.CREDENTIAL and failure.status == 403 and now - credential.last_good_at < parking.credential:
        member.alone.park(now + parking.credential, why)  # it was good a moment ago: the refusal is about this model
    elif failure.kind is K.CREDENTIAL:
        credential.refused(f"{failure.status or ''} {failure.code or ''}".strip(), now, wall, ports.rng)
    if failure.kind is K.QUOTA:  # an account's money: it is gone for each of its models
        credential.emptied(now + parking.quota, why, wall)
    elif failure.kind is K.MODEL_UNAVAILABLE:
        _miss(member, failure, ports, parking)
    elif failure.rule.throttled:
        _heed(member, failure, now, why)


def _heed(member: Member, failure: Failure, now: float, why: str) -> None:
    """Wait as long as the provider asks for, and ask for less afterwards. An overload is one model's, whoever counts with it."""
    quota = member.cooling[0]
    aside = quota if failure.kind is K.RATE_LIMIT else member.alone
    if failure.retry_after:  # turns are waited for at the quota group, which would call in the middle of a model's pause
        aside.park(now + failure.retry_after, why, waits=aside is quota and not failure.forever)
    if not failure.forever:
        quota.throttled(now)


def _miss(member: Member, failure: Failure, ports: Ports, parking: ParkingSettings) -> None:
    """Leave a deployment alone whose model is gone; what else may be missing, a request can have brought about itself."""
    alone, deployment = member.alone, member.deployment
    if not names_model(failure, deployment.model):
        return
    why = f"{failure.status or ''} {failure.code or ''}".strip()
    is_made_up = deployment.is_found and member.breaker.good_at == NEVER  # whatever callers think of is nobody's to mend
    if alone.miss(ports.clock.now() + parking.model, why) and not is_made_up:
        text = f"has no such model (any more; {shown(why)}): take it out of its routes, or mend its name"
        ports.tell(Alert(AlertKind.MODEL_GONE, deployment.name, text, ports.clock.wall()))
