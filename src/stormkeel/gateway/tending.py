"""What a gateway does beside serving: it probes credentials set aside, reminds of old ones, tells of overload and open breakers.

Never asks a question that costs anything.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from ..assemble import House
from ..engine.credentials import DAY, Credential, probe
from ..engine.world import World
from ..policies.admission import Admission, Reason
from ..policies.breaker import Breaker, State
from ..policies.scope import ScopeBreaker
from ..runtime.telemetry.logs import Logs
from ..types.alert import Alert, AlertKind
from .doorman import Doorman

HOUR = 3600.0  # seconds between two looks at the credentials' age
TICK = 1.0  # seconds between two looks at the credentials, or at the door
QUIET = 10  # looks at the door without anybody turned away, after which that is over


async def keep_probing(house: House, tick: float = TICK) -> None:
    """Probe each credential of the present world when its time is up, until cancelled."""
    clock, rng = house.parts.clock, house.parts.rng
    while True:
        await asyncio.sleep(tick)
        now = clock.now()
        due = [one for one in house.world.fleet.credentials.values() if not one.is_unclear and one.needs_probe(now)]
        if due:
            await asyncio.gather(*(probe(one, clock, rng) for one in due))


async def keep_watching(house: House, tick: float = TICK) -> None:
    """Tell of breakers that stay open, and when that is over, until cancelled."""
    told: set[str] = set()
    while True:
        await asyncio.sleep(tick)
        now, after = house.parts.clock.now(), house.settings.alerts.breaker_after
        there = breakers(house.world)
        open_for = {name: now - one.opened_at for name, one in there.items() if one.state is not State.CLOSED}
        for name, seconds in open_for.items():
            if seconds >= after and name not in told:
                told.add(name)
                text = f"has been behind an open breaker for {seconds:.0f} s, only probes get there: ask the provider"
                house.tell(Alert(AlertKind.BREAKER_OPEN, name, text, house.parts.clock.wall()))
        for name in told - open_for.keys():
            text = "answers again" if name in there else "is asked no more: it is not in the configuration now"
            house.tell(Alert(AlertKind.BREAKER_CLOSED, name, text, house.parts.clock.wall()))
        told &= open_for.keys()


def breakers(world: World) -> dict[str, Breaker | ScopeBreaker]:
    """Return the breakers of all deployments and of what they share, by name."""
    own = {member.deployment.name: member.breaker for member in world.fleet.members}
    return {**own, **{scope.name: scope for member in world.fleet.members for scope in member.scopes}}


async def keep_reminding(house: House, logs: Logs, every: float = HOUR) -> None:
    """Tell the log of each old credential, once a day, until cancelled."""
    told: dict[tuple[str, str], int] = {}
    while True:
        wall = house.parts.clock.wall()
        for key, one in house.world.fleet.credentials.items():
            if one.birth.is_old(wall) and wall - told.get(key, -DAY) >= DAY:
                told[key] = wall
                logs.say("warning", "credential_old", reminder(one, wall))
        await asyncio.sleep(every)


async def keep_telling(doorman: Doorman, logs: Logs, tick: float = TICK) -> None:
    """Tell the log when requests begin to be turned away, and when that is over, until cancelled."""
    told = Turning(doorman.bounds.refused)
    while True:
        await asyncio.sleep(tick)
        news = told.look(doorman.bounds)
        if news is not None:
            logs.say("warning", *news)


class Turning:
    """What the log was told of requests turned away: one line when it begins, one when `QUIET` looks have seen no more of it."""

    def __init__(self, refused: Counter[Reason]) -> None:
        self._last = self._before = refused.copy()
        self._quiet = QUIET  # looks without a refusal

    def look(self, bounds: Admission) -> tuple[str, dict[str, object]] | None:
        """Return what is to be told now: the event and its fields."""
        now = bounds.refused.copy()
        is_new, self._last = now != self._last, now
        if is_new and self._quiet >= QUIET:
            self._quiet = 0
            fields = {"requests": bounds.under_way, "in_line": bounds.in_line, "held_bytes": bounds.held}
            return "overload_began", {"turned_away": now - self._before, **fields}
        if self._quiet >= QUIET:
            return None
        self._quiet = 0 if is_new else self._quiet + 1
        if self._quiet < QUIET:
            return None
        done, self._before = now - self._before, now
        return "overload_over", {"turned_away": done}


def reminder(credential: Credential, wall: int) -> dict[str, object]:
    """Return what the log says of an old credential."""
    days = credential.birth.days(wall)
    assert days is not None
    return {
        "provider": credential.provider, "credential": credential.label, "age_days": int(days),
        "message": "change it at the provider, put the new one in its place, and reload",
    }  # fmt: skip
