"""Bare proxies to compare with: they relay, and do nothing else. Run: python -m bench.proxy borrowed|own PORT_OF_UPSTREAM.

`borrowed`: granian's ASGI server and the pyreqwest client. `own`: our server and our client, without the engine between them.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
JSON = [(b"content-type", b"application/json")]
SSE = [(b"content-type", b"text/event-stream")]


async def body_of(receive: Receive) -> bytes:
    """Read a request's whole body."""
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def borrowed(upstream: int) -> Callable[..., Awaitable[None]]:
    """A proxy of borrowed parts."""
    from pyreqwest.client import ClientBuilder

    client = ClientBuilder().default_headers({"content-type": "application/json"}).build()
    url = f"http://127.0.0.1:{upstream}/v1/chat/completions"

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await body_of(receive)
        if b'"stream": true' in body:
            await stream(body, send)
            return
        response = await client.post(url).body_bytes(body).build().send()
        data = bytes(await response.bytes())
        await send({"type": "http.response.start", "status": response.status, "headers": JSON})
        await send({"type": "http.response.body", "body": data})

    async def stream(body: bytes, send: Send) -> None:
        request = client.post(url).body_bytes(body).streamed_read_buffer_limit(0).build_streamed()
        async with request as response:
            await send({"type": "http.response.start", "status": response.status, "headers": SSE})
            while (chunk := await response.body_reader.read_chunk()) is not None:
                await send({"type": "http.response.body", "body": bytes(chunk), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


def own(upstream: int) -> Callable[..., Awaitable[None]]:
    """A proxy of our own parts."""
    from stormkeel.runtime.http import HttpTransport
    from stormkeel.types.wire import HttpRequest

    transport = HttpTransport()
    url = f"http://127.0.0.1:{upstream}/v1/chat/completions"
    fields = (("content-type", "application/json"),)

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = await body_of(receive)
        request = HttpRequest("POST", url, fields, body)
        if b'"stream": true' in body:
            exchange = await transport.open(request)
            await send({"type": "http.response.start", "status": exchange.status, "headers": SSE})
            while chunk := await exchange.read():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        response = await transport.send(request)
        await send({"type": "http.response.start", "status": response.status, "headers": JSON})
        await send({"type": "http.response.body", "body": response.body})

    return app


async def serve_borrowed(upstream: int, port: int) -> None:
    """Serve with granian, in this loop."""
    from granian.server.embed import Server

    server = Server(borrowed(upstream), address="127.0.0.1", port=port, interface="asginl")
    print(port, flush=True)
    await server.serve()


async def serve_own(upstream: int) -> None:
    """Serve with our own server."""
    from stormkeel.runtime.serve import ServeSettings, serve

    await serve(own(upstream), ServeSettings(port=0), ready=lambda _host, port: print(port, flush=True))


if __name__ == "__main__":
    kind, upstream, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    uvloop.run(serve_borrowed(upstream, port) if kind == "borrowed" else serve_own(upstream))
