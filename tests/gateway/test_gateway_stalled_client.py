"""Who cuts a client that takes nothing: of two clocks of a minute always the engine's, and the ledger says so (S-29, INV-15)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from story_stage import ALONE, Bench, frame, play

from stormkeel.gateway.app import Gateway
from stormkeel.runtime.serve.connection import Connection
from stormkeel.runtime.serve.hub import Hub
from stormkeel.runtime.serve.outlet import HIGH_WATER, LOW_WATER
from stormkeel.runtime.serve.settings import ServeSettings
from stormkeel.testing import Reply

BODY = json.dumps({"model": "fast", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
ENDLESS = Reply(200, [frame({"content": "x" * 4000})] * 1000, (("content-type", "text/event-stream"),))


class Pipe:
    """A transport whose other side takes so many bytes every so many seconds."""

    def __init__(self, taken: int, every: float) -> None:
        self.connection: Connection
        self.held = 0
        self.lost_at: float | None = None
        self._taken, self._every = taken, every
        self._loop = asyncio.get_running_loop()
        self._loop.call_later(every, self._take)

    def _take(self) -> None:
        was_full = self.held > LOW_WATER
        self.held = max(0, self.held - self._taken)
        if was_full and self.held <= LOW_WATER:
            self.connection.resume_writing()
        if self.lost_at is None:
            self._loop.call_later(self._every, self._take)

    def write(self, data: bytes) -> None:
        self.held += len(data)
        if self.held > HIGH_WATER:
            self.connection.pause_writing()

    def abort(self) -> None:
        if self.lost_at is None:
            self.lost_at = self._loop.time()
            self._loop.call_soon(self.connection.connection_lost, None)

    def close(self) -> None:
        if not self.held:
            self.abort()

    def get_write_buffer_size(self) -> int:
        return self.held

    def get_extra_info(self, name: str) -> Any:
        return None if name == "sslcontext" else ("127.0.0.1", 1)

    def set_write_buffer_limits(self, _high: int, _low: int) -> None: ...

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self.lost_at is not None

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


@pytest.mark.parametrize("opened", [0.0, 0.1, 0.25, 0.499])
@pytest.mark.parametrize(("taken", "every"), [(0, 1000.0), (100, 10.0)])
def test_the_engine_gives_a_stalled_client_up(opened: float, taken: int, every: float) -> None:
    """However its minute lies between the server's looks, a client that takes nothing, or next to nothing, is given up by the engine,
    which books it as such; the server cuts it within three seconds more."""

    async def story() -> None:
        bench = Bench([ENDLESS], ALONE)
        hub = Hub(Gateway(bench.house), ServeSettings(port=0))
        hub.sweep()
        await asyncio.sleep(opened)
        pipe = Pipe(taken, every)
        pipe.connection = Connection(hub)
        pipe.connection.connection_made(pipe)  # type: ignore[arg-type]  # all of a transport that it asks for
        pipe.connection.data_received(POST + BODY)
        await asyncio.sleep(70.0)
        hub.rest()
        (attempt,) = bench.told[0].attempts
        assert attempt.failure is not None and "too little" in attempt.failure.message
        assert 60.0 <= attempt.latency < 60.1
        assert [entry.outcome for entry in bench.settled] == ["cancelled"]
        assert pipe.lost_at is not None and pipe.lost_at - opened <= 63.1
        assert not hub.is_busy

    play(story)
