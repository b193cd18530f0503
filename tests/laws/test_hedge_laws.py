"""Laws of hedging: for any interleaving one attempt at most reaches the caller, whole, and each is settled once."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from story_stage import DONE, END, HEAD, USAGE, Bench, Reply, by, frame, play, refused, streamed, whole

from stormkeel.engine.ports import WireFault
from stormkeel.types.failure import FailureKind

HOUSES = b"""
[providers.openai]
credentials = { main = "env:OPENAI_API_KEY" }
[providers.other]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
credentials = { main = "env:OPENAI_API_KEY" }
[routes.fast]
groups = [["openai/gpt-5.4-mini"], ["other/gpt-5.4-mini"]]
hedge = { after = 0.5, share = 0.5 }
"""
PAUSES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, 40.0])
"""Moments that meet one another, the hedge's and the clocks' own."""


def answer_of(word: str, stream: bool, delay: float, pauses: list[float], end: str) -> Reply:
    """One provider's answer, each word of it the same, that ends in one of several ways."""
    if end == "refused":
        return Reply(500, refused(500).body, delay=delay)
    if end == "reset":
        return Reply(delay=delay, fault=WireFault("head", "reset"))
    if not stream:
        return Reply(200, whole(word).body, delay=delay)
    steps: list[object] = [HEAD]
    for pause in pauses:
        steps += [*([pause] if pause else []), frame({"content": word})]
    steps += [END, USAGE, DONE] if end == "whole" else [WireFault("body", "cut")]
    return streamed(*steps, delay=delay)


ANSWERS = st.tuples(PAUSES, st.lists(PAUSES, min_size=1, max_size=3), st.sampled_from(["whole", "whole", "cut", "refused", "reset"]))


@settings(max_examples=150, deadline=None)
@given(ANSWERS, ANSWERS, st.booleans(), st.none() | st.sampled_from([0.0, 0.4, 0.5, 0.6, 1.0]))
def test_one_answer_whatever_the_order(first, second, stream: bool, leaves: float | None):
    """INV-8, INV-3: nobody's words are mixed, a good end is one provider's whole answer, and the story's audit finds nothing left over."""

    async def story() -> None:
        quick = streamed(HEAD, frame({"content": "a"}), END, USAGE, DONE) if stream else whole("a")
        told = {"openai#main": [quick, quick, answer_of("a", stream, *first)], "other#main": [answer_of("b", stream, *second)]}
        bench = Bench(by(told), HOUSES)
        for _ in range(2):
            await (bench.stream() if stream else bench.ask())
        bench.told.clear()
        if leaves is not None:
            task = asyncio.ensure_future(bench.stream() if stream else bench.ask())
            await asyncio.sleep(leaves)
            task.cancel()
            await asyncio.wait([task])
            return
        if not stream:
            answer = await bench.ask()
            assert answer.failure is not None or answer.response.body.count(b'"content": "') == 1
        else:
            answer, taken = await bench.stream()
            assert set(taken.text) in ({"a"}, {"b"}, set())
            if answer.failure is None:
                assert taken.body.endswith(b"[DONE]\n\n")
                assert len(taken.text) == len(first[1] if taken.text[0] == "a" else second[1])
            assert len(taken.heads) <= 1
        made = bench.told[-1].attempts
        assert len({attempt.id for attempt in made}) == len(made)
        assert answer.failure is not None or made[-1].failure is None
        assert answer.failure is None or answer.failure.kind is not FailureKind.INTERNAL

    play(story)
