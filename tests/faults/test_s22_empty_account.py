"""S-22: an organisation without money beside a healthy one: asked once in a parking time, and nobody waits for it."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from story_stage import KEYS, Bench, by, play, refused, whole

MONEY = ["insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded", "project_spend_limit_exceeded"]


@pytest.mark.parametrize("code", MONEY)
def test_an_account_without_money_is_asked_once_a_parking_period(figure, code):
    """Whoever has no money left is asked exactly once in 300 s, and the others answer without delay (S-22)."""

    async def story():
        script = by({"openai#main": [refused(429, code, "insufficient_quota")], "openai#second": [whole()]})
        bench = Bench(script, KEYS)
        answers = []
        for _ in range(299):
            answers.append(await bench.ask())
            await asyncio.sleep(1)
        assert all(answer.failure is None and answer.story.latency == 0.0 for answer in answers)
        assert Counter(bench.whom)["openai#main"] == 1
        await asyncio.sleep(1)
        for _ in range(200):
            await bench.ask()
            await asyncio.sleep(1)
        assert Counter(bench.whom)["openai#main"] == 2
        latencies = sorted(answer.story.latency for answer in answers)
        asked = "one send to the empty account in 300 s, p50 added at most 5 ms"
        figure("S-22", asked, f"{code}: 1 send, {1000 * latencies[len(latencies) // 2]:.1f} ms added")

    play(story)
