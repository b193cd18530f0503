"""What a gateway does beside serving: it probes credentials that were set aside, and reminds of changing old ones.

Never asks a question that costs anything.
"""

from __future__ import annotations

import asyncio

from ..assemble import House
from ..engine.credentials import DAY, Credential, probe
from ..runtime.telemetry.logs import Logs

HOUR = 3600.0  # seconds between two looks at the credentials' age
TICK = 1.0  # seconds between two looks at the credentials


async def keep_probing(house: House, tick: float = TICK) -> None:
    """Probe each credential of the present world when its time is up, until cancelled."""
    clock, rng = house.parts.clock, house.parts.rng
    while True:
        await asyncio.sleep(tick)
        now = clock.now()
        due = [one for one in house.world.fleet.credentials.values() if not one.is_unclear and one.needs_probe(now)]
        if due:
            await asyncio.gather(*(probe(one, clock, rng) for one in due))


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


def reminder(credential: Credential, wall: int) -> dict[str, object]:
    """Return what the log says of an old credential."""
    days = credential.birth.days(wall)
    assert days is not None
    return {
        "provider": credential.provider, "credential": credential.label, "age_days": int(days),
        "message": "change it at the provider, put the new one in its place, and reload",
    }  # fmt: skip
