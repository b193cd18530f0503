"""S-45, INV-23: one caller floods, another one asks now and then."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace
from story_stage import Bench, Reply, play, whole

SPAN = 60.0


def settings(limits: str) -> bytes:
    """One provider with limits."""
    return f"""
    [providers.openai]
    limits = {{ {limits} }}
    [providers.openai.credentials]
    main = "env:OPENAI_API_KEY"
    [routes.fast]
    groups = [["openai/gpt-5.4-mini"]]
    """.encode()


async def ask(bench: Bench, key: str, waits: list[float], refusals: list[object]) -> None:
    """Ask as one caller, and note how long it waited or why it was refused."""
    request = bench.request("fast")
    answer = await bench.house.answer(replace(request, options=replace(request.options, key=key)))
    waits.append(answer.story.queued)
    if answer.failure is not None:
        refusals.append(answer.failure)


@pytest.mark.parametrize(
    ("limits", "delay"), [("rpm = 600", 0.1), ("rpm = 300, burst = 0.01", 0.1), ("tpm = 14000", 0.1), ("concurrency = 16", 1.0)]
)
def test_a_flood_does_not_delay_the_others(figure, limits, delay):
    """A floods with fifty requests a second where some pass; B asks once a second, and is never refused nor made to wait."""

    async def story():
        bench = Bench([Reply(200, whole().body, delay=delay)], settings(limits))
        flood: tuple[list[float], list[object]] = ([], [])
        quiet: tuple[list[float], list[object]] = ([], [])
        await ask(bench, "b", *quiet)  # whoever is seen for the first time may find every place taken by long answers
        tasks = []
        for turn in range(int(SPAN * 50)):
            tasks.append(asyncio.ensure_future(ask(bench, "a", *flood)))
            if turn % 50 == 25:
                tasks.append(asyncio.ensure_future(ask(bench, "b", *quiet)))
            await asyncio.sleep(0.02)
        await asyncio.gather(*tasks)
        waits = sorted(quiet[0])
        p99 = waits[int(len(waits) * 0.99)]
        figure(
            "S-45", "B's p99 queue wait <= 250 ms, B's rejects 0",
            f"{p99 * 1000:.0f} ms, {len(quiet[1])} rejects (A: {len(flood[1]):,} of {len(flood[0]):,} refused)",
        )  # fmt: skip
        assert quiet[1] == []
        assert p99 <= 0.25
        assert len(flood[1]) > len(flood[0]) / 2

    play(story)
