"""Looking at providers over real sockets: good ones and broken ones."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from raw_server import Connection, RawServer, Script

from stormkeel.providers import KINDS
from stormkeel.providers.base import Auth, Caller, Provider
from stormkeel.runtime.checkup.finding import Finding, State
from stormkeel.runtime.checkup.reach import Answered, Subject, Visit, judge_certificate, judge_skew
from stormkeel.runtime.http import HttpSettings
from stormkeel.runtime.proxies import Proxies, read_proxy
from stormkeel.sandbox import SandboxSettings, start
from stormkeel.types.secret import Secret

DEADLINE = 5.0
AUTHORITY = trustme.CA(organization_name="Harbour Authority")
KEY = "sk-proj-of-a-test-that-nobody-may-see"


@pytest.fixture
def trusted() -> HttpSettings:
    """Settings that trust the test's authority."""
    return HttpSettings(ca=AUTHORITY.cert_pem.bytes().decode())


def subject(url: str, http: HttpSettings | None = None, key: str = KEY) -> Subject:
    """OpenAI, as if it were at an address."""
    provider = Provider("main", KINDS["openai"], f"{url}/v1", "openai_chat", Auth.BEARER)
    return Subject("main", f"{url}/v1", {"one": Caller(provider, "/chat/completions", Secret(key))}, http or HttpSettings())


def look(what: Subject, patience: float = DEADLINE) -> list[Finding]:
    """Look at a provider that is up already, or not there at all."""
    return asyncio.run(Visit(what, patience).make()).findings


def meet(
    script: Script, tls: ssl.SSLContext | None = None, http: HttpSettings | None = None, patience: float = DEADLINE
) -> list[Finding]:
    """Look at a provider that does as the script says."""

    async def visit() -> list[Finding]:
        async with asyncio.timeout(2 * DEADLINE), RawServer(script, tls) as server:
            return (await Visit(subject(server.url, http), patience).make()).findings

    return asyncio.run(visit())


def tls(name: str = "127.0.0.1", *, days: float = 90.0) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate of a name that is good for so many days."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    end = datetime.now(UTC) + timedelta(days=days)
    AUTHORITY.issue_cert(name, not_before=datetime(2020, 1, 1, tzinfo=UTC), not_after=end).configure_cert(context)
    return context


def answering(status: str, body: bytes = b'{"data": []}', head: str = "") -> Script:
    """Answer with this."""

    async def script(connection: Connection) -> None:
        while await connection.read_request():
            await connection.send(f"HTTP/1.1 {status}\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body)

    return script


async def silent(connection: Connection) -> None:
    """Take the connection and say nothing."""
    await connection.wait_gone()


def states(findings: list[Finding]) -> dict[str, str]:
    """How each subject stands."""
    return {finding.subject.removeprefix("main: "): finding.state.value for finding in findings}


def last(findings: list[Finding]) -> str:
    """What was said last, with its mend."""
    return f"{findings[-1].found}; {findings[-1].mend}"


def test_a_provider_that_is_well(trusted: HttpSettings) -> None:
    """Found, reached, trusted, and it knows the credential; the question goes to the list of models and costs nothing."""
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        while await connection.read_request():
            heads.append(connection.head)
            await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    found = meet(script, tls(), trusted)
    assert states(found) == {"connection": "ok", "tls": "ok", "credential one": "ok"}
    assert "by Harbour Authority, is good for 89 days" in found[1].found or "90 days" in found[1].found
    assert [head.split(b"\r\n")[0] for head in heads] == [b"GET /v1/models HTTP/1.1"]
    assert f"Bearer {KEY}".encode() in heads[0]


def test_the_sandbox_is_a_provider_that_is_well() -> None:
    """The sandbox, asked as the provider would be, knows the credential."""

    async def visit() -> list[Finding]:
        async with asyncio.timeout(DEADLINE), await start(SandboxSettings()) as sandbox:
            return (await Visit(subject(sandbox.url)).make()).findings

    assert states(asyncio.run(visit())) == {"connection": "ok", "credential one": "ok"}


def test_nobody_listens() -> None:
    """A port that refuses is told with the address, and nothing more is tried."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    found = look(subject(f"http://127.0.0.1:{port}"))
    assert states(found) == {"connection": "fail"}
    assert "refused" in last(found).lower() and "is the server running?" in last(found)


def test_a_name_that_is_not_there() -> None:
    """A name nobody knows is told as such (the name is one that can never be)."""
    found = look(subject("https://nowhere.invalid"))
    assert states(found) == {"name": "fail"}
    assert "nowhere.invalid" in last(found)


def test_an_authority_nobody_trusts() -> None:
    """A certificate of an unknown authority fails, before any credential is sent."""
    found = meet(answering("200 OK"), tls())
    assert states(found) == {"connection": "ok", "tls": "fail"}
    assert "not trusted" in last(found) and "send no key" in last(found)


def test_a_certificate_of_somebody_else(trusted: HttpSettings) -> None:
    """A certificate of another name fails, and the address is doubted."""
    found = meet(answering("200 OK"), tls("elsewhere.example"), trusted)
    assert states(found)["tls"] == "fail" and "base_url" in last(found)


def test_a_certificate_that_has_ended(trusted: HttpSettings) -> None:
    """A certificate past its end fails, and the clock is doubted."""
    found = meet(answering("200 OK"), tls(days=-1), trusted)
    assert states(found)["tls"] == "fail" and "expired" in last(found) and "clock" in last(found)


def test_a_certificate_that_ends_soon(trusted: HttpSettings) -> None:
    """A certificate that ends within two weeks is a warning."""
    assert states(meet(answering("200 OK"), tls(days=3), trusted))["tls"] == "warn"


def test_no_tls_where_it_is_expected(trusted: HttpSettings) -> None:
    """A server that speaks plain HTTP on an https address is told."""

    async def script(connection: Connection) -> None:
        await connection.reader.read(100)
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async def visit() -> list[Finding]:
        async with asyncio.timeout(DEADLINE), RawServer(script) as server:
            return (await Visit(subject(server.url.replace("http:", "https:"), trusted)).make()).findings

    found = asyncio.run(visit())
    assert states(found) == {"connection": "ok", "tls": "fail"} and "https" in last(found)


@pytest.mark.parametrize(
    ("status", "body", "state", "words"),
    [
        ("401 Unauthorized", b"{}", "fail", "refused"),
        ("403 Forbidden", b"{}", "fail", "refused"),
        ("400 Bad Request", b'{"error": {"message": "no", "code": "invalid_api_key"}}', "fail", "refused"),
        ("400 Bad Request", b"{}", "warn", "unusual"),
        ("404 Not Found", b"{}", "warn", "base_url"),
        ("429 Too Many Requests", b"{}", "warn", "billing"),
        ("503 Service Unavailable", b"{}", "warn", "status page"),
        ("302 Found", b"", "warn", "base_url"),
        ("200 OK", b"<html>sign in</html>", "warn", "not with JSON"),
    ],
)
def test_answers(status: str, body: bytes, state: str, words: str) -> None:
    """Each answer that is none is told with what to do; the credential is never shown."""
    found = meet(answering(status, body))
    assert states(found)["credential one"] == state and words in last(found)
    assert KEY not in last(found)


def test_silence() -> None:
    """A server that takes the connection and says nothing is given up after the patience."""
    began = time.monotonic()
    found = meet(silent, patience=0.2)
    assert time.monotonic() - began < DEADLINE
    assert states(found) == {"connection": "ok", "answer": "fail"} and "within 0.2 s" in last(found)


def test_silence_in_the_handshake(trusted: HttpSettings) -> None:
    """So is one that does not even shake hands."""

    async def visit() -> list[Finding]:
        async with asyncio.timeout(DEADLINE), RawServer(silent) as server:
            return (await Visit(subject(server.url.replace("http:", "https:"), trusted), 0.2).make()).findings

    assert states(asyncio.run(visit()))["answer"] == "fail"


def test_no_http() -> None:
    """What is no HTTP is told as such."""

    async def script(connection: Connection) -> None:
        await connection.read_request()
        await connection.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

    assert states(meet(script))["answer"] == "fail"


def test_behind_a_proxy() -> None:
    """Behind a proxy only the answer is looked at, through it; a name that only the proxy knows is no fault."""
    heads: list[bytes] = []

    async def script(connection: Connection) -> None:
        while await connection.read_request():
            heads.append(connection.head.split(b"\r\n")[0])
            await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    async def visit() -> list[Finding]:
        async with asyncio.timeout(DEADLINE), RawServer(script) as server:
            http = HttpSettings(proxies=Proxies(plain=read_proxy(server.url)))
            return (await Visit(subject("http://nowhere.invalid", http)).make()).findings

    assert states(asyncio.run(visit())) == {"connection": "ok", "credential one": "ok"}
    assert heads == [b"GET http://nowhere.invalid/v1/models HTTP/1.1"]


def test_the_time_of_others() -> None:
    """A provider's `date` is compared with our clock; the quickest answer is believed."""

    async def visit() -> Visit:
        date = "date: Wed, 01 Jan 2020 00:00:00 GMT\r\n"
        async with asyncio.timeout(DEADLINE), RawServer(answering("200 OK", head=date)) as server:
            return await Visit(subject(server.url)).make()

    made = asyncio.run(visit())
    assert made.answered is not None and made.answered.said == 1_577_836_800
    assert judge_skew([made.answered]).state is State.FAIL


@pytest.mark.parametrize(("apart", "state"), [(0.4, "ok"), (-0.9, "ok"), (30.0, "warn"), (-30.0, "warn"), (400.0, "fail")])
def test_skew(apart: float, state: str) -> None:
    """Seconds are nothing, half a minute is a warning, minutes are a fault."""
    slow = Answered("slow", 0.0, 900.0, 5.0)
    assert judge_skew([slow, Answered("quick", 1_000.0, 1_000.0 + apart, 0.1)]).state.value == state


def test_nobody_to_ask() -> None:
    """Without an answer nothing is compared."""
    assert judge_skew([]).state is State.OK


def test_a_certificate_nobody_checks() -> None:
    """Where certificates are not checked there is nothing to look at, and that is a warning."""
    assert judge_certificate("tls", {}, 0.0).state is State.WARN
