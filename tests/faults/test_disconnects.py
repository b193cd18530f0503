"""Clients that go, at every step of a request and of its answer: nothing of it is left (INV-15)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from fire_stage import Figure
from gateway_stage import CHAT, MESSAGES, PATHS, QUICK, Caller, Stage, ask, asking, play, posted, staged, until, wish

PATIENT = QUICK.replace("0.4", "30").replace("total = 5", "total = 60")
TEXT = "anchor breeze current deck ebb fathom gale harbour island jetty"
ROUNDS = 10
"""How often each step is tried in each way, at the same time."""


async def nothing(_stage: Stage, _caller: Caller) -> None:
    """Go at once."""


async def in_the_head(_stage: Stage, caller: Caller) -> None:
    """Go with half a head sent."""
    caller.writer.write(asking(CHAT)[:60])
    await caller.writer.drain()


async def in_the_body(_stage: Stage, caller: Caller) -> None:
    """Go with a part of a large body sent."""
    caller.writer.write(posted(PATHS[CHAT], b"{" * 300_000)[:200_000])
    await caller.writer.drain()


async def in_chunks(_stage: Stage, caller: Caller) -> None:
    """Go within a chunk."""
    caller.writer.write(f"POST {PATHS[CHAT]} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".encode())
    caller.writer.write(b"20000\r\n" + b"{" * 100_000)
    await caller.writer.drain()


async def asked(stage: Stage, caller: Caller, request: bytes) -> None:
    """Ask, and see the request arrive at the provider."""
    before = len(stage.sandbox.requests)
    caller.writer.write(request)
    await until(lambda: len(stage.sandbox.requests) > before)


async def before_the_answer(stage: Stage, caller: Caller) -> None:
    """Go while the provider thinks."""
    await asked(stage, caller, asking(CHAT, messages=wish(fault="silence")))


async def before_the_first_event(stage: Stage, caller: Caller) -> None:
    """Go while a stream has not begun."""
    await asked(stage, caller, asking(MESSAGES, messages=wish(fault="silence"), stream=True))


async def in_the_stream(_stage: Stage, caller: Caller) -> None:
    """Go in the middle of a stream."""
    caller.writer.write(asking(CHAT, messages=wish(answer=TEXT, pace_ms=20), stream=True))
    await caller.reader.readuntil(b"current")


async def at_the_last_event(_stage: Stage, caller: Caller) -> None:
    """Go with the last event read, but not the end of the HTTP message."""
    caller.writer.write(asking(CHAT, messages=wish(answer=TEXT, pace_ms=1), stream=True))
    await caller.reader.readuntil(b"[DONE]")


async def after_the_end(_stage: Stage, caller: Caller) -> None:
    """Go with everything read."""
    caller.writer.write(asking(CHAT))
    assert (await caller.get()).status == 200


async def with_another_behind(_stage: Stage, caller: Caller) -> None:
    """Go with two requests sent ahead, while the first is answered."""
    caller.writer.write(asking(CHAT, messages=wish(answer=TEXT, pace_ms=20), stream=True) + asking(CHAT) * 2)
    await caller.reader.readuntil(b"anchor")


Step = Callable[[Stage, Caller], Awaitable[None]]
STEPS: tuple[Step, ...] = (
    nothing, in_the_head, in_the_body, in_chunks, before_the_answer, before_the_first_event, in_the_stream, at_the_last_event,
    after_the_end, with_another_behind,
)  # fmt: skip


async def gone(stage: Stage, step: Step, reset: bool) -> None:
    """Let one client go at a step."""
    caller = await Caller.at(stage.port)
    await step(stage, caller)
    caller.leave(reset=reset)


@pytest.mark.parametrize("has_callback", [True, False], ids=["our server", "another server"])
def test_nothing_is_left_of_clients_that_go(has_callback: bool, tmp_path: Path, figure: Figure) -> None:
    """At each step, by a close and by a reset, many at once: no task, socket, place, byte, ticket or reservation is left."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT, has_callback=has_callback) as stage:
            assert (await ask(stage, asking(CHAT))).status == 200
            await stage.calm()
            files = len(os.listdir("/proc/self/fd"))
            for step in STEPS:
                for reset in (False, True):
                    await asyncio.gather(*(gone(stage, step, reset) for _ in range(ROUNDS)))
            await stage.calm()
            await until(lambda: stage.gateway.doorman.connections == 0 or not has_callback)
            bounds = stage.gateway.doorman.bounds
            pool = len([member for member in stage.house.world.fleet.members if member.in_flight])
            figure(
                "INV-15", "nothing left of clients that go at any step",
                f"{len(STEPS) * 2 * ROUNDS} clients at {len(STEPS)} steps; {len(stage.reserved)} reservations, all settled; "
                f"{bounds.under_way} under way, {bounds.in_line} in line, {bounds.held} bytes held, {pool} in flight",
            )  # fmt: skip
            assert [bounds.under_way, bounds.in_line, bounds.held, pool] == [0, 0, 0, 0]
            assert stage.gateway_turns() == []
            await until(lambda: len(os.listdir("/proc/self/fd")) <= files + 2 * ROUNDS)  # the idle connections of the pool, both ends
            assert (await ask(stage, asking(MESSAGES, stream=True))).status == 200

    play(story, 60.0)
