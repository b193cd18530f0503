"""A count in virtual time: who is asked and how, what is believed, and why it is an estimate where nobody counted."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from story_stage import TWO, Bench, Reply, play

from stormkeel.dialects.values import Target
from stormkeel.engine.counting import ANY_OUTPUT, Counted, with_limit
from stormkeel.engine.ports import WireFault
from stormkeel.ledger.count import BY_PROVIDER
from stormkeel.types.border import Border
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.request import Options, Request

K = FailureKind
START = 1000.0
BODIES = {
    "openai_responses": {"model": "gpt-5.4-mini", "input": "hello there"},
    "anthropic_messages": {"model": "claude-sonnet-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hello there"}]},
}
JSON = (("content-type", "application/json"), ("request-id", "up-1"))


def counts(tokens: Any = 77, **told: Any) -> Reply:
    """A provider's count."""
    return Reply(200, (json.dumps({"input_tokens": tokens, **told}).encode(),), JSON)


def asked(bench: Bench, dialect: str, options: Options = Options(), **more: Any) -> Request:  # noqa: B008 - a frozen value
    """A count's request of a dialect."""
    read = bench.house.dialect(dialect).read_request(
        json.dumps({**BODIES[dialect], **more}).encode(), bench.house.new_id(), options=options
    )
    assert isinstance(read, Request)
    return read


def counted(
    reply: Reply, dialect: str = "openai_responses", settings: bytes = TWO, options: Options = Options(), **more: Any  # noqa: B008 - a frozen value
) -> tuple[Bench, Counted | Failure, float]:
    """What is counted, and how long it took."""
    kept: list[Any] = []

    async def story() -> None:
        await asyncio.sleep(START)
        bench = Bench([reply], settings)
        found = await bench.house.setup.count(asked(bench, dialect, options, **more))
        assert (bench.house.world.active, list(bench.journal.entries), bench.told) == (0, [], [])
        bench.unreserved.clear()  # a count is free
        kept.extend((bench, found, asyncio.get_running_loop().time() - START))

    play(story)
    return kept[0], kept[1], kept[2]


def number(found: Counted | Failure) -> Counted:
    """A count."""
    assert isinstance(found, Counted)
    return found


@pytest.mark.parametrize(
    ("dialect", "url"),
    [
        ("openai_responses", "https://api.openai.com/v1/responses/input_tokens"),
        ("anthropic_messages", "https://api.anthropic.com/v1/messages/count_tokens"),
    ],
)
def test_its_own_provider_is_asked_with_the_clients_body(dialect: str, url: str) -> None:
    """And its answer goes back as it came, with what may pass of its headers."""
    bench, found, _ = counted(counts(77, more=1), dialect)
    (sent,) = bench.transport.sent
    assert (sent.request.method, sent.request.url, json.loads(sent.request.body)) == ("POST", url, BODIES[dialect])
    assert dict(sent.request.headers)["x-client-request-id"].endswith(".1")
    told = number(found)
    assert (told.tokens, told.why, told.method, json.loads(told.body)) == (77, "", BY_PROVIDER, {"input_tokens": 77, "more": 1})
    assert (told.member.deployment.provider, "x-stormkeel-lossy" in dict(told.headers)) == (dialect.partition("_")[0], False)


def test_another_dialect_is_written_anew_and_only_the_number_goes_back() -> None:
    """With what could not be told it as a loss."""
    bench, found, _ = counted(counts(), "openai_responses", model="claude-sonnet-5", top_logprobs=3)
    body = json.loads(bench.transport.sent[0].request.body)
    assert bench.transport.sent[0].request.url.endswith("/v1/messages/count_tokens")
    assert (body["model"], body["messages"][0]["role"], "max_tokens" in body) == ("claude-sonnet-5", "user", False)
    told = number(found)
    assert (told.tokens, told.why, told.body) == (77, "", b"")
    assert dict(told.headers)["x-stormkeel-lossy"] == "top_logprobs"


def test_where_nobody_counts_it_is_estimated() -> None:
    """Nothing is sent, and the reason is told."""
    bench, found, _ = counted(counts(), "openai_responses", model="backup/some-model", top_logprobs=3)
    told = number(found)
    assert (bench.transport.sent, told.why, told.body, told.member.deployment.provider) == (
        [], "the provider has no count endpoint", b"", "backup",
    )  # fmt: skip
    assert 1 <= told.tokens < 40
    assert told.method != BY_PROVIDER


@pytest.mark.parametrize(
    ("reply", "why", "lasts"),
    [
        (Reply(500, (b"{}",), JSON), "the provider did not count (500)", 0.0),
        (Reply(429, (b"{}",), JSON), "the provider did not count (429)", 0.0),
        (Reply(401, (b"{}",), JSON), "the provider did not count (401)", 0.0),
        (Reply(404, (b"{}",), JSON), "the provider did not count (404)", 0.0),
        (Reply(200, (b"{}",), JSON), "the provider's count made no sense", 0.0),
        (Reply(200, (b'{"input_tokens": -1}',), JSON), "the provider's count made no sense", 0.0),
        (Reply(delay=60.0), "the provider did not count in time", 5.0),
        (Reply(fault=WireFault("connect", "no route")), "the provider could not be reached", 0.0),
        (Reply(fault=WireFault("body", "it broke")), "the provider could not be reached", 0.0),
    ],
)
def test_where_its_provider_does_not_count_it_is_estimated(reply: Reply, why: str, lasts: float) -> None:
    """Within five seconds, with the reason, and without the provider's own words."""
    bench, found, took = counted(reply)
    told = number(found)
    assert (told.why, told.body, told.headers, took, len(bench.transport.sent)) == (why, b"", (), lasts, 1)
    assert 1 <= told.tokens < 40


def test_no_longer_than_the_caller_has_time() -> None:
    """A shorter time of its own counts."""
    _, found, took = counted(Reply(delay=60.0), options=Options(timeout=2.0))
    assert (number(found).why, took) == ("the provider did not count in time", 2.0)


@pytest.mark.parametrize("status", [400, 422])
def test_what_its_own_provider_says_is_wrong_with_a_body_is_told(status: int) -> None:
    """It is the client's to read; what another one says of a body that we wrote is not."""
    reply = Reply(status, (b'{"error": {"message": "bad input", "type": "invalid_request_error"}}',), JSON)
    _, found, _ = counted(reply)
    assert isinstance(found, Failure)
    assert (found.status, "bad input" in found.message) == (status, True)
    _, found, _ = counted(reply, model="claude-sonnet-5")
    assert number(found).why == f"the provider did not count ({status})"


def test_a_model_that_leads_nowhere() -> None:
    """The same words as of a request; and so for a border that nobody is inside of."""
    bench, found, _ = counted(counts(), model="fats")
    assert isinstance(found, Failure)
    assert 'did you mean "fast"' in found.message
    bench, found, _ = counted(counts(), options=Options(border=Border(("eu",))))
    assert isinstance(found, Failure)
    assert (found.status, bench.transport.sent) == (403, [])


def test_a_fault_of_ours_is_told() -> None:
    """And not thrown at the caller; the sinks hear of it."""

    async def story() -> None:
        def burst(_request: Any) -> Reply:
            raise ZeroDivisionError("ours")

        bench = Bench(burst, TWO)
        request = asked(bench, "openai_responses")
        found = await bench.house.setup.count(request)
        assert found == Failure(K.INTERNAL, f"a fault inside Stormkeel (ZeroDivisionError); request id {request.id}")
        assert ([str(one) for one in bench.broken], bench.house.world.active) == (["ours"], 0)
        bench.broken.clear()
        bench.unreserved.clear()
        bench.transport.sent.clear()

    play(story)


def test_counts_calibrate_estimates() -> None:
    """What a provider counted is learned from: the next estimate of the like is nearer to it."""

    async def story() -> None:
        text = "The keel holds the ship upright while the storm throws it about. " * 40
        silent = Reply(500, (b"{}",), JSON)
        replies = [silent, *[counts(900)] * 40, silent]
        bench = Bench(replies, TWO)

        async def tokens() -> int:
            return number(await bench.house.setup.count(asked(bench, "openai_responses", input=text))).tokens

        first = await tokens()
        for _ in range(40):
            await tokens()
            await asyncio.sleep(60.0)
        last = await tokens()
        assert abs(last - 900) < abs(first - 900)
        bench.unreserved.clear()

    play(story)


def test_a_limit_is_named_where_the_dialect_must_name_one() -> None:
    """The model's own where it is known."""
    known = Target("m", max_output=9)
    assert (with_limit(known), with_limit(Target("m")).max_output) == (known, ANY_OUTPUT)
