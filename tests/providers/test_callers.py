"""Callers: what goes to a provider, and what comes back from it to the client."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.config.settings import DIALECTS
from stormkeel.providers import KINDS, KNOWN
from stormkeel.providers.base import WANTS, Auth, Caller, Provider
from stormkeel.types.failure import FailureKind
from stormkeel.types.secret import Secret
from stormkeel.types.wire import Headers, HttpResponse, header

CANARY = "canary-6b1f0e7a55c94d20"
PATHS = {
    "openai_chat": "/chat/completions",
    "anthropic_messages": "/v1/messages",
    "openai_responses": "/responses",
    "gemini": "/models/m:generateContent",
}
HOSTILE: Headers = (
    ("authorization", "Bearer client"), ("x-api-key", "client"), ("cookie", "a=b"), ("host", "evil"), ("content-length", "1"),
    ("connection", "close"), ("transfer-encoding", "chunked"), ("x-forwarded-for", "1.2.3.4"), ("x-stainless-os", "Linux"),
    ("user-agent", "x"), ("accept-encoding", "gzip"), ("proxy-authorization", "x"), ("te", "trailers"), ("upgrade", "h2c"),
    ("content-type", "text/plain"), ("x-client-request-id", "theirs"), ("traceparent", "00-1"), ("forwarded", "for=1"),
)  # fmt: skip


def caller(name: str = "openai", secret: str = CANARY, headers: Headers = (), auth: Auth | None = None) -> Caller:
    """A caller of a known provider at its official address."""
    vendor = KNOWN[name]
    provider = Provider(name, vendor, vendor.base_url, vendor.dialect, auth or vendor.auth, headers)
    return Caller(provider, PATHS[vendor.dialect], Secret(secret) if secret else None)


def sent(made: Caller, inbound: Headers = (), stream: bool = False) -> Headers:
    """The headers of the request a caller makes."""
    return made.request(b"{}", inbound, stream, "req.1").headers


def test_openai_is_asked_with_a_bearer():
    """OpenAI gets its key as a bearer token, our attempt id, and no compression."""
    request = caller().request(b'{"a":1}', (), False, "req-7.2")
    assert (request.method, request.url, request.body) == ("POST", "https://api.openai.com/v1/chat/completions", b'{"a":1}')
    assert dict(request.headers) == {
        "content-type": "application/json",
        "accept-encoding": "identity",
        "authorization": f"Bearer {CANARY}",
        "accept": "application/json",
        "x-client-request-id": "req-7.2",
    }


def test_anthropic_is_asked_with_its_own_header_and_a_version():
    """Anthropic gets `x-api-key` and always exactly one version: the client's, else ours."""
    made = caller("anthropic")
    assert made.url == "https://api.anthropic.com/v1/messages"
    assert header(sent(made), "x-api-key") == CANARY
    assert header(sent(made), "authorization") is None
    assert header(sent(made), "anthropic-version") == "2023-06-01"
    asked = sent(made, (("anthropic-version", "2026-10-21"), ("anthropic-beta", "a,b"), ("anthropic-workspace-id", "w")))
    assert [value for name, value in asked if name == "anthropic-version"] == ["2026-10-21"]
    assert header(asked, "anthropic-beta") == "a,b"
    assert header(asked, "anthropic-workspace-id") is None, "whose account is billed is not a client's to choose (INV-19)"


def test_a_stream_is_asked_for_as_one():
    """A stream is accepted as events, a whole answer as JSON."""
    assert header(sent(caller(), stream=True), "accept") == "text/event-stream"
    assert header(sent(caller(), stream=False), "accept") == "application/json"


def test_a_provider_without_a_credential_gets_none():
    """A local server is asked without any authorization."""
    assert header(sent(caller("ollama", secret="")), "authorization") is None
    assert header(sent(caller("openai", auth=Auth.NONE)), "authorization") is None


def test_constant_headers_win_over_inbound_ones():
    """INV-19: where the settings name the organisation, a client cannot choose another."""
    made = caller(headers=(("openai-organization", "org-ours"),))
    asked = sent(made, (("openai-organization", "org-theirs"), ("openai-project", "proj-theirs"), ("openai-beta", "x=v1")))
    assert [value for name, value in asked if name == "openai-organization"] == ["org-ours"]
    assert header(asked, "openai-project") is None, "nor a project, though the settings name none"
    assert header(asked, "openai-beta") == "x=v1"


@pytest.mark.parametrize("name", sorted(KNOWN))
@pytest.mark.parametrize("stream", [False, True])
def test_nothing_of_the_client_leaks_upstream(name: str, stream: bool):
    """INV-17: clients' credentials, cookies, hop-by-hop and forwarding headers go nowhere; each header goes once."""
    made = caller(name)
    assert sent(made, HOSTILE, stream) == sent(made, (), stream)
    names = [field for field, _ in sent(made, HOSTILE, stream)]
    assert len(names) == len(set(names))
    assert all(field == field.lower() for field in names)


@given(st.lists(st.tuples(st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=20), st.text(max_size=5)), max_size=8))
def test_only_the_allow_list_passes(inbound: list[tuple[str, str]]):
    """INV-19: of whatever headers a client sends, only those a provider is known to want are added."""
    made = caller()
    added = set(sent(made, tuple(inbound))) - set(sent(made))
    assert {name for name, _ in added} <= WANTS["openai_chat"][0]


def test_headers_come_back_by_an_allow_list():
    """Rate limits, ids and waits return to the client, the provider's own id under another name; cookies and the rest do not."""
    returned = caller().response_headers((
        ("x-request-id", "up"), ("request-id", "req_1"), ("x-ratelimit-reset-tokens", "1s"),
        ("anthropic-ratelimit-requests-limit", "5"),
        ("retry-after", "3"), ("openai-processing-ms", "9"), ("set-cookie", "a"), ("server", "x"), ("content-encoding", "gzip"),
        ("transfer-encoding", "chunked"), ("content-length", "5"), ("cf-ray", "x"), ("alt-svc", "h3"),
        ("strict-transport-security", "x"),
    ))  # fmt: skip
    assert dict(returned) == {
        "x-upstream-request-id": "up", "request-id": "req_1", "x-ratelimit-reset-tokens": "1s",
        "anthropic-ratelimit-requests-limit": "5",
        "retry-after": "3", "openai-processing-ms": "9",
    }  # fmt: skip


def test_the_providers_request_id_is_found():
    """The id for the provider's support is found by either name, "" where there is none."""
    assert caller().request_id((("x-request-id", "a"),)) == "a"
    assert caller("anthropic").request_id((("request-id", "b"),)) == "b"
    assert caller().request_id(()) == ""


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500])
def test_a_credential_the_provider_echoes_is_cut_out(status: int):
    """S-37: a provider that repeats our credential does not make us repeat it: not in the message, body, headers or repr."""
    made = caller()
    body = json.dumps({"error": {"message": f"bad key {CANARY} and Bearer {CANARY}", "type": "x", "code": CANARY}}).encode()
    failure = made.classify(HttpResponse(status, (("x-echo", CANARY), ("retry-after", "2")), body), 0.0)
    assert CANARY not in repr(failure)
    assert CANARY.encode() not in failure.body
    assert failure.headers == (("retry-after", "2"),)


def test_a_caller_hides_its_credential():
    """S-37: a caller in a log line or a traceback shows where it calls, not with what."""
    assert repr(caller()) == "Caller('openai', 'https://api.openai.com/v1/chat/completions')"


def test_each_provider_uses_its_own_signals():
    """A caller reads failures by its provider's family."""
    body = b'{"error":{"message":"x","type":"overloaded_error"}}'
    assert caller("anthropic").classify(HttpResponse(400, (), body), 0.0).kind is FailureKind.OVERLOADED
    assert caller("openai").classify(HttpResponse(400, (), body), 0.0).kind is FailureKind.CALLER
    assert caller("deepseek").classify(HttpResponse(400, (), b'{"error":"insufficient balance"}'), 0.0).kind is FailureKind.QUOTA


def test_the_table_of_providers_is_sound():
    """Every known provider has an address, a variable for its key, and a dialect; no two share a name or a model prefix."""
    assert set(KINDS) == {*KNOWN, "compatible"}
    for name, vendor in KNOWN.items():
        assert vendor.name == name
        assert vendor.base_url.startswith("https://" if vendor.needs_key else "http://127.0.0.1:") or vendor.url_path
        assert vendor.key_names
        assert vendor.dialect in PATHS
    prefixes = [prefix for vendor in KNOWN.values() for prefix in vendor.models]
    assert len(prefixes) == len(set(prefixes))


@pytest.mark.parametrize(
    ("kind", "base_url", "body", "mend"),
    [
        (
            "openai",
            "https://api.openai.com",
            b'{"error": {"message": "Invalid URL (POST /chat/completions)", "code": null}}',
            "ends in",
        ),
        ("openai", "https://host/v1", b'{"error": {"message": "Invalid URL (POST /v1/chat/completions)"}}', "right one"),
        ("vllm", "http://127.0.0.1:8000", b'{"detail": "Not Found"}', "ends in"),
        ("ollama", "http://127.0.0.1:11434", b"404 page not found", "ends in"),
        ("vllm", "http://127.0.0.1:8000/v2", b"<html><title>404 Not Found</title></html>", "ends in"),
        ("vllm", "http://127.0.0.1:8000/v1", b"", "right one"),
        (
            "anthropic",
            "https://api.anthropic.com/v1",
            b'{"type": "error", "error": {"type": "not_found_error", "message": "Not Found"}}',
            "must not end",
        ),
        (
            "gemini",
            "https://generativelanguage.googleapis.com",
            b"<!DOCTYPE html>\n<title>Error 404 (Not Found)!!1</title>\n<p>The requested URL was not found",
            'ends in "/v1beta"',
        ),
        ("gemini", "https://host/v1beta", b"<title>Error 404 (Not Found)!!1</title>", "right one"),
    ],
)
def test_a_wrong_base_url_is_told_with_its_mend(kind: str, base_url: str, body: bytes, mend: str) -> None:
    """A 404 for the path itself is no missing model: the provider's words are replaced by the mend, for the client as well."""
    vendor = KNOWN[kind]
    provider = Provider("mine", vendor, base_url, vendor.dialect, vendor.auth)
    failure = Caller(provider, PATHS[vendor.dialect], None).classify(HttpResponse(404, (), body), 0.0)
    assert failure.kind is FailureKind.MODEL_UNAVAILABLE
    assert failure.body == b""
    assert 'provider "mine"' in failure.message
    assert '"base_url"' in failure.message
    assert mend in failure.message


@pytest.mark.parametrize(
    "message", ["The model `x` does not exist", "model: claude-x", 'model "x" not found, try pulling it first']
)
def test_a_missing_model_stays_one(message: str) -> None:
    """A 404 that speaks of the model keeps the provider's words and body."""
    body = json.dumps({"error": {"message": message}}).encode()
    failure = caller().classify(HttpResponse(404, (), body), 0.0)
    assert [failure.message, failure.body] == [message, body]


def test_a_moved_provider_speaks_what_lies_beside_it():
    """INV-17: at another base URL no dialect is sought on the vendor's own host."""
    there = KNOWN["deepseek"].speaks(moved=False)
    assert there == {"openai_chat": "", "anthropic_messages": "https://api.deepseek.com/anthropic"}
    assert KNOWN["deepseek"].speaks(moved=True) == {"openai_chat": ""}
    assert KNOWN["openai"].speaks(moved=True) == {"openai_chat": "", "openai_responses": ""}


def test_every_dialect_of_a_vendor_is_one_we_have():
    """What a vendor is said to speak has a codec, and an address of its own is absolute and safe."""
    for vendor in KNOWN.values():
        for name, url in vendor.speaks(moved=False).items():
            assert name in DIALECTS
            assert not url or url.startswith("https://" if vendor.needs_key else "http://127.0.0.1:")
