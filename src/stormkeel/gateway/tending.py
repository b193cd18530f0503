"""What a gateway does beside serving: it probes credentials that were set aside.

Never asks a question that costs anything.
"""

from __future__ import annotations

import asyncio

from ..assemble import House
from ..engine.credentials import probe

TICK = 1.0  # seconds between two looks at the credentials


async def keep_probing(house: House) -> None:
    """Probe each credential of the present world when its time is up, until cancelled."""
    clock, rng = house.parts.clock, house.parts.rng
    while True:
        await asyncio.sleep(TICK)
        now = clock.now()
        due = [one for one in house.world.fleet.credentials.values() if not one.is_unclear and one.needs_probe(now)]
        if due:
            await asyncio.gather(*(probe(one, clock, rng) for one in due))
