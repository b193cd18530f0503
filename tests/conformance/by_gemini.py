"""Google's SDK: how it asks, and what its finished objects say; it has no helper that adds up a stream, so its pieces are kept."""

from __future__ import annotations

import base64
from typing import Any

import httpx2
from asked import PDF, PNG, REEF, SILENCE, TOOLS, Ask, Call, Said, Sighting
from google import genai
from google.genai import types

TITLE = "Gemini"
SDK = "google-genai"
EMPTY = types.Part(text="")
FINISHES = {"stop": "STOP", "length": "MAX_TOKENS", "tools": "STOP", "stopped": "STOP", "refusal": "SAFETY", "blocked": "SAFETY"}


def open_async(url: str, http: httpx2.AsyncClient) -> Any:
    """A client of the gateway."""
    options = types.HttpOptions(base_url=f"{url}/gemini", httpx_async_client=http)
    return genai.Client(api_key="any", http_options=options).aio


def open_sync(url: str, http: httpx2.Client) -> Any:
    """The same, blocking."""
    return genai.Client(api_key="any", http_options=types.HttpOptions(base_url=f"{url}/gemini", httpx_client=http))


def turns(ask: Ask) -> list[Any]:
    """What stands before the answer, the wish last."""
    return [types.Content(role="user", parts=spoken(ask))]


def spoken(ask: Ask) -> list[types.Part]:
    """What the user says."""
    shown = [inline("image/png", PNG)] * ask.picture + [inline("application/pdf", PDF)] * ask.paper
    return [*shown, types.Part.from_text(text=ask.words)]


def inline(kind: str, data: str) -> types.Part:
    """A picture or a document."""
    return types.Part.from_bytes(data=base64.b64decode(data), mime_type=kind)


def remember(done: list[Any]) -> list[Any]:
    """The model's turn. The pieces of a stream are one content: as many as the SDK's own chats make of them are refused by Google, where
    a tool was called (googleapis/go-genai#692)."""
    contents = [chunk.candidates[0].content for chunk in done if chunk.candidates and chunk.candidates[0].content]
    return [types.Content(role="model", parts=[part for one in contents for part in one.parts or () if part != EMPTY])]


def results(calls: tuple[Call, ...], found: dict[str, str], ask: Ask) -> list[Any]:
    """What the tools found, and what the user says behind it."""
    made = [
        types.Part(
            function_response=types.FunctionResponse(id=call.id or None, name=call.name, response={"output": found[call.name]})
        )
        for call in calls
    ]
    return [types.Content(role="user", parts=[*made, *spoken(ask)])]


def pictured(ask: Ask) -> list[Any]:
    """Two calls and their results, a picture among them."""
    signed = b"skip_thought_signature_validator"
    calls = [
        types.Part(function_call=types.FunctionCall(name="look", args={"where": "bow", "n": 2}), thought_signature=signed),
        types.Part(function_call=types.FunctionCall(name="sound", args={})),
    ]
    picture = types.FunctionResponsePart(
        inline_data=types.FunctionResponseBlob(mime_type="image/png", data=base64.b64decode(PNG))
    )
    seen = [
        types.Part(function_response=types.FunctionResponse(name="look", response={"output": REEF}, parts=[picture])),
        types.Part(function_response=types.FunctionResponse(name="sound", response={"output": SILENCE})),
    ]
    return [
        types.Content(role="user", parts=[types.Part.from_text(text="Look and sound.")]),
        types.Content(role="model", parts=calls),
        types.Content(role="user", parts=[*seen, *spoken(ask)]),
    ]


def body(model: str, ask: Ask, before: list[Any]) -> dict[str, Any]:
    """The arguments of the SDK's method."""
    config: dict[str, Any] = {}
    if ask.system:
        config["system_instruction"] = ask.system
    if ask.tools:
        named = [
            types.FunctionDeclaration(name=name, description="A tool.", parameters_json_schema=TOOLS[name]) for name in ask.tools
        ]
        config["tools"] = [types.Tool(function_declarations=named)]
    if ask.limit:
        config["max_output_tokens"] = ask.limit
    if ask.stop:
        config["stop_sequences"] = [ask.stop]
    if ask.thinks:
        config["thinking_config"] = types.ThinkingConfig(include_thoughts=True, thinking_level=types.ThinkingLevel.MEDIUM)
    if ask.form:
        config |= {"response_mime_type": "application/json", "response_schema": Sighting}
    return {"model": model, "contents": before, "config": types.GenerateContentConfig(**config)}


async def whole(client: Any, given: dict[str, Any]) -> Any:
    """Ask for a whole answer."""
    return [await client.models.generate_content(**given)]


async def streamed(client: Any, given: dict[str, Any]) -> Any:
    """Ask for a stream."""
    return [chunk async for chunk in await client.models.generate_content_stream(**given)]


def whole_sync(client: Any, given: dict[str, Any]) -> Any:
    """Ask for a whole answer, blocking."""
    return [client.models.generate_content(**given)]


def streamed_sync(client: Any, given: dict[str, Any]) -> Any:
    """Ask for a stream, blocking."""
    return list(client.models.generate_content_stream(**given))


def said(done: list[Any]) -> Said:
    """What the finished objects say together."""
    candidates = [chunk.candidates[0] for chunk in done if chunk.candidates]
    parts = [part for one in candidates if one.content for part in one.content.parts or ()]
    reasons = [one.finish_reason for one in candidates if one.finish_reason]
    blocked = [chunk.prompt_feedback.block_reason for chunk in done if chunk.prompt_feedback]
    assert len(reasons) + len(blocked) == 1, f"ended {len(reasons)} times, blocked {len(blocked)} times"
    usage = done[-1].usage_metadata
    counted = {
        "prompt": usage.prompt_token_count or 0, "candidates": usage.candidates_token_count or 0,
        "total": usage.total_token_count or 0, "cached": usage.cached_content_token_count or 0,
        "thoughts": usage.thoughts_token_count or 0,
    }  # fmt: skip
    made = [part.function_call for part in parts if part.function_call]
    return Said(
        "".join(part.text for part in parts if part.text and not part.thought),
        tuple(Call(one.name, one.args or {}, one.id or "") for one in made), (reasons or blocked)[0].value, counted, done[-1].model_version,
        "".join(part.text for part in parts if part.text and part.thought), "", done[0].parsed if len(done) == 1 else None,
    )  # fmt: skip


def counted(tokens: Any) -> dict[str, int]:
    """How this dialect counts the sandbox's buckets."""
    return {
        "prompt": tokens.prompt, "candidates": tokens.output - tokens.reasoning, "total": tokens.prompt + tokens.output,
        "cached": tokens.cached, "thoughts": tokens.reasoning,
    }  # fmt: skip
