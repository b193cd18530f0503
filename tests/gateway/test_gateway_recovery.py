"""Streams that break off behind their commit point and are gone on with, over sockets, by the official SDKs' stream helpers.

The SDKs judge: each puts an answer together from what it is sent, and refuses what its dialect would not say.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import product
from pathlib import Path
from typing import NamedTuple

import anthropic
import openai
import pytest
from gateway_stage import CHAT, MESSAGES, Stage, configuration, play, staged
from google import genai
from google.genai import types

SAID = "The wind has dropped to a whisper and the sea lies still as a pond in the morning."
REST = " lies still as a pond in the morning."
"""What a model says that goes on with a turn; the others repeat all of it, as models do that are asked in words."""
MODELS = {CHAT: "gpt-5.4-mini", MESSAGES: "claude-haiku-4-5", "gemini": "gemini-2.5-flash"}
NEW = {CHAT: "gpt-5.4-nano", MESSAGES: "claude-sonnet-5", "gemini": "gemini-3.8-flash"}


class Told(NamedTuple):
    """What an SDK made of a stream: the text, the models it was told, and why it ended."""

    text: str
    model: str
    finish: str
    output_tokens: int


async def by_chat(stage: Stage, model: str, headers: dict[str, str] | None = None) -> Told:
    """Ask by OpenAI's helper for chat streams."""
    async with openai.AsyncOpenAI(base_url=f"{stage.url}/openai/v1", api_key="any", max_retries=0) as client:
        said = [{"role": "user", "content": "How is the wind?"}]
        wishes = {"stream_options": {"include_usage": True}, "max_completion_tokens": 300}
        async with client.chat.completions.stream(model=model, messages=said, extra_headers=headers, **wishes) as stream:
            got = await stream.get_final_completion()
        choice = got.choices[0]
        return Told(choice.message.content or "", got.model, choice.finish_reason, got.usage.completion_tokens)


async def by_responses(stage: Stage, model: str) -> Told:
    """Ask by OpenAI's helper for responses, which compares ids, numbers and texts."""
    async with openai.AsyncOpenAI(base_url=f"{stage.url}/openai/v1", api_key="any", max_retries=0) as client:
        async with client.responses.stream(model=model, input="How is the wind?", max_output_tokens=300) as stream:
            numbers = [event.sequence_number async for event in stream]
            got = await stream.get_final_response()
        assert numbers == sorted(set(numbers))
        return Told(got.output_text, got.model, got.status, got.usage.output_tokens)


async def by_messages(stage: Stage, model: str) -> Told:
    """Ask by Anthropic's helper."""
    async with anthropic.AsyncAnthropic(base_url=f"{stage.url}/anthropic", api_key="any", max_retries=0) as client:
        said = [{"role": "user", "content": "How is the wind?"}]
        async with client.messages.stream(model=model, messages=said, max_tokens=300) as stream:
            got = await stream.get_final_message()
        assert [block.type for block in got.content] == ["text"]
        return Told(got.content[0].text, got.model, got.stop_reason, got.usage.output_tokens)


async def by_gemini(stage: Stage, model: str) -> Told:
    """Ask by Google's SDK, which takes a comment for an error."""
    async with genai.Client(api_key="any", http_options=types.HttpOptions(base_url=f"{stage.url}/gemini")).aio as client:
        pieces = [piece async for piece in await client.models.generate_content_stream(model=model, contents="How is the wind?")]
        last = pieces[-1]
        text = "".join(piece.text or "" for piece in pieces)
        return Told(text, last.model_version, last.candidates[0].finish_reason.name, last.usage_metadata.candidates_token_count)


Ask = Callable[[Stage, str], Awaitable[Told]]
SDKS: dict[str, tuple[Ask, str]] = {
    "chat": (by_chat, CHAT), "responses": (by_responses, CHAT), "messages": (by_messages, MESSAGES), "gemini": (by_gemini, "gemini"),
}  # fmt: skip
ENDS = {"chat": "stop", "responses": "completed", "messages": "end_turn", "gemini": "STOP"}


def written(folder: Path, recovery: str, first: str, second: str) -> Callable[[str], Path]:
    """Write a configuration: the first provider's stream is cut, and the second one goes on with it."""

    def write(url: str) -> Path:
        said = configuration(url, folder, "")
        (folder / "gemini.key").write_text("sk-CANARYgemini0123456789")
        for name in ("gemini", "spare-gemini"):
            said += f'[providers.{name}]\nkind = "gemini"\nbase_url = "{url}/v1beta"\n'
            said += f'credentials = {{ main = "file:{folder}/gemini.key" }}\n'
        rest = REST if recovery == "continue" and second == "gemini" else SAID
        groups = f'[["{first}/{MODELS[first]}@answer={SAID},fault=cut:at=0.5"], ["spare-{second}/{NEW[second]}@answer={rest}"]]'
        said += f'[policies.retry]\nattempts = 1\n[routes.r]\nrecovery = "{recovery}"\ngroups = {groups}\n'
        path = folder / "stormkeel.toml"
        path.write_text(said)
        return path

    return write


OTHER = {CHAT: MESSAGES, MESSAGES: "gemini", "gemini": CHAT}


@pytest.mark.parametrize(("recovery", "sdk", "across"), [*product(["restart", "continue"], SDKS, [False, True])])
def test_a_stream_that_is_gone_on_with(recovery: str, sdk: str, across: bool, tmp_path: Path) -> None:
    """The SDK makes one whole answer of two halves, whoever speaks upstream; the sandbox's bill and the ledger agree on both."""
    ask, first = SDKS[sdk]
    second = OTHER[first] if across else first

    async def story() -> None:
        async with staged(tmp_path, written=written(tmp_path, recovery, first, second)) as stage:
            got = await ask(stage, "r")
            assert got.finish == ENDS[sdk]
            assert got.text.startswith("The wind has dropped")
            assert got.text.endswith(REST)
            if recovery == "restart" or second != "gemini":
                assert got.text == SAID
            if sdk in ("responses", "gemini"):  # the other two tell it once, at the beginning
                assert got.model.startswith(NEW[second])
            await stage.calm()
            assert [entry.outcome for entry in stage.settled] == ["truncated", "ok"]
            assert got.output_tokens == sum(entry.usage.total_output for entry in stage.settled)
            assert len(stage.sandbox.bill()) == 2

    play(story)


def test_a_request_asks_for_it_by_a_header(tmp_path: Path) -> None:
    """`x-stormkeel-recovery` and `x-stormkeel-commit` stand in place of the route's words; nonsense in them changes nothing."""

    async def story() -> None:
        async with staged(tmp_path, written=written(tmp_path, "error", CHAT, CHAT)) as stage:
            for headers in ({"x-stormkeel-recovery": "restart"}, {"x-stormkeel-commit": "complete"}):
                assert (await by_chat(stage, "r", headers)).text == SAID
            for odd in ({"x-stormkeel-recovery": "always"}, {"x-stormkeel-commit": "tokens:none"}, {}):
                with pytest.raises(openai.APIError, match="connection closed inside the body"):
                    await by_chat(stage, "r", odd)
            await stage.calm()

    play(story)
