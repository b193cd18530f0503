"""S-26, INV-10, INV-15: wherever a provider hangs, its caller has an outcome in time, and nothing is left over.

The stories' audit sees to the latter: no task, exchange, place or reservation is left when one ends.
"""

from __future__ import annotations

import pytest
from story_stage import ALONE, DONE, END, FALL, HEAD, Bench, Reply, now, play, streamed, text

from stormkeel.types.failure import FailureKind

K = FailureKind
LONG = 100_000.0
DRIP = [piece for byte in b"".join([HEAD, *text("one ", "two ")]) for piece in (bytes([byte]), 2.0)]
WHERE = {
    "connect": Reply(delay=LONG),
    "head": Reply(delay=LONG),
    "first token": streamed(HEAD, LONG),
    "mid-stream": streamed(HEAD, *text("one "), LONG, END, DONE),
    "drip": streamed(*DRIP),
}


@pytest.mark.parametrize("where", WHERE)
def test_a_streamed_request_ends_in_time(figure, where):
    """Whatever a provider does with a stream, its caller has an outcome at 3.0 s, and the exchange is cut (S-26)."""

    async def story():
        bench = Bench([WHERE[where]], ALONE)
        answer, taken = await bench.stream(timeout=3.0)
        figure("S-26", "an outcome at 3.0 s, give or take 0.1", f"{where}, a stream: {now():.3f} s, nothing left over")
        assert now() == pytest.approx(3.0, abs=1e-9)
        assert answer.failure.kind is K.DEADLINE
        assert len(bench.transport.sent) == 1
        assert bench.transport.sent[0].ended == "aborted"
        assert taken.text == ("one " if where == "mid-stream" else "")
        assert bench.settled[0].outcome == "deadline"
        assert (bench.settled[0].amount or 0) > 0  # sent, so perhaps billed (INV-5)

    play(story)


@pytest.mark.parametrize("steps", [(LONG,), (b'{"id": ', LONG)], ids=["nothing", "half a body"])
@pytest.mark.parametrize("delay", [0.0, LONG])
def test_a_whole_request_ends_in_time(figure, steps, delay):
    """A provider that hangs before or inside a whole answer costs its caller 3.0 s and not more (S-26)."""

    async def story():
        bench = Bench([Reply(200, steps, delay=delay)], FALL)
        answer = await bench.ask(timeout=3.0)
        where = "a head that never comes" if delay else "half a body" if len(steps) > 1 else "a body that never comes"
        figure("S-26", "an outcome at 3.0 s, give or take 0.1", f"{where}, in one piece: {now():.3f} s, nothing left over")
        assert now() == pytest.approx(3.0, abs=1e-9)
        assert answer.failure.kind is K.DEADLINE
        assert len(bench.transport.sent) == 1

    play(story)
