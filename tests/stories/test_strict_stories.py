"""Strict requests: who can't be told all of one is not asked, and nothing of it is sent or reserved for them."""

from __future__ import annotations

import json

import pytest
from asking_stage import answered, client_of
from story_stage import SSE, Bench, Reply, Taken, play, refused, whole
from test_across_stories import BOTH, message

from stormkeel.errors import UnsupportedError
from stormkeel.types.failure import FailureKind

K = FailureKind
STRICT = (
    BOTH
    + b"""
[routes.whole]
strict = true
groups = [["anthropic/claude-sonnet-5"], ["openai/gpt-5.4-mini"]]
[routes.lossy]
groups = [["anthropic/claude-sonnet-5"], ["anthropic/claude-opus-4-8"]]
"""
)
BOTH_WAYS = (
    STRICT
    + b"""
[providers.both]
kind = "openai"
base_url = "http://127.0.0.1:9"
credentials = { main = "env:OPENAI_API_KEY" }
dialects = { openai_responses = "", openai_chat = "" }
[routes.two]
groups = [["both/gpt-4.1"]]
"""
)
THOUGHT = [{"role": "assistant", "content": "4", "reasoning_content": "two and two"}, {"role": "user", "content": "sure?"}]


def test_a_strict_route_goes_on_to_who_can_be_told_all():
    """What Claude has no word for is told to GPT; for Claude nothing was sent and nothing reserved (INV-2)."""

    async def story():
        bench = Bench([whole("hello")], STRICT)
        answer = await bench.ask("whole", seed=1)
        assert answer.failure is None
        assert [one.made for one in answer.story.attempts] == [False, True]
        first = answer.story.attempts[0]
        assert [first.failure.kind, first.lost, first.sent] == [K.UNSUPPORTED, ("seed",), False]
        assert "can't be told seed, and the request is strict" in first.failure.message
        assert [one.deployment for one in bench.reserved] == ["openai/gpt-5.4-mini#main"]
        assert "x-stormkeel-lossy" not in dict(answer.headers)
        assert json.loads(bench.transport.sent[0].request.body)["seed"] == 1

    play(story)


def test_a_strict_request_that_loses_nothing_crosses():
    """Strictness is about losses, not about dialects."""

    async def story():
        bench = Bench([message("hello")], STRICT)
        answer = await bench.ask("whole", strict=True)
        assert [answer.failure, answer.story.attempts[0].lost] == [None, ()]
        assert answer.story.attempts[0].provider == "anthropic"

    play(story)


def test_where_nobody_can_be_told_all_each_is_named_with_its_fields():
    """The refusal tells every deployment and what it could not be told; nothing at all was sent."""

    async def story():
        bench = Bench([], STRICT)
        answer = await bench.ask("lossy", strict=True, seed=1, temperature=0.3, logit_bias={"1": 2})
        assert [answer.failure.kind, bench.reserved, bench.transport.sent] == [K.UNSUPPORTED, [], []]
        told = answer.failure.message.splitlines()
        assert told[0] == 'no deployment of route "lossy" answered in 0 attempts'
        assert "claude-sonnet-5#main" in told[1]
        assert "claude-opus-4-8#main" in told[2]
        assert all("can't be told seed, logit_bias" in line or "can't be told logit_bias, seed" in line for line in told[1:])
        alone = await bench.ask("claude", strict=True, seed=1)
        assert alone.failure.message.startswith(
            "anthropic/claude-sonnet-5#main: it can't be told seed, and the request is strict:"
        )

    play(story)


def test_a_strict_stream_is_refused_before_its_head():
    """Of a stream that nobody may be asked for no byte goes out."""

    async def story():
        bench = Bench([], STRICT)
        taken = Taken()
        answer = await bench.house.answer(bench.request("claude", strict=True, stream=True, seed=1), taken)
        assert [answer.failure.kind, answer.began, taken.body] == [K.UNSUPPORTED, False, b""]

    play(story)


def test_others_thoughts_in_the_history_count():
    """Within a dialect nothing is lost but thoughts of others: a strict request keeps them, and so goes to nobody who refuses them."""

    async def story():
        bench = Bench([whole("hello"), whole("hello")], STRICT)
        turns = [{"role": "user", "content": "2+2"}, *THOUGHT]
        answer = await bench.ask("fast", messages=turns)
        assert answer.story.attempts[0].lost == ("messages[1].reasoning_content",)
        strict = await bench.ask("openai/gpt-5.4-mini", strict=True, messages=turns)
        assert strict.failure.kind is K.UNSUPPORTED
        assert "messages[1].reasoning_content" in strict.failure.message
        assert len(bench.reserved) == 1

    play(story)


def test_a_deployment_of_two_dialects_is_told_in_the_one_that_loses_nothing():
    """What the first of its dialects has no word for may have one in the second."""

    async def story():
        chunk = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]}
        said = Reply(200, (f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode(),), SSE, 0.0)
        bench = Bench([said], BOTH_WAYS)
        asked = {"dialect": "anthropic_messages", "max_tokens": 50, "stop_sequences": ["END"]}
        answer, _ = await bench.stream("two", strict=True, **asked)
        assert answer.failure is None
        assert answer.story.attempts[0].lost == ()
        assert bench.transport.sent[0].request.url.endswith("/chat/completions")

    play(story)


def test_a_failure_beside_a_refusal_is_told_as_what_it_is():
    """Who was asked and failed says what went wrong: strictness hides no provider's fault."""

    async def story():
        bench = Bench([refused(500)], STRICT)
        answer = await bench.ask("fast", strict=True, seed=1)
        assert [one.failure.kind for one in answer.story.attempts] == [K.SERVER, K.UNSUPPORTED]
        assert answer.failure.kind is K.SERVER

    play(story)


def test_the_library_writes_for_the_first_who_can_be_told_all():
    """`strict=True` passes over Claude, which takes no temperature; without it the completion tells the loss."""

    async def story():
        bench = Bench([message("calm"), answered("calm")], STRICT)
        client = client_of(bench, "deaf")
        assert (await client.complete("hi", temperature=0.5)).lossy == ("temperature",)
        told = await client.complete("hi", temperature=0.5, strict=True)
        assert [told.provider, told.lossy] == ["openai", ()]

    play(story)


def test_the_library_says_what_nobody_can_be_told():
    """Where no deployment of the route can be told all, the error names each with what it can't; nothing was sent."""

    async def story():
        bench = Bench([], STRICT)
        client = client_of(bench, "lossy")
        with pytest.raises(UnsupportedError) as caught:
            await client.complete("hi", temperature=0.5, strict=True)
        told = str(caught.value)
        assert told.startswith('"lossy": anthropic/claude-sonnet-5#main: it can\'t be told temperature')
        assert "claude-opus-4-8#main: it can't be told temperature" in told
        with pytest.raises(UnsupportedError):
            async for _ in client_of(bench, "lossy").stream("hi", temperature=0.5, strict=True):
                pass
        assert [bench.reserved, bench.transport.sent] == [[], []]

    play(story)


def test_a_strict_route_holds_for_the_library():
    """A route's own `strict` needs no word of the caller's."""

    async def story():
        bench = Bench([answered("calm")], STRICT)
        told = await client_of(bench, "whole").complete("hi", temperature=0.5)
        assert [told.provider, told.lossy] == ["openai", ()]

    play(story)
