"""S-28: streams cut at each event boundary and at random bytes, in every dialect and across them, whatever the route does then.

Pass line: the client gets the whole answer or an error event of its dialect; no truncated answer is told as complete.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import accumulate, product
from random import Random
from typing import Any

import pytest
from recovery_stage import CHAT, FOUR, GEMINI, MESSAGES, RESPONSES, Seen, ask, frames, house
from story_stage import SSE, Bench, Reply, play

from stormkeel.assemble import DIALECTS
from stormkeel.engine.ports import WireFault
from stormkeel.types.events import Event, Finished, Started, TextDelta, ToolDelta, ToolStarted, UsageReported, fold
from stormkeel.types.response import Finish
from stormkeel.types.usage import Usage
from stormkeel.types.wire import HttpRequest

TEXT = [TextDelta(piece) for piece in ("The sea ", "is calm 🌊", ",\n\n", "and the wäter cold.")]
CALL = [ToolStarted(0, "call_1", "look"), ToolDelta(0, '{"wh'), ToolDelta(0, 'ere":"bow"}')]
END = [UsageReported(Usage(input=9, output=7))]
PLAIN: list[Event] = [Started("a", "m"), *TEXT, Finished(Finish.STOP), *END]
CALLING: list[Event] = [Started("a", "m"), *TEXT, *CALL, Finished(Finish.TOOL_CALLS), *END]
NEXT = {CHAT: MESSAGES, MESSAGES: GEMINI, GEMINI: RESPONSES, RESPONSES: CHAT}
PATIENT = "[policies.breaker]\nconsecutive = 10000\nshare = 1.0\nleast = 1000000\n"
"""Breakers that stay out of it: thousands of streams are cut."""

TOLD = {"own dialect": "error", "across": "error", "restart": "restart", "continue": "continue"}


class Cutter:
    """A script that cuts the first provider's stream where it is told, in one of two ways, and lets the other one speak."""

    def __init__(self, dialect: str, events: list[Event]) -> None:
        self._frames = frames(dialect, events)
        self._dialect, self._events = dialect, events
        self.size = sum(map(len, self._frames))
        self.ends = [0, *accumulate(map(len, self._frames))]
        self.at, self.is_reset = 0, False

    def __call__(self, request: HttpRequest) -> Reply:
        if "second" in request.url:
            return Reply(200, frames(self._dialect, self._rest(json.loads(request.body)), name="b"), SSE)
        body = b"".join(self._frames)[: self.at]
        return Reply(200, [*([body] if body else []), *([WireFault("body", "reset")] if self.is_reset else [])], SSE)

    def _rest(self, asked: dict[str, Any]) -> list[Event]:
        """What the other one says: the rest of a turn that was begun, else all of it."""
        turns = asked.get("messages") or asked.get("contents") or []
        said = turns[-1] if turns else {}
        if said.get("role") not in ("assistant", "model"):
            return self._events
        begun = said.get("content") or said["parts"][0]["text"]
        assert isinstance(begun, str)
        whole = "".join(event.text for event in TEXT)
        assert whole.startswith(begun)
        return [Started("b", "m"), TextDelta(whole[len(begun) :]), *self._events[-2:]]


def cuts(cutter: Cutter, rng: Random, count: int) -> Iterator[int]:
    """Every boundary, and some bytes between them."""
    yield from cutter.ends
    for _ in range(count):
        yield rng.randrange(cutter.size)


def has_all(seen: Seen, events: list[Event]) -> bool:
    """Has a client all that was said?"""
    whole, got = fold(events), seen.response
    calls = [(call.name, call.arguments) for call in got.tool_calls]
    return got.text == whole.text and calls == [(call.name, call.arguments) for call in whole.tool_calls]


def is_told(seen: Seen, client: str) -> bool:
    """Does a client that got no whole answer see an error: of its dialect in the stream, or by its status before?"""
    failure = seen.answer.failure
    if failure is None or seen.is_whole:
        return False
    if not seen.answer.began:
        return not seen.taken.pieces
    last = DIALECTS[client].read_stream(keep_usage=True)
    last.feed(seen.taken.body + DIALECTS[client].write_error_frame(failure, "req_1"))
    return last.failure is not None


@pytest.mark.parametrize("way", TOLD)
def test_no_cut_stream_is_told_as_complete(way: str, figure: Any) -> None:
    """Cut at each event boundary and at 200 random bytes a client has all of the answer, or an error in its dialect (S-28)."""
    rng, streams, whole, lies, untold = Random(28), 0, 0, 0, 0

    async def story() -> None:
        nonlocal streams, whole, lies, untold
        for client in FOUR:
            events = PLAIN if TOLD[way] == "continue" else CALLING
            dialect = NEXT[client] if way == "across" else client
            cutter = Cutter(dialect, events)
            settings = house(TOLD[way], dialect, dialect, "gpt-5.4-mini", PATIENT)
            if TOLD[way] == "error":
                settings = settings.replace(b', ["second/gpt-5.4-mini"]', b"")
            bench = Bench(cutter, settings)
            for at, is_reset in product(cuts(cutter, rng, 200 // len(FOUR)), (False, True)):
                cutter.at, cutter.is_reset = at, is_reset
                seen = await ask(bench, client)
                streams += 1
                if seen.answer.failure is None:
                    whole += 1
                    lies += not (seen.is_whole and has_all(seen, events))
                else:
                    untold += not is_told(seen, client)

    play(story)
    asked = f"0 of {way} told as complete or not at all"
    figure("S-28", asked, f"{lies} told as complete, {untold} not told, of {streams} cut streams ({whole} whole all the same)")
    assert (lies, untold) == (0, 0)
    assert streams > 400
