"""The drivers: the official SDKs, unmodified, ask one request each and tell what came of it.

Never retries by itself and never looks behind the SDK: an answer is what the SDK hands out, an error what it raises.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from .storm import CHAT, MESSAGES, Ask

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic
    from openai import AsyncOpenAI

LONGEST_ANSWER = 600  # tokens
KEY = "sk-demo-0123456789abcdef"


class Door(msgspec.Struct, frozen=True):
    """Where an arm's SDKs ask, and how.

    Attributes:
        openai, anthropic: base URLs.
        retries: the SDK's own.
        timeout: the SDK's own, in seconds.
    """

    openai: str
    anthropic: str
    retries: int
    timeout: float


class Outcome(msgspec.Struct, frozen=True):
    """What an SDK's caller got.

    Attributes:
        ask: what was asked.
        text: the text that came, whole or not.
        error: the class of the exception the SDK raised, "" for none.
        started: Unix seconds.
        seconds: from asking to the last byte or the exception.
    """

    ask: Ask
    text: str
    error: str
    started: float
    seconds: float

    @property
    def answered(self) -> bool:
        """Did the whole answer come, without an error?"""
        return not self.error and self.text == self.ask.answer

    @property
    def silent(self) -> bool:
        """Is the answer wrong or cut short, and nobody said so?"""
        return not self.error and self.text != self.ask.answer


async def drive(door: Door, asks: Iterable[Ask], begin: Callable[[], Awaitable[None]], done: Callable[[], None]) -> list[Outcome]:
    """Ask everything on schedule.

    Args:
        door: where, and how.
        asks: what.
        begin: is awaited when the SDKs are ready, right before the first request.
        done: is called after each request.
    """
    async with _sdks(door) as (chat, messages):
        await begin()
        start = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_one(chat, messages, ask, start, done)) for ask in asks]
    return [task.result() for task in tasks]


@asynccontextmanager
async def _sdks(door: Door) -> AsyncIterator[tuple[AsyncOpenAI, AsyncAnthropic]]:
    import anthropic
    import openai

    async with (
        openai.AsyncOpenAI(api_key=KEY, base_url=door.openai, max_retries=door.retries, timeout=door.timeout) as chat,
        anthropic.AsyncAnthropic(
            api_key=KEY, base_url=door.anthropic, max_retries=door.retries, timeout=door.timeout
        ) as messages,
    ):
        yield chat, messages


async def _one(chat: AsyncOpenAI, messages: AsyncAnthropic, ask: Ask, start: float, done: Callable[[], None]) -> Outcome:
    await asyncio.sleep(start + ask.at - asyncio.get_running_loop().time())
    started, before, error = time.time(), time.perf_counter(), ""
    parts: list[str] = []
    texts = _messages_texts(messages, ask) if ask.anthropic else _chat_texts(chat, ask)
    try:
        async for text in texts:
            parts.append(text)
    except Exception as fault:  # noqa: BLE001 - whatever the SDK raises is what it tells its caller
        error = type(fault).__name__
    seconds = time.perf_counter() - before
    done()
    return Outcome(ask, "".join(parts), error, started, seconds)


async def _chat_texts(client: AsyncOpenAI, ask: Ask) -> AsyncIterator[str]:
    """Yield the texts of OpenAI's answer as they come."""
    create = client.chat.completions.create
    task = {"x-stormkeel-task": str(ask.number)}
    if not ask.streamed:
        whole = await create(
            model=CHAT,
            messages=[{"role": "user", "content": ask.prompt}],
            max_completion_tokens=LONGEST_ANSWER,
            extra_headers=task,
        )
        yield whole.choices[0].message.content or ""
        return
    stream = await create(
        model=CHAT,
        messages=[{"role": "user", "content": ask.prompt}],
        max_completion_tokens=LONGEST_ANSWER,
        stream=True,
        stream_options={"include_usage": True},
        extra_headers=task,
    )
    async for event in stream:
        for choice in event.choices:
            yield choice.delta.content or ""


async def _messages_texts(client: AsyncAnthropic, ask: Ask) -> AsyncIterator[str]:
    """Yield the texts of Anthropic's answer as they come."""
    create = client.messages.create
    task = {"x-stormkeel-task": str(ask.number)}
    if not ask.streamed:
        whole = await create(
            model=MESSAGES,
            messages=[{"role": "user", "content": ask.prompt}],
            max_tokens=LONGEST_ANSWER,
            extra_headers=task,
        )
        for block in whole.content:
            yield block.text if block.type == "text" else ""
        return
    stream = await create(
        model=MESSAGES,
        messages=[{"role": "user", "content": ask.prompt}],
        max_tokens=LONGEST_ANSWER,
        stream=True,
        extra_headers=task,
    )
    async for event in stream:
        if event.type == "content_block_delta" and event.delta.type == "text_delta":
            yield event.delta.text
