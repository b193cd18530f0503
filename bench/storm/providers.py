"""The two providers: sandboxes in this process, each with its own words, its own weather and its own bill.

Never asks the gateway anything.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import msgspec

from stormkeel.sandbox import Record, Row, Sandbox, SandboxSettings, Storm, nano_dollars, start
from stormkeel.sandbox.answer import compose
from stormkeel.sandbox.ask import Asked, Wish
from stormkeel.sandbox.faults import parse

from .ask import prompt
from .evidence import Arrival
from .scenario import Asks, Scenario, Weather

PRIMARY, FALLBACK, STRICT = "gpt-5.4-mini", "gpt-6-luna", "claude-sonnet-5"
"""The models: the primary's, the fallback's (with a larger window), and the fallback's that rejects prefill."""

QUIET_S = 30.0
PACE_S = 0.003
_NUMBER = re.compile(r"Request (\d+):")
_HINTS = {"rate_limit", "rate_limit_ms", "rate_limit_date"}


class Providers(msgspec.Struct, frozen=True):
    """Both of them, up; `clock` is theirs, in Unix seconds."""

    primary: Sandbox
    fallback: Sandbox
    clock: Callable[[], float]

    def texts(self, asks: Asks) -> tuple[tuple[str, str], ...]:
        """Return what each would answer to each request, which follows from seed, model and prompt."""
        if asks.says:
            return ((asks.says, asks.says),) * asks.count
        prompts = [prompt(asks, number) for number in range(asks.count)]
        wish = Wish(tokens=asks.tokens or None)
        return tuple((_text(PRIMARY, 1, said, wish), _text(FALLBACK, 2, said, wish)) for said in prompts)

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
    """Start both on the loopback; port 0 lets the system choose. Their clock goes as the loop's does."""
    loop = asyncio.get_running_loop()
    ahead = time.time() - loop.time()
    usual = SandboxSettings(pace_s=PACE_S, close_grace_s=0.1, clock=lambda: ahead + loop.time())
    async with (
        await start(replace(usual, port=ports[0], seed=1)) as primary,
        await start(replace(usual, port=ports[1], seed=2)) as fallback,
    ):
        yield Providers(primary, fallback, usual.clock)


def _storm(weather: Weather) -> Storm:
    return Storm(plan=weather.plan, repeat=weather.repeat, outages=weather.outages)


def _text(model: str, seed: int, said: str, wish: Wish) -> str:
    return compose(Asked(model, False, (said,), said), wish, seed).choices[0].text


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
