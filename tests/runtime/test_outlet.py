"""The way out of a connection: a client takes its answers at a pace, or nothing more is done for it, and then it is cut (S-29, INV-14)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pipe_stage import Sluice

from stormkeel.runtime.serve.connection import Connection
from stormkeel.runtime.serve.hub import Hub
from stormkeel.runtime.serve.outlet import HIGH_WATER
from stormkeel.runtime.serve.settings import ServeSettings
from stormkeel.testing import run_virtual

GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWER = b"x" * 10_000


class App:
    """An application that answers at once, with as much as it is told."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        scope["extensions"]["stormkeel.turn"].answer(200, [], self.answer)


async def connected(app: App) -> tuple[Hub, Sluice]:
    """Return a hub that looks at the clocks, and a connection to it."""
    hub, pipe = Hub(app, ServeSettings(port=0)), Sluice()
    pipe.connection = Connection(hub)
    pipe.connection.connection_made(pipe)  # type: ignore[arg-type]  # all of a transport that it asks for
    hub.sweep()
    return hub, pipe


async def settle() -> None:
    """Let the applications run."""
    for _ in range(6):
        await asyncio.sleep(0)


@pytest.mark.parametrize("at_once", [1, 3, 16])
def test_who_asks_on_without_taking_is_not_heard(at_once: int) -> None:
    """Whole answers wait in memory only up to a bound: then nothing is read or begun, until enough of them was taken."""

    async def story() -> None:
        app = App(ANSWER)
        hub, pipe = await connected(app)
        sent = 0
        for _ in range(100):
            if pipe.is_reading:
                pipe.connection.data_received(b"".join(GET % number for number in range(sent, sent + at_once)))
                sent += at_once
            await settle()
        assert pipe.held <= HIGH_WATER + len(ANSWER) + 200
        assert not pipe.is_reading
        for _ in range(200):
            pipe.take(30_000)
            await settle()
        assert app.asked == [f"/{number}" for number in range(sent)], "each was answered once, in order"
        assert pipe.is_reading and not pipe.held
        pipe.connection.data_received(GET % sent)
        await settle()
        assert app.asked[-1] == f"/{sent}"
        hub.rest()

    run_virtual(story())


@pytest.mark.parametrize(("size", "pace", "cut"), [(0, 0.0, True), (1, 1.0, True), (2000, 10.0, True), (30_000, 50.0, False)])
def test_a_whole_answer_is_taken_at_a_pace(size: int, pace: float, cut: bool) -> None:
    """Who takes nothing of a large answer for the stall timeout is cut, and who takes a byte now and then likewise; a slow one is not."""

    async def story() -> None:
        hub, pipe = await connected(App(b"x" * 200_000))
        pipe.connection.data_received(GET % 1)
        await settle()
        passed = 0.0
        while passed < 130.0 and not pipe.is_ended:
            await asyncio.sleep(pace or 130.0)
            passed += pace or 130.0
            pipe.take(size)
        assert pipe.is_ended is cut
        hub.rest()
        pipe.abort()

    run_virtual(story())


def test_the_last_of_an_answer_has_to_be_taken_too() -> None:
    """What is less than a pace is to be taken whole."""

    async def story() -> None:
        hub, pipe = await connected(App(b"x" * 5_000))
        pipe.connection.data_received(GET % 1)
        await settle()
        for _ in range(59):
            await asyncio.sleep(1.0)
            pipe.take(1)
        assert not pipe.is_ended
        await asyncio.sleep(2.0)
        assert pipe.is_ended
        hub.rest()

    run_virtual(story())
