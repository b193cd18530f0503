"""Every way a provider fails, through the gateway: saved before the first content, told after it, never passed off as whole."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from gateway_stage import CHAT, DIALECTS, MESSAGES, MODELS, QUICK, Got, Stage, ask, asking, heard, play, route, staged, wish

from stormkeel.sandbox import FAULTS

TEXT = "anchor breeze current deck ebb fathom gale harbour island jetty"
SAVED = (
    "rate_limit:retry_after=30", "rate_limit_no_hint", "rate_limit_date:retry_after=30", "rate_limit_ms:retry_after=30",
    "daily_quota", "insufficient_quota", "server_error", "overloaded", "unavailable", "gateway_timeout", "bad_credential",
    "permission", "region", "model_not_found", "html_error", "reset", "eof", "silence", "slow_first_token:seconds=20", "malformed:after=0", "stall:after=0", "cut:at=0",
    "cut_clean:at=0", "stream_error:after=0", "stream_error:after=1", "stall:after=1", "malformed:after=1", "context_length",
)  # fmt: skip
"""Faults that show before any content."""
BROKEN = (
    "cut:at=0.6", "cut:at=0.6:inside=1", "cut:at=0.6:reset=1", "cut_clean:at=0.6", "stall:after=6", "malformed:after=6",
    "stream_error:after=6", "failed:after=6",
)  # fmt: skip
"""Faults in the middle of a stream's content."""
STATUSES = {
    "rate_limit": {429}, "rate_limit_no_hint": {429}, "rate_limit_date": {429}, "rate_limit_ms": {429},
    "daily_quota": {429}, "gateway_timeout": {504}, "region": {502},
    "insufficient_quota": {429}, "server_error": {500}, "overloaded": {503, 529}, "unavailable": {503}, "bad_credential": {502}, "permission": {502},
    "model_not_found": {404}, "context_length": {400}, "html_error": {502}, "reset": {502}, "eof": {502}, "silence": {504},
    "slow_first_token": {504}, "cut": {502}, "cut_clean": {502}, "stall": {504}, "malformed": {502},
    "stream_error": {500, 529, 502},
}  # fmt: skip
"""What a client is told where the only deployment fails so before content."""


TIMED = ("silence", "slow_first_token", "stall")
"""Faults that only a clock ends; with any other a busy machine must not look like a silent provider."""


def clocks_for(fault: str) -> str:
    """The policies for a fault: quick clocks where one has to run out."""
    return QUICK if fault.startswith(TIMED) else QUICK.replace("0.4", "15").replace("total = 5", "total = 25")


def request_for(dialect: str, *, stream: bool) -> bytes:
    """Ask route "r" for the text."""
    more: dict[str, Any] = {"stream": True} if stream else {}
    return asking(dialect, model="r", messages=wish(answer=TEXT), **more)


def text_of(dialect: str, got: Got, *, stream: bool) -> str:
    """The answer's text, of a whole answer or of a stream that came to its end."""
    assert got.status == 200, got.body
    assert got.end == "whole"
    if stream:
        told = heard(dialect, got.body)
        assert told.is_complete, told
        return told.text
    said = got.json
    return str(said["choices"][0]["message"]["content"] if dialect == CHAT else said["content"][0]["text"])


def typed_error(dialect: str, error: dict[str, Any]) -> None:
    """An error as the dialect's SDK wants it: a type and a message."""
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["type"], str)
    assert error["type"]
    if dialect == CHAT:
        assert "code" in error


async def asked(stage: Stage, dialect: str, *, stream: bool) -> Got:
    """Ask, and see that everything was settled once."""
    got = await ask(stage, request_for(dialect, stream=stream))
    await stage.calm()
    return got


def test_the_lists_hold_every_fault() -> None:
    """Each fault the sandbox knows is in one of these tests."""
    names = {fault.partition(":")[0] for fault in (*SAVED, *BROKEN)}
    assert names | {"no_terminal", "content_filter", "no_usage"} == set(FAULTS)


SMALLER = '[models."{dialect}/{model}@fault=context_length"]\nwindow = 100_000\n'
"""What is too long is sent to larger windows only."""


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", SAVED)
def test_a_fallback_saves_what_fails_before_content(fault: str, dialect: str, stream: bool, tmp_path: Path) -> None:
    """A healthy second deployment answers whole, and the client sees nothing of the first."""

    async def story() -> None:
        smaller = SMALLER.format(dialect=dialect, model=MODELS[dialect]) if fault == "context_length" else ""
        async with staged(tmp_path, clocks_for(fault) + smaller + route(dialect, f"fault={fault}", "")) as stage:
            got = await asked(stage, dialect, stream=stream)
            assert text_of(dialect, got, stream=stream) == TEXT
            assert len(stage.settled) == 2

    play(story)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", SAVED)
def test_alone_a_failure_is_told_in_the_clients_dialect(fault: str, dialect: str, stream: bool, tmp_path: Path) -> None:
    """With nobody else to ask, the client gets a status and a typed error, once, and is told not to try at once again."""

    async def story() -> None:
        async with staged(tmp_path, clocks_for(fault) + route(dialect, f"fault={fault}")) as stage:
            got = await asked(stage, dialect, stream=stream)
            assert got.end == "whole"
            assert got.status in STATUSES[fault.partition(":")[0]], got
            assert got.headers["content-type"] == "application/json"
            assert got.headers["x-should-retry"] == "false"
            assert got.headers["x-request-id"].startswith("req_")
            assert got.json["type"] == "error" if dialect == MESSAGES else True
            typed_error(dialect, got.json["error"])
            assert [len(stage.reserved), len(stage.settled)] == [1, 1]

    play(story)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_stream_is_told_and_never_repeated(fault: str, dialect: str, tmp_path: Path) -> None:
    """After the first content nobody else is asked: the client gets a beginning of the text and a typed error, no fake end."""

    async def story() -> None:
        async with staged(tmp_path, clocks_for(fault) + route(dialect, f"fault={fault}", "")) as stage:
            got = await asked(stage, dialect, stream=True)
            told = heard(dialect, got.body)
            assert got.end == "whole"
            assert not told.is_complete
            assert told.error is not None, got.body
            typed_error(dialect, told.error)
            assert told.text
            assert TEXT.startswith(told.text)
            assert len(stage.settled) == 1
            assert stage.settled[0].outcome != "ok"
            if dialect == CHAT:
                assert b'"finish_reason":"stop"' not in got.body

    play(story)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", ["cut:at=0.6", "cut:at=0.6:reset=1", "cut_clean:at=0.6", "stall", "malformed"])
def test_a_broken_whole_answer_is_asked_for_elsewhere(fault: str, dialect: str, tmp_path: Path) -> None:
    """A whole answer that breaks in the middle was never shown to the client, so the next deployment may give it."""

    async def story() -> None:
        async with staged(tmp_path, clocks_for(fault) + route(dialect, f"fault={fault}", "")) as stage:
            got = await asked(stage, dialect, stream=False)
            assert text_of(dialect, got, stream=False) == TEXT
            assert [entry.outcome for entry in stage.settled][-1] == "ok"

    play(story)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("way", ["cut", "cut_clean"])
def test_a_cut_at_every_event_is_whole_or_told(way: str, dialect: str, tmp_path: Path) -> None:
    """Wherever a stream is cut, the client gets the whole text once, or a beginning of it with an error (S-28, INV-8, INV-9)."""

    async def story() -> None:
        more = QUICK.replace("[policies.retry]", "[policies.breaker]\nconsecutive = 1000\nshare = 1.0\n[policies.retry]")
        async with staged(tmp_path, more + route(dialect, "", "")) as stage:
            events = 18
            endings = set()
            for cut in range(events):
                body = wish(answer=TEXT, fault=f"{way}:at={(cut + 0.5) / events:.4f}")
                got = await ask(stage, asking(dialect, model="r", messages=body, stream=True))
                endings.add(checked(dialect, got))
            await stage.calm()
            assert endings >= {"refused", "told"}

    play(story)


def checked(dialect: str, got: Got) -> str:
    """How an answer ended; it must be one of the honest ways."""
    assert got.end == "whole"
    if got.status != 200:
        typed_error(dialect, got.json["error"])
        return "refused"
    told = heard(dialect, got.body)
    assert TEXT.startswith(told.text)
    if told.is_complete:
        assert told.text == TEXT
        return "whole"
    assert told.error is not None
    return "told"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", ["content_filter", "no_usage"])
def test_what_is_no_failure_passes(fault: str, dialect: str, stream: bool, tmp_path: Path) -> None:
    """A filtered answer and one without usage are the provider's word: they pass as they came, and are never free."""

    async def story() -> None:
        async with staged(tmp_path, clocks_for(fault) + route(dialect, f"fault={fault}")) as stage:
            got = await asked(stage, dialect, stream=stream)
            assert got.status == 200
            assert TEXT.startswith(text_of(dialect, got, stream=stream))
            assert stage.settled[0].outcome == "ok"
            assert stage.settled[0].usage.total > 0

    play(story)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_missing_terminal_marker(stream: bool, tmp_path: Path) -> None:
    """Without `message_stop` a message is truncated; a chat whose choices all said why they ended is whole."""

    async def story() -> None:
        for dialect in DIALECTS:
            async with staged(tmp_path, QUICK + route(dialect, "fault=no_terminal")) as stage:
                got = await asked(stage, dialect, stream=stream)
                if stream and dialect == MESSAGES:
                    assert heard(dialect, got.body).error is not None
                elif stream:
                    assert heard(dialect, got.body).text == TEXT
                else:
                    assert text_of(dialect, got, stream=False) == TEXT

    play(story)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_retry_in_place_saves_a_passing_fault(dialect: str, tmp_path: Path) -> None:
    """One deployment that fails once answers the second time; both attempts are settled."""

    async def story() -> None:
        more = QUICK.replace("attempts = 1", "attempts = 3") + route(dialect, "")
        async with staged(tmp_path, more) as stage:
            stage.sandbox.set_storm(storm("server_error", "ok"))
            got = await asked(stage, dialect, stream=True)
            assert text_of(dialect, got, stream=True) == TEXT
            assert [entry.outcome for entry in stage.settled] == ["server", "ok"]

    play(story)


def storm(*plan: str) -> Any:
    """A storm that gives each request its fault, in order."""
    from stormkeel.sandbox import Storm

    return Storm(plan=plan)


def test_a_silent_stream_is_kept_alive_and_then_saved(tmp_path: Path) -> None:
    """Past `hold` the head and keep-alives go out, the next deployment is asked all the same, and the text comes once."""

    async def story() -> None:
        more = QUICK.replace("total = 5", "total = 5\nhold = 0.05")
        for dialect in DIALECTS:
            async with staged(tmp_path, more + route(dialect, "fault=silence", "")) as stage:
                got = await asked(stage, dialect, stream=True)
                assert text_of(dialect, got, stream=True) == TEXT
                assert got.body.startswith(b": " if dialect == CHAT else b"event: ping")

    play(story)


def test_a_silent_stream_that_nobody_saves_is_told_in_stream(tmp_path: Path) -> None:
    """Once the head is out, the last failure comes as an event, and the HTTP answer ends in order."""

    async def story() -> None:
        more = QUICK.replace("total = 5", "total = 5\nhold = 0.05")
        for dialect in DIALECTS:
            async with staged(tmp_path, more + route(dialect, "fault=silence")) as stage:
                got = await asked(stage, dialect, stream=True)
                told = heard(dialect, got.body)
                assert [got.status, got.end] == [200, "whole"]
                assert told.error is not None
                assert told.text == ""

    play(story)


def test_a_passthrough_is_byte_identical(tmp_path: Path) -> None:
    """The provider gets the client's body as it was, but for the model's name where the route renames it."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            body = b'{ "messages":[{"role":"user","content":"caf\\u00e9 \xe2\x80\xa8"}],"model" : "gpt-5.4-mini" }'
            from gateway_stage import posted

            got = await ask(stage, posted("/v1/chat/completions", body))
            assert got.status == 200
            assert stage.sandbox.requests[0].body == body
            assert json.loads(body)["model"] == MODELS[CHAT]

    play(story)


HANGS = {"head": {"fault": "silence"}, "first token": {"fault": "slow_first_token"}, "mid-stream": {"fault": "stall:after=6"}}
DRIP = {"pace_ms": 60, "tokens": 500}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_deadline_holds_wherever_it_hangs(dialect: str, tmp_path: Path) -> None:
    """Silent, held, stalled or dripping: the caller has an outcome at its deadline, and nothing is left (S-26)."""

    async def story() -> None:
        more = QUICK.replace("0.4", "30").replace("total = 5", "total = 60")
        async with staged(tmp_path, more + route(dialect, "", "")) as stage:
            now = asyncio.get_running_loop().time
            for place in (*HANGS.values(), DRIP):
                start = now()
                patient = {"x-stormkeel-timeout": "0.2"}
                got = await ask(stage, asking(dialect, model="r", messages=wish(**place), headers=patient, stream=True))
                assert 0.19 <= now() - start < 0.35  # S-26 allows 0.1 s; the rest is for a busy machine
                await stage.calm()
                assert checked_shape(dialect, got)
            assert {entry.outcome for entry in stage.settled} == {"deadline"}
            assert len(stage.settled) == 4

    play(story)


def checked_shape(dialect: str, got: Got) -> bool:
    """Is it a typed error, with its status or in the stream?"""
    error = heard(dialect, got.body).error if got.status == 200 else got.json["error"]
    assert error is not None
    typed_error(dialect, error)
    return got.status in {200, 504}
