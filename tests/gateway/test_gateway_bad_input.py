"""What a client can send wrong: each is answered in order, says what and how to mend it, and never reaches a provider."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from bad_bodies import FLAT, GOOD
from gateway_stage import CHAT, DIALECTS, MESSAGES, PATHS, QUICK, Caller, Got, Stage, ask, asking, play, posted, staged

from stormkeel.gateway.routes import ANY
from stormkeel.runtime.serve import ServeSettings

SMALL = "[server]\nmax_body = 2048\n"


@pytest.fixture
def silent_log(caplog: pytest.LogCaptureFixture) -> Any:
    """Nothing may be logged as an error, least of all a traceback."""
    yield caplog
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


GEMINI = "gemini"


def spoken_by(name: str) -> str:
    """Whose errors are expected of a row."""
    return MESSAGES if name.startswith("anthropic") else GEMINI if name == GEMINI else CHAT


def is_told(dialect: str, got: Got, status: int, names: str) -> None:
    """The status, an error in the dialect's shape, and what is wrong in its text."""
    assert [got.status, got.end] == [status, "whole"], got
    said = got.json
    if dialect == MESSAGES:
        assert said["type"] == "error"
        assert said["request_id"] == got.headers["x-request-id"]
    error = said["error"]
    assert error["status"] if dialect == GEMINI else error["type"]
    assert names in error["message"], error
    assert "Traceback" not in got.body.decode()
    assert got.headers["x-should-retry"] == "false"


async def stays_clean(stage: Stage) -> None:
    """Nothing reached the provider and nothing was booked; a good request is answered as before."""
    await stage.calm()
    assert stage.sandbox.requests == []
    assert stage.reserved == []
    assert (await ask(stage, asking(CHAT))).status == 200


@pytest.mark.usefixtures("silent_log")
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", FLAT)
def test_a_bad_body(name: str, dialect: str, tmp_path: Path) -> None:
    """A body that makes no sense is refused with its fault named, and the connection may be used again."""

    async def story() -> None:
        body, status, names = FLAT[name]
        async with staged(tmp_path) as stage:
            caller = await Caller.at(stage.port)
            caller.writer.write(posted(PATHS[dialect], body))
            is_told(dialect, await caller.get(), status, names)
            caller.writer.write(posted("/health/live", b"", method="GET"))
            assert (await caller.get()).status == 200
            caller.leave()
            await stays_clean(stage)

    play(story)


@pytest.mark.usefixtures("silent_log")
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_body_too_large(dialect: str, tmp_path: Path) -> None:
    """A body beyond the limit is refused at once, by its declared length or as it grows, naming limit and setting (S-32)."""

    async def story() -> None:
        async with staged(tmp_path, QUICK + SMALL) as stage:
            declared = posted(PATHS[dialect], b"", {"content-length": str(10**9)})
            is_told(dialect, await ask(stage, declared), 413, "2,048")
            is_told(dialect, await ask(stage, posted(PATHS[dialect], b" " * 4096)), 413, "max_body")
            caller = await Caller.at(stage.port)
            caller.writer.write(f"POST {PATHS[dialect]} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode())
            for _ in range(5):
                caller.writer.write(b"200\r\n" + b"a" * 512 + b"\r\n")
            is_told(dialect, await caller.get(), 413, "max_body")
            assert await caller.reader.read() == b""
            caller.leave()
            await stays_clean(stage)

    play(story)


@pytest.mark.usefixtures("silent_log")
def test_a_declared_length_of_many_digits(tmp_path: Path) -> None:
    """A content-length that no number fits is refused, not served and not waited for."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            for digits in ("9" * 15, "9" * 18, "9" * 40, "-5", "1e3", "5, 5", ""):
                got = await ask(stage, posted(PATHS[CHAT], b"", {"content-length": digits}))
                assert got.status in {400, 413}, digits
            await stays_clean(stage)

    play(story)


@pytest.mark.usefixtures("silent_log")
@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, identity"])
def test_an_encoded_body(encoding: str, tmp_path: Path) -> None:
    """An encoded body is refused by its header: nothing is unpacked, so there is no bomb (S-32)."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            for dialect in DIALECTS:
                got = await ask(stage, posted(PATHS[dialect], GOOD, {"content-encoding": encoding}))
                is_told(dialect, got, 415, encoding)
            await stays_clean(stage)

    play(story)


@pytest.mark.usefixtures("silent_log")
@pytest.mark.parametrize("framing", ["content-length: 100", "transfer-encoding: chunked"])
def test_a_body_that_never_ends(framing: str, tmp_path: Path) -> None:
    """A body that stays away is given up at the deadline with 408, and nothing is sent (S-31)."""

    async def story() -> None:
        async with staged(tmp_path, http=ServeSettings(body_deadline=0.2)) as stage:
            caller = await Caller.at(stage.port)
            piece = "" if "length" in framing else "5\r\n{    \r\n"
            caller.writer.write(f"POST {PATHS[CHAT]} HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n{piece}".encode())
            got = await caller.get()
            assert got.status == 408
            assert await caller.reader.read() == b""
            caller.leave()
            await stays_clean(stage)

    play(story)


@pytest.mark.usefixtures("silent_log")
def test_a_body_shorter_than_its_length(tmp_path: Path) -> None:
    """A client that closes before its declared length has sent nothing."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            caller = await Caller.at(stage.port)
            caller.writer.write(posted(PATHS[CHAT], GOOD, {"content-length": str(len(GOOD) + 5)}))
            caller.writer.write_eof()
            assert (await caller.get()).status == 0
            caller.leave()
            await stays_clean(stage)

    play(story)


@pytest.mark.usefixtures("silent_log")
def test_more_bytes_than_the_length(tmp_path: Path) -> None:
    """Bytes beyond the declared length are no second request: the first is answered, then the connection ends with 400."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            caller = await Caller.at(stage.port)
            caller.writer.write(posted(PATHS[CHAT], b"{}" + b"garbage without sense", {"content-length": "2"}))
            assert [(await caller.get()).status, await caller.reader.read()][0] == 400
            caller.leave()
            await stays_clean(stage)

    play(story)


SMUGGLED: dict[str, str] = {
    "both framings": "content-length: 4\r\ntransfer-encoding: chunked",
    "two lengths": "content-length: 4\r\ncontent-length: 5",
    "hidden chunked": "transfer-encoding: xchunked",
    "two codings": "transfer-encoding: gzip, chunked",
    "space before colon": "content-length : 4",
    "two hosts": "host: b\r\ncontent-length: 2",
    "a host with a path": "",
}


@pytest.mark.usefixtures("silent_log")
@pytest.mark.parametrize("name", SMUGGLED)
def test_smuggling_is_refused(name: str, tmp_path: Path) -> None:
    """A head that two readers could read in two ways is refused, and nothing after it on its connection is served (S-33)."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            host = "a/v1/models?x" if name == "a host with a path" else "a"
            hidden = posted("/v1/chat/completions", GOOD)
            caller = await Caller.at(stage.port)
            head = f"POST {PATHS[CHAT]} HTTP/1.1\r\nhost: {host}\r\n{SMUGGLED[name]}".rstrip()
            caller.writer.write(f"{head}\r\n\r\n0\r\n\r\n".encode() + hidden)
            assert (await caller.get()).status in {400, 413, 501}
            caller.leave()
            await stays_clean(stage)

    play(story)


@pytest.mark.usefixtures("silent_log")
def test_unknown_routes_and_wrong_methods(tmp_path: Path) -> None:
    """What is not in the table is a 404 that names what is served; a wrong method is a 405 with `allow`; both in the dialect."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            for path in ("/", "/v1", "/v1/moderations", "/v1/chat/completions/", "//v1/models", "/v1/models/../chat/completions"):
                got = await ask(stage, posted(path, GOOD))
                is_told(CHAT, got, 404, "/v1/chat/completions")
            is_told(MESSAGES, await ask(stage, posted("/anthropic/v1/complete", GOOD)), 404, "passthrough")
            spoken = {"anthropic-version": "2026-10-21"}
            is_told(MESSAGES, await ask(stage, posted("/v1/complete", GOOD, spoken)), 404, "complete")
            told = [(path, row) for path, row in stage.gateway.table if row.method != ANY]
            known = {row.method for _, row in told}
            for path, row in told:
                there = {other.method for beside, other in stage.gateway.table if beside == path}
                for method in {*known, "PUT", "DELETE", "PATCH", "OPTIONS"} - there:
                    found = stage.gateway.table.find(method, path)
                    if len(there) > 1 or (found is not None and found.method == ANY):
                        continue  # told by either, or a provider's own to serve
                    got = await ask(stage, posted(path, GOOD, method=method))
                    is_told(spoken_by(row.dialect.name), got, 405, row.method)
                    assert got.headers["allow"] == row.method
            await stays_clean(stage)

    play(story)


@pytest.mark.usefixtures("silent_log")
def test_hostile_paths_and_headers(tmp_path: Path) -> None:
    """Odd bytes in a path or a header never break the gateway: each gets a 4xx or is served as if they were not there."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            for path in ("/%00", "/%ff%fe", "/v1/%2e%2e/x", "/" + "a" * 9000, "/%", "/v1/models%0d%0ax:y"):
                got = await ask(stage, posted(path, b"", method="GET"))
                assert got.status in {400, 404, 431}, path
                assert got.end == "whole"
            odd = {"x-stormkeel-timeout": "nan", "x-stainless-read-timeout": "-1", "x-stormkeel-tags": ",,\xe4,"}
            odd["x-stormkeel-user"] = "a" * 999
            assert (await ask(stage, posted(PATHS[CHAT], good(), odd).replace("\xe4".encode(), b"\xe4"))).status == 200
            many = "".join(f"x-{number}: y\r\n" for number in range(200))
            got = await ask(stage, f"GET /health HTTP/1.1\r\nhost: x\r\n{many}\r\n".encode())
            assert got.status == 431
            assert (await ask(stage, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 60)).status == 400
            await stage.calm()

    play(story)


def good() -> bytes:
    """A body the provider takes."""
    return json.dumps({"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "hi"}]}).encode()


@pytest.mark.usefixtures("silent_log")
def test_clients_headers_do_not_choose_where_or_as_whom_we_go(tmp_path: Path) -> None:
    """A client's credential, host, cookies and forwarding headers never reach the provider (INV-17, INV-19)."""

    async def story() -> None:
        sent = {
            "authorization": "Bearer sk-client", "x-api-key": "sk-client", "cookie": "a=b", "x-forwarded-host": "evil",
            "x-stainless-lang": "x", "openai-organization": "org-evil", "proxy-authorization": "x", "host": "evil.example",
            "x-sandbox-fault": "server_error", "anthropic-beta": "one",
        }  # fmt: skip
        async with staged(tmp_path) as stage:
            for dialect in DIALECTS:
                assert (await ask(stage, asking(dialect, headers=sent))).status == 200
            for record in stage.sandbox.requests:
                told = json.dumps(record.headers)
                for bad in ("evil", "cookie", "stainless", "x-forwarded", "x-sandbox"):
                    assert bad not in told

    play(story)
