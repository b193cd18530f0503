"""A hedge over real sockets, in every dialect: the quick one answers, the slow one's socket is closed, both are booked."""

from __future__ import annotations

from pathlib import Path

import pytest
from gateway_stage import CHAT, DIALECTS, QUICK, Stage, ask, asking, heard, play, route, staged, wish

TEXT = "anchor breeze current deck"
HEDGED = QUICK.replace("0.4", "15").replace("total = 5", "total = 25")


async def ask_twice(stage: Stage, dialect: str, *, stream: bool) -> list[str]:
    """Ask so often that the budget pays for a hedge; the texts of the answers."""
    texts = []
    for _ in range(2):
        more = {"stream": True} if stream else {}
        got = await ask(stage, asking(dialect, model="r", messages=wish(answer=TEXT), **more))
        assert got.status == 200, got.body
        if stream:
            texts.append(heard(dialect, got.body).text)
        else:
            said = got.json
            texts.append(str(said["choices"][0]["message"]["content"] if dialect == CHAT else said["content"][0]["text"]))
    return texts


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_loser_is_ended_and_booked(dialect: str, stream: bool, tmp_path: Path) -> None:
    """The second request is answered by the hedge; the slow one is left at once, settled once, and nothing is left open (INV-3, INV-15)."""
    settings = route(dialect, "fault=slow_first_token:seconds=1.5", "") + "hedge = { after = 0.1, share = 0.5 }\n"

    async def story() -> None:
        async with staged(tmp_path, HEDGED + settings) as stage:
            assert await ask_twice(stage, dialect, stream=stream) == [TEXT, TEXT]
            await stage.calm()
            booked = sorted((entry.outcome, entry.usage_source) for entry in stage.settled)
            assert booked == [("cancelled", "estimated"), ("ok", "provider"), ("ok", "provider")]
            assert stage.house.world.hedging.outcomes == {("r", "unpaid"): 1, ("r", "won"): 1}

    play(story)
