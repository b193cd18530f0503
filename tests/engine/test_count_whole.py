"""A count in virtual time: who is asked and how, what is believed, and why it is an estimate where nobody counted."""

from __future__ import annotations

import asyncio
import json
from email.utils import formatdate
from typing import Any

import pytest
from msgspec.structs import replace
from story_stage import TWO, Bench, Reply, now, play, whole

from stormkeel.dialects.values import Target
from stormkeel.engine.counting import ANY_OUTPUT, Counted, with_limit
from stormkeel.engine.ports import WireFault
from stormkeel.ledger.count import BY_BYTES, BY_PROVIDER
from stormkeel.testing.clock import EPOCH
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
    assert told.method == BY_BYTES
    assert told.headers == (("x-stormkeel-lossy", "top_logprobs"),)
    _, found, _ = counted(counts(), "openai_responses", model="backup/some-model")
    assert number(found).headers == ()


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


@pytest.mark.parametrize(
    ("options", "lasts"),
    [(Options(timeout=2.0), 2.0), (Options(patience=3.5), 3.5), (Options(timeout=2.0, patience=1.0), 1.0), (Options(timeout=9.0), 5.0)],
)
def test_no_longer_than_the_caller_has_time(options: Options, lasts: float) -> None:
    """A shorter time of its own counts, and so does the silence that it bears; a longer one is no reason to wait."""
    _, found, took = counted(Reply(delay=60.0), options=options)
    assert (number(found).why, took) == ("the provider did not count in time", lasts)
    _, found, _ = counted(Reply(delay=60.0), options=options, tools=[{"type": "web_search"}])
    assert found == Failure(K.SILENT, f"openai/gpt-5.4-mini#main did not count within {lasts:g} s")


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
    bench, found, _ = counted(counts(), model="fats", options=Options(border=Border(("eu",))))
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
        assert ([str(one) for one in bench.broken], bench.broke, bench.house.world.active) == (["ours"], [request], 0)
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


# -- what nobody could estimate ---------------------------------------------------------------------------------------------

NAME = "openai/gpt-5.4-mini#main"
UNREAD = {"tools": [{"type": "web_search"}]}
"""What its own provider can count, and we can't read."""


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (Reply(delay=60.0), Failure(K.SILENT, f"{NAME} did not count within 5 s")),
        (Reply(fault=WireFault("connect", "no route")), Failure(K.CONNECT, f"{NAME}: no route")),
        (Reply(fault=WireFault("head", "it broke")), Failure(K.RESET, f"{NAME}: it broke")),
        (Reply(fault=WireFault("body", "it broke")), Failure(K.RESET, f"{NAME}: it broke")),
        (counts("many"), Failure(K.BAD_RESPONSE, f"{NAME} answered 200 with something that is no count", 200)),
    ],
    ids=["silent", "connect", "head", "body", "nonsense"],
)
def test_what_only_its_provider_could_count_fails_as_that_did(reply: Reply, failure: Failure) -> None:
    """There is no estimate to take its place."""
    _, found, _ = counted(reply, **UNREAD)
    assert found == failure


def test_what_only_its_provider_can_count_it_counts() -> None:
    """What we can't read is no reason not to ask; where nobody can be asked, what we can't read is told."""
    bench, found, _ = counted(counts(), **UNREAD)
    assert (number(found).tokens, json.loads(bench.transport.sent[0].request.body)["tools"]) == (77, UNREAD["tools"])
    _, found, _ = counted(counts(), model="backup/some-model", **UNREAD)
    assert isinstance(found, Failure)
    assert "web_search" in found.message


@pytest.mark.parametrize(
    ("more", "words"),
    [(UNREAD, "web_search"), ({"previous_response_id": "resp_a"}, "previous_response_id"), ({"store": True, "conversation": "c"}, "conversation")],
)  # fmt: skip
def test_what_another_dialect_can_not_be_told_is_not_counted_there(more: dict[str, Any], words: str) -> None:
    """It fails as a request would, and nobody is asked."""
    bench, found, _ = counted(counts(), model="claude-sonnet-5", **more)
    assert isinstance(found, Failure)
    assert (found.kind in {K.UNSUPPORTED, K.CALLER}, words in found.message, bench.transport.sent) == (True, True, [])


def test_what_is_embedded_is_not_estimated() -> None:
    """There is no prompt in it."""

    async def story() -> None:
        bench = Bench([counts()], TWO)
        raw = b'{"model": "backup/some-model", "input": "hello there"}'
        request = bench.house.world.dialects["openai_embeddings"].read_request(raw, bench.house.new_id())
        assert isinstance(request, Request)
        found = await bench.house.setup.count(request)
        name = "backup/some-model"
        assert found == Failure(K.UNSUPPORTED, f"{name} counts nothing, and only prompts can be estimated")
        assert bench.transport.sent == []

    play(story)


@pytest.mark.parametrize("status", [199, 201, 202, 204, 503])
def test_only_a_200_is_a_count(status: int) -> None:
    """Whatever number stands in another answer."""
    _, found, _ = counted(Reply(status, counts().body, JSON))
    assert (number(found).why, number(found).tokens != 77) == (f"the provider did not count ({status})", True)


def test_it_is_asked_with_what_may_pass_of_the_clients_headers() -> None:
    """For an answer in one piece, whatever the request would be."""

    async def story() -> None:
        bench = Bench([counts()], TWO)
        inbound = (("openai-beta", "seas=1"), ("x-secret", "of ours"), ("accept", "text/event-stream"))
        number(await bench.house.setup.count(replace(asked(bench, "openai_responses", stream=True), headers=inbound)))
        headers = dict(bench.transport.sent[0].request.headers)
        assert (headers["openai-beta"], "x-secret" in headers, headers["accept"]) == ("seas=1", False, "application/json")
        bench.unreserved.clear()

    play(story)


@pytest.mark.parametrize("hint", ["20", formatdate(EPOCH + START + 20, usegmt=True)])
def test_when_its_provider_will_count_again_is_told(hint: str) -> None:
    """By a date as well as by seconds."""
    _, found, _ = counted(Reply(429, (b"{}",), (*JSON, ("retry-after", hint))), **UNREAD)
    assert isinstance(found, Failure)
    assert (found.kind, found.retry_after) == (K.RATE_LIMIT, pytest.approx(20.0))


def test_where_it_is_asked_may_name_the_model() -> None:
    """By the path of the dialect's own count, with the credential of the one who is asked."""
    google = b'[providers.gemini.credentials]\nmain = "env:OPENAI_API_KEY"\n'
    bench, found, _ = counted(Reply(200, (b'{"totalTokens": 77}',), JSON), settings=google, model="gemini/gemini-2.5-flash", instructions="be brief")
    (sent,) = bench.transport.sent
    assert sent.request.url == "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:countTokens"
    assert dict(sent.request.headers)["x-goog-api-key"].startswith("sk-gemini-main-")
    assert json.loads(sent.request.body)["generateContentRequest"]["model"] == "models/gemini-2.5-flash"
    assert number(found).tokens == 77


# -- whom it is for ---------------------------------------------------------------------------------------------------------

HOUSES = b"""
[providers.openai]
tags = ["eu"]
credentials = { main = "env:OPENAI_API_KEY", spare = "env:OPENAI_API_KEY" }
[providers.other]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
tags = ["us"]
credentials = { main = "env:OPENAI_API_KEY" }
[[keys]]
name = "team"
key = "env:OPENAI_API_KEY"
within = ["us"]
[routes.fast]
requires = []
"""
ORDERED = HOUSES + b'groups = [["openai/gpt-5.4-mini#main"], ["openai/gpt-5.4-mini#spare"], ["other/gpt-5.4-mini"]]\n'
DRAWN = HOUSES + b'groups = [["openai/gpt-5.4-mini", "other/gpt-5.4-mini"]]\nstrategy = "%s"\n'
TWINS = DRAWN.replace(b', spare = "env:OPENAI_API_KEY"', b"")


@pytest.mark.parametrize(
    ("options", "whom"),
    [(Options(), "openai"), (Options(border=Border(("us",))), "other"), (Options(border=Border(("eu",))), "openai"), (Options(key="team"), "other")],
)  # fmt: skip
def test_it_is_for_whoever_is_inside(options: Options, whom: str) -> None:
    """A border of the request or of its key moves the count as it does the request."""
    bench, found, _ = counted(counts(), settings=ORDERED, options=options, model="fast")
    assert (number(found).member.deployment.provider, bench.whom) == (whom, [f"{whom}#main"])


@pytest.mark.parametrize("maker", [("openai", "main"), ("openai", "spare"), ("other", "main")])
def test_who_goes_on_from_an_answer_is_counted_by_its_maker(maker: tuple[str, str]) -> None:
    """Only that account knows what came before; a look at who it was keeps nothing alive."""

    async def story() -> None:
        bench = Bench([counts()], ORDERED)
        bench.house.world.makers.note("resp_a", maker)
        found = number(await bench.house.setup.count(asked(bench, "openai_responses", model="fast", previous_response_id="resp_a")))
        assert ((found.member.deployment.provider, found.member.deployment.credential), bench.whom) == (maker, ["#".join(maker)])
        bench.unreserved.clear()

    play(story)


def test_who_goes_on_from_an_answer_that_the_route_does_not_lead_to() -> None:
    """Is told so, as a request is, and nobody is asked; of an answer that nobody remembers whoever is first is asked."""

    async def story() -> None:
        bench = Bench([counts()], ORDERED)
        bench.house.world.makers.note("resp_a", ("elsewhere", "main"))
        found = await bench.house.setup.count(asked(bench, "openai_responses", model="fast", previous_response_id="resp_a"))
        assert isinstance(found, Failure)
        assert (found.code, bench.transport.sent) == ("previous_response_not_found", [])
        number(await bench.house.setup.count(asked(bench, "openai_responses", model="fast", previous_response_id="resp_b")))
        assert bench.whom == ["openai#main"]
        bench.unreserved.clear()

    play(story)


@pytest.mark.parametrize("strategy", [b"random", b"weighted", b"two_choices"])
def test_it_is_for_whom_the_next_request_is_drawn_to(strategy: bytes) -> None:
    """No die is cast for a count: the next request is drawn by the same throw, however often was counted."""

    async def story() -> None:
        drawn = []
        for seed in range(12):
            bench = Bench(lambda request: counts() if "input_tokens" in request.url else whole(), DRAWN % strategy, seed=seed)
            before = bench.house.world.ports.rng.getstate()  # type: ignore[attr-defined]  # a Random, which dice need not be
            for _ in range(2):
                number(await bench.house.setup.count(asked(bench, "openai_responses", model="fast")))
            assert bench.house.world.ports.rng.getstate() == before  # type: ignore[attr-defined]  # the same
            await bench.ask()
            assert len(set(bench.whom)) == 1
            drawn.append(bench.whom[0])
            bench.unreserved.clear()
        assert len(set(drawn)) > 1

    play(story)


def test_it_is_for_whose_turn_the_next_request_is() -> None:
    """In a round, however often was counted: counting takes nobody's turn."""

    async def story() -> None:
        bench = Bench(lambda request: counts() if "input_tokens" in request.url else whole(), DRAWN % b"round_robin")
        for _ in range(4):
            for _ in range(2):
                number(await bench.house.setup.count(asked(bench, "openai_responses", model="fast")))
            await bench.ask()
        rounds = [set(bench.whom[start : start + 3]) for start in range(0, 12, 3)]
        assert [len(whom) for whom in rounds] == [1] * 4
        assert len(set.union(*rounds)) == 3
        bench.unreserved.clear()

    play(story)


def test_it_is_for_whoever_is_ready_now() -> None:
    """While the first rests after a throttle the next one counts, and the first again as soon as it is back."""

    async def story() -> None:
        hinted = Reply(429, (b"{}",), (*JSON, ("retry-after", "20")))
        settings = ORDERED + b'[routes.first]\ngroups = [["openai/gpt-5.4-mini#main"]]\n'
        bench = Bench(lambda request: counts() if "input_tokens" in request.url else hinted, settings)
        await bench.ask("first", timeout=1.0)
        for moment in (10.0, 30.0):
            await asyncio.sleep(moment - now())
            number(await bench.house.setup.count(asked(bench, "openai_responses", model="fast")))
        assert bench.whom == ["openai#main", "openai#spare", "openai#main"]
        bench.unreserved.clear()

    play(story)


def test_it_is_for_whoever_has_less_to_do() -> None:
    """Where a request would go to the less busy of two its count does."""

    async def story() -> None:
        slow = Reply(200, whole().body, whole().headers, delay=60.0)
        for seed in range(6):
            bench = Bench(lambda request: counts() if "input_tokens" in request.url else slow, TWINS % b"two_choices", seed=seed)
            task = asyncio.ensure_future(bench.ask())
            await asyncio.sleep(1.0)
            number(await bench.house.setup.count(asked(bench, "openai_responses", model="fast")))
            assert sorted(bench.whom) == ["openai#main", "other#main"]
            await task
            bench.unreserved.clear()

    play(story)


PRICED = HOUSES + b"""groups = [["openai/gpt-5.4-mini", "other/gpt-5.4-nano"]]
strategy = "cheapest"
[models."other/gpt-5.4-nano"]
input_price = "%s"
output_price = "%s"
"""


@pytest.mark.parametrize(("price", "whom"), [(b"0.0001", "other"), (b"100", "openai")])
def test_it_is_for_whoever_costs_least(price: bytes, whom: str) -> None:
    """Where that is whom a request would be sent to."""
    bench, found, _ = counted(counts(), settings=PRICED.replace(b"%s", price), model="fast")
    assert (number(found).member.deployment.provider, bench.whom) == (whom, [f"{whom}#main"])


def test_it_is_for_whoever_was_quicker() -> None:
    """By what answers took of late."""

    async def story() -> None:
        for slow in ("openai", "other"):
            bench = Bench([counts()], TWINS % b"least_latency")
            for member in bench.house.world.fleet.members:
                assert member.pace is not None
                member.pace.observe(0.0, 9.0 if member.deployment.provider == slow else 0.1)
            found = number(await bench.house.setup.count(asked(bench, "openai_responses", model="fast")))
            assert found.member.deployment.provider != slow
            bench.unreserved.clear()

    play(story)


def test_a_stranger_that_goes_on_is_counted_by_whoever_is_first_by_price() -> None:
    """Of an answer that nobody remembers."""
    for price, whom in ((b"0.0001", "other"), (b"100", "openai")):
        bench, _, _ = counted(counts(), settings=PRICED.replace(b"%s", price), model="fast", previous_response_id="resp_b")
        assert bench.whom == [f"{whom}#main"]
