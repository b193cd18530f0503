"""A provider nobody knows, made known by a few lines of settings: each line shows in what is sent, read, priced or found."""

from __future__ import annotations

import asyncio
import json
from typing import get_args

import pytest
from story_stage import ALONE, DONE, END, HEAD, USAGE, Bench, Reply, play, refused, streamed, text, whole

from stormkeel.assemble.known import catalog
from stormkeel.catalog.sellers import SellerName
from stormkeel.config.load import load
from stormkeel.config.settings import LimitName, SignalsName
from stormkeel.engine.credentials import probe
from stormkeel.errors import SettingsError
from stormkeel.providers import KINDS
from stormkeel.providers.signals import FAMILIES
from stormkeel.types.content import Message
from stormkeel.types.failure import FailureKind
from stormkeel.types.prompt import Prompt
from stormkeel.types.request import Options

K = FailureKind
BARE = b"""
[providers.mine]
kind = "compatible"
base_url = "http://127.0.0.1:9/api"
credentials = { main = "env:MINE" }
"""
OWN = (
    BARE
    + b"""
catalog = "groq"
signals = "openai"
models = ["llama-", "gpt-oss-"]
models_path = "/catalogue"
usage_in_streams = false
output_limit = "max_completion_tokens"
takes_thoughts = false
"""
)
MODEL = "llama-3.3-70b-versatile"
THOUGHT = [
    {"role": "user", "content": "2+2"}, {"role": "assistant", "content": "4", "reasoning_content": "two and two"},
    {"role": "user", "content": "sure?"},
]  # fmt: skip


def sent(bench: Bench, place: int = -1) -> dict[str, object]:
    """A body that was sent."""
    return json.loads(bench.transport.sent[place].request.body)


def test_a_catalog_gives_prices_and_windows():
    """With the seller named, an attempt is priced as the seller's; without it nobody knows."""

    async def story():
        amounts = []
        for settings in (BARE, OWN):
            bench = Bench([whole("hi")], settings)
            assert (await bench.ask(f"mine/{MODEL}")).failure is None
            amounts.append(bench.settled[0].amount)
        facts = catalog().find("groq", MODEL)
        assert facts is not None
        assert amounts[0] is None
        assert amounts[1] == 10 * 590 + 5 * 790, "$0.59 and $0.79 a million"
        assert bench.house.world.fleet.members[0].window == facts.window

    play(story)


def test_usage_is_not_asked_for_where_it_is_not_understood():
    """`usage_in_streams = false` leaves `stream_options` out of a stream's body, which is the usual addition."""

    async def story():
        for settings, is_asked in ((BARE, True), (OWN, False)):
            bench = Bench([streamed(HEAD, *text("hi"), END, USAGE, DONE)], settings)
            answer, _ = await bench.stream(f"mine/{MODEL}")
            assert answer.failure is None
            assert ("stream_options" in sent(bench)) is is_asked

    play(story)


def test_the_output_limit_goes_by_its_name():
    """A prompt that is written for it names the limit as the settings do."""

    async def story():
        for settings, name in ((BARE, "max_tokens"), (OWN, "max_completion_tokens")):
            bench = Bench([whole("hi")], settings)
            made = bench.house.setup.write(Prompt((Message("user", "hi"),), 50), f"mine/{MODEL}", False, Options())
            await bench.house.answer(made.request)
            assert sent(bench)[name] == 50

    play(story)


def test_others_thoughts_stay_out_where_they_are_refused():
    """`takes_thoughts = false` takes the thoughts of other providers out of the history, and tells so."""

    async def story():
        for settings, lost in ((BARE, ()), (OWN, ("messages[1].reasoning_content",))):
            bench = Bench([whole("hi")], settings)
            answer = await bench.ask(f"mine/{MODEL}", messages=THOUGHT)
            assert answer.story.attempts[0].lost == lost
            assert ("reasoning_content" in json.dumps(sent(bench))) is not lost

    play(story)


def test_failures_are_read_by_the_named_table():
    """A word that only one family of providers uses means what it means there."""

    async def story():
        spent = Reply(400, (b'{"error": {"message": "Your credit balance is too low"}}',), ())
        for settings, kind in ((OWN, K.CALLER), (OWN.replace(b'"openai"', b'"anthropic"'), K.QUOTA)):
            bench = Bench([spent], settings)
            assert (await bench.ask(f"mine/{MODEL}")).failure.kind is kind

    play(story)


def test_its_models_are_known_by_their_beginnings():
    """A model name without a provider finds whoever says how its own begin; of two the longer beginning counts."""

    async def story():
        bench = Bench([whole("hi"), whole("hi"), whole("hi")], ALONE + OWN)
        for model, provider in ((MODEL, "mine"), ("gpt-oss-120b", "mine"), ("gpt-5.4-mini", "openai")):
            answer = await bench.ask(model)
            assert answer.story.attempts[0].provider == provider
        bare = Bench([], BARE)
        assert (await bare.ask(MODEL)).failure.kind is K.MODEL_UNAVAILABLE

    play(story)


def test_the_list_of_models_is_where_the_settings_say():
    """A probe, the question that costs nothing, goes there."""

    async def story():
        bench = Bench([refused(401, "invalid_api_key"), Reply(200, (b"{}",), ())], OWN)
        await bench.ask(f"mine/{MODEL}")
        await asyncio.sleep(75.1)
        ports = bench.house.world.ports
        await probe(bench.house.world.fleet.credentials["mine", "main"], ports.clock, ports.rng)
        asked = bench.transport.sent[1].request
        assert [asked.method, asked.url] == ["GET", "http://127.0.0.1:9/api/catalogue"]

    play(story)


def test_the_choices_are_those_that_there_are():
    """What the settings may name is exactly what the catalog, the signals and the dialects know."""
    assert {name for name in get_args(SellerName) if catalog().models(name)} == set(get_args(SellerName))
    assert set(get_args(SignalsName)) == set(FAMILIES)
    assert {vendor.limit for vendor in KINDS.values()} == set(get_args(LimitName))
    assert {vendor.catalog for vendor in KINDS.values()} - {""} <= set(get_args(SellerName))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('catalog = "grok"', '"catalog" is "grok"; did you mean "groq"?'),
        ('catalog = "nobody"', '"catalog" is "nobody"; known: "anthropic", "azure", '),
        ('signals = "mistral"', '"signals" is "mistral"; give one of "openai", "anthropic", "google", "compatible"'),
        ('output_limit = "limit"', '"output_limit" is "limit"; give one of "max_tokens", "max_completion_tokens"'),
        ('usage_in_streams = "no"', '"usage_in_streams" must be true or false, not text'),
        ('models = ["", "llama-"]', '"" is no beginning of a model name; give one, as in "llama-"'),
        ('models = "llama-"', '"models" must be a list, not text'),
        ('models_path = "models"', '"models_path" is "models"; give a path, as in "/models"'),
        ('models_path = "/models?key=#1"', 'give a path, as in "/models"'),
        ('output_limits = "max_tokens"', 'unknown setting "output_limits" in [providers.mine]; did you mean "output_limit"?'),
    ],
)
def test_a_wrong_line_is_told_with_its_place_and_mend(line: str, told: str):
    """Each setting is checked when it is read, with the line it stands in."""
    with pytest.raises(SettingsError) as caught:
        load(BARE + line.encode(), {}, KINDS)
    assert ":6:" in str(caught.value)
    assert told in str(caught.value)
