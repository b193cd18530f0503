"""The official SDKs, unmodified, through the gateway: what the provider said is what they see, errors included."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from gateway_stage import CHAT, MESSAGES, MODELS, QUICK, Stage, play, route, staged, wish

from stormkeel.assemble import catalog

TEXT = "The sea is calm today, and so are we."
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def chat(stage: Stage, prefix: str = "/openai/v1", **given: Any) -> openai.AsyncOpenAI:
    """OpenAI's client at the gateway."""
    return openai.AsyncOpenAI(base_url=stage.url + prefix, api_key="any", **given)


def messages(stage: Stage, prefix: str = "/anthropic", **given: Any) -> anthropic.AsyncAnthropic:
    """Anthropic's client at the gateway."""
    return anthropic.AsyncAnthropic(base_url=stage.url + prefix, api_key="any", **given)


@pytest.mark.parametrize("prefix", ["/v1", "/openai/v1"])
def test_a_chat_completion(prefix: str, tmp_path: Path) -> None:
    """A whole completion is the one the provider gave: text, usage, model and finish."""

    async def story() -> None:
        async with staged(tmp_path) as stage, chat(stage, prefix) as client:
            said = wish(answer=TEXT, usage={"input": 11, "cached": 5, "output": 9})
            given = await client.chat.completions.create(model=MODELS[CHAT], messages=said)
            assert given.choices[0].message.content == TEXT
            assert given.choices[0].finish_reason == "stop"
            assert given.model == MODELS[CHAT]
            assert given.usage is not None
            assert given.usage.prompt_tokens == 16
            assert given.usage.prompt_tokens_details.cached_tokens == 5
            assert given._request_id.startswith("req_")
            assert stage.settled[0].usage.total == 25

    play(story)


@pytest.mark.parametrize("prefix", ["", "/anthropic"])
def test_a_message(prefix: str, tmp_path: Path) -> None:
    """A whole message is the one the provider gave: text, usage, model and stop reason."""

    async def story() -> None:
        async with staged(tmp_path) as stage, messages(stage, prefix) as client:
            said = wish(answer=TEXT, usage={"input": 11, "cached": 5, "output": 9})
            given = await client.messages.create(model=MODELS[MESSAGES], max_tokens=50, messages=said)
            assert given.content[0].text == TEXT
            assert given.stop_reason == "end_turn"
            assert [given.usage.input_tokens, given.usage.cache_read_input_tokens, given.usage.output_tokens] == [11, 5, 9]
            assert stage.settled[0].usage.total == 25

    play(story)


@pytest.mark.parametrize("usage", [True, False])
def test_a_chat_stream_iterated(usage: bool, tmp_path: Path) -> None:
    """A stream's chunks add up to the text; the usage chunk is there only for who asked, and is booked either way."""

    async def story() -> None:
        async with staged(tmp_path) as stage, chat(stage) as client:
            more: dict[str, Any] = {"stream_options": {"include_usage": True}} if usage else {}
            stream = await client.chat.completions.create(
                model=MODELS[CHAT], messages=wish(answer=TEXT, usage={"input": 7, "output": 3}), stream=True, **more
            )
            chunks = [chunk async for chunk in stream]
            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
            assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == ([10] if usage else [])
            assert all(chunk.choices for chunk in chunks) or usage
            assert [stage.settled[0].usage.total, stage.settled[0].usage_source] == [10, "provider"]

    play(story)


def test_a_chat_stream_helper(tmp_path: Path) -> None:
    """The stream helper's final completion equals the whole answer, two tool calls included."""

    async def story() -> None:
        async with staged(tmp_path) as stage, chat(stage) as client:
            calls = [{"name": "look", "arguments": {"where": "bow"}}, {"name": "look", "arguments": {}}]
            said = wish(answer="Looking.", tools=calls)
            asked: dict[str, Any] = {"model": MODELS[CHAT], "messages": said, "tools": [TOOL], "reasoning_effort": "none"}
            async with client.chat.completions.stream(**asked) as stream:
                streamed = (await stream.get_final_completion()).choices[0]
            whole = (await client.chat.completions.create(**asked)).choices[0]
            assert streamed.finish_reason == whole.finish_reason == "tool_calls"
            assert streamed.message.content == whole.message.content == "Looking."
            made = [
                [(call.function.name, call.function.arguments) for call in one.message.tool_calls] for one in (streamed, whole)
            ]
            assert made[0] == made[1]
            assert len(made[0]) == 2

    play(story)


def test_a_message_stream_helper(tmp_path: Path) -> None:
    """The stream helper's final message equals the whole answer, a tool use included; the raw events come in order."""

    async def story() -> None:
        async with staged(tmp_path) as stage, messages(stage) as client:
            tool = {"name": "look", "input_schema": {"type": "object", "properties": {}}}
            said = wish(answer="Looking.", tools=[{"name": "look", "arguments": {"where": "bow"}}])
            asked: dict[str, Any] = {"model": MODELS[MESSAGES], "max_tokens": 90, "messages": said, "tools": [tool]}
            async with client.messages.stream(**asked) as stream:
                streamed = await stream.get_final_message()
            whole = await client.messages.create(**asked)
            assert streamed.stop_reason == whole.stop_reason == "tool_use"
            assert [block.type for block in streamed.content] == [block.type for block in whole.content] == ["text", "tool_use"]
            assert streamed.content[1].input == whole.content[1].input == {"where": "bow"}
            assert streamed.usage.output_tokens == whole.usage.output_tokens
            events = [event.type async for event in await client.messages.create(**asked, stream=True)]
            assert [events[0], events[-1]] == ["message_start", "message_stop"]

    play(story)


def test_the_blocking_sdks(tmp_path: Path) -> None:
    """The blocking clients work as well, whole and streamed, beside each other."""

    def ask_chat(url: str) -> list[str]:
        with openai.OpenAI(base_url=f"{url}/openai/v1", api_key="any") as client:
            asked: dict[str, Any] = {"model": MODELS[CHAT], "messages": wish(answer=TEXT)}
            whole = client.chat.completions.create(**asked).choices[0].message.content
            pieces = [chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**asked, stream=True)]
            return [str(whole), "".join(pieces)]

    def ask_messages(url: str) -> list[str]:
        with anthropic.Anthropic(base_url=f"{url}/anthropic", api_key="any") as client:
            asked: dict[str, Any] = {"model": MODELS[MESSAGES], "max_tokens": 50, "messages": wish(answer=TEXT)}
            with client.messages.stream(**asked) as stream:
                return [client.messages.create(**asked).content[0].text, "".join(stream.text_stream)]

    async def story() -> None:
        async with staged(tmp_path) as stage:
            said = await asyncio.gather(asyncio.to_thread(ask_chat, stage.url), asyncio.to_thread(ask_messages, stage.url))
            assert said == [[TEXT, TEXT], [TEXT, TEXT]]

    play(story)


def test_models_in_both_shapes(tmp_path: Path) -> None:
    """`models.list()` of both SDKs shows the routes and their windows, at the prefixes and at the shared path."""

    async def story() -> None:
        async with staged(tmp_path, QUICK + route(CHAT, "")) as stage:
            for prefix in ("/v1", "/openai/v1"):
                async with chat(stage, prefix) as client:
                    assert [model.id async for model in client.models.list()] == ["r"]
            for prefix in ("", "/anthropic"):
                async with messages(stage, prefix) as other:
                    listed = [model async for model in other.models.list()]
                    assert [(model.id, model.max_input_tokens) for model in listed] == [("r", window_of(CHAT))]

    play(story)


def test_one_model_in_both_shapes(tmp_path: Path) -> None:
    """`models.retrieve()` of both SDKs finds a route, `provider/model` and a bare model; asking often adds none to the fleet."""

    async def story() -> None:
        async with staged(tmp_path, QUICK + route(CHAT, "")) as stage:
            fleet = stage.house.world.fleet.members
            before = len(fleet)
            for prefix in ("/v1", "/openai/v1"):
                async with chat(stage, prefix) as client:
                    for name, owner in (("r", "stormkeel"), ("spare-openai/gpt-5.4", "spare-openai"), ("gpt-5.4", "openai")):
                        found = await client.models.retrieve(name)
                        assert [found.id, found.object, found.owned_by] == [name, "model", owner]
                    for name in ("nothing", "gpt-made-up", "openai/", "r/"):
                        with pytest.raises(openai.NotFoundError) as raised:
                            await client.models.retrieve(name)
                        assert raised.value.code == "model_not_found"
            for prefix in ("", "/anthropic"):
                async with messages(stage, prefix) as other:
                    for name in ("r", "anthropic/claude-sonnet-5", "claude-sonnet-5"):
                        card = await other.models.retrieve(name)
                        assert [card.id, card.type, card.display_name] == [name, "model", name]
                    assert card.max_input_tokens == window_of(MESSAGES)
                    with pytest.raises(anthropic.NotFoundError):
                        await other.models.retrieve("claude-made-up")
            assert len(fleet) == before
            assert stage.sandbox.requests == []

    play(story)


def window_of(dialect: str) -> int | None:
    """The context window of a dialect's model, by the catalog."""
    found = catalog().find(dialect, MODELS[dialect])
    return None if found is None else found.window


CHAT_ERRORS: dict[str, tuple[type[openai.APIStatusError], int]] = {
    "rate_limit:retry_after=30": (openai.RateLimitError, 429),
    "insufficient_quota": (openai.RateLimitError, 429),
    "server_error": (openai.InternalServerError, 500),
    "overloaded": (openai.InternalServerError, 503),
    "bad_credential": (openai.InternalServerError, 502),
    "model_not_found": (openai.NotFoundError, 404),
    "context_length": (openai.BadRequestError, 400),
    "silence": (openai.InternalServerError, 504),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", CHAT_ERRORS)
def test_chat_errors_have_their_class(fault: str, stream: bool, tmp_path: Path) -> None:
    """The SDK raises its own class with status and request id, at the first try: its own retries do not pile up on ours."""

    async def story() -> None:
        expected, status = CHAT_ERRORS[fault]
        async with staged(tmp_path) as stage, chat(stage) as client:
            with pytest.raises(expected) as raised:
                await client.chat.completions.create(
                    model=f"{MODELS[CHAT]}@fault={fault}", messages=wish(answer=TEXT), stream=stream
                )
            assert raised.value.status_code == status
            assert (raised.value.request_id or "").startswith("req_")
            assert raised.value.response.headers["x-should-retry"] == "false"
            assert len(stage.sandbox.requests) == 1
            if fault.startswith("rate_limit"):
                assert 28 <= int(raised.value.response.headers["retry-after"]) <= 31
                assert 28_000 < int(raised.value.response.headers["retry-after-ms"]) <= 31_000

    play(story)


MESSAGE_ERRORS: dict[str, tuple[type[anthropic.APIStatusError], int]] = {
    "rate_limit:retry_after=30": (anthropic.RateLimitError, 429),
    "server_error": (anthropic.InternalServerError, 500),
    "overloaded": (anthropic.OverloadedError, 529),
    "bad_credential": (anthropic.InternalServerError, 502),
    "model_not_found": (anthropic.NotFoundError, 404),
    "context_length": (anthropic.BadRequestError, 400),
    "silence": (anthropic.InternalServerError, 504),
    "reset": (anthropic.InternalServerError, 502),
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("fault", MESSAGE_ERRORS)
def test_message_errors_have_their_class(fault: str, stream: bool, tmp_path: Path) -> None:
    """Anthropic's SDK raises its own class with status and request id, at the first try."""

    async def story() -> None:
        expected, status = MESSAGE_ERRORS[fault]
        async with staged(tmp_path) as stage, messages(stage) as client:
            with pytest.raises(expected) as raised:
                await client.messages.create(
                    model=f"{MODELS[MESSAGES]}@fault={fault}", max_tokens=50, messages=wish(answer=TEXT), stream=stream
                )
            assert raised.value.status_code == status
            assert raised.value.request_id
            assert raised.value.body["type"] == "error"
            assert len(stage.sandbox.requests) == 1

    play(story)


def test_a_broken_stream_raises_in_both_sdks(tmp_path: Path) -> None:
    """A stream that breaks after content raises in the SDK's own way; no SDK takes it for whole."""

    async def story() -> None:
        said = wish(answer=TEXT, fault="cut:at=0.6")
        async with staged(tmp_path) as stage, chat(stage) as client, messages(stage) as other:
            pieces: list[str] = []
            with pytest.raises(openai.APIError):
                await listen(client, said, pieces)
            assert TEXT.startswith("".join(pieces))
            assert "".join(pieces)
            with pytest.raises(anthropic.APIStatusError) as raised:
                await final(other, said)
            assert raised.value.body["type"] == "error"
            assert len(stage.sandbox.requests) == 2

    play(story)


async def listen(client: openai.AsyncOpenAI, said: Any, pieces: list[str]) -> None:
    """Stream a completion and keep its pieces, also where the end is an error."""
    async for chunk in await client.chat.completions.create(model=MODELS[CHAT], messages=said, stream=True):
        pieces.append(chunk.choices[0].delta.content or "")


async def final(client: anthropic.AsyncAnthropic, said: Any) -> None:
    """Stream a message to its end."""
    async with client.messages.stream(model=MODELS[MESSAGES], max_tokens=50, messages=said) as stream:
        await stream.get_final_message()


def test_our_own_refusals_reach_both_sdks(tmp_path: Path) -> None:
    """An unknown model is a NotFoundError with our request id, a tool that only Anthropic runs is told; nothing is sent."""

    async def story() -> None:
        async with staged(tmp_path, QUICK + route(CHAT, "")) as stage, chat(stage) as client, messages(stage) as other:
            with pytest.raises(openai.NotFoundError) as first:
                await client.chat.completions.create(model="gtp-9", messages=wish(answer=TEXT))
            assert first.value.code == "model_not_found"
            with pytest.raises(anthropic.NotFoundError) as second:
                await other.messages.create(model="gtp-9", max_tokens=5, messages=wish(answer=TEXT))
            assert (second.value.request_id or "").startswith("req_")
            search: Any = {"type": "web_search_20260318", "name": "web_search"}
            with pytest.raises(anthropic.UnprocessableEntityError) as third:
                await other.messages.create(model="r", max_tokens=5, messages=wish(answer=TEXT), tools=[search])
            assert "web_search" in str(third.value)
            assert stage.sandbox.requests == []
            assert stage.reserved == []

    play(story)


def test_a_clients_patience_bounds_the_request(tmp_path: Path) -> None:
    """`x-stormkeel-timeout` and the SDK's own read timeout end the request in time, with a 504 in the dialect (INV-10)."""

    async def story() -> None:
        more = QUICK.replace("answer = 0.4", "answer = 5")
        async with staged(tmp_path, more) as stage, chat(stage) as client:
            asked: dict[str, Any] = {"model": f"{MODELS[CHAT]}@fault=silence", "messages": wish(answer=TEXT)}
            start = asyncio.get_running_loop().time()
            with pytest.raises(openai.InternalServerError) as raised:
                await client.chat.completions.create(**asked, extra_headers={"x-stormkeel-timeout": "0.1"})
            took = asyncio.get_running_loop().time() - start
            assert raised.value.status_code == 504
            assert 0.09 <= took < 0.3
            await stage.calm()

    play(story)


PATIENT = QUICK.replace("answer = 0.4", "answer = 9").replace("first_content = 0.4", "first_content = 9").replace("total = 5", "total = 9")


def test_sdks_hear_why_before_their_own_clock_runs_out(tmp_path: Path) -> None:
    """Who gives its SDK two seconds gets a typed 504 in the dialect, not a timeout of the SDK's own (INV-10)."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT) as stage, chat(stage) as client, messages(stage) as other:
            with pytest.raises(openai.InternalServerError) as first:
                await client.with_options(timeout=2.0).chat.completions.create(
                    model=f"{MODELS[CHAT]}@fault=silence", messages=wish(answer=TEXT)
                )
            assert first.value.status_code == 504
            with pytest.raises(anthropic.InternalServerError) as second:
                await other.with_options(timeout=2.0).messages.create(
                    model=f"{MODELS[MESSAGES]}@fault=silence", max_tokens=5, messages=wish(answer=TEXT)
                )
            assert second.value.status_code == 504
            assert {entry.outcome for entry in stage.settled} == {"deadline"}
            await stage.calm()

    play(story)


def test_a_stream_lasts_longer_than_its_sdk_bears_silence(tmp_path: Path) -> None:
    """An SDK that hangs up after 1.2 s without a byte gets a stream whose first token takes three: it is kept alive until then."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT) as stage, chat(stage) as client:
            stream = await client.with_options(timeout=1.2).chat.completions.create(
                model=f"{MODELS[CHAT]}@fault=slow_first_token:seconds=3", messages=wish(answer=TEXT), stream=True
            )
            chunks = [chunk async for chunk in stream]
            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
            assert [entry.outcome for entry in stage.settled] == ["ok"]
            await stage.calm()

    play(story)
