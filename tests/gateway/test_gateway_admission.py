"""The door: what there is no room for is refused at once, in its client's dialect, and what looks after the gateway is served."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from gateway_stage import (
    CHAT,
    DIALECTS,
    MESSAGES,
    PATHS,
    QUICK,
    Caller,
    Got,
    Stage,
    ask,
    asking,
    body_of_asking,
    play,
    posted,
    staged,
    until,
    wish,
)

from stormkeel.config.settings import ServerSettings
from stormkeel.gateway.tending import QUIET, Turning
from stormkeel.policies.admission import LEAST_CALM, Admission, AdmissionSettings, Reason

PATIENT = QUICK.replace("0.4", "30").replace("total = 5", "total = 60")
ONE = PATIENT + "[server.admission]\nrequests = 1\nretry_after = 3.0\n"
GEMINI = "/v1beta/models/gemini-3-flash:generateContent"


async def occupied(stage: Stage) -> Caller:
    """Take the only place: a request that gets no answer."""
    caller = await Caller.at(stage.port)
    caller.writer.write(asking(CHAT, messages=wish(fault="silence")))
    await stage.sandbox.arrived()
    return caller


def is_turned_away(got: Got) -> None:
    """Status, headers and message by which an SDK knows what to do, and a person what is the matter."""
    assert got.end == "whole"
    assert got.status in {503, 529}
    assert got.headers["x-should-retry"] == "true"
    assert 3 <= int(got.headers["retry-after"]) <= 6
    assert 3000 <= int(got.headers["retry-after-ms"]) <= 6000
    assert "come again" in got.json["error"]["message"]
    assert "[server.admission]" in got.json["error"]["message"]


def test_each_is_refused_in_its_dialect(tmp_path: Path) -> None:
    """Beyond the bound each dialect's clients are told in their words, in different moments to come again, and nothing is sent."""

    async def story() -> None:
        async with staged(tmp_path, ONE) as stage:
            first = await occupied(stage)
            chat = await ask(stage, asking(CHAT))
            messages = await ask(stage, asking(MESSAGES, stream=True))
            gemini = await ask(stage, posted(GEMINI, b"{}"))
            for got in (chat, messages, gemini):
                is_turned_away(got)
            assert [chat.status, chat.json["error"]["code"]] == [503, "server_is_overloaded"]
            assert [messages.status, messages.json["error"]["type"]] == [529, "overloaded_error"]
            assert [gemini.status, gemini.json["error"]["status"]] == [503, "UNAVAILABLE"]
            waits = {(await ask(stage, asking(CHAT))).headers["retry-after-ms"] for _ in range(8)}
            assert len(waits) > 4
            assert len(stage.sandbox.requests) == 1
            assert stage.gateway.doorman.bounds.refused == {"requests": 11}
            first.leave()
            await stage.calm()
            assert (await ask(stage, asking(CHAT))).status == 200

    play(story)


def test_who_looks_after_it_is_served(tmp_path: Path) -> None:
    """Health, metrics and the admin's routes are answered while everybody else is turned away, and show that it is so."""

    async def story() -> None:
        async with staged(tmp_path, ONE) as stage:
            first = await occupied(stage)
            assert (await ask(stage, asking(CHAT))).status == 503
            for path in ("/health/live", "/health/ready", "/admin/fleet"):
                assert (await ask(stage, posted(path, b"", method="GET"))).status == 200
            assert (await ask(stage, posted("/nowhere", b"", method="GET"))).status == 503
            door = (await ask(stage, posted("/health", b"", method="GET"))).json["door"]
            assert [door["state"], door["requests"], door["turned_away"]] == ["full", 2, {"requests": 2}]
            text = (await ask(stage, posted("/metrics", b"", method="GET"))).body.decode()
            assert 'stormkeel_turned_away_total{reason="requests"} 2.0' in text
            assert "stormkeel_requests_in_line 0.0" in text
            first.leave()
            await stage.calm()

    play(story)


def test_the_connection_of_the_refused_goes_on(tmp_path: Path) -> None:
    """A refused request leaves its connection in step; one whose body is still to come is answered at once, and its connection ends."""

    async def story() -> None:
        async with staged(tmp_path, ONE) as stage:
            first = await occupied(stage)
            caller = await Caller.at(stage.port)
            for _ in range(3):
                caller.writer.write(asking(CHAT))
                is_turned_away(await caller.get())
            first.leave()
            await stage.calm()
            caller.writer.write(asking(CHAT))
            assert (await caller.get()).status == 200
            second = await occupied(stage)
            caller.writer.write(posted(PATHS[CHAT], b"{", {"content-length": "100000"}))
            got = await caller.get()
            is_turned_away(got)
            assert got.headers["connection"] == "close"
            assert await caller.reader.read() == b""
            second.leave()
            caller.leave()
            await stage.calm()

    play(story)


def test_a_head_asked_for_has_no_body(tmp_path: Path) -> None:
    """HEAD is refused without a body, so that the next answer on its connection is not taken for one."""

    async def story() -> None:
        async with staged(tmp_path, ONE) as stage:
            first = await occupied(stage)
            caller = await Caller.at(stage.port)
            caller.writer.write(posted("/v1/models", b"", method="HEAD") * 2)
            for _ in range(2):
                head = await caller.reader.readuntil(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 503 ")
                assert b"content-length: 0" in head
            caller.leave()
            first.leave()
            await stage.calm()

    play(story)


def test_the_line_is_bounded(tmp_path: Path) -> None:
    """Of hundreds that ask at the same moment as many are begun as can be in time, the others are told to come again, and then are served."""
    more = PATIENT + "[server.admission]\nburst_wait = 0.0001\nstanding_wait = 0.0001\nretry_after = 3.0\n"

    async def story() -> None:
        async with staged(tmp_path, more) as stage:
            callers = [await Caller.at(stage.port) for _ in range(300)]
            for caller in callers:
                caller.writer.write(asking(CHAT))
            answers = [await caller.get() for caller in callers]
            served = [got for got in answers if got.status == 200]
            for got in answers:
                if got.status != 200:
                    is_turned_away(got)
            assert LEAST_CALM <= len(served) < 300
            assert stage.gateway.doorman.bounds.refused == {"line": 300 - len(served)}
            assert (await ask(stage, asking(CHAT))).status == 200
            for caller in callers:
                caller.leave()
            await stage.calm()

    play(story)


def test_a_storm_of_refusals_is_heard_later(tmp_path: Path) -> None:
    """With more refused than are answered in a second, one more is answered, and is not listened to until there is room for it."""

    async def story() -> None:
        async with staged(tmp_path, ONE.replace("3.0", "0.5")) as stage:
            first, bounds = await occupied(stage), stage.gateway.doorman.bounds
            caller = await Caller.at(stage.port)
            while bounds.pause(monotonic()) < 0.4:  # as for so many others
                pass
            caller.writer.write(asking(CHAT))
            assert (await caller.get()).status == 503
            caller.writer.write(asking(CHAT))
            turned = bounds.refused.total()
            for _ in range(50):
                await ask(stage, posted("/health/live", b"", method="GET"))
            assert (bounds.refused.total(), len(stage.sandbox.requests)) == (turned, 1)
            first.leave()
            assert (await caller.get()).status == 200
            caller.leave()

    play(story)


def test_what_was_sent_ahead_is_served_in_order(tmp_path: Path) -> None:
    """Requests sent ahead on one connection have one place among them, and each is answered."""

    async def story() -> None:
        async with staged(tmp_path, ONE) as stage:
            caller = await Caller.at(stage.port)
            caller.writer.write(asking(CHAT) * 3)
            assert [(await caller.get()).status for _ in range(3)] == [200] * 3
            caller.leave()
            await stage.calm()
            assert stage.gateway.doorman.bounds.under_way == 0

    play(story)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_bodies_have_a_bound_together(dialect: str, tmp_path: Path) -> None:
    """Large bodies are held up to a bound together; one beyond it is refused while it comes, and room that is free is used again."""
    more = PATIENT + "[server.admission]\nbodies = 300000\nretry_after = 3.0\n"

    def large(**says: Any) -> bytes:
        return posted(PATHS[dialect], body_of_asking(asking(dialect, **says)) + b" " * 200_000)

    async def story() -> None:
        async with staged(tmp_path, more) as stage:
            bounds = stage.gateway.doorman.bounds
            first = await Caller.at(stage.port)
            first.writer.write(large(messages=wish(fault="silence")))
            await stage.sandbox.arrived()
            assert 200_000 < bounds.held < 201_000
            is_turned_away(await ask(stage, large()))
            assert (await ask(stage, asking(dialect))).status == 200
            assert bounds.refused == {"bodies": 1}
            first.leave()
            await stage.calm()
            assert bounds.held == 0
            assert (await ask(stage, large())).status == 200

    play(story)


def test_connections_have_a_bound(tmp_path: Path) -> None:
    """A connection beyond the bound is answered 503 and closed, and counted."""

    async def story() -> None:
        async with staged(tmp_path, PATIENT + "[server.admission]\nconnections = 2\n") as stage:
            callers = [await Caller.at(stage.port) for _ in range(2)]
            for caller in callers:
                caller.writer.write(asking(CHAT))
                assert (await caller.get()).status == 200
            got = await ask(stage, asking(CHAT))
            assert [got.status, got.headers["connection"], got.headers["retry-after"]] == [503, "close", "1"]
            assert stage.gateway.doorman.bounds.refused == {"connections": 1}
            for caller in callers:
                caller.leave()
            await until(lambda: stage.gateway.doorman.connections == 0)
            assert (await ask(stage, asking(CHAT))).status == 200

    play(story)


def test_bounds_follow_a_reload(tmp_path: Path) -> None:
    """New bounds hold from a reload on, without a restart, also in what clients are told."""

    async def story() -> None:
        async with staged(tmp_path, ONE) as stage:
            first, doorman = await occupied(stage), stage.gateway.doorman
            assert int((await ask(stage, asking(CHAT))).headers["retry-after"]) >= 3
            settings = stage.house.settings
            server = ServerSettings(admission=AdmissionSettings(requests=1, retry_after=60.0))
            changed = type(settings)(server=server)
            assert [doorman.follow(changed), doorman.follow(changed)] == ["admission", ""]
            assert int((await ask(stage, asking(CHAT))).headers["retry-after"]) >= 60
            first.leave()
            await stage.calm()

    play(story)


def test_clients_of_another_server_are_bounded_in_bytes(tmp_path: Path) -> None:
    """Under another ASGI server than ours requests are not counted, and served."""

    async def story() -> None:
        async with staged(tmp_path, ONE, has_callback=False) as stage:
            first = await occupied(stage)
            assert (await ask(stage, asking(CHAT))).status == 200
            first.leave()
            await stage.calm()

    play(story)


def test_the_log_is_told_once() -> None:
    """A line when requests begin to be turned away, one when that has been over for a while, and none in between."""
    bounds = Admission(AdmissionSettings())
    told = Turning(bounds.refused)
    reasons: list[Reason] = ["line", "line", "requests"]
    events = []
    for number in range(2):
        events.append(told.look(bounds))
        for reason in reasons:
            bounds.refuse(reason, float(number))
            events.append(told.look(bounds))
        events += [told.look(bounds) for _ in range(QUIET + 3)]
    said = [event for event in events if event is not None]
    assert [event for event, _ in said] == ["overload_began", "overload_over"] * 2
    assert [fields["turned_away"] for _, fields in said] == [{"line": 1}, {"line": 2, "requests": 1}] * 2


def test_a_stop_is_still_answered(tmp_path: Path) -> None:
    """While it drains, those for whom there is no room are told so and their connections end."""

    async def story() -> None:
        async with staged(tmp_path, ONE) as stage:
            first = await occupied(stage)
            caller = await Caller.at(stage.port)
            caller.writer.write(asking(CHAT))
            is_turned_away(await caller.get())
            stage.stop.set()
            await asyncio.sleep(0)
            caller.writer.write(asking(CHAT))
            got = await caller.get()
            is_turned_away(got)
            assert got.headers["connection"] == "close"
            first.leave()

    play(story)
