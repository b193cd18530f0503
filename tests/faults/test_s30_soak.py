"""A soak: streams, cancels and faults for a long time, and the gateway is as it was (S-30, INV-14, INV-15).

STORMKEEL_SOAK_MINUTES says for how long: 10 where it is not set, 60 for the figure.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from fire_load import Kind, Spec
from fire_stage import MIB, Figure, Gateway, asking, gateway, load, sandbox

MINUTES = float(os.environ.get("STORMKEEL_SOAK_MINUTES", "10"))
RATE = 150.0  # requests a second
PHASES = 12
EARLY = 1 if MINUTES >= 30 else 4
"""The phase with which memory is compared: minute 10 of 60; a shorter soak has the ledger's caches filled later in it."""
FAULTS = "share=0.05,faults=server_error|reset|cut|overloaded|malformed|no_usage|slow_first_token:seconds=1,seed=30"
BAD = ("never retrieved", "unclosed", "ResourceWarning", "Traceback", "internal")
WORDS = "anchor breeze current deck ebb fathom"
LAST = (1.0, 10.0)  # a last phase, in which what is under way ends


def wish(**wishes: object) -> list[dict[str, object]]:
    """A conversation that tells the sandbox what to answer."""
    said = ",".join(f'"{name}":{value}' for name, value in wishes.items())
    return [{"role": "user", "content": f"Hello\nsandbox: {{{said}}}"}]


def kinds() -> list[Kind]:
    """Three fifths streams, a tenth of all left by their clients."""
    answer = wish(answer=f'"{WORDS}"', pace_ms=60)
    stream, whole = asking(stream=True, messages=answer).decode(), asking(messages=wish(answer=f'"{WORDS}"', pace_ms=200)).decode()
    return [Kind(stream, 0.54), Kind(whole, 0.36), Kind(stream, 0.06, leaves=0.15), Kind(whole, 0.04, leaves=0.1)]


async def calm(house: Gateway, files: int, tasks: int) -> list[int]:
    """Wait for the provider's idle connections to be let go; return descriptors and tasks beyond those there were."""
    for _ in range(120):
        more = [house.files - files, await house.tasks() - tasks]
        if max(more) <= 5:
            break
        await asyncio.sleep(1.0)
    return more


@pytest.mark.nightly
def test_a_soak(tmp_path: Path, figure: Figure) -> None:
    """150 requests a second, 60 % streams, 10 % cancels, 5 % faults: memory does not grow, and nothing is left over."""

    async def story() -> None:
        breakers = "[policies.breaker]\nconsecutive = 10000\nshare = 1.0\n"
        async with sandbox(tmp_path, "--storm", FAULTS) as url, gateway(tmp_path, url, breakers, data=str(tmp_path / "data")) as house:
            files, tasks, threads = house.files, await house.tasks(), house.threads
            spec = Spec(house.port, "", 600, [(RATE, MINUTES * 60 / PHASES)] * PHASES + [LAST], kinds(), keeps=False)
            async with load(tmp_path, spec) as one:
                seen, memory = [], list[float]()
                for _ in spec.phases:
                    seen.append(await one.seen())
                    memory.append(house.rss / MIB)
            more = await calm(house, files, tasks)
            said = house.said()
            bad = [line for line in said.splitlines() if any(word in line for word in BAD)]
            early, late = memory[EARLY], memory[-2]
            sent, good = sum(one.sent for one in seen), sum(one.ok for one in seen)
            failed, gone = sum(one.failed + one.refused for one in seen), sum(one.left for one in seen)
            figure(
                "S-30", f"{MINUTES:g} min: RSS late <= 1.05 x early, descriptors, tasks, threads +-5, 0 warnings",
                f"{early:.1f} -> {late:.1f} MiB (x{late / early:.3f}), {more[0]:+d} descriptors, {more[1]:+d} tasks, "
                f"{house.threads - threads:+d} threads, {len(bad)} warnings; {sent} sent, {good} good, {gone} left, {failed} told of a failure",
            )  # fmt: skip
            assert bad == []
            assert sent >= 0.8 * RATE * MINUTES * 60, "the load itself had too little of the machine"
            assert good + failed + gone >= sent - RATE
            assert failed < 0.05 * sent, "most faults are mended by trying again"
            assert max(more) <= 5
            assert house.threads - threads <= 5
            assert late <= 1.05 * early

    asyncio.run(story())
