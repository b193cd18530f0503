"""Where a request may go: who is outside a border is nobody's candidate, whatever fails."""

from __future__ import annotations

import asyncio

import pytest
from story_stage import WHOLE_STREAM, Bench, by, play, refused, streamed, whole

from stormkeel import AsyncClient
from stormkeel.errors import InvalidRequestError
from stormkeel.types.border import border_of
from stormkeel.types.failure import FailureKind
from stormkeel.types.request import Options

K = FailureKind
HOUSES = b"""
[providers.openai]
tags = ["eu", "zdr"]
credentials = { main = "env:OPENAI_API_KEY" }
[providers.other]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
region = "us"
credentials = { main = "env:OPENAI_API_KEY" }
"""
ANY = (
    HOUSES
    + b"""
[routes.fast]
groups = [["openai/gpt-5.4-mini"], ["other/gpt-5.4-mini"]]
requires = []
"""
)
"""A route over both, which asks for no terms."""
EU = ANY + b'within = ["eu"]\n'
TERMS = ANY.replace(b"requires = []\n", b"")
"""The same, saying nothing of terms."""
KEYED = (
    ANY
    + b"""
[[keys]]
name = "team"
key = "env:OPENAI_API_KEY"
within = ["EU"]
"""
)


def told(bench: Bench, options: Options):
    """A request with these options."""
    raw = bench.request("fast").raw
    return bench.house.dialect("openai_chat").read_request(raw, bench.house.new_id(), options=options)


@pytest.mark.parametrize("settings", [EU, TERMS], ids=["within", "terms of the first group"])
def test_a_route_never_fails_over_outside(settings):
    """While the one inside is down nobody else is asked, and the error says who was left out and why."""

    async def story():
        bench = Bench(by({"openai#main": [refused(529)], "other#main": [whole()]}), settings)
        answer = await bench.ask()
        assert set(bench.whom) == {"openai#main"}
        assert answer.failure.kind is K.OVERLOADED
        assert 'not asked, being outside: other/gpt-5.4-mini#main is tagged "us"' in answer.failure.message

    play(story)


def test_a_route_may_let_terms_go():
    """Where a route says that it requires nothing, it fails over to other terms."""

    async def story():
        bench = Bench(by({"openai#main": [refused(529)], "other#main": [whole()]}), ANY)
        assert (await bench.ask()).failure is None
        assert set(bench.whom) == {"openai#main", "other#main"}

    play(story)


@pytest.mark.parametrize("options", [Options(border=border_of(["us"], ())), Options(border=border_of((), ["us"]))])
def test_a_request_says_where_it_may_go(options):
    """A request's own border chooses among the route's deployments before anybody is asked."""

    async def story():
        bench = Bench(by({"openai#main": [whole()], "other#main": [whole()]}), ANY)
        assert (await bench.house.answer(told(bench, options))).failure is None
        assert bench.whom == ["other#main"]

    play(story)


def test_a_key_says_where_its_owner_may_go():
    """A key's border holds for each request of its owner, streams among them, and for nobody else's."""

    async def story():
        bench = Bench(by({"openai#main": [refused(529)], "other#main": [whole()]}), KEYED)
        failed = await bench.house.answer(told(bench, Options(key="team")))
        assert set(bench.whom) == {"openai#main"}
        assert failed.failure.kind is K.OVERLOADED
        assert (await bench.house.answer(told(bench, Options(key="else")))).failure is None

    play(story)


def test_nobody_inside_is_an_error_that_names_the_border():
    """A request that may go nowhere is refused unsent: what was asked, by whom, and what each deployment is."""

    async def story():
        bench = Bench([whole()], KEYED)
        answer = await bench.house.answer(told(bench, Options(key="team", border=border_of(["us"], ()))))
        assert (answer.failure.status, answer.failure.code) == (403, "no_deployment_within")
        assert 'has no deployment within "us", as the request asks' in answer.failure.message
        assert 'openai/gpt-5.4-mini#main is tagged "eu" and "zdr"' in answer.failure.message
        assert (bench.transport.sent, bench.reserved) == ([], [])

    play(story)


def test_a_model_without_a_route_is_bound_too():
    """A key's border holds for whatever model its owner names."""

    async def story():
        bench = Bench([whole()], KEYED)
        request = bench.request("other/gpt-5.4-mini")
        read = bench.house.dialect("openai_chat").read_request(request.raw, "r1", options=Options(key="team"))
        assert (await bench.house.answer(read)).failure.code == "no_deployment_within"
        counted = await bench.house.setup.count(read)
        assert counted.code == "no_deployment_within"
        assert bench.transport.sent == []

    play(story)


def test_explain_says_who_is_outside():
    """An explanation shows each deployment that is no candidate, and why."""

    async def story():
        bench = Bench([whole()], EU)
        said = bench.house.explain(bench.request("fast"))
        assert [one.standing.name for one in said.candidates] == ["openai/gpt-5.4-mini#main"]
        assert [(one.name, one.why) for one in said.outside] == [("other/gpt-5.4-mini#main", 'outside: it is tagged "us"')]

    play(story)


def client_of(bench: Bench) -> AsyncClient:
    """The library's client, in a house of the stage's."""
    client = AsyncClient(default_model="fast")
    client._house, client._loop = bench.house, asyncio.get_running_loop()
    return client


@pytest.mark.parametrize("border", [{"within": "US"}, {"within": ["ch", "us"]}, {"within": "ch, us", "requires": ("us",)}])
def test_a_call_of_the_library_stays_inside(border):
    """`within` and `requires` of a call choose among the route's deployments, for whole answers, streams and counts."""

    async def story():
        bench = Bench(lambda request: streamed(*WHOLE_STREAM) if b'"stream":true' in request.body else whole(), ANY)
        client = client_of(bench)
        assert (await client.complete("hi", **border)).attempts[0].provider == "other"
        stream = client.stream("hi", **border)
        assert [piece async for piece in stream] == ["one ", "two ", "three"]
        assert set(bench.whom) == {"other#main"}
        assert (await client.count_tokens("hi", **border)).tokens > 0

    play(story)


@pytest.mark.parametrize("border", [{"within": ""}, {"requires": []}, {"within": "mars"}])
def test_a_call_that_nobody_may_serve_is_refused_unsent(border):
    """A tag that nobody has, and one that was to be filled in and was not: nothing is sent, and the error says why."""

    async def story():
        bench = Bench([whole()], ANY)
        client = client_of(bench)
        calls = (client.complete("hi", **border), client.count_tokens("hi", **border), client.embed("hi", **border))
        for call in calls:
            with pytest.raises(InvalidRequestError, match="has no deployment") as caught:
                await call
            assert caught.value.failure.code == "no_deployment_within"
        assert bench.transport.sent == []

    play(story)


def test_tags_that_are_none_are_a_mistake_of_the_call():
    """What is neither a tag nor a list of them is told with what is meant."""

    async def story():
        client = client_of(Bench([whole()], ANY))
        with pytest.raises(InvalidRequestError, match=r"within=7: give a tag, or a list of them"):
            await client.complete("hi", within=7)  # type: ignore[arg-type]  # the mistake
        with pytest.raises(InvalidRequestError, match="requires="):
            await client.complete("hi", requires=[1])  # type: ignore[list-item]  # the mistake

    play(story)
