"""Limits and hints: INV-12. Our own limits by counting every window that sends open and close; a provider's hints by the clock.

Never lets a burst hide behind an average: each pair of sends is a window.

    any n sends of a quota group from t1 to t2:  n <= rate * (t2 - t1) + burst
    at any moment:                               no more of them under way than it has places
    a 429, 503 or 529 with a Retry-After:        nothing to its quota group before that time is over
    a credential refused, an account empty:      nothing with it for as long as is set
"""

from __future__ import annotations

from collections import defaultdict

import msgspec

from ...config.limiting import LimitSettings
from ...config.settings import TargetSettings
from ..evidence import Sending
from .docket import Docket, Scene

MINUTE = 60.0
HINTED = ("limited", "overload")
SLACK = 1e-6


def rates(scene: Scene, docket: Docket) -> None:
    """Check limits of ours and hints of theirs, quota group by quota group."""
    groups: dict[str, list[Sending]] = defaultdict(list)
    buckets: dict[str, list[Sending]] = defaultdict(list)
    for one in scene.evidence.sendings:
        groups[f"{one.provider}: {one.quota}"].append(one)
        buckets[f"{one.provider}: {_bucket(scene, one)}"].append(one)
    for bucket, sendings in buckets.items():
        limits = _limits(scene, sendings[0])
        if limits.rpm is not None:
            _requests(docket, bucket, sendings, (limits.rpm, max(1.0, limits.rpm * limits.burst)))
        if limits.concurrency is not None:
            _places(docket, bucket, sendings, limits.concurrency)
    for quota, sendings in groups.items():
        _hints(docket, quota, sendings)
    accounts: dict[tuple[str, str], list[Sending]] = defaultdict(list)
    for one in scene.evidence.sendings:
        accounts[one.provider, one.credential].append(one)
    parking = scene.settings.policies.parking
    for (provider, credential), sendings in accounts.items():
        name = f"{provider}#{credential}"
        _rests(docket, name, sendings, {"broke": parking.quota, "dead": parking.credential})


class _Limits(msgspec.Struct, frozen=True):
    """What is configured for a quota group; the target's word goes before the group's, and that before its provider's."""

    rpm: int | None
    burst: float
    concurrency: int | None


def _target(scene: Scene, one: Sending) -> TargetSettings:
    targets = (target for route in scene.settings.routes.values() for group in route.groups for target in group)
    return next(target for target in targets if (target.provider, target.model) == (one.provider, one.model))


def _group(scene: Scene, one: Sending) -> LimitSettings:
    return scene.settings.quotas.get(one.quota.rpartition("/")[0], LimitSettings())


def _bucket(scene: Scene, one: Sending) -> str:
    """Return what a sending counts in: its quota group's pool, where it has one and the target says nothing of its own."""
    target, pool = _target(scene, one), _group(scene, one).pool
    is_alone = not pool or {target.rpm, target.tpm, target.concurrency} != {None}
    return one.quota if is_alone else f"{one.quota.rpartition('/')[0]}:{pool}"


def _limits(scene: Scene, one: Sending) -> _Limits:
    own, group, common = _target(scene, one), _group(scene, one), scene.settings.providers[one.provider].limits
    rpm = next((said.rpm for said in (own, group, common) if said.rpm is not None), None)
    burst = next((said.burst for said in (group, common) if said.burst is not None), 1.0)
    concurrency = next((said.concurrency for said in (own, group, common) if said.concurrency is not None), None)
    return _Limits(rpm, burst, concurrency)


def _requests(docket: Docket, quota: str, sendings: list[Sending], limit: tuple[int, float]) -> None:
    """Check every window at once: after each send, the fullest bucket that could have been is not overdrawn."""
    rpm, burst = limit
    left, before = burst, 0.0
    for one in sendings:
        left = min(burst, left + (one.at - before) * rpm / MINUTE) - 1.0
        before = one.at
        docket.check("INV-12", left >= -SLACK, one.at, quota, f"{-left:.3f} sends beyond {rpm} a minute")


def _places(docket: Docket, quota: str, sendings: list[Sending], most: int) -> None:
    """Check how many are under way at once; who ends at the moment another begins makes room for it."""
    moves = sorted([(one.at, 1) for one in sendings] + [(one.ended, -1) for one in sendings])
    busy = 0
    for at, move in moves:
        busy += move
        if move > 0:
            docket.check("INV-12", busy <= most, at, quota, f"{busy} at once, of {most} places")


def _hints(docket: Docket, quota: str, sendings: list[Sending]) -> None:
    """Check that who was told to wait is left alone: from the moment the answer was read."""
    heard = [one for one in sendings if one.hint and one.act in HINTED and one.end == "read"]
    told = sorted((one.ended, one.ended + one.hint, one.attempt) for one in heard)
    if not told:
        return
    place, until, by = 0, 0.0, ""
    for one in sendings:
        while place < len(told) and told[place][0] < one.at:
            if told[place][1] > until:
                until, by = told[place][1], told[place][2]
            place += 1
        docket.made["INV-12"] += 1
        if one.at < until - SLACK:
            left = f"{quota} was to rest for {until - one.at:.3f} s more, said to {by}"
            docket.accuse("INV-12", one.at, one.attempt, left)


def _rests(docket: Docket, credential: str, sendings: list[Sending], spans: dict[str, float]) -> None:
    """Check that a credential which was refused, or whose account is empty, is left alone for its time (S-22)."""
    heard = sorted((one.ended, spans[one.act]) for one in sendings if one.act in spans and one.end == "read")
    rests: list[tuple[float, float]] = []
    for at, span in heard:
        if not rests or at >= rests[-1][1]:
            rests.append((at, at + span))
    for begins, ends in rests:
        early = [one for one in sendings if begins < one.at < ends - SLACK]
        docket.check(
            "INV-12", not early, begins, credential, f"asked {len(early)} times within {ends - begins:g} s of its refusal"
        )
