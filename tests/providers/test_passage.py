"""Passages: which other paths of a provider may be asked for, and as what they are sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.providers import KNOWN
from stormkeel.providers.base import Caller, Provider
from stormkeel.providers.passage import GENERATES, METHODS, Passage, read_passage
from stormkeel.types.failure import Failure
from stormkeel.types.secret import Secret

PLAIN = [
    ("GET", "files", "files"),
    ("GET", "files/file-abc123/content", "files/file-abc123/content"),
    ("DELETE", "models/ft:gpt-5.4-mini:org::abc", "models/ft:gpt-5.4-mini:org::abc"),
    ("DELETE", "models/ft%3Agpt-5.4-mini%3Aorg%3A%3Aabc", "models/ft:gpt-5.4-mini:org::abc"),
    ("POST", "images/generations", "images/generations"),
    ("POST", "audio/transcriptions", "audio/transcriptions"),
    ("POST", "moderations", "moderations"),
    ("POST", "batches", "batches"),
    ("POST", "v1/messages/batches", "v1/messages/batches"),
    ("POST", "threads/thread_1/messages", "threads/thread_1/messages"),
    ("GET", "responses/resp_1", "responses/resp_1"),
    ("DELETE", "chat/completions/chatcmpl-1", "chat/completions/chatcmpl-1"),
    ("POST", "models/imagen-4:predict", "models/imagen-4:predict"),
    ("PATCH", "cachedContents/abc", "cachedContents/abc"),
    ("POST", "models/gemini-3:batchGenerateContent", "models/gemini-3:batchGenerateContent"),
]

HOSTILE = [
    "", "/", "//evil.example/x", "/files", "files/", "files//x", "../admin", "files/..", "files/../../admin/fleet", "files/.",
    "%2e%2e/admin", "files/%2e%2e/x", "files/%2E%2E", "%252e%252e/admin", "files%2f..%2fadmin", "files%252fx", "files/..%2f",
    "files/..;/admin", "files/;x", "\\evil", "files\\..\\admin", "files%5c..%5cx", "http://evil.example/x", "http:/evil.example",
    "@evil.example/x", "user:pw@evil.example", "files@evil", "%40evil", "files%00", "files%0d%0aHost:evil", "files%20x", "files x",
    "files?x", "files%3fx", "files%23x", "files#x", "f\u00edles", "f%c3%ad", "files%", "files%2", "files/x.", "files...", "x" * 2000,
]  # fmt: skip

BILLED = [
    "chat/completions", "completions", "responses", "embeddings", "messages", "v1/messages", "v1/chat/completions", "beta/completions",
    "CHAT/Completions", "chat/completion%73", "%63hat/completions", "%72esponses", "Responses", "anthropic/v1/messages", "v1/complete",
    "responses/compact", "models/gemini-3:generateContent", "models/gemini-3%3AgenerateContent", "models/gemini-3:GENERATECONTENT",
    "models/gemini-3:streamGenerateContent", "tunedModels/x:generateContent", "models/x:embedContent", "models/x:batchEmbedContents",
    "deployments/gpt/chat/completions", "interactions", "threads/runs", "threads/thread_1/runs", "chat/completions.json",
    "completions:x", "api/generate", "api/chat", "api/embed", "x:rawPredict", "fim/completions", "threads/messages",
]  # fmt: skip
"""What would go round the prices: refused with POST, PUT and PATCH."""

OWN = [
    "organization/projects", "organizations/me", "keys", "auth/keys", "api_keys", "realtime/client_secrets", "Realtime/sessions",
    "chatkit/sessions", "auth_tokens", "authTokens", "realtime", "organization/admin_api_keys", "%6frganization/users",
]  # fmt: skip


def asked(path: str, method: str = "POST", query: bytes = b"") -> Passage | Failure:
    """Ask for a path."""
    return read_passage(method, path, query, ())


@pytest.mark.parametrize(("method", "path", "sent"), PLAIN)
def test_plain_paths_pass(method: str, path: str, sent: str) -> None:
    """A path that is written plainly passes, decoded once."""
    told = asked(path, method)
    assert isinstance(told, Passage)
    assert told.path == sent


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", HOSTILE)
def test_hostile_paths(path: str, method: str) -> None:
    """A path that steps back, is encoded twice, or names another place is refused, whatever the method (INV-19)."""
    told = asked(path, method)
    assert isinstance(told, Failure)
    assert (told.status, told.code) == (400, "invalid_path")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("path", BILLED)
def test_what_is_billed_elsewhere(path: str, method: str) -> None:
    """A path at which a model answers is refused however it is spelt: it would go round what the ledger knows (INV-7)."""
    told = asked(path, method)
    assert isinstance(told, Failure)
    assert (told.status, told.code) == (403, "path_refused")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", OWN)
def test_what_hands_out_keys(path: str, method: str) -> None:
    """A path at which a provider hands out keys, or shows whose account it is, is refused, to look at as well (INV-17)."""
    told = asked(path, method)
    assert isinstance(told, Failure)
    assert told.code == "path_refused"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "get", ""])
def test_other_methods(method: str) -> None:
    """Other methods are not passed through."""
    told = asked("files", method)
    assert isinstance(told, Failure)
    assert told.status == 405


@given(st.text(max_size=40), st.sampled_from(METHODS))
def test_whatever_passes_stays_below_its_base(path: str, method: str) -> None:
    """Whatever passes is sent below its base URL, and reads as itself again (INV-19)."""
    told = asked(path, method)
    if isinstance(told, Passage):
        assert told.url("https://provider.example/v1").startswith("https://provider.example/v1/")
        again = asked(told.path, method)
        assert isinstance(again, Passage)
        assert again.path == told.path


SPELT = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=12, max_size=12)


@given(st.sampled_from(sorted(GENERATES - {"messages"})), SPELT)
def test_no_spelling_of_a_billed_path_passes(name: str, spelling: list[tuple[bool, bool]]) -> None:
    """No mixture of cases and percent signs makes a billed path another one (INV-7)."""
    letters = [letter.upper() if is_upper else letter for letter, (is_upper, _) in zip(name, spelling, strict=False)]
    coded = [f"%{ord(letter):02x}" if is_coded else letter for letter, (_, is_coded) in zip(letters, spelling, strict=False)]
    assert isinstance(asked("v1/" + "".join(coded)), Failure)


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        (b"limit=2&after=file-1", "limit=2&after=file-1"),
        (b"key=AIzaTHEIRS&pageSize=2", "pageSize=2"),
        (b"pageSize=2&%6bey=x&KEY=y", "pageSize=2"),
        (b"access_token=x&api_key=y&alt=media", "alt=media"),
        (b"$httpHeaders=authorization&%24httpMethod=POST&alt=sse", "alt=sse"),
        (b"key=x", ""),
        (b"order[]=%2e%2e", "order[]=%2e%2e"),
    ],
)
def test_the_query_is_kept_but_for_keys(query: bytes, kept: str) -> None:
    """A query passes as it came, without what says whose account is used (INV-19)."""
    told = asked("files", "GET", query)
    assert isinstance(told, Passage)
    assert told.query == kept


@pytest.mark.parametrize("query", [b"a=\xff", b"a=b c", b"a\r\nx"])
def test_a_query_with_raw_bytes_is_refused(query: bytes) -> None:
    """A query that can't stand in a request line is refused."""
    assert isinstance(asked("files", "GET", query), Failure)


@pytest.mark.parametrize(
    ("base", "version", "url"),
    [
        ("https://g.example/v1beta", "v1", "https://g.example/v1/files"),
        ("https://g.example/v1beta/", "v1beta", "https://g.example/v1beta/files"),
        ("https://g.example/proxy", "v1", "https://g.example/proxy/v1/files"),
        ("https://g.example/v1", "", "https://g.example/v1/files"),
    ],
)
def test_the_version_asked_for(base: str, version: str, url: str) -> None:
    """The version that an address names takes the place of the base URL's own."""
    assert Passage("GET", "files", version=version).url(base) == url


@pytest.mark.parametrize(
    ("path", "name"), [("files/file-1", "/files"), ("v1/messages/batches", "/messages"), ("v1beta/x", "/x"), ("v1", "/")]
)
def test_its_name_in_the_ledger(path: str, name: str) -> None:
    """A passage is booked by the first part of its path, without ids."""
    assert Passage("GET", path).name == name


def test_headers_of_a_passage() -> None:
    """What goes out is the credential, what the dialect wants, and the few headers of the client's that may pass (INV-17, INV-19)."""
    vendor = KNOWN["anthropic"]
    made = Caller(
        Provider("a", vendor, vendor.base_url, vendor.dialect, vendor.auth, (("x-team", "a"),)), "/v1/messages", Secret("ours")
    )
    inbound = (
        ("content-type", "multipart/form-data; boundary=x"), ("range", "bytes=0-9"), ("anthropic-beta", "files-api-2025-04-14"),
        ("authorization", "Bearer theirs"), ("x-api-key", "theirs"), ("cookie", "a=b"), ("x-forwarded-for", "1.2.3.4"),
        ("x-http-method-override", "POST"), ("connection", "close"), ("x-team", "b"), ("anthropic-organization", "theirs"),
    )  # fmt: skip
    sent = made.passage(Passage("POST", "v1/files", "", inbound), "req.1")
    assert (sent.method, sent.url) == ("POST", "https://api.anthropic.com/v1/files")
    assert dict(sent.headers) == {
        "accept-encoding": "identity", "x-api-key": "ours", "x-team": "a", "content-type": "multipart/form-data; boundary=x",
        "range": "bytes=0-9", "anthropic-beta": "files-api-2025-04-14", "anthropic-version": "2023-06-01",
        "x-client-request-id": "req.1",
    }  # fmt: skip
