"""Who cuts a client that takes nothing: of two clocks of a minute always the engine's, and the ledger says so (S-29, INV-15)."""

from __future__ import annotations

import asyncio
import json

import pytest
from pipe_stage import Sluice
from story_stage import ALONE, Bench, frame, play

from stormkeel.gateway.app import Gateway
from stormkeel.runtime.serve.connection import Connection
from stormkeel.runtime.serve.hub import Hub
from stormkeel.runtime.serve.settings import ServeSettings
from stormkeel.testing import Reply

BODY = json.dumps({"model": "fast", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
ENDLESS = Reply(200, [frame({"content": "x" * 4000})] * 1000, (("content-type", "text/event-stream"),))


class Taker(Sluice):
    """One whose other side takes so many bytes every so many seconds, and that is lost a turn after it was cut."""

    def __init__(self, taken: int, every: float) -> None:
        super().__init__()
        self.lost_at: float | None = None
        self._taken, self._every = taken, every
        self._loop = asyncio.get_running_loop()
        self._loop.call_later(every, self._take)

    def _take(self) -> None:
        self.take(self._taken)
        if self.lost_at is None:
            self._loop.call_later(self._every, self._take)

    def lose(self) -> None:
        self.lost_at = self._loop.time()
        self._loop.call_soon(super().lose)


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
        pipe = Taker(taken, every)
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
