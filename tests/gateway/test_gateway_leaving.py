"""Clients that go away, and clients that do not read: the provider knows at once, money is settled once, nothing is left over."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from gateway_stage import CHAT, DIALECTS, MESSAGES, MODELS, PATHS, QUICK, Caller, Stage, ask, asking, play, staged, until, wish

from stormkeel.sandbox import SandboxSettings

PATIENT = QUICK.replace("0.4", "30").replace("total = 5", "total = 60")
"""Clocks that never run out in a test: only the client's leaving can end the request."""
WAYS = [pytest.param(False, id="fin"), pytest.param(True, id="rst")]


async def gone_within_a_second(stage: Stage) -> None:
    """The provider sees its client leave within a second, and everything is settled."""
    async with asyncio.timeout(1.0):
        await stage.sandbox.quiet()
    await stage.calm()


@pytest.mark.parametrize("reset", WAYS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_leaving_while_sending(dialect: str, reset: bool, tmp_path: Path) -> None:
    """A client that goes in the middle of its body is forgotten: nothing was sent, nothing is booked."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT) as stage:
            caller = await Caller.at(stage.port)
            caller.writer.write(asking(dialect)[:-20])
            await until(lambda: len(stage.gateway_turns()) == 1)
            caller.leave(reset=reset)
            await until(lambda: not stage.gateway_turns())
            await stage.calm()
            assert stage.sandbox.requests == []
            assert stage.reserved == []

    play(story)


@pytest.mark.parametrize("reset", WAYS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", ["silence", "slow_first_token:seconds=60", "stall:after=1"])
def test_leaving_before_content(fault: str, dialect: str, stream: bool, reset: bool, tmp_path: Path) -> None:
    """A client that goes while it waits for the head or the first content ends the provider's work; settled as cancelled."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT) as stage:
            caller = await Caller.at(stage.port)
            caller.writer.write(asking(dialect, messages=wish(fault=fault), stream=stream))
            await stage.sandbox.arrived()
            caller.leave(reset=reset)
            await gone_within_a_second(stage)
            assert [entry.outcome for entry in stage.settled] == ["cancelled"]
            assert stage.settled[0].usage_source in {"reserved", "estimated"}
            assert stage.sandbox.bill()[0].left

    play(story)


@pytest.mark.parametrize("reset", WAYS)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("pace", [0.002, 30.0], ids=["flowing", "between events"])
def test_leaving_in_mid_stream(dialect: str, reset: bool, pace: float, tmp_path: Path) -> None:
    """A client that goes after the first content stops the provider's stream; what came is charged, never nothing (S-7)."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT, sandbox=SandboxSettings(seed=7, pace_s=0.0)) as stage:
            caller = await Caller.at(stage.port)
            fault = {"fault": "stall:after=9"} if pace > 1 else {"pace_ms": pace * 1000, "tokens": 5000}
            caller.writer.write(asking(dialect, messages=wish(**fault), stream=True, **long(dialect)))
            while b"delta" not in await caller.reader.readuntil(b"\n\n"):
                pass
            caller.leave(reset=reset)
            await gone_within_a_second(stage)
            assert [entry.outcome for entry in stage.settled] == ["cancelled"]
            row, paid = stage.sandbox.bill()[0], stage.settled[0]
            assert row.left
            assert row.tokens.output < 5000
            assert paid.usage.total >= row.tokens.output

    play(story)


def long(dialect: str) -> dict[str, int]:
    """Room for a long answer."""
    return {"max_tokens": 200_000} if dialect == MESSAGES else {"max_completion_tokens": 200_000}


def test_dropping_before_the_usage_is_never_free(tmp_path: Path) -> None:
    """Clients that read every delta and go before the usage chunk pay at least what the provider bills (S-7)."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT) as stage:
            for _ in range(50):
                caller = await Caller.at(stage.port)
                text = "one two three"
                caller.writer.write(asking(CHAT, messages=wish(answer=text, pace_ms=0.1), stream=True))
                await caller.reader.readuntil(b"three")
                caller.leave(reset=True)
            await gone_within_a_second(stage)
            assert len(stage.settled) == 50
            billed = sum(row.cost for row in stage.sandbox.bill())
            assert sum(entry.amount or 0 for entry in stage.settled) >= billed * 10**9

    play(story)


def test_leaving_between_retries(tmp_path: Path) -> None:
    """A client that goes while we wait to try again stops the retries."""

    async def story() -> None:
        more = PATIENT.replace("attempts = 1", "attempts = 3\nwait_hint = 60").replace("total = 60", "total = 600")
        async with staged(tmp_path, more) as stage:
            caller = await Caller.at(stage.port)
            caller.writer.write(asking(CHAT, messages=wish(fault="rate_limit:retry_after=20")))
            await until(lambda: len(stage.settled) == 1)
            caller.leave()
            await stage.calm()
            assert len(stage.sandbox.requests) == 1

    play(story)


def test_pipelined_requests_of_a_gone_client_are_not_sent(tmp_path: Path) -> None:
    """Requests waiting behind another on one connection die with it."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT) as stage:
            caller = await Caller.at(stage.port)
            caller.writer.write(asking(CHAT, messages=wish(fault="silence")) + asking(CHAT) + asking(CHAT))
            await stage.sandbox.arrived()
            caller.leave(reset=True)
            await gone_within_a_second(stage)
            assert len(stage.sandbox.requests) == 1

    play(story)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_reader_that_stops_pauses_the_provider(dialect: str, tmp_path: Path) -> None:
    """A client that stops reading stops the provider's writes: little is held, others go on, and it may read on (S-29)."""

    async def story() -> None:
        more = PATIENT.replace("total = 60", "total = 60\nhold = 30")
        async with staged(tmp_path, more) as stage:
            tokens = 180_000  # over 20 MB of frames, far more than the kernel's buffers hold
            caller = await Caller.at(stage.port, window=4096)
            caller.writer.write(asking(dialect, messages=wish(tokens=tokens), stream=True, **long(dialect)))
            await caller.reader.readexactly(1024)
            written = -1
            while written != (written := stage.sandbox.bill()[0].tokens.output) or written == 0:
                assert (await ask(stage, asking(dialect))).status == 200
            assert written < tokens
            tail = b""
            while (b"message_stop" if dialect == MESSAGES else b"[DONE]") not in tail:
                tail = tail[-20:] + await caller.reader.read(1 << 20)
            await stage.sandbox.quiet()
            assert stage.sandbox.bill()[0].tokens.output == tokens
            caller.leave()
            await stage.calm()
            assert {entry.outcome for entry in stage.settled} == {"ok"}

    play(story, deadline=60.0)  # so many bytes take their time on a busy machine


def test_many_leave_at_once(tmp_path: Path) -> None:
    """A hundred clients that go at any moment leave no task, no place and no unsettled attempt behind (INV-15)."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT) as stage:
            callers = [await Caller.at(stage.port) for _ in range(100)]
            for place, caller in enumerate(callers):
                dialect = DIALECTS[place % 2]
                model = MODELS[dialect]
                said = wish(tokens=40, pace_ms=1)
                caller.writer.write(asking(dialect, path=PATHS[dialect], model=model, messages=said, stream=place % 3 > 0))
            for place, caller in enumerate(callers):
                if place % 4:
                    await caller.reader.read(place)
                caller.leave(reset=place % 2 == 0)
            await gone_within_a_second(stage)
            assert len(stage.settled) == len(stage.reserved)

    play(story)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_leaving_after_the_last_event_is_success(dialect: str, tmp_path: Path) -> None:
    """A client that closes once it has the terminal event got its whole answer, however late the provider's HTTP ends."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT) as stage:
            caller = await Caller.at(stage.port)
            caller.writer.write(asking(dialect, messages=wish(answer="hi", fault="stall:after=1000"), stream=True))
            await caller.reader.readuntil(b"message_stop" if dialect == MESSAGES else b"[DONE]")
            caller.leave()
            await gone_within_a_second(stage)
            assert [entry.outcome for entry in stage.settled] == ["ok"]
            assert {outcome for _route, _dialect, outcome in stage.house.metrics.requests} == {"ok"}

    play(story)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_provider_that_never_ends_its_http(dialect: str, tmp_path: Path) -> None:
    """After the terminal event the answer is whole at once: the client's HTTP answer does not wait for the provider's."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT) as stage:
            got = await ask(stage, asking(dialect, messages=wish(answer="hi", fault="stall:after=1000"), stream=True))
            assert [got.status, got.end] == [200, "whole"]
            await gone_within_a_second(stage)

    play(story)


def test_leaving_while_kept_alive(tmp_path: Path) -> None:
    """A client that goes between keep-alives, before any content, ends the request like any other."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT.replace("total = 60", "total = 60\nhold = 0.01")) as stage:
            for dialect in DIALECTS:
                caller = await Caller.at(stage.port)
                caller.writer.write(asking(dialect, messages=wish(fault="silence"), stream=True))
                await caller.reader.readuntil(b"ping" if dialect == MESSAGES else b": keep-alive")
                caller.leave(reset=True)
                await gone_within_a_second(stage)
            assert [entry.outcome for entry in stage.settled] == ["cancelled"] * 2

    play(story)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_leaving_under_another_asgi_server(stream: bool, tmp_path: Path) -> None:
    """Without our server's own callback, `http.disconnect` ends a request as well."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT, has_callback=False) as stage:
            assert (await ask(stage, asking(CHAT, stream=stream))).status == 200
            await stage.calm()
            caller = await Caller.at(stage.port)
            caller.writer.write(asking(CHAT, messages=wish(fault="stall:after=6"), stream=stream))
            await stage.sandbox.arrived(2)
            caller.leave()
            await gone_within_a_second(stage)
            assert [entry.outcome for entry in stage.settled] == ["ok", "cancelled"]

    play(story)


def test_leaving_at_the_moment_of_a_shutdown(tmp_path: Path) -> None:
    """A client that goes just before the server ends its request as well, keep-alives under way, is counted out once (INV-15)."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT.replace("total = 60", "total = 60\nhold = 0.01")) as stage:
            callers = [await Caller.at(stage.port) for _ in range(60)]
            for caller in callers:
                caller.writer.write(asking(CHAT, messages=wish(fault="silence"), stream=True))
                await caller.reader.readuntil(b": keep-alive")
            turns = stage.gateway_turns()
            for caller in callers:
                caller.leave(reset=True)
            for first in range(6):
                await asyncio.sleep(0)  # some are cancelled again before, some while, some after they end
                for turn in turns[first::6]:
                    turn.cancel()
            await gone_within_a_second(stage)
            assert len(stage.settled) == 60
            assert sum(stage.house.metrics.requests.values()) == 60

    play(story)
