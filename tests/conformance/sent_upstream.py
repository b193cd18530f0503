"""What each provider was really asked: its own bytes, as the sandbox got them, read by hand.

Never guesses: what stands in another place than the provider's own documentation gives it is not found, and the cell is red.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from asked import Sent


def _parts(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content or []


def _data(url: str) -> str:
    return url.partition(";base64,")[2]


def _texts(parts: list[dict[str, Any]]) -> str:
    return "\n".join(part["text"] for part in parts if "text" in part)


def in_chat(body: dict[str, Any]) -> Sent:
    """Read a chat completion."""
    messages = body["messages"]
    spoken = [part for one in messages if one["role"] == "user" for part in _parts(one["content"])]
    form = body.get("response_format", {}).get("json_schema", {})
    return Sent(
        system="\n\n".join(_texts(_parts(one["content"])) for one in messages if one["role"] in {"system", "developer"}),
        pictures=tuple(_data(part["image_url"]["url"]) for part in spoken if part["type"] == "image_url"),
        papers=tuple(_data(part["file"]["file_data"]) for part in spoken if part["type"] == "file"),
        results=tuple(_texts(_parts(one["content"])) for one in messages if one["role"] == "tool"),
        schema=form.get("schema"),
        limit=body.get("max_completion_tokens", body.get("max_tokens")),
        stops=tuple(body.get("stop") or ()),
        names=tuple(one["function"]["name"] for one in body.get("tools") or ()),
    )


def in_responses(body: dict[str, Any]) -> Sent:
    """Read a response's request."""
    items = _parts(body["input"])
    spoken = [part for one in items if one.get("role") == "user" for part in _parts(one["content"])]
    outputs = [_parts(one["output"]) for one in items if one.get("type") == "function_call_output"]
    return Sent(
        system=body.get("instructions") or "",
        pictures=tuple(_data(part["image_url"]) for part in spoken if part["type"] == "input_image"),
        papers=tuple(_data(part["file_data"]) for part in spoken if part["type"] == "input_file"),
        results=tuple(_texts(one) for one in outputs),
        result_pictures=tuple(_data(part["image_url"]) for one in outputs for part in one if part["type"] == "input_image"),
        schema=body.get("text", {}).get("format", {}).get("schema"),
        limit=body.get("max_output_tokens"),
        thoughts=tuple(
            one["encrypted_content"] for one in items if one.get("type") == "reasoning" and one.get("encrypted_content")
        ),
        names=tuple(one["name"] for one in body.get("tools") or ()),
    )


def in_messages(body: dict[str, Any]) -> Sent:
    """Read a message's request."""
    blocks = [block for turn in body["messages"] for block in _parts(turn["content"])]
    seen = [_parts(block.get("content")) for block in blocks if block["type"] == "tool_result"]
    return Sent(
        system=_texts(_parts(body.get("system"))),
        pictures=tuple(block["source"]["data"] for block in blocks if block["type"] == "image"),
        papers=tuple(block["source"]["data"] for block in blocks if block["type"] == "document"),
        results=tuple(_texts(one) for one in seen),
        result_pictures=tuple(part["source"]["data"] for one in seen for part in one if part["type"] == "image"),
        schema=body.get("output_config", {}).get("format", {}).get("schema"),
        limit=body["max_tokens"],
        stops=tuple(body.get("stop_sequences") or ()),
        thoughts=tuple(block["signature"] for block in blocks if block["type"] == "thinking"),
        names=tuple(one["name"] for one in body.get("tools") or ()),
    )


def in_gemini(body: dict[str, Any]) -> Sent:
    """Read a request for Gemini; names may be in either case."""
    given = _camel(body)
    parts = [part for turn in given["contents"] for part in turn["parts"]]
    seen = [part["functionResponse"] for part in parts if "functionResponse" in part]
    config = given.get("generationConfig", {})
    held = [part["inlineData"] for part in parts if "inlineData" in part]
    shown = [part["inlineData"] for one in seen for part in one.get("parts", ())]
    declared = [one["name"] for tool in given.get("tools", ()) for one in tool.get("functionDeclarations", ())]
    return Sent(
        system=_texts(given.get("systemInstruction", {}).get("parts", [])),
        pictures=tuple(_standard(one["data"]) for one in held if one["mimeType"].startswith("image/")),
        papers=tuple(_standard(one["data"]) for one in held if one["mimeType"] == "application/pdf"),
        results=tuple(str(one["response"].get("output", one["response"])) for one in seen),
        result_pictures=tuple(_standard(one["data"]) for one in shown),
        schema=config.get("responseJsonSchema") or config.get("responseSchema"),
        limit=config.get("maxOutputTokens"),
        stops=tuple(config.get("stopSequences") or ()),
        thoughts=tuple(told for part in parts if (told := _standard(part.get("thoughtSignature", ""))) not in NO_PROOF),
        names=tuple(declared),
    )


def _camel(value: Any) -> Any:
    """Write the names of a Gemini body in one way; those of a caller's own objects (arguments, schemas) as well, which nobody reads."""
    if isinstance(value, dict):
        return {_hump(name): _camel(one) for name, one in value.items()}
    return [_camel(one) for one in value] if isinstance(value, list) else value


def _hump(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _standard(data: str) -> str:
    """Base64 of the URL's kind as the plain one."""
    return data.replace("-", "+").replace("_", "/")


NO_PROOF = ("", base64.b64encode(b"skip_thought_signature_validator").decode())
"""What stands for a call that nobody signed."""

READERS: dict[str, Callable[[dict[str, Any]], Sent]] = {
    "chat": in_chat, "responses": in_responses, "messages": in_messages, "gemini": in_gemini,
}  # fmt: skip


def read(upstream: str, body: bytes) -> Sent:
    """Return what a provider was asked."""
    return READERS[upstream](json.loads(body))
