"""Streams: what is held, what is tried again behind the client's back, and what is told it once content has gone out."""

from __future__ import annotations

import asyncio
import json

import pytest
from story_stage import (
    ALONE,
    DONE,
    END,
    FALL,
    HEAD,
    USAGE,
    WHOLE_STREAM,
    Bench,
    Reply,
    Taken,
    by,
    error_frame,
    frame,
    now,
    play,
    refused,
    streamed,
    text,
    text_in,
)

from stormkeel.engine.ports import WireFault
from stormkeel.types.failure import FailureKind

K = FailureKind
LONG = 100_000.0
ASKS = {"stream_options": {"include_usage": True}}
BEFORE = {
    "500": refused(500),
    "reset": Reply(fault=WireFault("head", "reset")),
    "cut after the head": streamed(HEAD, WireFault("body", "reset")),
    "end after the head": streamed(HEAD),
    "nothing at all": streamed(),
    "error event first": streamed(error_frame("server_is_overloaded")),
    "error event after the head": streamed(HEAD, error_frame("internal_error")),
    "nonsense first": streamed(b"data: {broken\n\n"),
    "half a frame": streamed(HEAD, text("one ")[0][:40]),
    "silence": streamed(HEAD, LONG),
    "a page": Reply(200, (b"<html>hello</html>",)),
}
"""Ways to fail before the first content, all of which the client must not notice."""

AFTER = {
    "cut": (streamed(HEAD, *text("one ", "two "), WireFault("body", "reset")), K.TRUNCATED),
    "end": (streamed(HEAD, *text("one ", "two ")), K.TRUNCATED),
    "done without a finish": (streamed(HEAD, *text("one ", "two "), DONE), K.TRUNCATED),
    "half a frame": (streamed(HEAD, *text("one ", "two "), text("three")[0][:60]), K.TRUNCATED),
    "malformed": (streamed(HEAD, *text("one ", "two "), b"data: {broken\n\n", *text("three"), END, DONE), K.BAD_RESPONSE),
    "error": (streamed(HEAD, *text("one ", "two "), error_frame("server_is_overloaded"), *text("three")), K.OVERLOADED),
    "stall": (streamed(HEAD, *text("one ", "two "), LONG), K.STALLED),
}
"""Ways to fail after content has gone out, with the kind of failure each is."""


def test_the_head_waits_for_content():
    """Nothing is sent to the client before the first content, then everything held goes out at once."""

    async def story():
        bench = Bench([streamed(HEAD, 3.0, *text("one "), 2.0, *text("two "), END, DONE)], ALONE)
        answer, taken = await bench.stream()
        assert len(taken.heads) == 1
        assert taken.pieces[0] == HEAD + text("one ")[0]
        assert taken.times[:2] == [3.0, 5.0]
        assert (answer.story.ttft, answer.story.attempts[0].ttft) == (3.0, 3.0)

    play(story)


@pytest.mark.parametrize("way", BEFORE)
def test_failures_before_content_are_invisible(way):
    """A stream that fails before its first content is answered by another attempt, whole, once, and without a trace of the first."""

    async def story():
        bench = Bench(by({"openai#main": [BEFORE[way]], "other#main": [streamed(*WHOLE_STREAM)]}), FALL)
        answer, taken = await bench.stream(**ASKS)
        assert answer.failure is None
        assert bench.whom[-1] == "other#main"
        kept = [piece for piece in taken.pieces if not piece.startswith(b":")]
        assert b"".join(kept) == b"".join(WHOLE_STREAM)
        assert len(taken.heads) == 1

    play(story)


TOLD = [
    ({"message": "the maximum context length is 4096", "type": "BadRequestError", "code": 400}, K.CONTEXT_LENGTH, None, True),
    ({"message": "bad temperature", "type": "BadRequestError", "code": 400}, K.CALLER, None, True),
    ({"message": "Rate limit reached. Please try again in 20s.", "type": "tokens", "code": "rate_limit_exceeded"}, K.RATE_LIMIT, 20.0, True),
    ({"message": "You exceeded your current quota", "type": "insufficient_quota"}, K.QUOTA, None, True),
    ({"message": "no", "type": "made_up", "code": None}, K.SERVER, None, False),
]
"""Error events, as servers of OpenAI's dialect put them first into a stream, with what they mean."""


@pytest.mark.parametrize(("event", "kind", "hint", "is_known"), TOLD)
def test_an_error_event_means_what_an_answer_of_its_words_would(event, kind, hint, is_known):
    """Its words and hints count, not its code alone: a caller's fault is asked once (INV-11), a pause kept to (INV-12), and what
    nobody knows is counted as such (S-21)."""

    async def story():
        bench = Bench([streamed(HEAD, b"data: " + json.dumps({"error": event}).encode() + b"\n\n")], ALONE)
        answer, taken = await bench.stream(timeout=4)
        first = answer.story.attempts[0].failure
        assert (first.kind, first.retry_after, first.is_known) == (kind, hint, is_known)
        assert (first.message == event["message"]) is is_known, "told in the provider's words, as any refusal"
        assert taken.pieces == []
        assert len(bench.times) == (3 if kind is K.SERVER else 1)

    play(story)


@pytest.mark.parametrize(("code", "kind"), [(b"server_is_overloaded", K.OVERLOADED), (b"sea", K.SERVER)], ids=["known", "unknown"])
@pytest.mark.parametrize("words", [[], text("one ")], ids=["first", "in the middle"])
def test_an_error_event_that_echoes_the_credential_is_kept_without_it(words, code, kind):
    """Whatever a provider says of its own, before the first content or behind it, with a code of any table or of none (INV-17)."""

    async def story():
        secret = b"sk-openai-main-0123456789abcdef"
        event = b'data: {"error": {"message": "full: ' + secret + b'", "type": "made_up", "code": "' + code + b'"}}\n\n'
        bench = Bench([streamed(HEAD, *words, event)], ALONE)
        answer, taken = await bench.stream(timeout=4)
        for attempt in answer.story.attempts:
            assert attempt.failure.kind is kind
            assert attempt.failure.body == event[6:].strip().replace(secret, b"***")
        assert secret not in taken.body

    play(story)


def test_a_credential_refused_in_mid_stream_is_set_aside_by_its_code():
    """What has no status is told by its code alone, and nobody is told of a status "None"."""

    async def story():
        bench = Bench([streamed(HEAD, *text("one "), error_frame("invalid_api_key"))], ALONE)
        await bench.stream()
        assert bench.house.world.fleet.members[0].credential.why == "invalid_api_key"

    play(story)


@pytest.mark.parametrize("way", AFTER)
def test_failures_after_content_are_told(way):
    """A stream that breaks after its first content is never repeated and never passed off as whole (INV-8, INV-9, S-28)."""

    async def story():
        reply, kind = AFTER[way]
        bench = Bench([reply, streamed(*WHOLE_STREAM)], FALL)
        answer, taken = await bench.stream(**ASKS)
        assert answer.failure is not None
        assert answer.failure.kind is kind
        assert (answer.began, answer.story.committed) == (True, True)
        assert len(bench.transport.sent) == 1
        assert taken.text == "one two "
        assert b"[DONE]" not in taken.body
        assert b'"finish_reason": "stop"' not in taken.body
        assert bench.settled[0].usage_source == "estimated"
        assert (bench.settled[0].amount or 0) > 0

    play(story)


def test_cut_at_every_frame():
    """A stream cut after any of its frames is whole exactly if the reason of its end had come (S-28)."""

    async def story():
        frames = [HEAD, *text("one ", "two ", "three"), END, USAGE, DONE]
        for count in range(len(frames)):
            bench = Bench([streamed(*frames[:count])], ALONE + b"[policies.retry]\nattempts = 1\n")
            answer, taken = await bench.stream(**ASKS)
            if END in frames[:count]:
                assert answer.failure is None, count
                assert taken.body == b"".join(frames[:count])
            else:
                assert answer.failure.kind is K.TRUNCATED, count
                assert b'"stop"' not in taken.body

    play(story)


def test_cut_at_every_byte():
    """However the bytes of a stream are cut into reads, the client gets the same bytes."""

    async def story():
        body = b"".join(WHOLE_STREAM)
        for size in (1, 7, 100, len(body)):
            bench = Bench([streamed(*(body[at : at + size] for at in range(0, len(body), size)))], ALONE)
            answer, taken = await bench.stream(**ASKS)
            assert answer.failure is None
            assert taken.body == body

    play(story)


def test_the_last_usage_word_is_paid_though_the_stream_breaks():
    """A stream that breaks after its usage was reported is charged what was reported."""

    async def story():
        late = frame({}, usage={"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15})
        bench = Bench([streamed(HEAD, *text("one "), END, late, b"data: {broken\n\n")], ALONE)
        await bench.stream(**ASKS)
        assert bench.settled[0].usage_source == "provider"
        assert bench.settled[0].amount == 10 * 750 + 5 * 4500

    play(story)


# -- the usage frame ----------------------------------------------------------------------------------------------------


def test_the_usage_we_asked_for_is_taken_out_again():
    """Where the client did not ask for usage we do, pay by it, and take the extra frame out of its stream."""

    async def story():
        bench = Bench([streamed(*WHOLE_STREAM)], ALONE)
        answer, taken = await bench.stream()
        assert answer.failure is None
        assert json.loads(bench.transport.sent[0].request.body)["stream_options"] == {"include_usage": True}
        assert taken.body == b"".join(piece for piece in WHOLE_STREAM if piece is not USAGE)
        assert bench.outcomes == [("ok", "provider")]

    play(story)


def test_the_usage_the_client_asked_for_stays():
    """A client that asked for usage gets the frame, and its body leaves as it came but for the model."""

    async def story():
        bench = Bench([streamed(*WHOLE_STREAM)], ALONE)
        _answer, taken = await bench.stream(**ASKS)
        assert USAGE in taken.body
        assert bench.transport.sent[0].request.body == bench.request("gpt-5.4-mini", stream=True, **ASKS).raw

    play(story)


# -- keep-alives --------------------------------------------------------------------------------------------------------


def test_keep_alives_after_ten_silent_seconds():
    """After 10 s without content the head goes out, and a keep-alive then and every 10 s, until content comes."""

    async def story():
        bench = Bench([streamed(25.0, *WHOLE_STREAM)], ALONE)
        answer, taken = await bench.stream(**ASKS)
        assert answer.failure is None
        assert taken.times[:3] == [10.0, 20.0, 25.0]
        assert taken.pieces[:2] == [b": keep-alive\n\n"] * 2
        assert len(taken.heads) == 1
        assert b"".join(taken.pieces[2:]) == b"".join(WHOLE_STREAM)

    play(story)


def test_failover_goes_on_behind_keep_alives():
    """A provider that fails after keep-alives have gone out is still replaced by the next, and the client sees one answer."""

    async def story():
        bench = Bench([Reply(delay=LONG), streamed(*WHOLE_STREAM, delay=5.0)], FALL)
        answer, taken = await bench.stream(**ASKS)
        assert answer.failure is None
        assert now() == 35.0
        assert len(taken.heads) == 1
        assert text_in(taken.body) == "one two three"

    play(story)


@pytest.mark.parametrize("last", [refused(400, "invalid_value"), refused(500), streamed(HEAD, LONG), streamed(error_frame("x"))])
def test_a_failure_after_keep_alives_is_told_in_the_stream(last):
    """Once the head has gone out a failure can only be told in-stream: the answer says that it began, with nothing committed."""

    async def story():
        bench = Bench([Reply(delay=LONG), last], FALL)
        answer, taken = await bench.stream()
        assert answer.failure is not None
        assert (answer.began, answer.story.committed) == (True, False)
        assert taken.text == ""
        assert set(taken.pieces) == {b": keep-alive\n\n"}
        end = bench.house.dialect("openai_chat").write_error_frame(answer.failure, answer.story.request.id)
        assert json.loads(end.split(b"\n")[0].removeprefix(b"data: "))["error"]["message"]

    play(story)


def test_a_failure_before_any_keep_alive_is_told_by_its_status():
    """A stream that fails within 10 s has sent nothing, so that the failure has a status of its own."""

    async def story():
        bench = Bench([streamed(error_frame("invalid_api_key"), delay=9.0)], ALONE)
        answer, taken = await bench.stream()
        assert not answer.began
        assert (taken.heads, taken.pieces) == ([], [])

    play(story)


def test_no_keep_alive_after_content():
    """Once content has gone out the provider's own frames are all that is sent, however long they take."""

    async def story():
        bench = Bench([streamed(HEAD, *text("one "), 25.0, *text("two "), 25.0, END, DONE)], ALONE)
        answer, taken = await bench.stream()
        assert answer.failure is None
        assert b"keep-alive" not in taken.body

    play(story)


def test_a_client_that_is_slow_to_take_the_head():
    """Content that comes while the client still takes the early head goes out behind it, with nothing twice and nothing lost."""

    async def story():
        class Slow(Taken):
            async def start(self, headers):
                await super().start(headers)
                await asyncio.sleep(5.0)

        bench = Bench([streamed(12.0, *WHOLE_STREAM)], ALONE)
        answer, taken = await bench.stream(out=Slow(), **ASKS)
        assert answer.failure is None
        assert len(taken.heads) == 1
        assert text_in(taken.body) == "one two three"

    play(story)


# -- an answer that has ended -------------------------------------------------------------------------------------------

OVER = {
    "nothing more comes": [LONG],
    "only pings come": [step for _ in range(50) for step in (1.0, b": ping\n\n")],
    "the connection breaks": [WireFault("body", "reset")],
    "half a frame comes": [b"data: {\"id\": \"chat", LONG],
}


@pytest.mark.parametrize("way", OVER)
@pytest.mark.parametrize("usage", [[USAGE], []])
def test_an_answer_that_has_ended_needs_no_marker(way, usage):
    """Once each choice said why it ended the answer is whole: its usage is waited for 2 s, its marker less (S-28)."""

    async def story():
        bench = Bench([streamed(HEAD, *text("one "), END, *usage, *OVER[way])], FALL)
        answer, taken = await bench.stream(**ASKS)
        assert answer.failure is None
        assert now() <= (0.5 if usage else 2.0)
        assert taken.body.startswith(HEAD + text("one ")[0] + END)
        assert bench.outcomes == [("ok", "provider" if usage else "estimated")]

    play(story)


def test_a_client_that_leaves_while_a_marker_is_waited_for():
    """A cancel from outside in those 2 s is obeyed, and what was said is charged."""

    async def story():
        bench = Bench([streamed(HEAD, *text("one "), END, LONG)], FALL)
        task = asyncio.ensure_future(bench.stream(**ASKS))
        await asyncio.sleep(1.0)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()
        assert bench.settled[0].outcome == "cancelled"

    play(story)


def test_a_slow_client_is_cut_off_behind_the_end_too():
    """The clock of the last frames is the client's own again: who takes nothing for 60 s is cut off."""

    async def story():
        class Stuck(Taken):
            async def write(self, data):
                await asyncio.sleep(LONG if self.pieces else 0.0)
                await super().write(data)

        bench = Bench([streamed(HEAD, *text("one "), 1.0, END, LONG)], FALL)
        answer, _ = await bench.stream(out=Stuck(), **ASKS)
        assert answer.failure is not None
        assert answer.failure.kind is K.CANCELLED

    play(story)


def test_a_client_that_leaves_behind_the_end():
    """A cancel from outside is obeyed while the last frames are still on their way, though our own clock had bitten before."""

    async def story():
        class Stuck(Taken):
            async def write(self, data):
                await asyncio.sleep(LONG if len(self.pieces) > 1 else 0.0)
                await super().write(data)

        bench = Bench([streamed(HEAD, *text("one "), 1.0, END, USAGE[:-2], LONG)], FALL)
        task = asyncio.ensure_future(bench.stream(out=Stuck(), **ASKS))
        await asyncio.sleep(40.0)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()

    play(story)
