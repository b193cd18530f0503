"""The commit point of a route: how long an answer is held back, and what may happen behind the client's back until then."""

from __future__ import annotations

import pytest
from story_stage import (
    DONE,
    END,
    FALL,
    HEAD,
    USAGE,
    WHOLE_STREAM,
    Bench,
    Reply,
    by,
    error_frame,
    frame,
    now,
    play,
    refused,
    streamed,
    text,
)

from stormkeel.engine.ports import WireFault
from stormkeel.policies.commit import MOST_HELD
from stormkeel.types.failure import FailureKind

K = FailureKind
LONG = 100_000.0
ASKS = {"stream_options": {"include_usage": True}}
WORDS = [f"word{number:04} " for number in range(40)]  # 9 bytes each, so 4 of them are 9 tokens
AFTER = {
    "cut": [WireFault("body", "reset")],
    "end": [],
    "done without a finish": [DONE],
    "malformed": [b"data: {broken\n\n", END, DONE],
    "error": [error_frame("server_is_overloaded")],
    "stall": [LONG],
}
"""Ways to break off after some content."""


def on(commit: str) -> bytes:
    """Two providers in order, on a route with a commit point."""
    return FALL + f'commit = "{commit}"\n'.encode()


@pytest.mark.parametrize("commit", ["complete", "tokens:20"])
@pytest.mark.parametrize("way", AFTER)
def test_a_stream_that_breaks_before_its_commit_point_is_never_seen(commit, way):
    """An answer that breaks off while it is held back is answered by the next deployment, whole, without a trace of the first."""

    async def story():
        broken = streamed(HEAD, *text(*WORDS[:4]), *AFTER[way])
        bench = Bench(by({"openai#main": [broken], "other#main": [streamed(HEAD, *text(*WORDS), END, USAGE, DONE)]}), on(commit))
        answer, taken = await bench.stream(**ASKS)
        assert answer.failure is None
        kept = b"".join(piece for piece in taken.pieces if not piece.startswith(b":"))
        assert kept == b"".join([HEAD, *text(*WORDS), END, USAGE, DONE])
        assert bench.settled[0].outcome != "ok"
        assert bench.settled[0].usage_source == "estimated", "INV-5: its tokens may have been billed"
        assert (bench.settled[0].amount or 0) > 0

    play(story)


def test_some_tokens_are_held_back():
    """With `tokens:9` the first four bytes a token go out together, when they are there, and the rest as it comes."""

    async def story():
        bench = Bench([streamed(HEAD, *(step for word in text(*WORDS[:8]) for step in (word, 1.0)), END, DONE)], on("tokens:9"))
        answer, taken = await bench.stream()
        assert answer.failure is None
        assert taken.pieces[0] == HEAD + b"".join(text(*WORDS[:4]))
        assert taken.times == [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 8.0]
        assert answer.story.ttft == 3.0
        assert answer.story.attempts[0].ttft == 0.0, "the provider's own first content"

    play(story)


@pytest.mark.parametrize("commit", ["complete", "tokens:1000"])
def test_a_short_answer_goes_out_at_its_end(commit):
    """An answer that ends before its commit point goes out whole at its end, byte for byte."""

    async def story():
        bench = Bench([streamed(*(step for one in WHOLE_STREAM for step in (one, 0.2)))], on(commit))
        answer, taken = await bench.stream(**ASKS)
        assert answer.failure is None
        assert taken.pieces == [b"".join(WHOLE_STREAM)]

    play(story)


def test_an_answer_without_a_marker_behind_its_end_is_whole():
    """A held answer whose last frame lacks its blank line, or that has no `[DONE]`, goes out at the clean end."""

    async def story():
        for end in ([END], [END[:-2]]):
            bench = Bench([streamed(HEAD, *text("one "), *end)], on("complete"))
            answer, taken = await bench.stream()
            assert answer.failure is None
            assert taken.body == HEAD + text("one ")[0] + END

    play(story)


def test_a_failure_has_a_status_while_nothing_went_out():
    """Where nobody answers whole the failure has a status of its own: nothing has been sent, and nothing counts as begun."""

    async def story():
        bench = Bench([streamed(HEAD, *text(*WORDS[:4]))], on("complete"))
        answer, taken = await bench.stream()
        assert answer.failure is not None
        assert (answer.began, answer.story.committed, taken.heads, taken.pieces) == (False, False, [], [])
        assert answer.failure.kind is K.TRUNCATED

    play(story)


def test_keep_alives_while_content_is_held_back():
    """Beyond `clocks.hold` the head and keep-alives go out though content has come, and the answer follows them whole."""

    async def story():
        slow = [step for word in text(*WORDS[:6]) for step in (word, 4.5)]
        bench = Bench([streamed(HEAD, *slow, END, DONE)], on("complete"))
        answer, taken = await bench.stream()
        assert answer.failure is None
        assert taken.pieces[:2] == [b": keep-alive\n\n"] * 2
        assert taken.times == [10.0, 20.0, 27.0]
        assert taken.pieces[2] == b"".join([HEAD, *text(*WORDS[:6]), END, DONE])

    play(story)


@pytest.mark.parametrize(("steps", "at"), [([LONG], 30.0), ([step for _ in range(40) for step in (10.0, b": ping\n\n")], 120.0)])
def test_the_clocks_of_a_stream_hold_while_it_is_held_back(steps, at):
    """A held answer that falls silent is given up after `idle`, and one that only pings after 120 s: not after the request's time."""

    async def story():
        bench = Bench([streamed(HEAD, *text("one "), *steps), streamed(*WHOLE_STREAM)], on("complete"))
        answer, taken = await bench.stream()
        assert answer.failure is None
        assert answer.story.attempts[0].failure.kind is K.STALLED
        assert now() == at
        assert taken.text == "one two three"

    play(story)


def test_an_answer_too_large_to_be_held_goes_out():
    """Beyond 16 MiB an answer is no longer held back, and a comment in front says so; what follows passes as it comes (INV-14)."""

    async def story():
        large = frame({"content": "x" * (MOST_HELD // 4)})
        bench = Bench([streamed(HEAD, *[large, 1.0] * 6, WireFault("body", "reset"))], on("complete"))
        answer, taken = await bench.stream()
        assert answer.failure is not None
        assert answer.story.committed
        assert taken.pieces[0].startswith(b": stormkeel-commit: early")
        assert taken.times == [3.0, 4.0, 5.0]
        assert max(map(len, taken.pieces)) < MOST_HELD + 2 * len(large)

    play(story)


def test_what_is_never_billed_costs_nothing_though_it_failed_behind_content():
    """Content that was seen is booked, whether it went out or not; a failure before any is free (INV-5)."""

    async def story():
        bench = Bench(by({"openai#main": [refused(503)], "other#main": [streamed(*WHOLE_STREAM)]}), on("complete"))
        answer, _ = await bench.stream()
        assert answer.failure is None
        assert [(one.outcome, one.usage_source) for one in bench.settled] == [("overloaded", "none"), ("ok", "provider")]

    play(story)


def test_first_token_is_the_usual():
    """A route that says `first_token` does what one does that says nothing."""

    async def story():
        bench = Bench([streamed(*(step for one in WHOLE_STREAM for step in (one, 0.2)))], on("first_token"))
        answer, taken = await bench.stream(**ASKS)
        assert answer.failure is None
        assert taken.times[0] == 0.2

    play(story)


def test_a_whole_answer_is_not_touched():
    """A request that is not streamed is answered as ever."""

    async def story():
        reply = Reply(500)
        bench = Bench(by({"openai#main": [reply], "other#main": [reply]}), on("complete"))
        assert (await bench.ask()).failure is not None

    play(story)


def test_enough_content_and_a_failure_at_once():
    """Where the content that was waited for comes together with nonsense none of it goes out."""

    async def story():
        piece = b"".join([HEAD, *text(*WORDS[:8]), b"data: {broken\n\n"])
        bench = Bench(by({"openai#main": [streamed(piece)], "other#main": [streamed(*WHOLE_STREAM)]}), on("tokens:9"))
        answer, taken = await bench.stream()
        assert answer.failure is None
        assert taken.text == "one two three"

    play(story)
