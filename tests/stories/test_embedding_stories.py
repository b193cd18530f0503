"""Embeddings through the engine: what is reserved and booked for them, and how their failures read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from asking_stage import client_of
from msgspec import structs
from story_stage import Bench, play

from stormkeel.assemble import CODECS
from stormkeel.dialects.values import Call
from stormkeel.engine.line import Answer
from stormkeel.errors import UnsupportedError
from stormkeel.testing import Reply
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Request

BOTH = b"""
[providers.openai.credentials]
main = "env:OPENAI_API_KEY"
[providers.gemini.credentials]
main = "env:OPENAI_API_KEY"
[providers.local]
kind = "compatible"
base_url = "http://127.0.0.1:9/v1"
[providers.anthropic.credentials]
main = "env:ANTHROPIC_API_KEY"
[routes.two]
groups = [["openai/text-embedding-3-small"], ["gemini/gemini-embedding-001"]]
[routes.r]
groups = [["local/small"], ["gemini/gemini-embedding-001"]]
"""
SMALL, GEMINI = "openai/text-embedding-3-small", "gemini/gemini-embedding-001"
WINDOW = 8192


def replying(*bodies: Any, status: int = 200) -> list[Reply]:
    """Whole answers in turn."""
    return [Reply(status, (json.dumps(body).encode(),), (("content-type", "application/json"),)) for body in bodies]


def openai_answer(count: int, usage: dict[str, int] | None = None) -> dict[str, Any]:
    """An answer of OpenAI's with so many vectors."""
    data = [{"object": "embedding", "index": place, "embedding": [0.5, 0.25]} for place in range(count)]
    return {"object": "list", "data": data, "model": "text-embedding-3-small"} | ({"usage": usage} if usage else {})


def gemini_answer(count: int) -> dict[str, Any]:
    """An answer of Gemini's older models: vectors, and no usage."""
    return {"embeddings": [{"values": [0.5, 0.25]}] * count}


async def embedded(bench: Bench, given: Any, model: str = SMALL, dialect: str = "openai_embeddings") -> Answer:
    """Ask for vectors."""
    raw = json.dumps({"model": model, "input": given} if dialect == "openai_embeddings" else given, ensure_ascii=False).encode()
    request = CODECS[dialect].read_request(raw, bench.house.new_id(), call=Call(model))
    assert isinstance(request, Request), request
    return await bench.house.answer(request)


def told(script: list[Reply], story: Callable[[Bench], Any]) -> None:
    """Play a story with one house."""

    async def whole() -> None:
        await story(Bench(script, BOTH))

    play(whole)


def test_the_reservation_has_no_output() -> None:
    """What is held is the input alone, by the body's bytes, whatever words the texts hold."""

    async def story(bench: Bench) -> None:
        texts = ['say "file" and "image_url"', 'the "tools" of "previous_response_id"']
        answer = await embedded(bench, texts)
        assert answer.failure is None
        held = bench.reserved[0]
        body = len(json.dumps({"model": SMALL, "input": texts}))
        assert (held.input_bound, held.output_bound) == (body, 0)
        assert held.amount == body * 20
        assert (bench.settled[0].usage_source, bench.settled[0].amount) == ("provider", 12 * 20)

    told(replying(openai_answer(2, {"prompt_tokens": 12, "total_tokens": 12})), story)


def test_the_window_is_each_inputs_own() -> None:
    """Many inputs may have more tokens together than a window, and the bound holds them all (INV-2)."""

    async def story(bench: Bench) -> None:
        texts = ["word " * 4000] * 10
        answer = await embedded(bench, texts)
        assert answer.failure is None
        assert bench.reserved[0].input_bound == 10 * WINDOW
        assert bench.settled[0].amount == 41_000 * 20

    told(replying(openai_answer(10, {"prompt_tokens": 41_000, "total_tokens": 41_000})), story)


def test_one_text_that_can_not_fit_is_not_sent() -> None:
    """A text of more words than the window has tokens is refused before anything is sent."""

    async def story(bench: Bench) -> None:
        answer = await embedded(bench, "word " * 20_000)
        assert answer.failure is not None
        assert answer.failure.kind is FailureKind.CONTEXT_LENGTH
        assert bench.reserved == []

    told(replying(openai_answer(1)), story)


def test_no_usage_is_estimated_from_the_texts() -> None:
    """Where the provider counts nothing, the texts are counted, not the body around them; the entry says that it is an estimate."""

    async def story(bench: Bench) -> None:
        requests = [
            {"model": f"models/{GEMINI}", "content": {"parts": [{"text": "a calm sea"}]}, "taskType": "RETRIEVAL_DOCUMENT"}
        ] * 3
        answer = await embedded(bench, {"requests": requests}, GEMINI, "gemini_embeddings")
        assert answer.failure is None
        entry = bench.settled[0]
        assert entry.usage_source == "estimated"
        assert 3 <= entry.usage.input <= 15
        assert entry.usage.total_output == 0
        assert entry.amount == entry.usage.input * 150  # nano-dollars a token: $0.15 a million
        other = await embedded(bench, ["a calm sea"] * 3, GEMINI)
        assert other.response is not None
        shown = json.loads(other.response.body)["usage"]
        assert shown == {"prompt_tokens": entry.usage.input, "total_tokens": entry.usage.input}
        assert bench.settled[1].usage == entry.usage

    told(replying(gemini_answer(3), gemini_answer(3)), story)


def test_pictures_are_counted_by_their_bytes() -> None:
    """What is no text and nobody counted is estimated by the body's bytes, and held at what it can cost at most."""

    async def story(bench: Bench) -> None:
        parts = [{"inlineData": {"mimeType": "image/png", "data": "A" * 4000}}]
        answer = await embedded(
            bench, {"requests": [{"content": {"parts": parts}}]}, "gemini/gemini-embedding-2", "gemini_embeddings"
        )
        assert answer.failure is None
        assert bench.reserved[0].input_bound >= 8192
        assert bench.settled[0].usage_source == "estimated"
        assert bench.settled[0].usage.input > 1000

    told(replying(gemini_answer(1)), story)


def test_vectors_out_of_count_are_no_answer() -> None:
    """An answer across with fewer vectors than inputs is none, and another deployment is asked."""

    async def story(bench: Bench) -> None:
        answer = await embedded(bench, ["a", "b"], GEMINI)
        assert answer.failure is not None
        assert answer.failure.kind is FailureKind.BAD_RESPONSE

    told(replying(gemini_answer(1)), story)


def test_a_server_without_embeddings() -> None:
    """A server that has no such path is told as one without embeddings, and who else is in the route is asked."""

    def script() -> list[Reply]:
        return [*replying({"detail": "Not Found"}, status=404), *replying(gemini_answer(1))]

    async def story(bench: Bench) -> None:
        answer = await embedded(bench, "a", "r")
        assert answer.failure is None
        assert answer.response is not None
        assert json.loads(answer.response.body)["data"][0]["embedding"] == [0.5, 0.25]
        first = answer.story.attempts[0].failure
        assert isinstance(first, Failure)
        assert first.message == 'provider "local" serves no /embeddings (404): it has no embeddings, or its "base_url" is wrong'

    told(script(), story)


def test_tokens_go_where_they_mean_something() -> None:
    """Tokens are refused for another provider before anything is reserved."""

    async def story(bench: Bench) -> None:
        answer = await embedded(bench, [[1, 2, 3]], GEMINI)
        assert answer.failure is not None
        assert answer.failure.kind is FailureKind.UNSUPPORTED
        assert bench.reserved == []

    told(replying(gemini_answer(1)), story)


def test_what_would_happen_is_shown() -> None:
    """An embeddings request is explained as any other: who would be asked, at what price, with no output."""

    async def story(bench: Bench) -> None:
        raw = json.dumps({"model": "r", "input": ["a"], "user": "u"}).encode()
        request = CODECS["openai_embeddings"].read_request(raw, "r1")
        assert isinstance(request, Request)
        shown = bench.house.explain(request)
        assert [candidate.losses for candidate in shown.candidates] == [[], ["user"]]
        assert shown.candidates[1].edits == ["written anew for Gemini batchEmbedContents"]
        price = shown.candidates[1].price
        assert price is not None
        assert price.most_output_tokens == 0

    told(replying(gemini_answer(1)), story)


def test_latency_is_the_seconds_of_all_requests() -> None:
    """Texts that need two requests, one after the other, take as long as both."""

    async def story(bench: Bench) -> None:
        client = client_of(bench, SMALL)
        one = await client.embed("a")
        many = await client.embed([f"text {number}" for number in range(2049)])
        assert (len(one.attempts), one.latency) == (1, 2.0)
        assert (len(many.attempts), many.latency) == (2, 4.0)

    usage = {"prompt_tokens": 1, "total_tokens": 1}
    bodies = [openai_answer(count, usage) for count in (1, 2048, 1)]
    told([structs.replace(reply, delay=2.0) for reply in replying(*bodies)], story)


def test_strict_texts_go_to_who_can_be_told_all() -> None:
    """A purpose that OpenAI has no word for is told to Gemini, which the route names second; for OpenAI nothing is sent (INV-2)."""

    async def story(bench: Bench) -> None:
        client = client_of(bench, "two")
        vectors = await client.embed("a calm sea", purpose="retrieval_query", strict=True)
        assert (vectors.provider, vectors.lossy) == ("gemini", ())
        (sent,) = bench.transport.sent
        assert b"RETRIEVAL_QUERY" in sent.request.body
        assert [entry.provider for entry in bench.reserved] == ["gemini"]
        with pytest.raises(UnsupportedError, match="purpose"):
            await client.embed("a", model=SMALL, purpose="retrieval_query", strict=True)
        with pytest.raises(UnsupportedError, match="no dialect in which texts are embedded"):
            await client.embed("a", model="anthropic/claude-haiku-4-5", strict=True)

    told(replying(gemini_answer(1)), story)


def test_what_a_silent_provider_took_is_what_was_held() -> None:
    """Nobody knows what it did: not what its texts come to."""

    async def story(bench: Bench) -> None:
        answer = await embedded(bench, ["hello there"] * 3)
        assert answer.failure is not None
        (settled,) = bench.settled
        assert (settled.outcome, settled.usage_source, settled.amount) == ("silent", "reserved", bench.reserved[0].amount)
        assert settled.usage.input == bench.reserved[0].input_bound

    told([Reply(delay=500.0)], story)
