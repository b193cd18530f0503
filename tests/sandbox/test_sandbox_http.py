"""The server beneath the sandbox, and the sandbox's own endpoints."""

from __future__ import annotations

import ast
import asyncio
import json
import pathlib
import sys

import pytest
from sandbox_client import DEADLINE_S, HEADERS, ask, body_for, send, with_sandbox

import stormkeel.sandbox
from stormkeel.sandbox import Limits, Sandbox, SandboxSettings, start

KEY = {"authorization": "Bearer sk-test"}


async def raw(sandbox: Sandbox, *parts: bytes) -> bytes:
    """Write bytes on one connection and read until the server closes it."""
    reader, writer = await asyncio.open_connection(sandbox.host, sandbox.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    try:
        return await reader.read()
    finally:
        writer.close()


def post(path: str, body: bytes, extra: str = "") -> bytes:
    """Write a POST as bytes."""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-1\r\ncontent-type: application/json\r\n{extra}"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


CHAT = json.dumps(body_for("openai")).encode()


def test_one_connection_serves_many_requests() -> None:
    """Requests that follow each other on a connection, even sent ahead, are answered in order."""

    async def story(sandbox: Sandbox) -> None:
        bodies = [json.dumps(body_for("openai", model=f"gpt-5.4-mini@answer=number{n}")).encode() for n in range(4)]
        sent = [post("/v1/chat/completions", body, "connection: close\r\n" if body is bodies[-1] else "") for body in bodies]
        got = await raw(sandbox, b"".join(sent))
        places = [got.index(f'"content":"number{n}"'.encode()) for n in range(4)]
        assert places == sorted(places)
        assert got.count(b"HTTP/1.1 200") == 4
        assert len(sandbox.bill()) == 4

    with_sandbox(story)


def test_requests_cut_anywhere_are_put_together() -> None:
    """A request that comes byte by byte is the same request."""

    async def story(sandbox: Sandbox) -> None:
        whole = post("/v1/chat/completions", CHAT, "connection: close\r\n")
        got = await raw(sandbox, *(whole[place : place + 1] for place in range(len(whole))))
        assert got.startswith(b"HTTP/1.1 200")
        assert sandbox.requests[0].body == CHAT

    with_sandbox(story)


def test_expect_continue_is_answered() -> None:
    """A client that waits for leave to send its body is given it."""

    async def story(sandbox: Sandbox) -> None:
        reader, writer = await asyncio.open_connection(sandbox.host, sandbox.port)
        head, _, body = post("/v1/chat/completions", CHAT, "expect: 100-continue\r\n").partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        writer.write(body)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.close()

    with_sandbox(story)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 80_000 + b"\r\n\r\n", 431),
        (post("/v1/messages", b"a" * 2000), 413),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab", 408),
    ],
)
def test_what_is_no_request_is_refused(sent: bytes, status: int) -> None:
    """Broken, oversized and unfinished requests get a 4xx and the connection is closed; the server lives on."""

    async def story(sandbox: Sandbox) -> None:
        assert (await raw(sandbox, sent)).startswith(f"HTTP/1.1 {status} ".encode())
        assert (await send(sandbox, "GET", "/health")).status == 200
        assert sandbox.bill() == []

    with_sandbox(story, SandboxSettings(limits=Limits(request_s=0.1, body=1000)))


def test_idle_connections_are_closed() -> None:
    """A connection on which nothing is asked is closed with 408."""

    async def story(sandbox: Sandbox) -> None:
        assert (await raw(sandbox)).startswith(b"HTTP/1.1 408")

    with_sandbox(story, SandboxSettings(limits=Limits(idle_s=0.05)))


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/v1/chat/completions"), ("POST", "/v1/nothing"), ("DELETE", "/v1/models")]
)
def test_other_paths_are_a_404_of_the_dialect(method: str, path: str) -> None:
    """What is not served is a 404 in the words of whoever was asked."""

    async def story(sandbox: Sandbox) -> None:
        chat = await send(sandbox, method, path, headers=KEY)
        assert (chat.status, chat.json["error"]["message"]) == (404, f"Invalid URL ({method} {path})")
        claude = await send(sandbox, method, path, headers={"x-api-key": "sk-1", "anthropic-version": "2026-10-21"})
        assert (claude.status, claude.json["error"]["type"]) == (404, "not_found_error")
        assert (await send(sandbox, method, path)).status == 401
        assert sandbox.bill() == []

    with_sandbox(story)


def test_head_has_no_body() -> None:
    """HEAD is answered without a body, and the connection goes on."""

    async def story(sandbox: Sandbox) -> None:
        head = b"HEAD /health HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-1\r\n\r\n"
        got = await raw(sandbox, head + b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        first, _, rest = got.partition(b"\r\n\r\n")
        assert first.startswith(b"HTTP/1.1 404")
        assert rest.startswith(b"HTTP/1.1 200")

    with_sandbox(story)


def test_requests_are_remembered_without_secrets() -> None:
    """What came in can be read back, the credential only as a fingerprint that tells keys apart."""

    async def story(sandbox: Sandbox) -> None:
        await ask(sandbox, "openai", None, {"authorization": "Bearer sk-one", "x-note": "a"})
        await ask(sandbox, "anthropic", None, {"x-api-key": "sk-two"})
        await ask(sandbox, "anthropic", None, {"x-api-key": None, "authorization": "Bearer sk-one"})
        listed = (await send(sandbox, "GET", "/sandbox/requests")).json["requests"]
        assert [(one["method"], one["path"], one["status"]) for one in listed] == [
            ("POST", "/v1/chat/completions", 200),
            ("POST", "/v1/messages", 200),
            ("POST", "/v1/messages", 200),
        ]
        assert (listed[0]["headers"]["x-note"], json.loads(listed[0]["body"])) == ("a", body_for("openai"))
        assert "sk-" not in json.dumps(listed)
        keys = [row.credential for row in sandbox.bill()]
        assert keys[0] == keys[2] != keys[1]
        latest = (await send(sandbox, "GET", "/sandbox/requests?last=1")).json["requests"]
        assert latest == listed[-1:]

    with_sandbox(story)


def test_only_so_many_requests_are_remembered() -> None:
    """Old requests are forgotten, old rows of the bill are not."""

    async def story(sandbox: Sandbox) -> None:
        for _ in range(4):
            await ask(sandbox, "openai")
        assert [record.number for record in sandbox.requests] == [3, 4]
        assert [row.number for row in sandbox.bill()] == [1, 2, 3, 4]

    with_sandbox(story, SandboxSettings(keep_requests=2))


def test_a_taken_port_is_an_error() -> None:
    """Two sandboxes cannot have one port."""

    async def story(sandbox: Sandbox) -> None:
        with pytest.raises(OSError, match=r"."):
            await start(SandboxSettings(port=sandbox.port))

    with_sandbox(story)


def test_close_lets_answers_finish() -> None:
    """An answer that is under way when the sandbox closes is finished within the grace."""

    async def told() -> None:
        async with asyncio.timeout(DEADLINE_S):
            sandbox = await start(SandboxSettings(close_grace_s=10))
            body = body_for("openai", stream=True, model="gpt-5.4-mini@tokens=20,pace_ms=2")
            asking = asyncio.create_task(ask(sandbox, "openai", body))
            await sandbox.arrived()
            await sandbox.close()
            assert (await asking).data[-1] == "[DONE]"
            with pytest.raises(OSError, match=r"."):
                await send(sandbox, "GET", "/health")

    asyncio.run(told())


def test_close_ends_connections_that_would_go_on() -> None:
    """A connection kept for more is closed after the answer under way, not only at the end of the grace."""

    async def told() -> None:
        async with asyncio.timeout(DEADLINE_S):
            sandbox = await start(SandboxSettings(close_grace_s=10 * DEADLINE_S))
            reader, writer = await asyncio.open_connection(sandbox.host, sandbox.port)
            idle = await asyncio.open_connection(sandbox.host, sandbox.port)
            slow = json.dumps(body_for("openai", model="gpt-5.4-mini@pace_ms=20")).encode()
            writer.write(post("/v1/chat/completions", slow))
            await sandbox.arrived()
            await sandbox.close()
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            assert await idle[0].read() == b""
            writer.close()
            idle[1].close()

    asyncio.run(told())


def test_the_sandbox_stands_alone() -> None:
    """It imports nothing of the rest of the library, and of others only h11 and msgspec: that is what makes it a witness."""
    folder = pathlib.Path(stormkeel.sandbox.__file__).parent
    imported = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported.add((node.module or "").partition(".")[0] if node.level == 0 else f"relative in {path.name}")
                assert (node.module or "").startswith("stormkeel.sandbox") or not (node.module or "").startswith("stormkeel"), (
                    path
                )
            elif isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
    assert imported - sys.stdlib_module_names == {"stormkeel", "h11", "msgspec"}


def test_a_large_body_is_taken() -> None:
    """A body of some megabytes in many pieces arrives as it was sent."""

    async def story(sandbox: Sandbox) -> None:
        body = json.dumps(
            body_for("anthropic", model="claude-sonnet-5", messages=[{"role": "user", "content": "é" * 1_000_000}])
        ).encode()
        got = await send(sandbox, "POST", "/v1/messages", body, HEADERS["anthropic"])
        assert got.status == 200
        assert sandbox.requests[0].body == body

    with_sandbox(story)
