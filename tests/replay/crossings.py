"""What the replays across dialects share: the rows of each dialect, models to ask, strict services, SDK types, and plain readers.

Never uses a codec of ours to find out what an answer says: `said` and `said_in_stream` read the wire themselves, as judges.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import recordings as source
from anthropic.types import Message as AnthropicMessage
from anthropic.types import RawMessageStreamEvent
from google.genai.types import GenerateContentResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response as OpenAIResponse
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from stormkeel.assemble import DIALECTS, abilities, catalog
from stormkeel.dialects.gemini.call import call_of
from stormkeel.dialects.values import Target
from stormkeel.sandbox.anthropic import reading as strict_messages
from stormkeel.sandbox.gemini import reading as strict_gemini
from stormkeel.sandbox.line import Inbound
from stormkeel.sandbox.openai import reading as strict_chat
from stormkeel.sandbox.responses import reading as strict_responses
from stormkeel.sandbox.responses.shelf import Shelf
from stormkeel.types.failure import Failure
from stormkeel.types.request import Request

CHAT, RESPONSES, MESSAGES, GEMINI = "openai_chat", "openai_responses", "anthropic_messages", "gemini"
FILES = {CHAT: (CHAT,), RESPONSES: (RESPONSES,), MESSAGES: (MESSAGES,), GEMINI: ("gemini_generate", "gemini_stream")}
MODELS = {
    CHAT: ("openai", "gpt-5.4-mini"), RESPONSES: ("openai", "gpt-5.4-mini"), MESSAGES: ("anthropic", "claude-sonnet-4-6"),
    GEMINI: ("google", "gemini-3-flash-preview"),
}  # fmt: skip
PAIRS = [(client, upstream) for client in FILES for upstream in FILES if client != upstream]
HEADERS = (("content-type", "application/json"), ("anthropic-version", "2023-06-01"), ("authorization", "Bearer sk-x"))
WHOLE: dict[str, TypeAdapter[Any]] = {
    CHAT: TypeAdapter(ChatCompletion), RESPONSES: TypeAdapter(OpenAIResponse), MESSAGES: TypeAdapter(AnthropicMessage),
    GEMINI: TypeAdapter(GenerateContentResponse),
}  # fmt: skip
EVENT: dict[str, TypeAdapter[Any]] = {
    CHAT: TypeAdapter(ChatCompletionChunk), RESPONSES: TypeAdapter(ResponseStreamEvent), MESSAGES: TypeAdapter(RawMessageStreamEvent),
    GEMINI: TypeAdapter(GenerateContentResponse),
}  # fmt: skip
"""What the client's SDK makes of an answer, and of one event of a stream."""


def rows(dialect: str) -> list[dict[str, Any]]:
    """The recorded exchanges of a dialect that have a prompt, whole and streamed."""
    return [row for file in FILES[dialect] for row in source.recordings(file)]


def streams(dialect: str) -> list[bytes]:
    """The recorded streams of a dialect."""
    return [stream for file in FILES[dialect] for stream in source.streams(file)]


def raw_of(row: dict[str, Any]) -> bytes:
    """The body as the SDK writes it."""
    return json.dumps(row["request"], ensure_ascii=False, separators=(",", ":")).encode()


def request_of(dialect: str, row: dict[str, Any]) -> Request | Failure:
    """A recorded request, peeked at."""
    path = row["path"].split("?")[0]
    call = call_of("/models/" + path.rsplit("/models/", 1)[1]) if dialect == GEMINI else None
    return DIALECTS[dialect].read_request(raw_of(row), "r1", call=call)


def target(dialect: str) -> Target:
    """The model that a dialect's requests are written for here."""
    seller, model = MODELS[dialect]
    facts = catalog().find(seller, model)
    return Target(model, abilities().find(seller, model), facts.max_output if facts else None)


def accept(dialect: str, body: bytes, model: str = "") -> None:
    """Read a body as the strict service of a dialect does; it raises for what it would not take."""
    if dialect == CHAT:
        strict_chat.read(Inbound("POST", "/v1/chat/completions", "", HEADERS, body), model_rules=True)
    elif dialect == RESPONSES:
        strict_responses.read(Inbound("POST", "/v1/responses", "", HEADERS, body), Shelf(1), model_rules=True, ownership=True)
    elif dialect == MESSAGES:
        strict_messages.read(Inbound("POST", "/v1/messages", "", HEADERS, body), model_rules=True, ownership=True)
    else:
        path = f"/v1beta/models/{model or MODELS[GEMINI][1]}:generateContent"
        strict_gemini.read(Inbound("POST", path, "", HEADERS, body), "generateContent", model_rules=True, ownership=True)


class Said(NamedTuple):
    """What an answer says.

    Attributes:
        text: all of it, without thoughts and refusals.
        calls: names and arguments, in order.
        counts: all input, all output, and cached input tokens; None where nothing is reported.
    """

    text: str
    calls: list[tuple[str, Any]]
    counts: tuple[int, int, int] | None


def said(dialect: str, body: Any) -> Said:
    """What a whole answer says, by its JSON."""
    return {CHAT: _chat, RESPONSES: _responses, MESSAGES: _messages, GEMINI: _gemini}[dialect](body)


def events(stream: bytes) -> Iterator[Any]:
    """The JSON of every event of a stream."""
    for line in stream.replace(b"\r\n", b"\n").split(b"\n"):
        if line.startswith(b"data:") and line.removeprefix(b"data:").strip() != b"[DONE]":
            yield json.loads(line.removeprefix(b"data:"))


def said_in_stream(dialect: str, stream: bytes) -> Said:
    """What a stream says, by its frames."""
    told = list(events(stream))
    if dialect == RESPONSES:
        ends = ("response.completed", "response.incomplete")
        return _responses(next(event["response"] for event in told if event["type"] in ends))
    return {CHAT: _chat_stream, MESSAGES: _messages_stream, GEMINI: _gemini_stream}[dialect](told)


def _loads(arguments: str | None) -> Any:
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


def _text(content: Any) -> str:
    if isinstance(content, list):  # as Mistral's thinking models say it
        return "".join(part.get("text", "") for part in content if part["type"] == "text")
    return content or ""


def _chat(body: Any) -> Said:
    message = body["choices"][0]["message"]
    calls = [_chat_call(call) for call in message.get("tool_calls") or ()]
    return Said(_text(message.get("content")), calls, _chat_counts(body.get("usage")))


def _chat_call(call: Any) -> tuple[str, Any]:
    if call.get("type") == "custom":
        return call["custom"]["name"], call["custom"]["input"]
    return call["function"]["name"], _loads(call["function"]["arguments"])


def _chat_counts(usage: Any) -> tuple[int, int, int] | None:
    details = usage and (usage.get("prompt_tokens_details") or {})
    return usage and (usage["prompt_tokens"], usage["completion_tokens"], details.get("cached_tokens") or 0)


def _chat_stream(told: list[Any]) -> Said:
    text, calls, counts = "", dict[int, list[str]](), None
    for chunk in told:
        counts = _chat_counts(chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage")) or counts
        for choice in chunk.get("choices") or ():
            text += _text(choice["delta"].get("content"))
            for call in choice["delta"].get("tool_calls") or ():
                known = calls.setdefault(call["index"], ["", ""])
                known[0] = known[0] or call["function"].get("name") or ""
                known[1] += call["function"].get("arguments") or ""
    return Said(text, [(name, _loads(arguments)) for name, arguments in calls.values()], counts)


def _responses(body: Any) -> Said:
    text, calls = "", list[tuple[str, Any]]()
    for item in body["output"]:
        if item["type"] == "message":
            text += "".join(part["text"] for part in item["content"] if part["type"] == "output_text")
        elif item["type"] == "function_call":
            calls.append((item["name"], _loads(item["arguments"])))
        elif item["type"] == "custom_tool_call":
            calls.append((item["name"], item["input"]))
    usage = body.get("usage")
    cached = usage and (usage.get("input_tokens_details") or {}).get("cached_tokens", 0)
    return Said(text, calls, usage and (usage["input_tokens"], usage["output_tokens"], cached))


def _messages(body: Any) -> Said:
    text = "".join(block["text"] for block in body["content"] if block["type"] == "text")
    calls = [(block["name"], block["input"]) for block in body["content"] if block["type"] == "tool_use"]
    return Said(text, calls, _messages_counts(body.get("usage")))


def _messages_counts(usage: Any) -> tuple[int, int, int] | None:
    read, written = (usage.get(f"cache_{name}_input_tokens") or 0 for name in ("read", "creation")) if usage else (0, 0)
    return usage and (usage["input_tokens"] + read + written, usage["output_tokens"], read)


def _messages_stream(told: list[Any]) -> Said:
    body: dict[str, Any] = {"content": [], "usage": {}}
    for event in told:
        body["usage"] |= {name: value for name, value in _usage_in(event).items() if value is not None}
        if event["type"] == "content_block_start":
            body["content"].append(event["content_block"] | {"said": ""})
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            body["content"][event["index"]]["said"] += delta.get("text") or delta.get("partial_json") or ""
    for block in body["content"]:
        if block["type"] == "text":
            block["text"] += block["said"]
        elif block["type"] == "tool_use":
            block["input"] = _loads(block["said"])
    return _messages(body)


def _usage_in(event: Any) -> dict[str, Any]:
    return (event.get("message") or {}).get("usage") or event.get("usage") or {}


def _gemini(body: Any) -> Said:
    return _gemini_stream([body])


def _gemini_stream(told: list[Any]) -> Said:
    parts = [part for body in told for part in ((body.get("candidates") or [{}])[0].get("content") or {}).get("parts") or ()]
    text = "".join(part.get("text") or "" for part in parts if not part.get("thought"))
    calls = [(part["functionCall"]["name"], part["functionCall"].get("args") or {}) for part in parts if "functionCall" in part]
    usage = next((body["usageMetadata"] for body in reversed(told) if body.get("usageMetadata")), None)
    if usage is None:
        return Said(text, calls, None)
    put = usage.get("promptTokenCount", 0) + usage.get("toolUsePromptTokenCount", 0)
    out = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    return Said(text, calls, (put, out, usage.get("cachedContentTokenCount", 0)))
