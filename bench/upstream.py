"""The bench's upstream: answers every POST with canned bytes, as fast as a small server can.

Run: python -m bench.upstream [EVENTS]; with EVENTS it streams so many.
"""

from __future__ import annotations

import asyncio
import json
import sys

import uvloop

TEXT = "The border gateway protocol lets networks tell each other which addresses they can reach. " * 3
ANSWER = json.dumps({
    "id": "chatcmpl-bench", "object": "chat.completion", "created": 1795000000, "model": "gpt-5.4-mini", "service_tier":
    "default",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT, "refusal": None}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 120, "completion_tokens": 60, "total_tokens": 180, "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}).encode()  # fmt: skip
WHOLE = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\ncontent-length: %d\r\n\r\n" % len(ANSWER)
    + ANSWER
)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n"


def frame(delta: dict[str, str], finish: str | None = None, usage: dict[str, int] | None = None) -> bytes:
    """One frame of a stream, as an HTTP chunk."""
    body: dict[str, object] = {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1795000000,
        "model": "gpt-5.4-mini",
        "choices": [] if usage else [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    if usage:
        body["usage"] = usage
    data = b"data: " + json.dumps(body).encode() + b"\n\n"
    return b"%x\r\n%s\r\n" % (len(data), data)


DELTA = frame({"content": "gateway "})
LAST = (
    frame({}, "stop")
    + frame({}, usage={"prompt_tokens": 120, "completion_tokens": 60, "total_tokens": 180})
    + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
)


class Canned(asyncio.Protocol):
    """Answers each request on a kept-alive connection; streams one event a turn of the loop, so that events come singly."""

    events = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.seen = b""
        self.loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self.seen += data
        while (end := self.seen.find(b"\r\n\r\n")) >= 0:
            at = self.seen.lower().find(b"content-length:", 0, end)
            length = int(self.seen[at + 15 : self.seen.index(b"\r\n", at)]) if at >= 0 else 0
            if len(self.seen) < end + 4 + length:
                return
            self.seen = self.seen[end + 4 + length :]
            if self.events:
                self.transport.write(HEAD + frame({"role": "assistant", "content": ""}))
                self.loop.call_soon(self.tell, self.events)
            else:
                self.transport.write(WHOLE)

    def tell(self, left: int) -> None:
        if self.transport.is_closing():
            return
        if left == 0:
            self.transport.write(LAST)
            return
        self.transport.write(DELTA)
        self.loop.call_soon(self.tell, left - 1)


async def main() -> None:
    Canned.events = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
