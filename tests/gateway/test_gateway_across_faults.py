"""What goes wrong at a provider of the other dialect: the class that the SDK raises, its hints, and the money are those of its own."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from gateway_stage import CHAT, MESSAGES, QUICK, Stage, play, staged

POLICY = QUICK.replace("0.4", "9")
MODELS = {CHAT: "gpt-5.4-mini", MESSAGES: "claude-sonnet-4-6"}
TEXT = "The sea is calm today, and so are we all."
FAULTS = (
    "rate_limit", "rate_limit_date", "rate_limit_ms", "insufficient_quota", "server_error", "overloaded", "bad_credential", "permission",
    "model_not_found", "context_length", "html_error", "eof", "cut", "cut_clean", "malformed",
)  # fmt: skip
each_client = pytest.mark.parametrize("client", [CHAT, MESSAGES])
each_way = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
each_provider = pytest.mark.parametrize("provider", [CHAT, MESSAGES])


async def ask(stage: Stage, client: str, provider: str, streamed: bool, **wishes: Any) -> str:
    """Ask by a client's SDK; return the text."""
    turns: Any = [{"role": "user", "content": "Hello\nsandbox: " + json.dumps({"answer": TEXT, **wishes})}]
    text = ""
    if client == CHAT:
        async with openai.AsyncOpenAI(base_url=f"{stage.url}/openai/v1", api_key="x", max_retries=0) as sdk:
            if not streamed:
                whole = await sdk.chat.completions.create(model=MODELS[provider], messages=turns, max_completion_tokens=200)
                return whole.choices[0].message.content or ""
            async for chunk in await sdk.chat.completions.create(
                model=MODELS[provider], messages=turns, max_completion_tokens=200, stream=True
            ):
                text += "".join(choice.delta.content or "" for choice in chunk.choices)
        return text
    async with anthropic.AsyncAnthropic(base_url=f"{stage.url}/anthropic", api_key="x", max_retries=0) as sdk:
        if not streamed:
            return (await sdk.messages.create(model=MODELS[provider], messages=turns, max_tokens=200)).content[0].text
        async for event in await sdk.messages.create(model=MODELS[provider], messages=turns, max_tokens=200, stream=True):
            text += event.delta.text if event.type == "content_block_delta" else ""
    return text


async def failed(folder: Path, client: str, provider: str, streamed: bool, fault: str) -> tuple[str, str | None, str | None]:
    """Ask a provider that fails; return the class that the SDK raises, and what it is told of coming back."""
    async with staged(folder, POLICY) as stage:
        with pytest.raises((openai.APIError, anthropic.APIError)) as caught:
            await ask(stage, client, provider, streamed, fault=fault)
        await stage.calm()
        response = getattr(caught.value, "response", None)
        headers = {} if response is None else response.headers
        return type(caught.value).__name__, headers.get("x-should-retry"), headers.get("retry-after")


@pytest.mark.parametrize("fault", FAULTS)
@each_way
@each_client
def test_a_fault_across_is_told_as_at_home(client: str, streamed: bool, fault: str, tmp_path: Path) -> None:
    """Whichever provider fails, the SDK raises the same class, and is told the same of coming back."""

    async def story() -> None:
        told = [await failed(tmp_path, client, provider, streamed, fault) for provider in (CHAT, MESSAGES)]
        assert told[0] == told[1]
        assert told[0][1] in ("false", None if streamed else "false")

    play(story, 30)


@pytest.mark.parametrize("usage", [
    {"input": 1100, "cached": 500, "cache_write": 400, "output": 90, "reasoning": 20},
    {"input": 7, "output": 9},
    {"input": 0, "cached": 12, "output": 1},
])  # fmt: skip
@each_way
@each_client
@each_provider
def test_what_a_crossing_costs_is_what_is_billed(provider: str, client: str, streamed: bool, usage: Any, tmp_path: Path) -> None:
    """The ledger's amount is the sandbox's own bill to the nano-dollar, cached, written and reasoning tokens included (WIRE, usage)."""

    async def story() -> None:
        async with staged(tmp_path, POLICY) as stage:
            assert await ask(stage, client, provider, streamed, usage=usage) == TEXT
            await stage.calm()
            await stage.sandbox.quiet()
            (row,), (entry,) = stage.sandbox.bill(), stage.settled
            assert entry.usage_source == "provider"
            assert row.cost is not None
            assert abs(Fraction(entry.amount or 0, 10**9) - row.cost) < Fraction(1, 10**9)

    play(story, 30)
