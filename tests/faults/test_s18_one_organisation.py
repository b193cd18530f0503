"""S-18 in one process: three credentials of one organisation at a provider that enforces its minute by the second."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from story_stage import Bench, Reply, play, refused, whole

RPM, WINDOW = 6000, 1.0
NAMES = ("one", "two", "three")
SETTINGS = (
    "[policies.queue]\nwait = 3.0\n[providers.openai.limits]\nrpm = 6000\nwindow = 1.0\nlearn = false\n"
    + "".join(f'[providers.openai.credentials.{name}]\nref = "env:OPENAI_API_KEY"\nquota = "acme"\n' for name in NAMES)
    + '[routes.fast]\nstrategy = "round_robin"\ngroups = [["openai/gpt-5.4-mini"]]\n'
).encode()


class Provider:
    """Lets 100 requests of the organisation through in each second of its own clock, and refuses the others."""

    def __init__(self, phase: float) -> None:
        self.seen: dict[int, int] = {}
        self.refused = 0
        self._phase = phase

    def __call__(self, _request: object) -> Reply:
        window = int((asyncio.get_running_loop().time() + self._phase) / WINDOW)
        self.seen[window] = self.seen.get(window, 0) + 1
        if self.seen[window] > RPM * WINDOW / 60:
            self.refused += 1
            return refused(429, "rate_limit_exceeded")
        return Reply(200, whole().body, delay=0.2)


@pytest.mark.parametrize(("span", "phase"), [(60.0, 0.371), pytest.param(600.0, 0.0, marks=pytest.mark.nightly)])
def test_three_keys_of_one_organisation(figure, span, phase):
    """S-18, one process: offered a tenth more than the limit for minutes, hardly a 429 comes, and the limit is used."""

    async def story():
        rng, provider = Random(18), Provider(phase)
        bench = Bench(provider, SETTINGS)
        loop, tasks = asyncio.get_running_loop(), []
        while loop.time() < span:
            tasks.append(asyncio.ensure_future(bench.ask()))
            await asyncio.sleep(rng.expovariate(1.1 * RPM / 60))
        await asyncio.gather(*tasks)
        sends = len(bench.transport.sent)
        good = sum(1 for sent in bench.transport.sent if sent.at < span) - provider.refused
        use = good / (RPM / 60 * span)
        asked = "one process: 429s <= 0.1 % of sends, use >= 95 %"
        figure("S-18", asked, f"{provider.refused / sends:.2%} of {sends:,} sends, use {use:.1%}")
        assert provider.refused <= 0.001 * sends
        assert use >= 0.95
        assert len(set(bench.whom)) == 3

    play(story)
