"""Anthropic's SDK: how it asks, and what its finished object says."""

from __future__ import annotations

from typing import Any

import anthropic
import httpx2
from asked import PDF, PNG, REEF, SILENCE, TOOLS, Ask, Call, Said, Sighting

TITLE = "Anthropic messages"
SDK = "anthropic"
FINISHES = {
    "stop": "end_turn", "length": "max_tokens", "tools": "tool_use", "stopped": "stop_sequence", "refusal": "refusal", "blocked": "refusal",
}  # fmt: skip
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
PAPER = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}


def open_async(url: str, http: httpx2.AsyncClient) -> anthropic.AsyncAnthropic:
    """A client of the gateway."""
    return anthropic.AsyncAnthropic(base_url=f"{url}/anthropic", api_key="any", max_retries=0, http_client=http)


def open_sync(url: str, http: httpx2.Client) -> anthropic.Anthropic:
    """The same, blocking."""
    return anthropic.Anthropic(base_url=f"{url}/anthropic", api_key="any", max_retries=0, http_client=http)


def turns(ask: Ask) -> list[Any]:
    """What stands before the answer, the wish last."""
    return [{"role": "user", "content": blocks(ask)}]


def blocks(ask: Ask) -> list[Any]:
    """What the user says."""
    shown = [PICTURE] * ask.picture + [PAPER] * ask.paper
    return [*shown, {"type": "text", "text": ask.words}]


def remember(done: Any) -> list[Any]:
    """The assistant's turn, as the SDK gives it."""
    return [{"role": "assistant", "content": done.content}]


def results(calls: tuple[Call, ...], found: dict[str, str], ask: Ask) -> list[Any]:
    """What the tools found, and what the user says behind it."""
    made = [{"type": "tool_result", "tool_use_id": call.id, "content": found[call.name]} for call in calls]
    return [{"role": "user", "content": [*made, *blocks(ask)]}]


def pictured(ask: Ask) -> list[Any]:
    """Two calls and their results, a picture among them."""
    calls = [
        {"type": "tool_use", "id": "toolu_0", "name": "look", "input": {"where": "bow", "n": 2}},
        {"type": "tool_use", "id": "toolu_1", "name": "sound", "input": {}},
    ]
    seen = [
        {"type": "tool_result", "tool_use_id": "toolu_0", "content": [{"type": "text", "text": REEF}, PICTURE]},
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": SILENCE},
    ]
    return [
        {"role": "user", "content": "Look and sound."},
        {"role": "assistant", "content": calls},
        {"role": "user", "content": [*seen, *blocks(ask)]},
    ]


def body(model: str, ask: Ask, before: list[Any]) -> dict[str, Any]:
    """The arguments of the SDK's method."""
    given: dict[str, Any] = {"model": model, "max_tokens": ask.limit or 5000, "messages": before}
    if ask.system:
        given["system"] = ask.system
    if ask.tools:
        given["tools"] = [{"name": name, "description": "A tool.", "input_schema": TOOLS[name]} for name in ask.tools]
    if ask.stop:
        given["stop_sequences"] = [ask.stop]
    if ask.thinks:
        given |= {"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}
    if ask.form:
        given["output_format"] = Sighting
    return given


async def whole(client: anthropic.AsyncAnthropic, given: dict[str, Any]) -> Any:
    """Ask for a whole answer."""
    return await (client.messages.parse if "output_format" in given else client.messages.create)(**given)


async def streamed(client: anthropic.AsyncAnthropic, given: dict[str, Any]) -> Any:
    """Ask by the stream helper."""
    async with client.messages.stream(**given) as stream:
        return await stream.get_final_message()


def whole_sync(client: anthropic.Anthropic, given: dict[str, Any]) -> Any:
    """Ask for a whole answer, blocking."""
    return (client.messages.parse if "output_format" in given else client.messages.create)(**given)


def streamed_sync(client: anthropic.Anthropic, given: dict[str, Any]) -> Any:
    """Ask by the stream helper, blocking."""
    with client.messages.stream(**given) as stream:
        return stream.get_final_message()


def said(done: Any) -> Said:
    """What the finished object says."""
    assert [done.type, done.role] == ["message", "assistant"]
    usage, details = done.usage, done.stop_details
    written = usage.cache_creation
    counted = {
        "input": usage.input_tokens, "output": usage.output_tokens, "read": usage.cache_read_input_tokens or 0,
        "written": usage.cache_creation_input_tokens or 0, "written_1h": written.ephemeral_1h_input_tokens if written else 0,
        "thinking": usage.output_tokens_details.thinking_tokens if usage.output_tokens_details else 0,
    }  # fmt: skip
    return Said(
        "".join(block.text for block in done.content if block.type == "text"),
        tuple(Call(block.name, block.input, block.id) for block in done.content if block.type == "tool_use"),
        done.stop_reason, counted, done.model, "".join(block.thinking for block in done.content if block.type == "thinking"),
        (details.explanation or "") if details else "", getattr(done, "parsed_output", None),
    )  # fmt: skip


def counted(tokens: Any) -> dict[str, int]:
    """How this dialect counts the sandbox's buckets."""
    return {
        "input": tokens.input, "output": tokens.output, "read": tokens.cached, "written": tokens.cache_write + tokens.cache_write_1h,
        "written_1h": tokens.cache_write_1h, "thinking": tokens.reasoning,
    }  # fmt: skip
