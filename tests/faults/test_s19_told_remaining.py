"""S-19: the provider's word on what is left against our own count."""

from __future__ import annotations

import asyncio

import pytest
from story_stage import ALONE, Bench, Reply, play, whole

LIMITED = ALONE.replace(b"[routes.fast]", b"[providers.openai.limits]\nrpm = 500\n[routes.fast]")


@pytest.mark.parametrize("settings", [LIMITED, ALONE], ids=["a limit of 500", "no limit set"])
def test_nothing_left_by_the_providers_word(figure, settings):
    """A header says that nothing is left while 499 are by our count: of 20 further requests none is sent before the reset."""

    async def story():
        headers = (
            ("content-type", "application/json"), ("x-ratelimit-limit-requests", "500"),
            ("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "20s"),
        )  # fmt: skip
        replies = [Reply(200, whole().body, headers, delay=0.3)] + [Reply(200, whole().body, (headers[0],))] * 100
        bench = Bench(iter(replies), settings)
        assert (await bench.ask()).failure is None
        answers = await asyncio.gather(*(bench.ask() for _ in range(20)))
        early = [at for at in bench.times[1:] if at < 20.3]
        asked = "the next send waits; 0 sends before the reset"
        figure("S-19", asked, f"{len(early)} of 20 sends before, first {min(bench.times[1:]) - 20.3:.3f} s after")
        assert early == []
        assert all(answer.failure is None for answer in answers)
        assert max(bench.times) < 21.5

    play(story)
