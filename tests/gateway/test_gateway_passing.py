"""A provider's other paths through the gateway: the official SDKs, every byte as it was, and no way round keys, hosts or prices."""

from __future__ import annotations

import asyncio
import io
import json
from contextlib import suppress
from pathlib import Path

import anthropic
import openai
import pytest
from gateway_stage import QUICK, Caller, Stage, ask, play, posted, until
from google import genai
from passing_stage import SECRETS, Seen, always, calm, passing, told
from raw_server import Connection

FILE = {
    "id": "file-1",
    "object": "file",
    "bytes": 5,
    "created_at": 1,
    "filename": "a.jsonl",
    "purpose": "batch",
    "status": "processed",
}
BINARY = bytes(range(256)) * 4096


def openai_at(stage: Stage) -> openai.AsyncOpenAI:
    """OpenAI's client at the gateway."""
    return openai.AsyncOpenAI(base_url=f"{stage.url}/openai/v1", api_key="any", max_retries=0)


def settled(stage: Stage) -> list[tuple[str, str, int | None]]:
    """How the calls were booked: outcome, source, amount."""
    return [(entry.outcome, entry.usage_source, entry.amount) for entry in stage.settled]


def test_a_file_goes_up(tmp_path: Path) -> None:
    """`client.files.create` reaches the provider as its own multipart body, with our credential and no other, and is unpriced."""

    async def story() -> None:
        async with passing(tmp_path, always(told(json.dumps(FILE).encode()))) as (stage, upstream), openai_at(stage) as client:
            made = await client.files.create(file=("a.jsonl", BINARY), purpose="batch")
            assert made.id == "file-1"
            seen = upstream.seen[0]
            assert (seen.method, seen.target) == ("POST", "/v1/files")
            assert BINARY in seen.body
            assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
            assert seen.headers["authorization"] == f"Bearer {SECRETS['up']}"
            assert not {name for name in seen.headers if name.startswith(("x-stainless", "x-api-key", "cookie"))}
            assert settled(stage) == [("ok", "unpriced", None)]
            booked = stage.reserved[0]
            assert (booked.route, booked.provider, booked.model, booked.dialect, booked.amount) == (
                "(raw)",
                "up",
                "/files",
                "raw",
                None,
            )
            assert seen.headers["x-client-request-id"] == booked.attempt

    play(story)


def test_moderations_and_lists(tmp_path: Path) -> None:
    """`client.moderations.create` and a list with a query come through as they were asked."""
    body = json.dumps({"id": "modr-1", "model": "omni", "results": [], "object": "list", "data": [], "has_more": False}).encode()

    async def story() -> None:
        async with passing(tmp_path, always(told(body))) as (stage, upstream), openai_at(stage) as client:
            assert (await client.moderations.create(input="hm")).id == "modr-1"
            assert [page async for page in client.files.list(limit=2, order="asc")] == []
            assert upstream.seen[0].body == b'{"input":"hm"}'
            assert upstream.seen[1].target in {"/v1/files?limit=2&order=asc", "/v1/files?order=asc&limit=2"}

    play(story)


def test_sound_comes_back(tmp_path: Path) -> None:
    """Binary bytes of `client.audio.speech` come back as they were sent, with their type and length."""

    async def story() -> None:
        async with passing(tmp_path, always(told(BINARY, content_type="audio/mpeg"))) as (stage, _), openai_at(stage) as client:
            said = await client.audio.speech.create(model="tts", voice="alloy", input="hi")
            assert said.content == BINARY
            assert said.response.headers["content-type"] == "audio/mpeg"
            assert said.response.headers["content-length"] == str(len(BINARY))

    play(story)


def test_anthropic_files(tmp_path: Path) -> None:
    """Anthropic's client finds its files, with version and beta header, at a base URL without a version."""
    body = json.dumps({"data": [], "has_more": False, "first_id": None, "last_id": None}).encode()

    async def story() -> None:
        async with passing(tmp_path, always(told(body))) as (stage, upstream):
            async with anthropic.AsyncAnthropic(base_url=f"{stage.url}/anthropic", api_key="any", max_retries=0) as client:
                assert [page async for page in client.beta.files.list(betas=["files-api-2025-04-14"])] == []
            seen = upstream.seen[0]
            assert seen.target.startswith("/v1/files")
            assert seen.headers["x-api-key"] == SECRETS["claude"]
            assert "files-api-2025-04-14" in seen.headers["anthropic-beta"]
            assert seen.headers["anthropic-version"]

    play(story)


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_gemini_paths(version: str, tmp_path: Path) -> None:
    """Google's cached contents are reached at the version asked for, by key in a header, never one in the address."""

    async def story() -> None:
        async with passing(tmp_path, always(told())) as (stage, upstream):
            got = await ask(stage, posted(f"/gemini/{version}/cachedContents?key=THEIRS&pageSize=3", b"{}"))
            assert got.status == 200
            assert upstream.seen[0].target == f"/{version}/cachedContents?pageSize=3"
            assert upstream.seen[0].headers["x-goog-api-key"] == SECRETS["google"]

    play(story)


def test_a_named_provider(tmp_path: Path) -> None:
    """`/raw/{provider}/...` reaches the one that is named, below its base URL."""

    async def story() -> None:
        async with passing(tmp_path, always(told())) as (stage, upstream):
            assert (await ask(stage, posted("/raw/google/files", b"", method="GET"))).status == 200
            assert (await ask(stage, posted("/raw/claude/v1/messages/batches", b"{}"))).status == 200
            assert [seen.target for seen in upstream.seen] == ["/v1beta/files", "/v1/messages/batches"]

    play(story)


CLOSED = [
    "/raw/openai/files", "/raw/nobody/files", "/raw/admin/fleet", "/raw//files", "/openai/v2/files", "/openai/files",
    "/v1/files", "/raw", "/anthropic/health", "/raw/UP/files",
]  # fmt: skip
"""A provider that was not opened, no provider at all, an address of nobody's."""


def test_what_is_not_open(tmp_path: Path) -> None:
    """What no provider was opened for does not exist: 404, and nothing is sent (INV-18)."""

    async def story() -> None:
        async with passing(tmp_path, always(told())) as (stage, upstream):
            got = {path: (await ask(stage, posted(path, b"", method="GET"))).status for path in CLOSED}
            assert got == dict.fromkeys(CLOSED, 404)
            assert upstream.seen == []
            assert stage.reserved == []

    play(story)


HOSTILE = [
    "/raw/up/../../admin/fleet", "/raw/up/%2e%2e/admin", "/raw/up/%252e%252e/admin", "/raw/up//evil.example/x", "/raw/up/a%2f..%2fb",
    "/raw/up/@evil.example", "/raw/up/http://evil.example/", "/raw/up/a\\..\\b", "/raw/up/a%5cb", "/openai/v1/../../raw/up/files",
    "/openai/v1/%2e%2e/files", "/openai/v1/files/", "/openai/v1//files", "/openai/v1/files%0d%0ax:y", "/raw/%75p/files/..",
    "/gemini/v1beta/../v1/files", "/anthropic/v1/files%00", "/raw/up/responses/",
    "/openai/v1/chat//completions", "/raw/google/models/g:generateContent",
    "/raw/google/models/g%3AgenerateContent", "/raw/up/organization/projects",
    "/op%65nai/v1/files", "/raw/up", "/raw/up/",
]  # fmt: skip
BILLED = [
    "/raw/up/chat/completions", "/raw/up/Chat/completion%73", "/openai/v1/EMBEDDINGS", "/raw/claude/v1/messages",
    "/anthropic/v1/Messages", "/raw/up/%72esponses", "/openai/v1/completions",
]  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_hostile_addresses(method: str, tmp_path: Path) -> None:
    """Steps back, other hosts, odd spellings and whatever is billed elsewhere: refused, and nothing is sent (INV-7, INV-18, INV-19)."""
    paths = HOSTILE + (BILLED if method == "POST" else [])

    async def story() -> None:
        async with passing(tmp_path, always(told())) as (stage, upstream):
            got = {path: (await ask(stage, posted(path, b"{}", method=method))).status for path in paths}
            assert {path: status for path, status in got.items() if status not in {400, 403, 404, 405}} == {}
            assert upstream.seen == []
            assert stage.reserved == []

    play(story)


def test_a_key_is_needed(tmp_path: Path) -> None:
    """Without a caller's key no path is passed; with one the key itself stays here (INV-18)."""
    (tmp_path / "ann.key").write_text("ann-says-0123456789abcdef")
    keys = QUICK + f'[[keys]]\nname = "ann"\nkey = "file:{tmp_path / "ann.key"}"\n'

    async def story() -> None:
        async with passing(tmp_path, always(told()), keys) as (stage, upstream):
            for path in ("/openai/v1/files", "/raw/up/files", "/gemini/v1/files", "/raw/nobody/files"):
                assert (await ask(stage, posted(path, b"", method="GET"))).status == 401
            assert upstream.seen == []
            key = {"authorization": "Bearer ann-says-0123456789abcdef"}
            assert (await ask(stage, posted("/raw/up/files", b"", key, method="GET"))).status == 200
            assert stage.reserved[0].key == "ann"
            assert "ann-says" not in str(upstream.seen[0])

    play(story)


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "409 Conflict", "429 Too Many Requests", "500 Oops"])
def test_errors_come_as_they_are(status: str, tmp_path: Path) -> None:
    """A provider's error comes with its own status, body and pause, is not tried again, and costs nothing."""
    said = b'{"error": {"message": "no such file", "code": "x"}}'

    async def story() -> None:
        async with passing(tmp_path, always(told(said, status, retry_after="7", set_cookie="a=b"))) as (stage, upstream):
            got = await ask(stage, posted("/openai/v1/files/file-1", b"", method="DELETE"))
            assert (str(got.status), got.body) == (status[:3], said)
            assert got.headers["retry-after"] == "7"
            assert "set-cookie" not in got.headers
            assert len(upstream.seen) == 1
            assert [(source, amount) for _, source, amount in settled(stage)] == [("none", 0)]

    play(story)


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    """A redirect is neither followed nor passed on: it would choose a host (INV-19)."""

    async def story() -> None:
        async with passing(tmp_path, always(told(b"", "302 Found", location="http://evil.example/"))) as (stage, upstream):
            got = await ask(stage, posted("/openai/v1/files/file-1/content", b"", method="GET"))
            assert got.status == 502
            assert "location" not in got.headers
            assert len(upstream.seen) == 1

    play(story)


def test_a_refused_credential(tmp_path: Path) -> None:
    """A 401 sets the first credential aside, is told as ours, and the next call goes with the second; no word of the secret gets out."""

    async def answer(connection: Connection, seen: Seen) -> None:
        is_first = SECRETS["up"] in seen.headers["authorization"]
        said = json.dumps({"error": {"message": f"bad key {SECRETS['up']}", "code": "invalid_api_key"}}).encode()
        await connection.send(told(said, "401 Unauthorized") if is_first else told())

    async def story() -> None:
        async with passing(tmp_path, answer) as (stage, upstream):
            got = await ask(stage, posted("/openai/v1/files", b"", method="GET"))
            assert got.status == 502
            assert SECRETS["up"].encode() not in got.body
            for _ in range(2):
                assert (await ask(stage, posted("/openai/v1/files", b"", method="GET"))).status == 200
            used = [seen.headers["authorization"].removeprefix("Bearer ") for seen in upstream.seen]
            assert used == [SECRETS["up"], SECRETS["second"], SECRETS["second"]]

    play(story)


def test_a_credential_that_was_good_just_now(tmp_path: Path) -> None:
    """A path that a good credential may not see takes it from nobody: a caller could bring that about at will."""

    async def answer(connection: Connection, seen: Seen) -> None:
        await connection.send(
            told(b'{"error": {"message": "missing scope"}}', "401 Unauthorized") if "evals" in seen.target else told()
        )

    async def story() -> None:
        async with passing(tmp_path, answer) as (stage, upstream):
            for path in ("files", "evals", "files"):
                await ask(stage, posted(f"/openai/v1/{path}", b"", method="GET"))
            assert {seen.headers["authorization"] for seen in upstream.seen} == {f"Bearer {SECRETS['up']}"}
            assert [entry.outcome for entry in stage.settled] == ["ok", "credential", "ok"]

    play(story)


def test_a_body_that_is_too_large(tmp_path: Path) -> None:
    """`server.max_body` holds for uploads too: 413, declared or not."""
    small = QUICK + "[server]\nmax_body = 2000\n"
    chunked = b"POST /openai/v1/files HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"

    async def story() -> None:
        async with passing(tmp_path, always(told()), small) as (stage, upstream):
            assert (await ask(stage, posted("/openai/v1/files", b"x" * 3000))).status == 413
            assert (await ask(stage, chunked + (b"400\r\n" + b"y" * 1024 + b"\r\n") * 3 + b"0\r\n\r\n")).status == 413
            await calm(stage)
            assert not any(seen.body for seen in upstream.seen)

    play(story)


def test_events_pass_as_they_come(tmp_path: Path) -> None:
    """A stream of events is passed on piece by piece, while the provider is still speaking."""
    heard = asyncio.Event()

    async def answer(connection: Connection, _seen: Seen) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        await connection.send(b"9\r\ndata: 1\n\n\r\n")
        await heard.wait()
        await connection.send(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    async def story() -> None:
        async with passing(tmp_path, answer) as (stage, _):
            caller = await Caller.at(stage.port)
            caller.writer.write(posted("/openai/v1/images/edits", b"{}"))
            said = await caller.reader.readuntil(b"data: 1\n\n")
            assert b"text/event-stream" in said
            heard.set()
            await caller.reader.readuntil(b"data: 2\n\n")
            await calm(stage)
            assert settled(stage) == [("ok", "unpriced", None)]

    play(story)


@pytest.mark.parametrize("reset", [False, True])
def test_leaving_in_the_middle(reset: bool, tmp_path: Path) -> None:
    """A client that goes takes the provider's answer with it, and the call is settled once (INV-3, INV-15)."""
    gone = asyncio.Event()

    async def answer(connection: Connection, _seen: Seen) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b"x" * 10)
        await connection.wait_gone()
        gone.set()

    async def story() -> None:
        async with passing(tmp_path, answer, QUICK.replace("0.4", "30").replace("total = 5", "total = 60")) as (stage, _):
            caller = await Caller.at(stage.port)
            caller.writer.write(posted("/openai/v1/files/file-1/content", b"", method="GET"))
            await caller.reader.readuntil(b"x" * 10)
            caller.leave(reset=reset)
            await until(gone.is_set)
            await calm(stage)
            assert settled(stage) == [("cancelled", "unpriced", None)]

    play(story)


FAULTS = {
    "truncated": b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc", "reset": b"", "stalled": b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
    "silent": b"",
}  # fmt: skip


@pytest.mark.parametrize("outcome", FAULTS)
def test_what_breaks_is_broken(outcome: str, tmp_path: Path) -> None:
    """An answer that breaks off is cut off for the client as well, and never looks whole; silence ends by the usual clocks (INV-9)."""

    async def answer(connection: Connection, _seen: Seen) -> None:
        await connection.send(FAULTS[outcome])
        if outcome in {"stalled", "silent"}:
            await connection.wait_gone()
        else:
            connection.close()

    async def story() -> None:
        async with passing(tmp_path, answer) as (stage, _):
            got = await ask(stage, posted("/openai/v1/files/file-1/content", b"", method="GET"))
            assert (got.status, got.end) == {"silent": (504, "whole"), "reset": (502, "whole")}.get(outcome, (200, "torn"))
            await calm(stage)
            assert [entry.outcome for entry in stage.settled] == [outcome]

    play(story)


def test_a_slow_reader_holds_the_provider_back(tmp_path: Path) -> None:
    """A client that reads nothing stops the provider, so that no file gathers in memory (INV-14)."""
    sent: list[int] = []

    async def answer(connection: Connection, _seen: Seen) -> None:
        size = 64 << 20
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        with suppress(ConnectionError):
            while sum(sent) < size:
                await connection.send(b"x" * 65_536)
                sent.append(65_536)

    async def story() -> None:
        async with passing(tmp_path, answer, QUICK.replace("0.4", "30").replace("total = 5", "total = 60")) as (stage, _):
            caller = await Caller.at(stage.port, window=4096)
            caller.writer.write(posted("/openai/v1/files/file-1/content", b"", method="GET"))
            await caller.reader.readuntil(b"x")
            last, still = -1, 0
            async with asyncio.timeout(10):
                while still < 20_000:
                    still = still + 1 if sum(sent) == last else 0
                    last = sum(sent)
                    await asyncio.sleep(0)
            assert sum(sent) < 48 << 20
            caller.leave(reset=True)
            await calm(stage)

    play(story)


def test_many_in_a_row(tmp_path: Path) -> None:
    """Whoever looks at every few answered requests is not confused by those without a prompt."""

    async def story() -> None:
        async with passing(tmp_path, always(told())) as (stage, _):
            for _ in range(100):
                assert (await ask(stage, posted("/openai/v1/moderations", b'{"input":"x"}'))).status == 200

    play(story)


def test_an_upload_goes_up_as_it_comes(tmp_path: Path) -> None:
    """The provider has the beginning of a large file while its end is still with the client, with its length or in chunks."""
    began = asyncio.Event()

    async def answer(connection: Connection) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = await connection.reader.readuntil(b"\r\n\r\n")
                await connection.reader.readuntil(b"first")
                began.set()
                await connection.reader.readuntil(b"last\r\n0\r\n\r\n" if b"chunked" in head else b"last")
                await connection.send(told())

    async def story() -> None:
        async with passing(tmp_path, always(told()), raw=answer) as (stage, _):
            for framing, pieces in (
                (b"content-length: 9", (b"first", b"last")), (b"transfer-encoding: chunked", (b"5\r\nfirst\r\n", b"4\r\nlast\r\n0\r\n\r\n")),
            ):  # fmt: skip
                began.clear()
                caller = await Caller.at(stage.port)
                caller.writer.write(b"POST /openai/v1/files HTTP/1.1\r\nhost: x\r\n" + framing + b"\r\n\r\n" + pieces[0])
                await began.wait()
                caller.writer.write(pieces[1])
                assert (await caller.get()).status == 200
                caller.leave()
            await calm(stage)
            assert settled(stage) == [("ok", "unpriced", None)] * 2

    play(story)


def test_an_upload_that_grows_too_large(tmp_path: Path) -> None:
    """A body without a length is cut off where it passes `server.max_body`, though its beginning is with the provider: 413, no cost."""
    gone = asyncio.Event()

    async def answer(connection: Connection) -> None:
        await connection.wait_gone()
        gone.set()

    async def story() -> None:
        async with passing(tmp_path, always(told()), QUICK + "[server]\nmax_body = 2000\n", raw=answer) as (stage, _):
            caller = await Caller.at(stage.port)
            caller.writer.write(
                b"POST /openai/v1/files HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3e8\r\n" + b"x" * 1000 + b"\r\n"
            )
            await until(lambda: stage.reserved)
            caller.writer.write(b"7d0\r\n" + b"x" * 2000 + b"\r\n")
            assert (await caller.get()).status == 413
            await until(gone.is_set)
            await calm(stage)
            assert settled(stage) == [("caller", "none", 0)]

    play(story)


@pytest.mark.parametrize("reset", [False, True])
def test_leaving_in_an_upload(reset: bool, tmp_path: Path) -> None:
    """A client that goes in the middle of its upload takes the provider's half with it (INV-3, INV-15)."""
    gone = asyncio.Event()

    async def answer(connection: Connection) -> None:
        await connection.wait_gone()
        gone.set()

    async def story() -> None:
        async with passing(
            tmp_path, always(told()), QUICK.replace("0.4", "30").replace("total = 5", "total = 60"), raw=answer
        ) as (stage, _):
            caller = await Caller.at(stage.port)
            caller.writer.write(posted("/openai/v1/files", b"x" * 100_000)[:-10])
            await until(lambda: stage.reserved)
            caller.leave(reset=reset)
            await until(gone.is_set)
            await calm(stage)
            assert [outcome for outcome, _, _ in settled(stage)] == ["cancelled"]

    play(story)


def test_a_provider_that_does_not_want_it(tmp_path: Path) -> None:
    """An answer that comes before the upload's end reaches the client, and the connection is not used again."""

    async def answer(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(told(b'{"error": {"message": "too large"}}', "413 Too Large"))
        await connection.wait_gone()

    async def story() -> None:
        async with passing(tmp_path, always(told()), QUICK + "[server]\nmax_body = 99000000\n", raw=answer) as (stage, upstream):
            for _ in range(2):
                assert (await ask(stage, posted("/openai/v1/files", b"x" * 5_000_000))).status == 413
            assert len(upstream.connections) == 2

    play(story)


def test_an_upload_that_stalls(tmp_path: Path) -> None:
    """A provider that takes no more of an upload ends it by the usual clocks, and holds the client back meanwhile (INV-14)."""

    async def answer(connection: Connection) -> None:
        connection.writer.transport.pause_reading()
        await asyncio.Event().wait()

    async def story() -> None:
        async with passing(tmp_path, always(told()), QUICK + "[server]\nmax_body = 99000000\n", raw=answer) as (stage, _):
            assert (await ask(stage, posted("/openai/v1/files", b"x" * 60_000_000))).status == 504
            await calm(stage)
            assert [outcome for outcome, _, _ in settled(stage)] == ["stalled"]

    play(story)


def test_google_uploads_a_file(tmp_path: Path) -> None:
    """`client.files.upload` of Google's SDK goes the whole way through us: its second half too, and never to another host (INV-19)."""
    done = {"file": {"name": "files/abc", "uri": "https://google.example/files/abc", "state": "ACTIVE", "mimeType": "text/plain"}}
    (tmp_path / "ann.key").write_text("ann-says-0123456789abcdef")
    keys = QUICK + f'[[keys]]\nname = "ann"\nkey = "file:{tmp_path / "ann.key"}"\n'

    async def answer(connection: Connection, seen: Seen) -> None:
        if seen.headers["x-goog-upload-command"] == "start":
            url = "https://elsewhere.example/upload/v1beta/files?upload_id=AB_c-1&upload_protocol=resumable"
            await connection.send(told(b"", x_goog_upload_url=url, x_goog_upload_status="active"))
        else:
            await connection.send(told(json.dumps(done).encode(), x_goog_upload_status="final"))

    async def story() -> None:
        async with passing(tmp_path, answer, keys) as (stage, upstream):
            options = genai.types.HttpOptions(base_url=f"{stage.url}/gemini", timeout=5000)
            client = genai.Client(api_key="ann-says-0123456789abcdef", http_options=options)
            made = await client.aio.files.upload(file=io.BytesIO(b"hello there"), config={"mime_type": "text/plain"})
            assert made.name == "files/abc"
            start, rest = upstream.seen
            assert start.target in {"/upload/v1/files", "/upload/v1beta/files"}  # whichever version the SDK takes
            assert rest.target == "/upload/v1beta/files?upload_id=AB_c-1&upload_protocol=resumable"
            assert rest.body == b"hello there"
            assert rest.headers["x-goog-upload-command"] == "upload, finalize"
            assert {seen.headers["x-goog-api-key"] for seen in upstream.seen} == {SECRETS["google"]}
            assert [entry.key for entry in stage.reserved] == ["ann", "ann"]
            await client.aio.aclose()

    play(story)


def test_an_upload_address_is_shown_nowhere_else(tmp_path: Path) -> None:
    """Where the rest of an upload could not come through us, its address is kept from the client."""

    async def story() -> None:
        url = "https://elsewhere.example/upload/v1beta/files?upload_id=1"
        async with passing(tmp_path, always(told(b"", x_goog_upload_url=url))) as (stage, _):
            assert "x-goog-upload-url" not in (await ask(stage, posted("/raw/google/files", b"{}"))).headers
            got = await ask(stage, posted("/gemini/upload/v1beta/files", b"{}"))
            assert got.headers["x-goog-upload-url"] == "http://gateway/gemini/upload/v1beta/files?upload_id=1"
            tls = {"x-forwarded-proto": "https"}
            got = await ask(stage, posted("/gemini/upload/v1beta/files", b"{}", tls))
            assert got.headers["x-goog-upload-url"].startswith("https://gateway/gemini/")

    play(story)


def test_other_methods_of_a_model(tmp_path: Path) -> None:
    """A method of a Gemini model that we do not serve is passed through; those at which it answers are not, however they are spelt."""

    async def story() -> None:
        async with passing(tmp_path, always(told())) as (stage, upstream):
            assert (await ask(stage, posted("/gemini/v1beta/models/imagen-4:predict", b"{}"))).status == 200
            assert upstream.seen[0].target == "/v1beta/models/imagen-4:predict"
            for method in ("GenerateContent", "%67enerateAnswer", "batchembedcontents", "generateContent/x"):
                assert (await ask(stage, posted(f"/gemini/v1beta/models/gemini-3:{method}", b"{}"))).status in {400, 403, 404}
            assert len(upstream.seen) == 1

    play(story)


def test_a_ticket_is_good_for_one_address(tmp_path: Path) -> None:
    """The rest of an upload comes in by the address that was given out, as it was given, and by nothing like it (INV-18)."""
    (tmp_path / "ann.key").write_text("ann-says-0123456789abcdef")
    keys = QUICK + f'[[keys]]\nname = "ann"\nkey = "file:{tmp_path / "ann.key"}"\n'
    url = "https://elsewhere.example/upload/v1beta/files?upload_id=1"

    async def story() -> None:
        async with passing(tmp_path, always(told(b"", x_goog_upload_url=url)), keys) as (stage, upstream):
            key = {"x-goog-api-key": "ann-says-0123456789abcdef"}
            given = (await ask(stage, posted("/gemini/upload/v1beta/files", b"{}", key))).headers["x-goog-upload-url"]
            path = given.removeprefix("http://gateway")
            wrong = [
                path.replace("upload_id=1", "upload_id=2"), path.replace("ann~", "bob~"), path[:-1], path + "0", path.replace("v1beta", "v1"),
                path.replace("/files", "/files/x"), path.partition("&")[0], path.replace("/upload/", "/"), "/raw/google/files?" + path.partition("?")[2],
                path + "&stormkeel_ticket=ann~", path.replace("~", "~\u00e9".encode().decode("latin-1")),
            ]  # fmt: skip
            statuses = {address: (await ask(stage, posted(address, b"x"))).status for address in wrong}
            assert {address: status for address, status in statuses.items() if status not in {400, 401}} == {}
            assert len(upstream.seen) == 1
            assert (await ask(stage, posted(path, b"x"))).status == 200
            assert upstream.seen[1].target == "/upload/v1beta/files?upload_id=1"

    play(story)
