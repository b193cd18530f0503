"""A client that sees exactly how an answer ends, which no finished HTTP library lets through.

Never retries and never hides a broken end.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import h11

from stormkeel.sandbox import Sandbox, SandboxSettings, start

DEADLINE_S = 20.0
HELLO = [{"role": "user", "content": "Hello there"}]
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "responses": "/v1/responses"}
PATHS |= {"embeddings": "/v1/embeddings", "count": "/v1/messages/count_tokens"}
MODELS = {"openai": "gpt-5.4-mini", "anthropic": "claude-sonnet-5", "responses": "gpt-5.4-mini"}
MODELS |= {"embeddings": "text-embedding-3-small", "count": "claude-sonnet-5", "gemini": "gemini-3.8-flash"}
HEADERS = {
    "openai": {"authorization": "Bearer sk-test", "content-type": "application/json"},
    "anthropic": {"x-api-key": "sk-test", "content-type": "application/json", "anthropic-version": "2026-10-21"},
    "responses": {"authorization": "Bearer sk-test", "content-type": "application/json"},
}
HEADERS |= {"embeddings": HEADERS["openai"], "count": HEADERS["anthropic"]}
HEADERS |= {"gemini": {"x-goog-api-key": "sk-test", "content-type": "application/json"}}


class Got(NamedTuple):
    """What arrived. `end`: "whole", "torn" (closed before the promised end), "reset", "nothing" (closed before a head)."""

    status: int | None
    headers: dict[str, str]
    body: bytes
    end: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> list[str]:
        """The data of each whole SSE event."""
        events = self.body.decode().replace("\r\n", "\n").split("\n\n")[:-1]
        return [line[6:] for event in events for line in event.split("\n") if line.startswith("data: ")]


def with_sandbox(story: Callable[[Sandbox], Awaitable[None]], settings: SandboxSettings | None = None) -> None:
    """Run a story against a fresh sandbox, under a deadline."""

    async def told() -> None:
        async with asyncio.timeout(DEADLINE_S), await start(settings or SandboxSettings(seed=7)) as sandbox:
            await story(sandbox)

    asyncio.run(told())


def body_for(dialect: str, **changes: Any) -> dict[str, Any]:
    """A small valid request; a change to None takes the field out."""
    body: dict[str, Any] = {"model": MODELS[dialect], "input" if dialect == "responses" else "messages": HELLO}
    if dialect == "gemini":
        body = {"model": MODELS[dialect], "contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]}
    if dialect == "embeddings":
        body = {"model": MODELS[dialect], "input": "Hello there"}
    if dialect == "anthropic":
        body["max_tokens"] = 100
    return {key: value for key, value in (body | changes).items() if value is not None}


async def ask(sandbox: Sandbox, dialect: str, body: Any = None, headers: dict[str, str | None] | None = None) -> Got:
    """Ask one thing on a connection of its own; a header of None is left out. Gemini's `model` and `stream` go into the path."""
    if dialect == "gemini":
        return await ask_gemini(sandbox, body_for(dialect) if body is None else body, headers)
    sent = {key: value for key, value in (HEADERS[dialect] | (headers or {})).items() if value is not None}
    raw = body if isinstance(body, bytes) else json.dumps(body_for(dialect) if body is None else body).encode()
    return await send(sandbox, "POST", PATHS[dialect], raw, sent)


async def ask_gemini(sandbox: Sandbox, body: dict[str, Any], headers: dict[str, str | None] | None = None) -> Got:
    """Ask Gemini for an answer, streamed as events or whole."""
    rest = {key: value for key, value in body.items() if key not in {"model", "stream"}}
    verb = "streamGenerateContent?alt=sse" if body.get("stream") else "generateContent"
    path = f"/v1beta/models/{body['model']}:{verb}"
    sent = {key: value for key, value in (HEADERS["gemini"] | (headers or {})).items() if value is not None}
    return await send(sandbox, "POST", path, json.dumps(rest).encode(), sent)


async def send(sandbox: Sandbox, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Got:
    """Send one request and read to its end."""
    reader, writer = await asyncio.open_connection(sandbox.host, sandbox.port)
    http = h11.Connection(h11.CLIENT)
    fields = [("host", "sandbox"), ("content-length", str(len(body))), *(headers or {}).items()]
    parts = [http.send(h11.Request(method=method, target=path, headers=fields))]
    parts += [http.send(h11.Data(data=body)), http.send(h11.EndOfMessage())]
    writer.write(b"".join(part or b"" for part in parts))
    try:
        return await _receive(http, reader)
    finally:
        writer.close()


async def _receive(http: h11.Connection, reader: asyncio.StreamReader) -> Got:
    status: int | None = None
    headers: dict[str, str] = {}
    body = b""
    try:
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await reader.read(65536))
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return Got(status, headers, body, "whole")
            elif isinstance(event, h11.ConnectionClosed):
                return Got(status, headers, body, "nothing")
    except h11.RemoteProtocolError:
        return Got(status, headers, body, "nothing" if status is None else "torn")
    except ConnectionResetError:
        return Got(status, headers, body, "reset")
