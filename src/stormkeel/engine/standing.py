"""How the fleet stands at a moment: each deployment's state and why, limits left, load, what the last minutes came to.

Never moves any state and never asks a provider: it only reads what the gates and counters know.

    healthy ── set aside for a while ──> cooling          (quota group or credential)
       |────── no such model ──────────> missing
       '───── faults, breaker opens ───> open ── its time is up ──> half_open ──> healthy
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ..policies.breaker import State as BreakerState
from ..types.failure import Failure
from .credentials import CredentialState, credential_states
from .fleet import Member
from .recent import LastError
from .world import World

State = Literal["healthy", "missing", "cooling", "half_open", "open"]
Status = Literal["healthy", "degraded", "unhealthy"]


class Room(msgspec.Struct, frozen=True):
    """What our own limits of a deployment still let through at once; None where there is no such limit.

    Attributes:
        requests, tokens: of the minute's (`rpm`, `tpm`).
        places: attempts at once (`concurrency`).
    """

    requests: int | None
    tokens: int | None
    places: int | None


class LimitStanding(msgspec.Struct, frozen=True):
    """How one limit of a deployment's quota group stands.

    Attributes:
        name, amount, left: as it is set, how much it lets through, and how much of that may go at once now.
        source: where it is said; "learned" for what the provider told of itself.
    """

    name: str
    amount: int
    left: int
    source: str


class Standing(msgspec.Struct, frozen=True):
    """How one deployment stands.

    Attributes:
        name, provider, model, credential, dialect: which it is; a credential by its name.
        is_found: was it made for a model that a caller named, and no route?
        state: as drawn above.
        why: what it is set aside for, "" where it is not.
        for_s: seconds until it may be asked again, None where it may be now.
        in_flight: attempts under way.
        left: what our own limits let through.
        quota: where its limits are counted; deployments that share them have the same.
        limits: each limit there.
        share: of the limits a minute, what is left after throttles: 1 where there were none.
        waiting: requests that wait for room in them.
        latency_s, ttft_s: moving averages of good attempts, to the end and to the first content; None before the first.
        attempts, success, errors, last_error: of the last five minutes, as in `recent.Counts`.
    """

    name: str
    provider: str
    model: str
    credential: str
    dialect: str
    is_found: bool
    state: State
    why: str
    for_s: float | None
    in_flight: int
    left: Room
    quota: str
    limits: list[LimitStanding]
    share: float
    waiting: int
    latency_s: float | None
    ttft_s: float | None
    attempts: int
    success: float | None
    errors: dict[str, int]
    last_error: LastError | None


class ProviderStanding(msgspec.Struct, frozen=True):
    """How one provider stands: "healthy" where all its deployments are, "unhealthy" where none is, else "degraded".

    Attributes:
        retries_left: what is left of its retry budget, a share from 0 to 1.
        latency_s: the mean of its deployments' averages, None before the first good attempt.
    """

    name: str
    status: Status
    retries_left: float
    latency_s: float | None


class Picture(msgspec.Struct, frozen=True):
    """The whole fleet at a moment.

    Attributes:
        status: over all deployments, as for a provider; a fleet without any is healthy.
        active_requests: under way, attempts and waits included.
        deployments, providers, credentials: in the settings' order, deployments as they were first asked for.
    """

    status: Status
    active_requests: int
    deployments: list[Standing]
    providers: list[ProviderStanding]
    credentials: list[CredentialState]


def picture(world: World, now: float) -> Picture:
    """Return how the fleet stands at a moment (monotonic seconds)."""
    rows = [standing(member, now) for member in world.fleet.members]
    providers = [_provider(name, world, [row for row in rows if row.provider == name]) for name in world.budgets]
    return Picture(status_of(rows), world.active, rows, providers, credential_states(world, now))


def standing(member: Member, now: float) -> Standing:
    """Return how one deployment stands at a moment (monotonic seconds)."""
    state, why, span = _state(member, now)
    deployment, recent, quota = member.deployment, member.recent, member.cooling[0]
    counts = recent.look(now)
    return Standing(
        deployment.name, deployment.provider, deployment.model, deployment.credential, deployment.dialect, deployment.is_found,
        state, why, span, member.in_flight, room(member, now), quota.group, limits_of(member, now), round(quota.rate.share, 3),
        len(quota.line.queue), _rounded(recent.latency), _rounded(recent.ttft), counts.attempts, _rounded(counts.success),
        counts.errors, counts.last_error,
    )  # fmt: skip


def status_of(rows: list[Standing]) -> Status:
    """Return how several deployments stand together; models that a caller made up say nothing of anybody's health."""
    rows = [row for row in rows if not (row.is_found and row.state == "missing")]
    well = sum(row.state == "healthy" for row in rows)
    return "healthy" if well == len(rows) else "degraded" if well else "unhealthy"


def room(member: Member, now: float) -> Room:
    """Return what a deployment's limits let through at a moment."""
    places = member.concurrency
    requests, tokens = member.rate.room(now) if member.rate else (None, None)
    return Room(requests, tokens, None if places is None else max(0, places.limit - places.in_flight))


def limits_of(member: Member, now: float) -> list[LimitStanding]:
    """Return the limits of a deployment's quota group, each with its source."""
    quota, sources = member.cooling[0], dict(member.deployment.origins)
    learned = quota.rate.learned
    return [
        LimitStanding(one.name, one.amount, one.left, "learned" if one.name in learned else sources.get(one.name, "settings"))
        for one in quota.limits(now)
    ]


def _state(member: Member, now: float) -> tuple[State, str, float | None]:
    """State, why, and for how many seconds more."""
    aside = [cooling for cooling in dict.fromkeys((*member.cooling, member.alone)) if cooling.until > now]
    for cooling in aside:
        if (told := cooling.refusal(now)) is not None:
            state: State = "missing" if cooling is member.alone and member.alone.is_missing else "cooling"
            return state, f"{cooling.name}: {cooling.why}", _seconds(told)
    if aside:
        return "half_open", f"the next attempt is the probe of {aside[0].name}: {aside[0].why}", None
    for scope in member.scopes:
        if (told := scope.refusal(now)) is not None:
            return "open", f"{scope.name} is down, as several of its deployments say", _seconds(told)
    breaker = member.breaker
    refusal = breaker.refusal(now)
    if breaker.state is BreakerState.CLOSED:
        return "healthy", "", None
    if breaker.state is BreakerState.OPEN and refusal is not None:
        why = "answers that begin late opened the breaker" if breaker.is_slow else "faults opened the breaker"
        return "open", why, _seconds(refusal)
    return "half_open", "the breaker lets probes through", None if refusal is None else _seconds(refusal)


def _seconds(refusal: Failure) -> float:
    """For how long a refusal says no."""
    return round(refusal.retry_after or 0.0, 3)


def _provider(name: str, world: World, rows: list[Standing]) -> ProviderStanding:
    latencies = [row.latency_s for row in rows if row.latency_s is not None]
    mean = sum(latencies) / len(latencies) if latencies else None
    return ProviderStanding(name, status_of(rows), _rounded(world.budgets[name].share) or 0.0, _rounded(mean))


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
