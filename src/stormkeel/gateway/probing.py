"""Active probes: ask each provider for its list of models now and then, so that health is known before a request fails.

Never costs anything and never closes anything: a probe moves no breaker, sets nothing aside, makes no gateway unready. It only
shows in the health picture. (Whether a credential that was set aside is well again is found out by other probes: `tending.py`.)

    answered, whatever it said, below 500 ──> well        401, 403, or a 400 for the key ──> refused
    5xx, silence, no connection ──> down
"""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec

from ..assemble import House
from ..engine.credentials import Credential
from ..engine.ports import WireFault

REST = 1.0  # seconds between two looks at the settings and the clock
Result = Literal["well", "refused", "down"]


class ProbeState(msgspec.Struct, frozen=True):
    """What the latest probe with one credential found.

    Attributes:
        provider, credential: whose it is, "" for a server that wants none.
        result: as drawn above.
        why: what was seen, "" where all is well.
        latency_s: seconds to the answer, None where none came.
        ago_s: seconds since then.
    """

    provider: str
    credential: str
    result: Result
    why: str
    latency_s: float | None
    ago_s: float


class Probes:
    """The latest probes of one house."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._found: dict[tuple[str, str], tuple[float, Result, str, float | None]] = {}

    async def run(self) -> None:
        """Probe every `probes.interval` seconds, until cancelled; a reload's settings count from its moment on."""
        clock, last = self._house.parts.clock, float("-inf")
        while True:
            interval = self._house.settings.probes.interval
            if not interval:
                self._found.clear()
            elif clock.now() - last >= interval and not self._house.draining:
                last = clock.now()
                await self.look()
            await asyncio.sleep(REST)

    async def look(self) -> None:
        """Probe each provider once with each of its credentials, all at the same time."""
        credentials = self._house.world.fleet.credentials
        found = await asyncio.gather(*(self._probe(one) for one in credentials.values()))
        self._found = dict(zip(credentials, found, strict=True))

    async def _probe(self, credential: Credential) -> tuple[float, Result, str, float | None]:
        clock = self._house.parts.clock
        began = clock.now()
        timeout = self._house.settings.probes.timeout
        try:
            async with asyncio.timeout(timeout):
                response = await credential.transport.send(credential.caller.probe())
        except TimeoutError:
            return clock.now(), "down", f"no answer within {timeout:g} s", None
        except WireFault as fault:
            return clock.now(), "down", f"no connection ({fault.stage})", None
        now, status = clock.now(), response.status
        is_refused = status in {401, 403} or credential.caller.is_refused(response, clock.wall() / 1e9)
        result: Result = "refused" if is_refused else "down" if status >= 500 else "well"
        return now, result, "" if result == "well" else f"status {status}", round(now - began, 4)

    def states(self) -> list[ProbeState]:
        """Return what was found last, of the credentials that are still in use."""
        now, used = self._house.parts.clock.now(), self._house.world.fleet.credentials
        return [
            ProbeState(*key, result, why, latency, round(now - at, 3))
            for key, (at, result, why, latency) in self._found.items()
            if key in used
        ]
