"""The line at a quota group's limits: who is called, when the limits change under those who wait."""

from __future__ import annotations

import asyncio

from stormkeel.engine.quota import Quota
from stormkeel.engine.waiting import Line, Waiter
from stormkeel.policies.base import Need
from stormkeel.policies.easing import EasingSettings
from stormkeel.policies.queue import QueueSettings
from stormkeel.policies.rate import RateSettings
from stormkeel.testing import run_virtual


class LoopClock:
    """The loop's own time."""

    def now(self) -> float:
        """Return seconds."""
        return asyncio.get_running_loop().time()

    def wall(self) -> int:
        """Return nanoseconds."""
        return int(self.now() * 1e9)


def test_who_fits_no_more_holds_nobody_up():
    """Whose request a lowered limit will never let through hears so at once, and whoever waits behind it is served in time."""

    async def story():
        clock, quota = LoopClock(), Quota("openai#main/m", RateSettings(tpm=1000))
        quota.line.use(clock)
        began = clock.now()
        quota.rate.admit(began, 1000)
        heard = dict[str, tuple[float, bool]]()

        async def wait(name: str, tokens: int) -> None:
            need = Need(tokens, 0, name)
            line: Line | None = await Waiter(name, 0, need, 1).wait([quota.line], QueueSettings(), began + 100.0)
            assert line is quota.line, name
            heard[name] = round(clock.now() - began), isinstance(quota.rate.admit(clock.now(), tokens), int)
            line.over()

        waits = [asyncio.ensure_future(wait("large", 900)), asyncio.ensure_future(wait("small", 10))]
        await asyncio.sleep(1.0)
        quota.change(RateSettings(tpm=500), None, clock.now(), EasingSettings())
        await asyncio.gather(*waits)
        assert heard["large"] == (1, False)
        assert heard["small"][0] <= 62
        assert heard["small"][1]
        assert not quota.line.is_busy

    run_virtual(story())
