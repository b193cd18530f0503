"""Leaving in good order: what runs may end, what can't is told, and everything is settled (S-41, INV-24)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from gateway_stage import CHAT, DIALECTS, MESSAGES, QUICK, Caller, ask, asking, heard, play, staged, until, wish

from stormkeel.runtime.serve import ServeSettings

PATIENT = QUICK.replace("0.4", "30").replace("total = 5", "total = 60")
TEXT = "anchor breeze current deck ebb fathom gale harbour island jetty"


def test_running_requests_end_and_new_connections_are_refused_later(tmp_path: Path) -> None:
    """After a stop new connections are taken for `drain_delay`, running streams go to their end, then all is over at once."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT, http=ServeSettings(drain_delay=0.4, grace=5)) as stage:
            running = []
            for dialect in DIALECTS:
                for stream in (False, True):
                    caller = await Caller.at(stage.port)
                    pace = 30 if stream else 300
                    caller.writer.write(asking(dialect, messages=wish(answer=TEXT, pace_ms=pace), stream=stream))
                    running.append((dialect, stream, caller))
            await stage.sandbox.arrived(4)
            stage.stop.set()
            for dialect in DIALECTS:
                late = await ask(stage, asking(dialect))
                assert [late.status, late.headers["connection"]] == [200, "close"]
            for dialect, stream, caller in running:
                got = await caller.get()
                assert [got.status, got.end] == [200, "whole"]
                if stream:
                    assert heard(dialect, got.body).text == TEXT
                    assert heard(dialect, got.body).is_complete
            await asyncio.wait_for(asyncio.shield(stage.served), 1)
            with pytest.raises(ConnectionRefusedError):
                await Caller.at(stage.port)
            await stage.calm()
            assert {entry.outcome for entry in stage.settled} == {"ok"}

    play(story)


def test_new_connections_are_refused_while_old_streams_run(tmp_path: Path) -> None:
    """Once the delay is over nobody new comes in, though a stream still runs."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT, http=ServeSettings(drain_delay=0.0, grace=5)) as stage:
            caller = await Caller.at(stage.port)
            caller.writer.write(asking(CHAT, messages=wish(answer=TEXT, pace_ms=40), stream=True))
            await caller.reader.readuntil(b"anchor")
            stage.stop.set()
            await until(lambda: stage.gateway is not None and is_refused(stage.port))
            tail = await caller.reader.read()
            assert b"[DONE]" in tail
            await asyncio.wait_for(asyncio.shield(stage.served), 1)

    play(story)


def is_refused(port: int) -> bool:
    """Is nobody listening?"""
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("dialect", DIALECTS)
def test_past_the_grace_a_client_is_told(dialect: str, tmp_path: Path) -> None:
    """A stream that outlives the grace gets `server_shutdown` in its dialect, a waiting request a 503 that says come again."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT, http=ServeSettings(drain_delay=0.0, grace=0.1, last_words=1.0)) as stage:
            callers = []
            for fault, stream in (("stall:after=6", True), ("silence", True), ("silence", False)):
                caller = await Caller.at(stage.port)
                caller.writer.write(asking(dialect, messages=wish(answer=TEXT, fault=fault), stream=stream))
                callers.append(caller)
            await stage.sandbox.arrived(3)
            await until(lambda: any(member.in_flight == 3 for member in stage.house.world.fleet.members))
            stage.stop.set()
            streamed, held, whole = [await caller.get() for caller in callers]
            await asyncio.wait_for(asyncio.shield(stage.served), 2)
            await stage.calm()
            assert [streamed.status, streamed.end] == [200, "whole"]
            told = heard(dialect, streamed.body)
            assert not told.is_complete
            assert told.error is not None
            assert "shutting down" in told.error["message"]
            for got in (held, whole):
                assert [got.status, got.end] == [503, "whole"]
                assert got.headers["x-should-retry"] == "true"
                assert got.headers["retry-after"] == "1"
                assert "shutting down" in got.json["error"]["message"]
            assert [entry.outcome for entry in stage.settled] == ["cancelled"] * 3

    play(story)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_shutdown_has_its_code(dialect: str, tmp_path: Path) -> None:
    """The event that tells of the shutdown carries the code `server_shutdown`, for programs."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT, http=ServeSettings(drain_delay=0.0, grace=0.05)) as stage:
            caller = await Caller.at(stage.port)
            caller.writer.write(asking(dialect, messages=wish(answer=TEXT, fault="stall:after=6"), stream=True))
            await caller.reader.readuntil(b"anchor")
            stage.stop.set()
            tail = await caller.reader.read()
            assert b"server_shutdown" in tail
            assert (b"event: error" in tail) == (dialect == MESSAGES)

    play(story)


def test_three_hundred_streams(tmp_path: Path) -> None:
    """Three hundred streams under a stop: none is reset, each is whole or told, none is left unsettled (S-41)."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT, http=ServeSettings(drain_delay=0.05, grace=0.3)) as stage:
            callers = []
            for number in range(300):
                caller = await Caller.at(stage.port)
                dialect = DIALECTS[number % 2]
                said = wish(answer=TEXT, fault="stall:after=7") if number % 3 == 0 else wish(answer=TEXT, pace_ms=5)
                caller.writer.write(asking(dialect, messages=said, stream=True))
                callers.append((dialect, caller))
            await stage.sandbox.arrived(300)
            stage.stop.set()
            endings = set()
            for dialect, caller in callers:
                got = await caller.get()
                assert [got.status, got.end] == [200, "whole"]
                told = heard(dialect, got.body)
                assert told.is_complete != (told.error is not None)
                endings.add(told.is_complete)
            assert endings == {True, False}
            await asyncio.wait_for(asyncio.shield(stage.served), 2)
            await stage.calm()

    play(story)
