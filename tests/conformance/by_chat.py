"""OpenAI's SDK as a client of chat completions: how it asks, and what its finished object says."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
from asked import PDF as PAPER
from asked import PNG, TOOLS, Ask, Call, Said, Sighting

TITLE = "OpenAI chat completions"
SDK = "openai"
FINISHES = {
    "stop": "stop",
    "length": "length",
    "tools": "tool_calls",
    "stopped": "stop",
    "refusal": "stop",
    "blocked": "content_filter",
}


def open_async(url: str, http: httpx2.AsyncClient) -> openai.AsyncOpenAI:
    """A client of the gateway."""
    return openai.AsyncOpenAI(base_url=f"{url}/openai/v1", api_key="any", max_retries=0, http_client=http)


def open_sync(url: str, http: httpx2.Client) -> openai.OpenAI:
    """The same, blocking."""
    return openai.OpenAI(base_url=f"{url}/openai/v1", api_key="any", max_retries=0, http_client=http)


def turns(ask: Ask) -> list[Any]:
    """What stands before the answer, the wish last."""
    parts: list[Any] = [{"type": "text", "text": ask.words}]
    if ask.picture:
        parts.insert(0, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}})
    if ask.paper:
        parts.insert(0, {"type": "file", "file": {"filename": "chart.pdf", "file_data": f"data:application/pdf;base64,{PAPER}"}})
    return [{"role": "user", "content": parts if len(parts) > 1 else ask.words}]


def remember(done: Any) -> list[Any]:
    """The assistant's turn, as the SDK gives it, but for what its helper adds to calls: it is no field of a request."""
    added = {"parsed": True, "tool_calls": {"__all__": {"index": True, "function": {"parsed_arguments"}}}}
    return [done.choices[0].message.model_dump(mode="json", exclude_unset=True, exclude=added)]


def results(calls: tuple[Call, ...], found: dict[str, str], ask: Ask) -> list[Any]:
    """What the tools found, and what the user says behind it."""
    return [*({"role": "tool", "tool_call_id": call.id, "content": found[call.name]} for call in calls), *turns(ask)]


def body(model: str, ask: Ask, before: list[Any]) -> dict[str, Any]:
    """The arguments of the SDK's method."""
    given: dict[str, Any] = {"model": model, "messages": before}
    if ask.system:
        given["messages"] = [{"role": "system", "content": ask.system}, *before]
    if ask.tools:
        given["tools"] = [
            {"type": "function", "function": {"name": name, "description": "A tool.", "parameters": TOOLS[name]}}
            for name in ask.tools
        ]
    if ask.limit:
        given["max_completion_tokens"] = ask.limit
    if ask.stop:
        given["stop"] = [ask.stop]
    if ask.thinks:
        given["reasoning_effort"] = "medium"
    if ask.form:
        given["response_format"] = Sighting
    return given


async def whole(client: openai.AsyncOpenAI, given: dict[str, Any]) -> Any:
    """Ask for a whole answer."""
    method = client.chat.completions.parse if "response_format" in given else client.chat.completions.create
    return await method(**given)


async def streamed(client: openai.AsyncOpenAI, given: dict[str, Any]) -> Any:
    """Ask by the stream helper."""
    async with client.chat.completions.stream(**given, stream_options={"include_usage": True}) as stream:
        async for _ in stream:
            pass
        return stream.current_completion_snapshot if cuts(stream) else await stream.get_final_completion()


def whole_sync(client: openai.OpenAI, given: dict[str, Any]) -> Any:
    """Ask for a whole answer, blocking."""
    method = client.chat.completions.parse if "response_format" in given else client.chat.completions.create
    return method(**given)


def streamed_sync(client: openai.OpenAI, given: dict[str, Any]) -> Any:
    """Ask by the stream helper, blocking."""
    with client.chat.completions.stream(**given, stream_options={"include_usage": True}) as stream:
        for _ in stream:
            pass
        return stream.current_completion_snapshot if cuts(stream) else stream.get_final_completion()


def cuts(stream: Any) -> bool:
    """Did the answer end early? The helper then raises where its final object is asked for."""
    return stream.current_completion_snapshot.choices[0].finish_reason in {"length", "content_filter"}


def said(done: Any) -> Said:
    """What the finished object says."""
    choice, usage = done.choices[0], done.usage
    message = choice.message
    assert [done.object, message.role, len(done.choices)] == ["chat.completion", "assistant", 1]
    calls = tuple(Call(one.function.name, json.loads(one.function.arguments), one.id) for one in message.tool_calls or ())
    into, out = usage.prompt_tokens_details, usage.completion_tokens_details
    counted = {
        "prompt": usage.prompt_tokens, "completion": usage.completion_tokens, "total": usage.total_tokens,
        "cached": into.cached_tokens or 0, "written": into.cache_write_tokens or 0, "reasoning": out.reasoning_tokens or 0,
    }  # fmt: skip
    return Said(
        message.content or "", calls, choice.finish_reason, counted, done.model,
        getattr(message, "reasoning_content", None) or "", message.refusal or "", getattr(message, "parsed", None),
    )  # fmt: skip


def counted(tokens: Any) -> dict[str, int]:
    """How this dialect counts the sandbox's buckets."""
    return {
        "prompt": tokens.prompt, "completion": tokens.output, "total": tokens.prompt + tokens.output,
        "cached": tokens.cached, "written": tokens.cache_write + tokens.cache_write_1h, "reasoning": tokens.reasoning,
    }  # fmt: skip


def pictured(ask: Ask) -> list[Any]:
    """A tool's result with a picture can't be said in this dialect: its text alone, and the picture from the user."""
    calls = [
        {"id": "call_0", "type": "function", "function": {"name": "look", "arguments": '{"where": "bow", "n": 2}'}},
        {"id": "call_1", "type": "function", "function": {"name": "sound", "arguments": "{}"}},
    ]
    return [
        {"role": "user", "content": "Look and sound."},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_0", "content": "A reef, two miles off."},
        {"role": "tool", "tool_call_id": "call_1", "content": "No bottom."},
        *turns(Ask(wish=ask.wish, mark=ask.mark, picture=True)),
    ]
