"""What the usual request costs, counted rather than timed: function calls between the door of the engine and its answer.

A policy that is not asked for must cost nothing: a count that grows wants a reason, and the bound beside it moves in the same commit.
"""

from __future__ import annotations

import gc
import sys
from types import FrameType

import pytest
from story_stage import ALONE, WHOLE_STREAM, Bench, Taken, play, streamed, whole

WARM = 20
"""Requests before the counted one: caches are full, and the estimate's calibration has looked."""


class Counter:
    """Counts the calls of Python functions, of ours and others'; those of built-ins are left out, which differ between versions."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, _frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            self.calls += 1


@pytest.mark.parametrize(("stream", "most"), [(False, 139), (True, 246)])
def test_calls_of_a_usual_request(stream: bool, most: int):
    """A whole answer and a short stream, with all the usual policies, take no more calls than they did."""

    async def story() -> None:
        reply = streamed(b"".join(WHOLE_STREAM)) if stream else whole()
        bench, counter = Bench(lambda _request: reply, ALONE), Counter()
        for number in range(WARM + 1):
            request = bench.request("fast", stream=stream)
            out = Taken() if stream else None
            if number == WARM:
                gc.collect()  # what a collection calls, in the middle of this, is no request's
                sys.setprofile(counter)
            answer = await bench.house.answer(request, out)
            sys.setprofile(None)
            assert answer.failure is None
        assert counter.calls <= most

    play(story)
