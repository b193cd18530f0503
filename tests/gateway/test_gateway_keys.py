"""Who may come in, and that no secret ever comes out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from gateway_stage import (
    CHAT,
    DIALECTS,
    MESSAGES,
    MODELS,
    PATHS,
    QUICK,
    SECRETS,
    Stage,
    ask,
    asking,
    body_of_asking,
    play,
    posted,
    staged,
    wish,
)

from stormkeel.gateway.door import Access
from stormkeel.gateway.routes import ANY, Row
from stormkeel.runtime.telemetry.logs import Logs

KEY = "sk-mine-CANARYcaller0123456789ab"
BOSS = "sk-mine-CANARYcaller-admin-456789"
WAYS = {"authorization": f"Bearer {KEY}", "x-api-key": KEY}
PUBLIC = {"/health", "/health/live", "/health/ready"}


def keyed(folder: Path) -> str:
    """Settings with one caller's key, and one admin's."""
    (folder / "caller.key").write_text(KEY)
    (folder / "boss.key").write_text(BOSS)
    return (
        QUICK + f'[[keys]]\nname = "team-a"\nkey = "file:{folder / "caller.key"}"\n'
        f'[[keys]]\nname = "boss"\nkey = "file:{folder / "boss.key"}"\nadmin = true\n'
    )


def good_of(row: Row) -> int:
    """What a good key is answered: nothing of the sandbox's is passed through, all else is served."""
    return 404 if row.method == ANY else 200


def path_of(known: str, row: Row) -> str:
    """A path that is served for a path of the table."""
    path = known.replace("{id}", MODELS[MESSAGES if known.startswith("/anthropic/") else CHAT])
    return f"{path}:generateContent" if row.method == "POST" and known.endswith("{id}") else path


def body_of(path: str) -> bytes:
    """A good body for a route that takes one."""
    if path.endswith("/count_tokens"):
        return json.dumps({"model": MODELS[MESSAGES], "messages": [{"role": "user", "content": "hello"}]}).encode()
    if path.endswith(("/responses", "/input_tokens")):
        return json.dumps({"model": MODELS[CHAT], "input": "hello"}).encode()
    if path.endswith(":generateContent"):
        return json.dumps({"contents": [{"parts": [{"text": "hello"}]}]}).encode()
    if path == "/gemini/admin/explain":
        return b'{"contents":[{"parts":[{"text":"hello"}]}]}'
    if path.endswith("/embeddings"):
        return b'{"model":"text-embedding-3-small","input":"hello"}'
    return body_of_asking(asking(MESSAGES if "messages" in path or path.startswith("/anthropic/") else CHAT))


@pytest.mark.parametrize("header", WAYS)
def test_every_route_but_health_asks_for_a_key(header: str, tmp_path: Path) -> None:
    """None, a wrong, a near and a right key at every row of the table, by either header (S-34, INV-18)."""

    async def story() -> None:
        async with staged(tmp_path, keyed(tmp_path)) as stage:
            table = stage.gateway.table
            assert {path for path, row in table if row.access is Access.PUBLIC} == PUBLIC
            assert {path for path, row in table if row.access is Access.ADMIN} == {path for path, _ in table if "/admin/" in path}
            for known, row in table:
                path, method = path_of(known, row), "GET" if row.method == ANY else row.method
                right, public = WAYS[header], row.access is Access.PUBLIC
                for headers in ({}, *({header: wrong} for wrong in ("nonsense", right[:-1], right + "x", ""))):
                    got = await ask(stage, posted(path, body_of(path), headers, method))
                    assert got.status == (200 if public else 401), (path, headers)
                    if not public:
                        assert got.headers["www-authenticate"] == "Bearer"
                        assert got.headers["x-should-retry"] == "false"
                        assert "key" in got.json["error"]["message"]
                assert stage.sandbox.requests == []
                if path == "/gemini/admin/explain":
                    path += f"?model={MODELS[CHAT]}"
                got = await ask(stage, posted(path, body_of(path.partition("?")[0]), {header: right}, method))
                assert got.status == (403 if row.access is Access.ADMIN else good_of(row)), (path, got)
                got = await ask(stage, posted(path, body_of(path.partition("?")[0]), {header: right.replace(KEY, BOSS)}, method))
                assert got.status == good_of(row), (path, got)
                stage.sandbox.reset()
            assert {entry.key for entry in stage.reserved} == {"team-a", "boss"}

    play(story)


def test_a_route_without_an_access_can_not_be_built() -> None:
    """Who may call a route is said where the route is made, or there is no route (INV-18)."""
    with pytest.raises(TypeError, match="access"):
        Row(method="GET", endpoint=None, dialect=None)  # type: ignore[arg-type, call-arg]  # that is the point


def test_admin_refusals_are_plain(tmp_path: Path) -> None:
    """Who may not look inside is told so in JSON of no dialect, which no cache keeps; what is not there, likewise."""

    async def story() -> None:
        async with staged(tmp_path, keyed(tmp_path)) as stage:
            cases = [
                ("GET", "/admin/fleet", {}, 401, "missing_key"),
                ("GET", "/admin/fleet", {"x-api-key": KEY}, 403, "admin_needed"),
                ("POST", "/admin/fleet", {"x-api-key": BOSS}, 405, "method_not_allowed"),
                ("GET", "/admin/nothing", {"x-api-key": BOSS}, 404, "not_found"),
            ]
            for method, path, headers, status, kind in cases:
                got = await ask(stage, posted(path, b"", {**headers, "anthropic-version": "2023-06-01"}, method))
                assert [got.status, got.json["error"]["type"]] == [status, kind]
                assert [got.json.keys(), got.json["error"].keys()] == [{"error"}, {"type", "message"}]
                assert got.headers["cache-control"] == "no-store"
                assert "www-authenticate" not in got.headers or status == 401

    play(story)


def test_without_keys_everybody_here_is_an_admin(tmp_path: Path) -> None:
    """A gateway without keys listens on this machine only, and shows its inside to who asks."""

    async def story() -> None:
        async with staged(tmp_path) as stage:
            got = await ask(stage, posted("/admin/fleet", b"", method="GET"))
            assert [got.status, got.headers["cache-control"]] == [200, "no-store"]

    play(story)


@pytest.mark.parametrize("host", ["gateway", "127.0.0.1", "localhost:1", "evil.example", "health"])
def test_host_and_spelling_of_the_path_open_no_door(host: str, tmp_path: Path) -> None:
    """Whatever the Host, and however the path is spelled, a call without a key gets nothing but the public routes."""

    async def story() -> None:
        spellings = (
            "/v1/%6dodels", "/V1/models", "/v1/models?x=/health", "/health/../v1/models", "/health/..%2fv1/models", "//metrics",
            "/metrics%00", "/health%2f..%2fmetrics", "/metrics;/health", "/./metrics", "/metrics/", "/health/live/../../metrics",
        )  # fmt: skip
        async with staged(tmp_path, keyed(tmp_path)) as stage:
            for path in spellings:
                got = await ask(stage, posted(path, b"", {"host": host, "x-forwarded-for": "127.0.0.1"}, "GET"))
                assert got.status in {400, 401, 404}, path
                assert b"stormkeel_" not in got.body
            assert (await ask(stage, posted("/health/live", b"", {"host": host}, "GET"))).status == 200

    play(story)


def test_x_api_key_wins_and_schemes_are_told_apart(tmp_path: Path) -> None:
    """With both headers `x-api-key` is the one that counts; a scheme that is not Bearer brings no key; case does not matter."""

    async def story() -> None:
        cases: list[tuple[dict[str, str], int]] = [
            ({"x-api-key": KEY, "authorization": "Bearer wrong"}, 200),
            ({"x-api-key": "wrong", "authorization": f"Bearer {KEY}"}, 401),
            ({"authorization": f"Basic {KEY}"}, 401),
            ({"authorization": KEY}, 401),
            ({"authorization": f"bearer {KEY}"}, 200),
            ({"authorization": f"Bearer  {KEY} "}, 200),
        ]
        async with staged(tmp_path, keyed(tmp_path)) as stage:
            for headers, status in cases:
                assert (await ask(stage, posted("/v1/models", b"", headers, "GET"))).status == status, headers

    play(story)


def test_a_key_is_checked_before_the_body_is_read(tmp_path: Path) -> None:
    """A caller without a key is refused at its head: it cannot make us take a body."""

    async def story() -> None:
        async with staged(tmp_path, keyed(tmp_path)) as stage:
            got = await ask(stage, posted(PATHS[CHAT], b"", {"content-length": "20000000"}))
            assert [got.status, got.end] == [401, "whole"]
            got = await ask(stage, posted(PATHS[CHAT], b"x" * 5_000_000))
            assert [got.status, got.end] == [401, "whole"], "a client in the middle of its body must be able to read the refusal"

    play(story)


CANARIES = ("CANARYopenai", "CANARYanthropic", "CANARYcaller", "CANARYprompt", "CANARYanswer")
FAULTS = (
    "ok", "bad_credential", "permission", "server_error", "html_error", "rate_limit_no_hint", "reset", "cut:at=0.5", "malformed",
)  # fmt: skip


async def provoke(stage: Stage) -> list[bytes]:
    """Everything a caller sees while all goes wrong that can; answers themselves left out."""
    seen = []
    for dialect in DIALECTS:
        for fault in FAULTS:
            for stream in (False, True):
                said = wish(answer="CANARYanswer " * 9, fault=fault)
                said[0]["content"] += " CANARYprompt"
                model = MODELS[dialect] + f"-{FAULTS.index(fault)}{stream:d}"  # a deployment of its own
                request = asking(dialect, model=f"{dialect}/{model}", headers={"x-api-key": KEY}, messages=said, stream=stream)
                got = await ask(stage, request)
                seen.append(repr(got.headers).encode() + (b"" if got.status == 200 else got.body))
        for bad in (b"CANARYprompt", b'{"model": "CANARYprompt', b'{"messages": "CANARYprompt"}'):
            got = await ask(stage, posted(PATHS[dialect], bad, {"x-api-key": KEY}))
            seen.append(got.body)
        seen.append((await ask(stage, posted(PATHS[dialect], b"", {"x-api-key": KEY + "x"}))).body)
    for path in ("/metrics", "/health", "/v1/models", "/admin/fleet"):
        got = await ask(stage, posted(path, b"", {"x-api-key": BOSS}, "GET"))
        assert got.status in {200, 503}
        seen.append(got.body)
    await stage.sandbox.quiet()
    return seen


def test_no_secret_and_no_content_comes_out(tmp_path: Path) -> None:
    """Keys, credentials, prompts and answers are in no log, metric, health, error body, header or ledger byte (S-37, INV-17)."""
    data, log = tmp_path / "data", tmp_path / "log"

    async def story() -> None:
        logs = Logs(os.open(log, os.O_WRONLY | os.O_CREAT, 0o600))
        async with staged(tmp_path, keyed(tmp_path), sinks=(logs,), data=str(data)) as stage:
            seen = await provoke(stage)
            seen.append(repr(stage.house.settings).encode())
            seen += [repr((member.first, member)).encode() for member in stage.house.world.fleet.members]
        logs.flush()
        seen.append(log.read_bytes())
        assert seen[-1].count(b"\n") > len(FAULTS)
        files = [path for path in data.rglob("*") if path.is_file()]
        assert any(path.suffix == ".db" for path in files)
        seen += [path.read_bytes() for path in files]
        found = {canary for canary in CANARIES for text in seen if canary.encode() in text}
        found |= {name for name, secret in SECRETS.items() for text in seen if secret.encode() in text}
        assert found == set()

    play(story)


def test_the_providers_credential_is_ours(tmp_path: Path) -> None:
    """The caller's key never goes to a provider, the provider's credential does, by its own header."""

    async def story() -> None:
        from stormkeel.sandbox.book import fingerprint

        async with staged(tmp_path, keyed(tmp_path)) as stage:
            for dialect in DIALECTS:
                for header, value in WAYS.items():
                    assert (await ask(stage, asking(dialect, headers={header: value}))).status == 200
            told = [record.headers.get("authorization") or record.headers.get("x-api-key") for record in stage.sandbox.requests]
            assert told == [fingerprint(SECRETS[dialect]) for dialect in DIALECTS for _ in WAYS]
            assert all(fingerprint(KEY) not in record.headers.values() for record in stage.sandbox.requests)

    play(story)


def test_a_providers_quote_of_the_request_stays_out_of_the_log(tmp_path: Path) -> None:
    """A provider's error may quote what the client wrote: the client sees it, log and health page do not (INV-17)."""
    log = tmp_path / "log"

    async def story() -> None:
        logs = Logs(os.open(log, os.O_WRONLY | os.O_CREAT, 0o600))
        async with staged(tmp_path, keyed(tmp_path), sinks=(logs,)) as stage:
            said = [{"role": "CANARYprompt", "content": "hi"}]
            got = await ask(stage, asking(CHAT, messages=said, headers={"x-api-key": KEY}))
            assert got.status == 400
            assert b"CANARYprompt" in got.body
            assert b"CANARYprompt" not in (await ask(stage, posted("/health", b"", method="GET"))).body
        logs.flush()
        assert b"CANARYprompt" not in log.read_bytes()

    play(story)


@pytest.mark.parametrize("header", WAYS)
def test_health_tells_strangers_no_more_than_its_state(header: str, tmp_path: Path) -> None:
    """Where keys are asked for, who brings none learns healthy or not; deployments, versions and figures are for callers (INV-16)."""

    async def story() -> None:
        async with staged(tmp_path, keyed(tmp_path)) as stage:
            assert (await ask(stage, asking(CHAT, headers={header: WAYS[header]}))).status == 200
            stranger = await ask(stage, posted("/health", b"", {header: "wrong"}, "GET"))
            assert stranger.json == {"status": "healthy"}
            caller = await ask(stage, posted("/health", b"", {header: WAYS[header]}, "GET"))
            told = {"status", "version", "active_requests", "ready", "dead_routes", "providers", "deployments", "credentials", "door"}
            assert told == caller.json.keys()

    play(story)
