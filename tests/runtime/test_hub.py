"""The hub: what it leaves behind when it is told to end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from pipe_stage import Pipe

from stormkeel.policies.admission import Admission, AdmissionSettings
from stormkeel.runtime.serve.connection import Connection
from stormkeel.runtime.serve.hub import Hub, Whole
from stormkeel.runtime.serve.settings import ServeSettings

POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


class App:
    """An application that never answers, with a doorman who lets everybody in."""

    connections = 0

    def __init__(self) -> None:
        self.bounds = Admission(AdmissionSettings())
        self.doorman = self
        self.begun = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun += 1
        await asyncio.Event().wait()

    def has_place(self) -> bool:
        return True

    def refuse(self, reason: str, method: str, target: bytes) -> Whole | None:
        return None


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_cancelled_turn_is_over_however_early(steps: int) -> None:
    """Cancelled before its first step or after it: it has its 503, its place is free, and the hub is empty."""

    async def work() -> Sequence[object]:
        app, pipe = App(), Pipe()
        hub = Hub(app, ServeSettings(port=0))
        connection = Connection(hub)
        connection.connection_made(pipe)  # type: ignore[arg-type]  # all of a transport that it asks for
        connection.data_received(POST)
        for _ in range(steps):
            await asyncio.sleep(0)
        hub.drain()
        told = hub.cancel()
        for _ in range(4):
            await asyncio.sleep(0)
        connection.connection_lost(None)
        return told, pipe.written[:12], pipe.is_ended, hub.is_busy, hub.is_empty.is_set(), app.bounds.under_way, app.bounds.in_line

    assert asyncio.run(work()) == (1, b"HTTP/1.1 503", True, False, True, 0, 0)
