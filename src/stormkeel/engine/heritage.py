"""What outlives a configuration: gates, cooldowns, credentials' standing and retry budgets, found again by their names.

Never holds a world: an old one is free once its last request has ended. A gate that a new world takes over is the very object its
predecessor uses, so that both count against one limit (INV-12); its settings change at the swap, in one step, and not before.

    name in both, made by the same settings    the same object
    limits changed                             the same object, what was taken stays taken
    another quota group or pool                its limits, with what was taken in the one before, and the same time to rest
    address, credential or network changed     breaker and past begin anew; limits and cooldowns stay
    name gone                                  kept for a quarter of an hour, lest a limit opens by taking a line out and in;
                                               also where callers named so many models that one had to be forgotten
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from operator import itemgetter
from typing import Literal, TypeVar

import msgspec

from ..policies.breaker import BreakerSettings
from ..policies.easing import EasingSettings
from ..policies.rate import RateSettings
from ..policies.retry import BudgetSettings, RetryBudget
from ..policies.scope import ScopeBreaker
from ..routing.deployment import Deployment
from .credentials import Credential
from .fleet import Member
from .gates import Gates
from .ports import Transport
from .quota import Alone, Quota
from .world import World

KEPT = 900.0  # seconds; longer than a minute's limits, a breaker's or a quota's rest
MOST = 1000  # deployments that are in no configuration any more, and quota groups that have to rest
SOME = 250  # more of them, before it is looked whom to forget: each look is a walk over all
Act = Callable[[], object]
Stage = Literal["claimed", "present", "past"]
A = TypeVar("A", bound=Alone)


class Share(msgspec.Struct):
    """A quota group in one world.

    Attributes:
        quota: its state.
        rate, concurrency: its limits, None where there are none.
        members: how many of the world's deployments are in it.
        before: those that its deployments were in, and whose counts it has taken over.
    """

    quota: Quota
    rate: RateSettings | None
    concurrency: int | None
    members: int = 0
    before: set[Quota] = msgspec.field(default_factory=set)


class Heritage:
    """The live state of the present world and of what was in use until lately, by name."""

    __slots__ = ("_left", "_moved", "alone", "budgets", "credentials", "members", "quotas", "scopes")

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.quotas: dict[str, Quota] = {}
        self.alone: dict[str, Alone] = {}
        self.credentials: dict[tuple[str, str], Credential] = {}
        self.budgets: dict[str, RetryBudget] = {}
        self.scopes: dict[str, ScopeBreaker] = {}
        self._left: dict[str, float] = {}  # when a deployment was first missed
        self._moved: dict[tuple[str, str], float] = {}  # when deployments of a quota group last came into another one

    def sweep(self, world: World, now: float) -> None:
        """Forget what has not been in use for long."""
        present = {member.deployment.name for member in world.fleet.members}
        left = {name: self._left.get(name, now) for name in self.members if name not in present}
        self._left = dict(sorted(left.items(), key=itemgetter(1)))  # those of one sweep in the order of their making
        self._forget(now)
        used = {(member.deployment.provider, member.deployment.credential) for member in self.members.values()}
        used.update(world.fleet.credentials)
        providers = {provider for provider, _ in used}
        self.credentials = {key: one for key, one in self.credentials.items() if key in used}
        self.budgets = {name: one for name, one in self.budgets.items() if name in providers}

    def enter(self, member: Member) -> None:
        """Take note of a deployment that is in use."""
        self.members[member.deployment.name] = member
        self._left.pop(member.deployment.name, None)

    def move(self, quota: Quota, into: Quota, now: float) -> None:
        """Let a quota group count what another one has, some of whose deployments come into it, and may soon be back.

        Where they are back already, what was counted before they went is in both, and not counted twice.
        """
        into.rate.take_over(quota.rate, now, adds=(into.group, quota.group) not in self._moved)
        self._moved[quota.group, into.group] = now

    def leave(self, member: Member, now: float) -> None:
        """Take note of a deployment whose place in the fleet is another's."""
        self._left[member.deployment.name] = now
        if len(self._left) > MOST + SOME:
            self._forget(now)

    def _forget(self, now: float) -> None:
        """Forget deployments that have been gone for long, or the oldest of too many, and what was theirs alone."""
        for name, since in list(self._left.items()):
            if now - since >= KEPT or len(self._left) > MOST:
                del self.members[name], self._left[name]
        self._moved = {names: since for names, since in self._moved.items() if now - since < KEPT}
        used = {member.deployment.quota for member in self.members.values()}
        self.quotas = _still(self.quotas, used.union(name for name, _ in self._moved), now)
        self.alone = _still(self.alone, {member.deployment.alone for member in self.members.values()}, now)
        shared = {scope.name for member in self.members.values() for scope in member.scopes}
        self.scopes = {name: one for name, one in self.scopes.items() if name in shared}


def _still(known: dict[str, A], used: set[str], now: float) -> dict[str, A]:
    """What is in use, and of the rest what has to rest for longest."""
    resting = sorted((one.until, name) for name, one in known.items() if name not in used and one.rests(now))
    kept = used.union(name for _, name in resting[-MOST:])
    return {name: one for name, one in known.items() if name in kept}


class Succession:
    """One world's claim to the heritage. Nothing of it changes before `commit`; afterwards whatever is claimed changes at once.

    Once another world has committed, this one only shares (`end`): its late deployments must not turn settings back.
    """

    __slots__ = ("_alone", "_heritage", "_now", "_quotas", "_scopes", "_stage", "_waiting")

    def __init__(self, heritage: Heritage, now: Callable[[], float]) -> None:
        self._heritage = heritage
        self._now = now
        self._stage: Stage = "claimed"
        self._waiting: list[Act] = []
        self._quotas: dict[str, Share] = {}
        self._alone: dict[str, Alone] = {}
        self._scopes: dict[str, ScopeBreaker] = {}

    def quota(self, deployment: Deployment, easing: EasingSettings) -> Share:
        """Return what a deployment has of its quota group: one state for all of its credentials, whatever world they came with.

        The limits are those of the first deployment of the group in this world. Settings give all of a group the same; a model
        that a caller names has not those of a route's target, and must neither undo nor escape them (INV-12).
        """
        name = deployment.quota
        share = self._quotas.get(name)
        if share is None:
            rate, places = deployment.rate, deployment.concurrency
            known = self._heritage.quotas.get(name) or Quota(name, rate, places)
            share = self._quotas[name] = Share(known, rate, places)
            self._do(lambda: known.change(rate, places, self._now(), easing))
            self._do(lambda: self._heritage.quotas.update({name: known}))
        share.members += 1
        return share

    def alone(self, deployment: Deployment) -> Alone | None:
        """Return what is said of a deployment's model alone, None where its quota group is no other model's."""
        name = deployment.alone
        if not name:
            return None
        known = self._alone.get(name) or self._heritage.alone.get(name) or Alone(f'model "{name}"')
        self._alone[name] = known
        self._do(lambda: self._heritage.alone.update({name: known}))
        return known

    def credential(self, fresh: Credential) -> Credential:
        """Return the state of a credential: what is known where it makes the same requests, else the fresh one."""
        key = fresh.provider, fresh.label
        known = self._heritage.credentials.get(key)
        if known is None or not known.caller.is_same(fresh.caller):
            known = fresh
        self._do(lambda: known.change(fresh))
        self._do(lambda: self._heritage.credentials.update({key: known}))
        return known

    def budget(self, provider: str, settings: BudgetSettings) -> RetryBudget:
        """Return the retry budget of a provider."""
        known = self._heritage.budgets.get(provider) or RetryBudget(settings)
        self._do(lambda: known.change(settings))
        self._do(lambda: self._heritage.budgets.update({provider: known}))
        return known

    def scope(self, name: str, settings: BreakerSettings) -> ScopeBreaker:
        """Return the breaker of what several deployments share."""
        known = self._scopes.get(name) or self._heritage.scopes.get(name) or ScopeBreaker(name, settings)
        self._scopes[name] = known
        self._do(lambda: known.change(settings))
        self._do(lambda: self._heritage.scopes.update({name: known}))
        return known

    def gates(self, deployment: Deployment, fresh: Gates, breaker: BreakerSettings, transport: Transport) -> Gates:
        """Return the gates of a deployment: its old ones wherever it had them, the fresh ones elsewhere.

        Args:
            deployment: whose.
            fresh: gates nobody has used yet; `cooling` from `quota` and `credential`.
            breaker: the breaker's settings.
            transport: how it is reached.
        """
        old = self._heritage.members.get(deployment.name)
        if old is None:
            return fresh
        if old.cooling[0] is not fresh.cooling[0]:
            share = self._quotas[deployment.quota]
            self._do(lambda: self._move(old, share, fresh.alone or share.quota))
        health = fresh.breaker
        if old.credential is fresh.cooling[1] and old.transport is transport:
            health = old.breaker
            self._do(lambda: health.change(breaker))
        return msgspec.structs.replace(fresh, breaker=health)

    def _move(self, old: Member, share: Share, own: Alone) -> None:
        """Let a deployment count elsewhere than it did: no limit is opened by that, and no pause forgotten (INV-12)."""
        quota = old.cooling[0]
        if quota not in share.before:
            share.before.add(quota)
            self._heritage.move(quota, share.quota, self._now())
        for aside in (quota, old.alone):
            (share.quota if aside.waits else own).follow(aside)

    def enter(self, member: Member) -> None:
        """Take note of a member made with `gates`, and give it its predecessor's past where that still says something of it."""
        name = member.deployment.name
        old = self._heritage.members.get(name)
        if old is not None and old.breaker is member.breaker:
            member.recent = member.recent.following(old.recent)
        self._do(lambda: self._heritage.enter(member))

    def leave(self, member: Member) -> None:
        """Take note of a deployment that was forgotten, and whose place another one has."""
        share = self._quotas[member.deployment.quota]
        share.members -= 1
        if not share.members:  # the heritage has it for a while
            del self._quotas[member.deployment.quota]
        self._alone.pop(member.deployment.alone, None)
        self._do(lambda: self._heritage.leave(member, self._now()))

    def commit(self) -> None:
        """The world is the present one: change what was claimed. Never fails."""
        self._stage = "present"
        for act in self._waiting:
            act()
        self._waiting.clear()

    def end(self) -> None:
        """Another world is the present one."""
        self._stage = "past"

    def onlooker(self) -> Succession:
        """Return one that sees the same state and never changes any: for what is made to be looked at."""
        onlooker = Succession(self._heritage, self._now)
        onlooker._quotas = {name: copy(share) for name, share in self._quotas.items()}
        onlooker.end()
        return onlooker

    def _do(self, act: Act) -> None:
        if self._stage == "present":
            act()
        elif self._stage == "claimed":
            self._waiting.append(act)
