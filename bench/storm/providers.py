"""The two providers: sandboxes in this process, each with its own words, its own weather and its own bill.

Never asks the gateway anything.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from stormkeel.sandbox import Record, Row, Sandbox, SandboxSettings, Storm, nano_dollars, start
from stormkeel.sandbox.faults import parse

from .ask import client, prompt
from .evidence import Arrival
from .scenario import Asks, Scenario, Weather

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PRIMARY, FALLBACK, STRICT = "gpt-5.4-mini", "gpt-6-luna", "claude-sonnet-5"
"""The models: the primary's, the fallback's (with a larger window), and the fallback's that rejects prefill."""

QUIET_S = 30.0
PACE_S = 0.003
_NUMBER = re.compile(r"Request (\d+):")
_HINTS = {"rate_limit", "rate_limit_ms", "rate_limit_date"}


class Providers(msgspec.Struct, frozen=True):
    """Both of them, up."""

    primary: Sandbox
    fallback: Sandbox

    async def texts(self, asks: Asks) -> tuple[tuple[str, str], ...]:
        """Return what each would answer to each request: they are asked, by nobody but themselves, before the weather begins."""
        if asks.says:
            return ((asks.says, asks.says),) * asks.count
        async with client(f"{self.primary.url}/v1", 0) as first, client(f"{self.fallback.url}/v1", 0) as second:
            return tuple(
                [
                    (await _text(first, PRIMARY, asks, number), await _text(second, FALLBACK, asks, number))
                    for number in range(asks.count)
                ]
            )

    def begin(self, scenario: Scenario) -> None:
        """Forget everything and let the weather begin now."""
        for sandbox, weather in ((self.primary, scenario.primary), (self.fallback, scenario.fallback)):
            sandbox.set_storm(_storm(weather))
            sandbox.reset()

    async def quiet(self) -> None:
        """Wait until nothing is being answered any more."""
        async with asyncio.timeout(QUIET_S):
            await self.primary.quiet()
            await self.fallback.quiet()


@asynccontextmanager
async def providers(ports: tuple[int, int] = (0, 0)) -> AsyncIterator[Providers]:
    """Start both on the loopback; port 0 lets the system choose."""
    async with (
        await start(SandboxSettings(port=ports[0], seed=1, pace_s=PACE_S, close_grace_s=0.1)) as primary,
        await start(SandboxSettings(port=ports[1], seed=2, pace_s=PACE_S, close_grace_s=0.1)) as fallback,
    ):
        yield Providers(primary, fallback)


def _storm(weather: Weather) -> Storm:
    return Storm(plan=weather.plan, repeat=weather.repeat, outages=weather.outages)


async def _text(sdk: AsyncOpenAI, model: str, asks: Asks, number: int) -> str:
    got = await sdk.chat.completions.create(model=model, messages=[{"role": "user", "content": prompt(asks, number)}])
    return got.choices[0].message.content or ""


def arrivals(sandbox: Sandbox, began: float) -> tuple[Arrival, ...]:
    """Return what came in, oldest first; `began` is the start in Unix seconds."""
    records = {record.id: record for record in sandbox.requests}
    found = [_arrival(row, records[row.id], began) for row in sandbox.bill()]
    return tuple(sorted(found, key=lambda one: one.at))


def _arrival(row: Row, record: Record, began: float) -> Arrival:
    number = _NUMBER.search(record.body.decode("utf-8", "replace"))
    chosen = parse(row.fault) if row.fault else None
    hint = chosen.parameters.get("retry_after", 0.0) if chosen is not None and chosen.name in _HINTS else 0.0
    tokens, cost = row.tokens, row.cost
    return Arrival(
        int(number[1]) if number else -1, record.at - began, row.status or 0, row.fault or "", hint, row.model or "",
        (tokens.prompt, tokens.output), row.usage_reported, 0 if cost is None else nano_dollars(cost),
        row.client_request_id or "", row.open, tuple(record.violations),
    )  # fmt: skip
