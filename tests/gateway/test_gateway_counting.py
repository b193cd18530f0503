"""The count endpoints: the official SDKs against providers of each dialect; where nobody counts, an estimate that says so."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
import toktok
from gateway_stage import MESSAGES, QUICK, Caller, Stage, ask, asking, play, posted, staged, until
from google import genai
from google.genai import types

from stormkeel.engine.standing import picture

PROVIDERS = {
    "openai": ("openai", "/v1"), "anthropic": ("anthropic", ""), "google": ("gemini", "/v1beta"), "plain": ("compatible", "/v1"),
}  # fmt: skip
MODELS = {"openai": "gpt-5.4-mini", "anthropic": "claude-sonnet-5", "google": "gemini-3.6-flash"}
COUNTS = {"openai": "openai_input_tokens", "anthropic": "anthropic_count_tokens", "google": "gemini_count_tokens"}
"""What the sandbox calls the count of each provider's dialect."""
PROSE = "The keel holds the ship upright while the storm, which nobody had foreseen, throws it from side to side. " * 20
SAID = 'How deep is it?\nsandbox: {"usage": {"input": 77}}'


@asynccontextmanager
async def standing(folder: Path, more: str = QUICK) -> AsyncIterator[Stage]:
    """A gateway before four providers, all at one sandbox: three with a count of their own, and one of chats alone."""

    def written(url: str) -> Path:
        (folder / "any.key").write_text("sk-proj-CANARY0123456789abcdef")
        told = [
            f'[providers.{name}]\nkind = "{kind}"\nbase_url = "{url}{path}"\ncredentials = {{ main = "file:{folder / "any.key"}" }}\n'
            for name, (kind, path) in PROVIDERS.items()
        ]
        (folder / "stormkeel.toml").write_text("".join(told) + more)
        return folder / "stormkeel.toml"

    async with staged(folder, written=written) as stage:
        yield stage


class Told:
    """A count as an SDK's user sees it."""

    def __init__(self, tokens: int, headers: Any) -> None:
        self.tokens = tokens
        self.why = headers.get("x-stormkeel-estimate-why")
        self.is_labelled = headers.get("x-stormkeel-estimate") == "1"
        self.lossy = headers.get("x-stormkeel-lossy", "")
        self.headers = headers


async def by_anthropic(stage: Stage, model: str, text: str, **more: Any) -> Told:
    """Count by Anthropic's SDK."""
    async with anthropic.AsyncAnthropic(base_url=f"{stage.url}/anthropic", api_key="any", max_retries=0) as client:
        said: Any = [{"role": "user", "content": text}]
        got = await client.messages.with_raw_response.count_tokens(model=model, messages=said, **more)
        return Told((await got.parse()).input_tokens, got.headers)


async def by_openai(stage: Stage, model: str, text: str, **more: Any) -> Told:
    """Count by OpenAI's SDK."""
    async with openai.AsyncOpenAI(base_url=f"{stage.url}/openai/v1", api_key="any", max_retries=0) as client:
        got = await client.responses.input_tokens.with_raw_response.count(model=model, input=text, **more)
        told = got.parse()
        assert told.object == "response.input_tokens"
        return Told(told.input_tokens, got.headers)


async def by_google(stage: Stage, model: str, text: str) -> Told:
    """Count by Google's SDK."""
    options = types.HttpOptions(base_url=f"{stage.url}/gemini")
    async with genai.Client(api_key="any", http_options=options).aio as client:
        got = await client.models.count_tokens(model=model, contents=text)
        assert got.total_tokens is not None
        assert got.sdk_http_response is not None
        return Told(got.total_tokens, got.sdk_http_response.headers)


SDKS = {"anthropic": by_anthropic, "openai": by_openai, "google": by_google}
each_sdk = pytest.mark.parametrize("sdk", SDKS)


@each_sdk
@pytest.mark.parametrize("provider", COUNTS)
def test_each_sdk_gets_each_providers_count(sdk: str, provider: str, tmp_path: Path) -> None:
    """The number is the provider's own, whichever dialect it speaks; it is free, so nothing is reserved or billed (trap 26)."""

    async def story() -> None:
        async with standing(tmp_path) as stage:
            told = await SDKS[sdk](stage, f"{provider}/{MODELS[provider]}", SAID)
            assert (told.tokens, told.is_labelled, told.why) == (77, False, None)
            assert [request.dialect for request in stage.sandbox.requests] == [COUNTS[provider]]
            assert stage.sandbox.requests[0].violations == []
            assert told.headers["x-request-id"].startswith("req_")
            assert (stage.reserved, stage.settled, stage.sandbox.bill()) == ([], [], [])

    play(story)


@each_sdk
def test_where_nobody_counts_an_estimate_says_so(sdk: str, tmp_path: Path) -> None:
    """A provider of chats alone has no count: ours is labelled, sends nothing, and is within a third of what an encoding says."""

    async def story() -> None:
        async with standing(tmp_path) as stage:
            for model in ("gpt-4o", "claude-sonnet-4-5", "llama-3.3-70b"):
                told = await SDKS[sdk](stage, f"plain/{model}", PROSE)
                assert told.is_labelled
                assert told.why == "the provider has no count endpoint: estimate"
                least = sum(toktok.batch_count([PROSE], "o200k_base"))  # no other encoding makes fewer tokens of English
                assert 0.67 * least < told.tokens < 1.6 * least
            assert stage.sandbox.requests == []

    play(story)


FAULTS = {
    "rate_limit": "the provider did not count (429)",
    "bad_credential": "the provider did not count (4",
    "model_not_found": "the provider did not count (404)",
    "overloaded": "the provider did not count (",
    "server_error": "the provider did not count (500)",
    "reset": "the provider could not be reached",
}


def picture_of(stage: Stage) -> Any:
    """How the fleet stands, with what its limits and breakers have left."""
    return picture(stage.house.world, 0.0)


@pytest.mark.parametrize("provider", COUNTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_count_is_estimated_and_moves_nothing(provider: str, fault: str, tmp_path: Path) -> None:
    """A count that fails says nothing of answers: no breaker, limit, cooldown or credential moves, and it is asked once."""
    route = f'[routes.r]\ngroups = [["{provider}/{MODELS[provider]}@fault={fault}"]]\n'

    async def story() -> None:
        async with standing(tmp_path, QUICK + route) as stage:
            before = picture_of(stage)
            for _ in range(12):
                told = await by_anthropic(stage, "r", PROSE)
                assert told.is_labelled
                assert told.why.startswith(FAULTS[fault]), told.why
                assert told.tokens > 200
            assert picture_of(stage) == before
            assert len(stage.sandbox.requests) == 12
            assert (stage.reserved, stage.unbalanced()) == ([], [])

    play(story)


def test_a_refused_credential_is_asked_no_counts(tmp_path: Path) -> None:
    """A credential that a provider refused for a prompt is not shown it again for a count: the estimate says why."""
    route = f'[routes.r]\ngroups = [["anthropic/{MODELS["anthropic"]}@fault=bad_credential"]]\n'

    async def story() -> None:
        async with standing(tmp_path, QUICK + route) as stage:
            assert (await ask(stage, asking(MESSAGES, model="r"))).status == 502
            told = await by_anthropic(stage, "r", PROSE)
            assert (told.is_labelled, told.why) == (True, "the credential was refused and is set aside: estimate")
            assert len(stage.sandbox.requests) == 1

    play(story)


def test_a_silent_count_is_given_up_in_the_callers_time(tmp_path: Path) -> None:
    """A provider that does not say gets no longer than its caller has; then the estimate answers."""

    async def story() -> None:
        async with standing(tmp_path) as stage:
            model = f"anthropic/{MODELS['anthropic']}@fault=silence"
            told = await by_anthropic(stage, model, "Hello", extra_headers={"x-stormkeel-timeout": "0.2"})
            assert told.why == "the provider did not count in time: estimate"
            await stage.calm()

    play(story)


def test_a_client_that_leaves_takes_its_count_along(tmp_path: Path) -> None:
    """Nobody waits for a count that nobody reads."""

    async def story() -> None:
        async with standing(tmp_path) as stage:
            caller = await Caller.at(stage.port)
            said = asking(MESSAGES, path="/v1/messages/count_tokens", model=f"anthropic/{MODELS['anthropic']}@fault=silence")
            caller.writer.write(said)
            await until(lambda: stage.sandbox.requests)
            assert stage.house.active == 1
            caller.leave()
            await stage.calm()

    play(story)


def test_what_a_count_does_not_take_is_left_out(tmp_path: Path) -> None:
    """Limits, temperature and the like are no part of a count; what counts crosses: instructions, tools, forms, reasoning."""
    tool: Any = {"name": "look", "description": "Look out.", "input_schema": {"type": "object", "properties": {}}}

    async def story() -> None:
        async with standing(tmp_path) as stage:
            for provider in ("openai", "google"):
                model = f"{provider}/{MODELS[provider]}"
                bare = await by_anthropic(stage, model, "Hello")
                full = await by_anthropic(stage, model, "Hello", system="Be brief and kind.", tools=[tool])
                assert full.tokens > bare.tokens
                body = {
                    "max_tokens": 9,
                    "temperature": 0.5,
                    "stream": True,
                    "metadata": {"user_id": "u"},
                    "stop_sequences": ["x"],
                }
                same = await by_anthropic(stage, model, "Hello", extra_body=body)
                assert same.tokens == bare.tokens
                assert not same.is_labelled
            told = await by_anthropic(stage, f"openai/{MODELS['openai']}", "Hello", thinking={"type": "between_tools"})
            assert "thinking" in told.lossy
            assert all(request.violations == [] for request in stage.sandbox.requests)

    play(story)


def test_a_whole_gemini_request_is_counted_under_the_models_own_name(tmp_path: Path) -> None:
    """`generateContentRequest` counts its instructions and tools too; the model it names is the one that is asked."""
    whole = {
        "model": "models/r",
        "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
        "system_instruction": {"parts": [{"text": "Be brief and kind."}]},
        "tools": [{"functionDeclarations": [{"name": "look", "description": "Look out."}]}],
    }
    routes = "".join(f'[routes.{name[0]}]\ngroups = [["{name}/{MODELS[name]}"]]\n' for name in MODELS)

    async def story() -> None:
        async with standing(tmp_path, QUICK + routes) as stage:
            for route in "goa":
                counts = []
                for body in (
                    {"contents": whole["contents"]},
                    {"generateContentRequest": whole},
                    {"generate_content_request": whole},
                ):
                    got = await ask(stage, posted(f"/v1beta/models/{route}:countTokens", json.dumps(body).encode()))
                    assert [got.status, "x-stormkeel-estimate" in got.headers] == [200, False], got
                    counts.append(got.json["totalTokens"])
                assert counts[0] < counts[1] == counts[2]
            assert all(request.violations == [] for request in stage.sandbox.requests)

    play(story)


PATHS = {
    "anthropic": "/v1/messages/count_tokens", "openai": "/v1/responses/input_tokens", "google": "/v1beta/models/gemini-3.6-flash:countTokens",
}  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "body", "status", "names"),
    [
        ("anthropic", {"model": "claude-sonnet-5", "messages": []}, 400, "messages"),
        ("anthropic", {"model": "openai/gpt-5.4-mini", "messages": [{"role": "user", "content": 7}]}, 400, "messages[0].content"),
        ("anthropic", {"messages": []}, 400, "model"),
        ("anthropic", {"model": "nobody/x", "messages": []}, 404, "nobody/x"),
        ("openai", {"model": "gpt-5.4-mini", "input": 7}, 400, "input"),
        ("openai", {"model": "anthropic/claude-sonnet-5", "input": [{"role": "user"}]}, 400, "input[0]"),
        ("openai", {"model": "anthropic/claude-sonnet-5", "previous_response_id": "resp_1"}, 422, "previous_response_id"),
        ("google", {"contents": 7}, 400, "contents"),
        ("google", {"generateContentRequest": 7}, 400, "generateContentRequest"),
        ("google", [], 400, "object"),
    ],
)
def test_a_wrong_body_is_told_in_its_dialect(dialect: str, body: Any, status: int, names: str, tmp_path: Path) -> None:
    """What is wrong is named by its path, in the shape that the client's SDK reads, and is no estimate."""

    async def story() -> None:
        async with standing(tmp_path) as stage:
            got = await ask(stage, posted(PATHS[dialect], json.dumps(body).encode(), {"anthropic-version": "2023-06-01"}))
            assert got.status == status, got
            assert names in got.json["error"]["message"], got
            assert {"anthropic": "type", "openai": "param", "google": "status"}[dialect] in got.json["error"]
            assert "x-stormkeel-estimate" not in got.headers

    play(story)


def test_answers_calibrate_the_gateways_estimates(tmp_path: Path) -> None:
    """What a provider reports of answers moves the estimate for its model, and the label says by how many."""

    async def story() -> None:
        async with standing(tmp_path) as stage:
            before = await by_anthropic(stage, "plain/m", PROSE)
            said = PROSE + "\nsandbox: " + json.dumps({"usage": {"input": 2 * before.tokens}})
            for _ in range(5):
                got = await ask(stage, asking("openai", model="plain/m", messages=[{"role": "user", "content": said}]))
                assert got.status == 200
            after = await by_anthropic(stage, "plain/m", PROSE)
            assert 1.7 * before.tokens < after.tokens < 2.1 * before.tokens
            assert after.why == "the provider has no count endpoint: estimate, calibrated by 5 answers"

    play(story)
