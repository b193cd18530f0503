"""The client: the official OpenAI SDK, unmodified. It asks one request and tells what its caller would see.

Never retries by itself and never looks behind the SDK.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from .evidence import Seen
from .scenario import PLAIN, Asks

if TYPE_CHECKING:
    from openai import AsyncOpenAI

KEY = "sk-storm-client-0123456789"


class Manner(msgspec.Struct, frozen=True):
    """How a gateway wants to be asked, where it needs more than an address.

    Attributes:
        model: what stands for "storm" in the names of models.
        headers: to send with each request.
        body: fields to put into each request's body.
    """

    model: str = PLAIN
    headers: Mapping[str, str] = {}
    body: Mapping[str, Any] = {}


def prompt(asks: Asks, number: int) -> str:
    """What request `number` asks: its number, so that an arrival is known again, and what is wished for, if anything is."""
    wish = f"\nsandbox: {msgspec.json.encode(asks.wishes).decode()}" if asks.wishes else ""
    return f"Request {number}: what is the weather like at sea?{wish}"


def is_streamed(asks: Asks, number: int) -> bool:
    """Is request `number` asked as a stream?"""
    return number % 2 == 0 if asks.stream is None else asks.stream


def client() -> AsyncOpenAI:
    """The SDK as anybody would make it; its timeout is its own (600 s). Where it asks, and how often, is for each run to say."""
    import openai

    return openai.AsyncOpenAI(api_key=KEY, base_url="http://127.0.0.1/v1", max_retries=0)


async def ask(sdk: AsyncOpenAI, asks: Asks, number: int, start: float, body: Mapping[str, Any] | None = None) -> Seen:
    """Ask request `number`; whatever the SDK raises is what its caller sees. `start` is a moment of the loop's clock."""
    now = asyncio.get_running_loop().time
    began = now()
    answer = _Answer()
    error: Exception | None = None
    try:
        await (_stream if is_streamed(asks, number) else _whole)(sdk, asks, number, answer, body or None)
    except Exception as fault:
        error = fault
    return answer.seen(number, began - start, now() - began, error)


class _Answer:
    """An answer as it comes."""

    def __init__(self) -> None:
        self.text = ""
        self.finish = ""
        self.models: list[str] = []
        self.usage: tuple[int, int] | None = None

    def take(self, choices: Iterable[tuple[str | None, str | None]], model: str, usage: Any) -> None:
        """Take the texts and finish reasons of an event, or of the whole."""
        for text, finish in choices:
            self.text += text or ""
            self.finish = finish or self.finish
        if model and model not in self.models:
            self.models.append(model)
        if usage is not None:
            self.usage = (usage.prompt_tokens, usage.completion_tokens)

    def seen(self, number: int, at: float, seconds: float, error: Exception | None) -> Seen:
        """Return what the caller saw."""
        model = ", ".join(self.models)
        if error is None:
            return Seen(number, at, seconds, self.text, self.finish, model, self.usage)
        told = (getattr(error, "code", None), getattr(error, "type", None), str(error))
        return Seen(
            number, at, seconds, self.text, self.finish, model, self.usage, type(error).__name__,
            getattr(error, "status_code", 0), " ".join(str(one) for one in told if one),
        )  # fmt: skip


async def _whole(sdk: AsyncOpenAI, asks: Asks, number: int, answer: _Answer, body: object) -> None:
    got = await sdk.chat.completions.create(
        model=asks.model, messages=[{"role": "user", "content": prompt(asks, number)}], extra_body=body
    )
    answer.take([(one.message.content, one.finish_reason) for one in got.choices], got.model, got.usage)


async def _stream(sdk: AsyncOpenAI, asks: Asks, number: int, answer: _Answer, body: object) -> None:
    events = await sdk.chat.completions.create(
        model=asks.model,
        messages=[{"role": "user", "content": prompt(asks, number)}],
        stream=True,
        stream_options={"include_usage": True},
        extra_body=body,
    )
    async for event in events:
        answer.take([(one.delta.content, one.finish_reason) for one in event.choices], event.model, event.usage)
