"""The gateway under another ASGI server than our own: what depends on how a server takes what it is sent."""

from __future__ import annotations

import asyncio
import json

from story_stage import ALONE, WHOLE_STREAM, Bench, now, play, streamed

from stormkeel.gateway.app import Gateway

PATH = "/v1/chat/completions"


class OtherServer:
    """One request at a server that waits for its client before it takes a piece, as uvicorn does."""

    def __init__(self, timeout: str, slow: bytes) -> None:
        raw = json.dumps({"model": "fast", "stream": True, "messages": [{"role": "user", "content": "hello"}]}).encode()
        self.scope = {
            "type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "query_string": b"", "http_version": "1.1",
            "headers": [(b"content-length", b"%d" % len(raw)), (b"x-stormkeel-timeout", timeout.encode())],
        }  # fmt: skip
        self.taken = b""
        self.has_ended = False
        self._slow = slow
        self._body = [{"type": "http.request", "body": raw, "more_body": False}]

    async def receive(self) -> dict[str, object]:
        """Return the body, and then nothing: the client stays."""
        if self._body:
            return self._body.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: dict) -> None:
        """Take a message, late where the client is slow with it."""
        if self._slow in message.get("body", b"") and self._slow:
            await asyncio.sleep(10.0)
        self.taken += message.get("body", b"")
        self.has_ended = message["type"] == "http.response.body" and not message.get("more_body", False)


def test_last_frames_that_another_server_had_not_taken_end_in_no_good_order():
    """Where the time is over while a server waits with the last frames, the response is not ended as if it were whole (INV-9)."""

    async def story():
        bench = Bench([streamed(*WHOLE_STREAM)], ALONE)
        for timeout, slow in (("3", b"[DONE]"), ("30", b"[DONE]"), ("3", b"")):
            server = OtherServer(timeout, slow)
            await Gateway(bench.house)(server.scope, server.receive, server.send)
            assert server.has_ended == (b"[DONE]" in server.taken), (timeout, slow, now())
            assert server.has_ended == ((timeout, slow) != ("3", b"[DONE]"))

    play(story)
