"""What the stories of the library's second face share: a client in a house of the stage's, and answers of every sort.

Never asserts anything.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from story_stage import Bench, Reply

from stormkeel.client.face import AsyncClient


def client_of(bench: Bench, model: str = "fast") -> AsyncClient:
    """The client itself, in a house of the stage's instead of one of its own."""
    client = AsyncClient(default_model=model)
    client._house, client._loop = bench.house, asyncio.get_running_loop()
    return client


def answered(content: str | None = None, finish: str = "stop", **message: Any) -> Reply:
    """A whole chat answer of any sort."""
    said = {"role": "assistant", "content": content, **message}
    body = {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-5.4-mini",
        "choices": [{"index": 0, "finish_reason": finish, "message": said}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }  # fmt: skip
    return Reply(200, (json.dumps(body).encode(),), (("content-type", "application/json"),))


def calling(*calls: tuple[str, Any]) -> Reply:
    """An answer that asks for tools: names, with arguments as a value or as raw text."""
    told = [
        {
            "id": f"call_{number}", "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for number, (name, given) in enumerate(calls, 1)
    ]  # fmt: skip
    return answered(None, "tool_calls", tool_calls=told)


def asked(bench: Bench) -> list[dict[str, Any]]:
    """The bodies that were sent, oldest first."""
    return [json.loads(sent.request.body) for sent in bench.transport.sent]
