"""A provider in a process of its own that never fails: whole answers after a while, or streams of so many events at a pace.

Never parses more than it needs, so that the gateway is what a load presses. On SIGUSR1 it tells how it is doing.

Usage: fire_upstream.py PLAN, where PLAN is JSON (`Plan`). Prints its port, and then `State` as JSON for each signal.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import msgspec
import uvloop

USAGE = {"prompt_tokens": 12, "completion_tokens": 60, "total_tokens": 72}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


class Plan(msgspec.Struct):
    """How requests are answered.

    Attributes:
        delay: seconds before an answer begins.
        events: of a stream, 0 for whole answers.
        pace: seconds between two events, 0 for as fast as they are taken.
        size: characters of an event's text.
    """

    delay: float = 0.0
    events: int = 0
    pace: float = 0.0
    size: int = 8


class State(msgspec.Struct):
    """How it is doing.

    Attributes:
        requests: that came.
        written: bytes of streams.
        streams: under way.
        paused: those of them that can't be written to for now.
        left: streams whose reader went before their end.
    """

    requests: int = 0
    written: int = 0
    streams: int = 0
    paused: int = 0
    left: int = 0


def chunk(payload: dict[str, object]) -> bytes:
    """One event as an HTTP chunk."""
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1795000000, "model": "gpt-5.4-mini"}
    data = b"data: " + json.dumps(body | payload).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(data), data)


def delta(text: str, finish: str | None = None) -> bytes:
    """One event with text."""
    return chunk({"choices": [{"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}]})


def whole() -> bytes:
    """A whole answer."""
    body = json.dumps({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1795000000, "model": "gpt-5.4-mini", "usage": USAGE,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "anchor " * 30}, "finish_reason": "stop"}],
    }).encode()  # fmt: skip
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


class Provider(asyncio.Protocol):
    """One connection."""

    plan = Plan()
    state = State()

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.seen = b""
        self.is_full = self.is_streaming = False
        self.left = self.missing = 0
        self.timer: asyncio.Handle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        if self.missing:  # of a body
            taken = min(self.missing, len(data))
            self.missing -= taken
            data = data[taken:]
            if not self.missing:
                self.asked()
        self.seen += data
        while (end := self.seen.find(b"\r\n\r\n")) >= 0:
            at = self.seen.lower().find(b"content-length:", 0, end)
            length = int(self.seen[at + 15 : self.seen.index(b"\r\n", at)]) if at >= 0 else 0
            here = min(length, len(self.seen) - end - 4)
            self.seen = self.seen[end + 4 + here :]
            self.missing = length - here
            if self.missing:
                return
            self.asked()

    def asked(self) -> None:
        """Take a whole request."""
        self.state.requests += 1
        begin = self.stream if self.plan.events else self.answer
        self.timer = self.loop.call_later(self.plan.delay, begin) if self.plan.delay else self.loop.call_soon(begin)

    def answer(self) -> None:
        """Answer whole."""
        self.transport.write(WHOLE)

    def stream(self) -> None:
        """Begin a stream."""
        self.is_streaming, self.left = True, self.plan.events
        self.state.streams += 1
        self.write(HEAD + delta("anchor "))
        self.tell()

    def tell(self) -> None:
        """Write the next event."""
        while self.is_streaming and not self.is_full:
            if not self.left:
                self.ended()
                self.write(delta("", "stop") + chunk({"choices": [], "usage": USAGE}) + END)
                return
            self.left -= 1
            self.write(EVENT)
            if self.plan.pace:
                self.timer = self.loop.call_later(self.plan.pace, self.tell)
                return
            if not self.left % 8:
                self.timer = self.loop.call_soon(self.tell)
                return

    def write(self, data: bytes) -> None:
        """Write, and count it."""
        self.state.written += len(data)
        self.transport.write(data)

    def ended(self) -> None:
        """Count a stream that is over."""
        self.state.streams -= 1
        self.state.paused -= self.is_full
        self.is_streaming = self.is_full = False

    def pause_writing(self) -> None:
        if self.is_streaming:
            self.is_full = True
            self.state.paused += 1

    def resume_writing(self) -> None:
        if self.is_full:
            self.is_full = False
            self.state.paused -= 1
            self.tell()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if self.is_streaming:
            self.state.left += 1
            self.ended()


WHOLE = whole()
EVENT = delta("anchor ")


async def main(plan: Plan) -> None:
    """Serve until killed."""
    global EVENT
    Provider.plan, EVENT = plan, delta("x" * plan.size)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Provider, "127.0.0.1", 0, backlog=4096)
    loop.add_signal_handler(signal.SIGUSR1, lambda: print(msgspec.json.encode(Provider.state).decode(), flush=True))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(msgspec.json.decode(sys.argv[1], type=Plan)))
