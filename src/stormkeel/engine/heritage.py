"""What outlives a configuration: gates, cooldowns, credentials' standing and retry budgets, found again by their names.

Never holds a world: an old one is free once its last request has ended. A gate that a new world takes over is the very object its
predecessor uses, so that both count against one limit (INV-12); its settings change at the swap, in one step, and not before.

    name in both, made by the same settings    the same object
    limits changed                             the same object, what was taken stays taken
    address, credential or network changed     breaker and past begin anew; limits and cooldowns stay
    name gone                                  kept for a quarter of an hour, lest a limit opens by taking a line out and in
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from ..policies.breaker import BreakerSettings
from ..policies.easing import EasingSettings
from ..policies.retry import BudgetSettings, RetryBudget
from ..policies.scope import ScopeBreaker
from ..policies.sharing import SharedPlaces
from ..routing.deployment import Deployment
from .credentials import Credential
from .fleet import Member
from .gates import Gates
from .ports import Transport
from .quota import Alone, Quota
from .world import World

KEPT = 900.0  # seconds; longer than a minute's limits, a breaker's or a quota's rest
MOST = 1000  # deployments that are in no configuration any more
Act = Callable[[], object]
Stage = Literal["claimed", "present", "past"]


class Heritage:
    """The live state of the present world and of what was in use until lately, by name."""

    __slots__ = ("_left", "alone", "budgets", "credentials", "members", "quotas", "scopes")

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.quotas: dict[str, Quota] = {}
        self.alone: dict[str, Alone] = {}
        self.credentials: dict[tuple[str, str], Credential] = {}
        self.budgets: dict[str, RetryBudget] = {}
        self.scopes: dict[str, ScopeBreaker] = {}
        self._left: dict[str, float] = {}  # when a deployment was first missed

    def sweep(self, world: World, now: float) -> None:
        """Forget what has not been in use for long."""
        present = {member.deployment.name for member in world.fleet.members}
        self._left = {name: self._left.get(name, now) for name in self.members if name not in present}
        oldest = sorted(self._left, key=self._left.__getitem__)  # those of one sweep in the order of their making
        for place, name in enumerate(oldest):
            if now - self._left[name] >= KEPT or len(oldest) - place > MOST:
                del self.members[name], self._left[name]
        quotas = {member.cooling[0].name for member in self.members.values()}
        used = {(member.deployment.provider, member.deployment.credential) for member in self.members.values()}
        used.update(world.fleet.credentials)
        providers = {provider for provider, _ in used}
        self.quotas = {name: one for name, one in self.quotas.items() if one.name in quotas or one.until > now}
        models = {member.deployment.alone for member in self.members.values()}
        self.alone = {name: one for name, one in self.alone.items() if name in models or one.until > now}
        self.credentials = {key: one for key, one in self.credentials.items() if key in used}
        self.budgets = {name: one for name, one in self.budgets.items() if name in providers}
        shared = {scope.name for member in self.members.values() for scope in member.scopes}
        self.scopes = {name: one for name, one in self.scopes.items() if name in shared}


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
        self._quotas: dict[str, Quota] = {}
        self._alone: dict[str, Alone] = {}
        self._scopes: dict[str, ScopeBreaker] = {}

    def quota(self, deployment: Deployment, easing: EasingSettings) -> Quota:
        """Return the state of a deployment's quota group: one for all of its credentials, whatever world they came with."""
        name, rate, places = deployment.quota, deployment.rate, deployment.concurrency
        known = self._quotas.get(name) or self._heritage.quotas.get(name) or Quota(name, rate, places)
        if known.places is None and places is not None:
            known.places = SharedPlaces(places)
        self._quotas[name] = known
        self._do(lambda: known.change(rate, places, self._now(), easing))
        self._do(lambda: self._heritage.quotas.update({name: known}))
        return known

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
        health = fresh.breaker
        if old.credential is fresh.cooling[1] and old.transport is transport:
            health = old.breaker
            self._do(lambda: health.change(breaker))
        return msgspec.structs.replace(fresh, breaker=health)

    def enter(self, member: Member) -> None:
        """Take note of a member made with `gates`, and give it its predecessor's past where that still says something of it."""
        name = member.deployment.name
        old = self._heritage.members.get(name)
        if old is not None and old.breaker is member.breaker:
            member.recent = member.recent.following(old.recent)
        self._do(lambda: self._heritage.members.update({name: member}))

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
        onlooker.end()
        return onlooker

    def _do(self, act: Act) -> None:
        if self._stage == "present":
            act()
        elif self._stage == "claimed":
            self._waiting.append(act)
