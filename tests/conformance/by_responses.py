"""OpenAI's SDK as a client of responses: how it asks, and what its finished object says."""

from __future__ import annotations

import json
from typing import Any

import openai
from asked import PDF, PNG, REEF, SILENCE, TOOLS, Ask, Call, Said, Sighting
from by_chat import open_async, open_sync

__all__ = ["open_async", "open_sync"]

TITLE = "OpenAI responses"
SDK = "openai"
FINISHES = {
    "stop": "completed", "length": "incomplete: max_output_tokens", "tools": "completed", "stopped": "completed",
    "refusal": "completed", "blocked": "incomplete: content_filter",
}  # fmt: skip


def turns(ask: Ask) -> list[Any]:
    """What stands before the answer, the wish last."""
    parts: list[Any] = [{"type": "input_text", "text": ask.words}]
    if ask.picture:
        parts.insert(0, picture())
    if ask.paper:
        parts.insert(0, {"type": "input_file", "filename": "chart.pdf", "file_data": f"data:application/pdf;base64,{PDF}"})
    return [{"role": "user", "content": parts if len(parts) > 1 else ask.words}]


def picture() -> dict[str, Any]:
    """A picture."""
    return {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"}


def remember(done: Any) -> list[Any]:
    """The assistant's items, as the SDK gives them."""
    return list(done.output)


def results(calls: tuple[Call, ...], found: dict[str, str], ask: Ask) -> list[Any]:
    """What the tools found, and what the user says behind it."""
    outputs = [{"type": "function_call_output", "call_id": call.id, "output": found[call.name]} for call in calls]
    return [*outputs, *turns(ask)]


def pictured(ask: Ask) -> list[Any]:
    """Two calls and their results, a picture among them."""
    return [
        {"role": "user", "content": "Look and sound."},
        {"type": "function_call", "call_id": "call_0", "name": "look", "arguments": '{"where": "bow", "n": 2}'},
        {"type": "function_call", "call_id": "call_1", "name": "sound", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_0", "output": [{"type": "input_text", "text": REEF}, picture()]},
        {"type": "function_call_output", "call_id": "call_1", "output": SILENCE},
        *turns(ask),
    ]


def body(model: str, ask: Ask, before: list[Any]) -> dict[str, Any]:
    """The arguments of the SDK's method; nothing is kept at the provider."""
    given: dict[str, Any] = {"model": model, "input": before, "store": False}
    if ask.system:
        given["instructions"] = ask.system
    if ask.tools:
        given["tools"] = [
            {"type": "function", "name": name, "description": "A tool.", "parameters": TOOLS[name], "strict": False}
            for name in ask.tools
        ]
    if ask.limit:
        given["max_output_tokens"] = ask.limit
    if ask.thinks:
        given |= {"reasoning": {"effort": "medium", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    if ask.form:
        given["text_format"] = Sighting
    return given


async def whole(client: openai.AsyncOpenAI, given: dict[str, Any]) -> Any:
    """Ask for a whole answer."""
    method = client.responses.parse if "text_format" in given else client.responses.create
    return await method(**given)


async def streamed(client: openai.AsyncOpenAI, given: dict[str, Any]) -> Any:
    """Ask by the stream helper; an answer that ends early is told by its last event."""
    last: Any = None
    async with client.responses.stream(**given) as stream:
        async for event in stream:
            last = event
    return last.response


def whole_sync(client: openai.OpenAI, given: dict[str, Any]) -> Any:
    """Ask for a whole answer, blocking."""
    method = client.responses.parse if "text_format" in given else client.responses.create
    return method(**given)


def streamed_sync(client: openai.OpenAI, given: dict[str, Any]) -> Any:
    """Ask by the stream helper, blocking."""
    last: Any = None
    with client.responses.stream(**given) as stream:
        for event in stream:
            last = event
    return last.response


def said(done: Any) -> Said:
    """What the finished object says."""
    parts = [part for item in done.output if item.type == "message" for part in item.content]
    thoughts = [one.text for item in done.output if item.type == "reasoning" for one in item.summary]
    made = [item for item in done.output if item.type == "function_call"]
    assert done.object == "response"
    assert len({item.id for item in done.output}) == len(done.output), "an item's id stands twice"
    assert not {item.id for item in made} & {item.call_id for item in made}, "an item's id is its call's"
    usage = done.usage
    counted = {
        "prompt": usage.input_tokens, "completion": usage.output_tokens, "total": usage.total_tokens,
        "cached": usage.input_tokens_details.cached_tokens, "written": usage.input_tokens_details.cache_write_tokens,
        "reasoning": usage.output_tokens_details.reasoning_tokens,
    }  # fmt: skip
    reason = f": {done.incomplete_details.reason}" if done.incomplete_details else ""
    return Said(
        "".join(part.text for part in parts if part.type == "output_text"),
        tuple(Call(item.name, json.loads(item.arguments), item.call_id) for item in made),
        done.status + reason, counted, done.model, "\n\n".join(thoughts),
        "".join(part.refusal for part in parts if part.type == "refusal"), getattr(done, "output_parsed", None),
    )  # fmt: skip


def counted(tokens: Any) -> dict[str, int]:
    """How this dialect counts the sandbox's buckets."""
    return {
        "prompt": tokens.prompt, "completion": tokens.output, "total": tokens.prompt + tokens.output,
        "cached": tokens.cached, "written": tokens.cache_write + tokens.cache_write_1h, "reasoning": tokens.reasoning,
    }  # fmt: skip
