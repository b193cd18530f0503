"""S-21: what Gemini's errors mean, as the body of an answer and inside a stream alike; and where it is asked."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.dialects.gemini import Gemini
from stormkeel.providers.base import Auth, Caller, Provider
from stormkeel.providers.google import GEMINI
from stormkeel.providers.signals import classify
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.secret import Secret
from stormkeel.types.wire import HttpResponse

K = FailureKind
Error = dict[str, Any]
TYPE = "type.googleapis.com/google.rpc."
EXCEEDED = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: "
    "https://ai.google.dev/gemini-api/docs/rate-limits. * Quota exceeded for metric: "
    "generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: "
)


def google(code: int, status: str, message: str = "", *details: Error) -> Error:
    """An error as Google writes it."""
    return {"code": code, "message": message, "status": status, **({"details": list(details)} if details else {})}


def reason(name: str) -> Error:
    """A detail that names the cause."""
    return {"@type": TYPE + "ErrorInfo", "reason": name, "domain": "googleapis.com", "metadata": {"service": "x"}}


def pause(delay: str) -> Error:
    """A detail that says how long to wait."""
    return {"@type": TYPE + "RetryInfo", "retryDelay": delay}


def quota(*ids: str) -> Error:
    """A detail that names the limits that are reached."""
    return {
        "@type": TYPE + "QuotaFailure",
        "violations": [{"quotaMetric": "m", "quotaId": id_, "quotaValue": "20"} for id_ in ids],
    }


MINUTE, DAY = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
HELP = {"@type": TYPE + "Help", "links": [{"description": "Learn more", "url": "https://ai.google.dev"}]}

TABLE: list[tuple[Error, FailureKind, float | None]] = [
    # the credential
    (google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", reason("API_KEY_INVALID")), K.CREDENTIAL, None),
    (google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), K.CREDENTIAL, None),
    (google(400, "INVALID_ARGUMENT", "API Key not found. Please pass a valid API key."), K.CREDENTIAL, None),
    (google(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."), K.CREDENTIAL, None),
    (google(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."), K.CREDENTIAL, None),
    (google(403, "PERMISSION_DENIED", "Your project has been denied access. Please contact support."), K.CREDENTIAL, None),
    (google(403, "PERMISSION_DENIED", "The API is not enabled.", reason("SERVICE_DISABLED")), K.CREDENTIAL, None),
    (google(403, "PERMISSION_DENIED", "Billing is off.", reason("BILLING_DISABLED")), K.QUOTA, None),
    (google(400, "FAILED_PRECONDITION",
            "Gemini API free tier is not available in your country. Please enable billing on your project."), K.CREDENTIAL, None),
    (google(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), K.CREDENTIAL, None),
    # what a client brings about does not set the credential aside
    (google(400, "FAILED_PRECONDITION", "The File abc is not in an ACTIVE state and usage is not allowed."), K.CALLER, None),
    (google(403, "PERMISSION_DENIED", "You do not have permission to access the File abc or it may not exist."), K.CALLER, None),
    (google(403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)"), K.CALLER, None),
    (google(403, "PERMISSION_DENIED", "You do not have permission to access tuned model x."), K.MODEL_UNAVAILABLE, None),
    (google(400, "FAILED_PRECONDITION", "Precondition check failed."), K.MODEL_UNAVAILABLE, None),
    # money
    (google(402, "RESOURCE_EXHAUSTED", "Your prepay credit balance is depleted.", pause("30s")), K.QUOTA, None),
    (google(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted. Please go to AI Studio."), K.QUOTA, None),
    # load
    (google(429, "RESOURCE_EXHAUSTED", EXCEEDED + "15", quota(MINUTE), HELP, pause("38s")), K.RATE_LIMIT, 38.0),
    (google(429, "RESOURCE_EXHAUSTED", EXCEEDED + "15", pause("36.429760048s"), quota(MINUTE)), K.RATE_LIMIT, 36.429760048),
    (google(429, "RESOURCE_EXHAUSTED", EXCEEDED + "15, model: x\nPlease retry in 36.4s."), K.RATE_LIMIT, 36.4),
    (google(429, "RESOURCE_EXHAUSTED", "x " * 400 + "Please retry in 850.5ms."), K.RATE_LIMIT, 0.8505),
    (google(429, "RESOURCE_EXHAUSTED", "slow", pause("86400s")), K.RATE_LIMIT, 300.0),
    (google(429, "RESOURCE_EXHAUSTED", "slow", pause("0s")), K.RATE_LIMIT, None),
    (google(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."), K.RATE_LIMIT, None),
    (google(429, "", "slow"), K.RATE_LIMIT, None),
    (google(503, "UNAVAILABLE", "The model is overloaded. Please try again later."), K.OVERLOADED, None),
    (google(500, "INTERNAL", "An internal error has occurred."), K.SERVER, None),
    (google(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."), K.SERVER, None),
    (google(409, "ABORTED", "again"), K.SERVER, None),
    (google(499, "CANCELLED", "The operation was cancelled."), K.SERVER, None),
    # the request
    (google(400, "INVALID_ARGUMENT", "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576)."),
     K.CONTEXT_LENGTH, None),
    (google(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."), K.CONTEXT_LENGTH, None),
    (google(400, "INVALID_ARGUMENT", "Function calling is not enabled for models/gemma-3-27b-it"), K.UNSUPPORTED, None),
    (google(400, "INVALID_ARGUMENT", "Corrupted thought signature."), K.FOREIGN_THOUGHT, None),
    (google(400, "INVALID_ARGUMENT", "Function call is missing a thought_signature in functionCall parts."), K.FOREIGN_THOUGHT, None),
    (google(400, "INVALID_ARGUMENT", "Please ensure that the number of function response parts is equal."), K.CALLER, None),
    (google(400, "INVALID_ARGUMENT", 'Invalid JSON payload received. Unknown name "x"'), K.CALLER, None),
    (google(404, "NOT_FOUND", "models/x is not found for API version v1beta, or is not supported for generateContent."),
     K.MODEL_UNAVAILABLE, None),
    (google(501, "UNIMPLEMENTED", "no"), K.UNSUPPORTED, None),
]  # fmt: skip
SPENT: list[Error] = [
    google(429, "RESOURCE_EXHAUSTED", EXCEEDED + "20, model: x Please retry in 36.4s.", quota(DAY), pause("36s")),
    google(429, "RESOURCE_EXHAUSTED", EXCEEDED + "20", quota(MINUTE, DAY)),
    google(429, "RESOURCE_EXHAUSTED", EXCEEDED + "0, model: gemini-3-pro Please retry in 9s."),
]


def answered(error: Error, *headers: tuple[str, str], listed: bool = False) -> Failure:
    """What the error is taken for as an answer under its own status."""
    body: object = {"error": error}
    raw = json.dumps([body] if listed else body, indent=2).encode()
    return classify("google", HttpResponse(error["code"], headers, raw), 1_795_000_000.0)


def streamed(error: Error) -> Failure:
    """What the error is taken for inside a stream."""
    reader = Gemini().read_stream(True)
    reader.feed(b"data: " + json.dumps({"error": error}).encode() + b"\r\n\r\n")
    assert reader.failure is not None
    return reader.failure


@pytest.mark.parametrize(("error", "kind", "wait"), TABLE)
@pytest.mark.parametrize("listed", [False, True])
def test_each_error_is_of_its_kind(error: Error, kind: FailureKind, wait: float | None, listed: bool) -> None:
    """S-21: every error in the table is taken for what it is, also as the only one in a list."""
    failure = answered(error, listed=listed)
    assert (failure.kind, failure.retry_after, failure.forever) == (kind, wait, False)
    assert failure.message.startswith(" ".join(error["message"][:200].split()))
    assert (failure.body == b"") is (kind is K.CREDENTIAL)


@pytest.mark.parametrize("error", [*(row[0] for row in TABLE), *SPENT])
def test_a_stream_tells_the_same(error: Error) -> None:
    """An error means the same whether it is the answer or comes inside a stream."""
    answer, stream = answered(error), streamed(error)
    assert (stream.kind, stream.retry_after, stream.forever) == (answer.kind, answer.retry_after, answer.forever)
    assert stream.code == answer.code


@pytest.mark.parametrize("error", SPENT)
def test_a_spent_day_is_no_pause_of_seconds(error: Error) -> None:
    """A day's quota sets its group aside for minutes, whatever short delay comes with it, and nobody sleeps for it."""
    failure = answered(error)
    assert (failure.kind, failure.retry_after, failure.forever) == (K.RATE_LIMIT, 300.0, True)


def test_a_header_goes_before_the_body() -> None:
    """Where an edge says how long to wait, that counts; else the body's field, before its words."""
    error = google(429, "RESOURCE_EXHAUSTED", "Please retry in 7s.", pause("38s"))
    assert answered(error, ("retry-after", "5")).retry_after == 5.0
    assert answered(error).retry_after == 38.0


def test_the_cause_is_the_code() -> None:
    """The reason tells more than the status, and the status more than the number."""
    assert answered(TABLE[0][0]).code == "api_key_invalid"
    assert answered(google(503, "UNAVAILABLE", "x")).code == "unavailable"
    assert answered({"code": 503, "details": []}).code == "503"


@pytest.mark.parametrize("key", ["AIzaSyCanary-1234567890", "AQ.Ab8Canary_1234567890"])
def test_googles_keys_are_hidden(key: str) -> None:
    """S-37: a key of Google's in a message, old or new form, is not passed on."""
    failure = answered(
        google(403, "PERMISSION_DENIED", f"Consumer 'api_key:{key}' has been suspended.", reason("CONSUMER_SUSPENDED"))
    )
    assert "anary" not in failure.message
    assert failure.kind is K.CREDENTIAL


SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from(
        [TYPE + "RetryInfo", "9" * 400 + "s", "1s", "-1s", "RESOURCE_EXHAUSTED", "PerDay", "limit: 0", 429, 1e308]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["error", "code", "status", "message", "details", "@type", "reason", "retryDelay", "violations", "quotaId"]),
        inner, max_size=6,
    ),
    max_leaves=25,
)  # fmt: skip


@given(st.integers(-10, 1200), st.binary(max_size=300) | SHAPES.map(lambda value: json.dumps(value).encode()))
def test_any_answer_of_google_is_some_failure(status: int, body: bytes) -> None:
    """S-21: whatever bytes come, the answer is a Failure within its bounds, never an exception."""
    failure = classify("google", HttpResponse(status, (), body), 0.0)
    assert isinstance(failure.kind, FailureKind)
    assert 0 < len(failure.message) <= 500
    assert failure.retry_after is None or 0 < failure.retry_after <= 300


@given(SHAPES)
def test_any_error_in_a_stream_is_some_failure(error: object) -> None:
    """The same inside a stream, for whatever stands where an error should."""
    reader = Gemini().read_stream(True)
    reader.feed(b"data: " + json.dumps({"error": error}).encode() + b"\n\n")
    reader.finish()
    assert reader.failure is not None
    assert reader.failure.retry_after is None or 0 < reader.failure.retry_after <= 300


def test_gemini_is_asked_with_its_own_header() -> None:
    """Google gets its key in a header of its own, never in the URL, where it would end in logs."""
    provider = Provider("gemini", GEMINI, GEMINI.base_url, GEMINI.dialect, GEMINI.auth)
    request = Caller(provider, "/models/gemini-x:generateContent", Secret("AIza-canary")).request(b"{}", (), False, "req.1")
    assert request.url == "https://generativelanguage.googleapis.com/v1beta/models/gemini-x:generateContent"
    assert ("x-goog-api-key", "AIza-canary") in request.headers
    assert "authorization" not in dict(request.headers)


@pytest.mark.parametrize(
    ("auth", "name"), [(Auth.AZURE, "api-key"), (Auth.GOOGLE, "x-goog-api-key"), (Auth.API_KEY, "x-api-key")]
)
def test_each_header_carries_the_bare_key(auth: Auth, name: str) -> None:
    """A credential that is no bearer token goes as it is, in the one header it is for."""
    caller = Caller(Provider("p", GEMINI, "https://host/v1", "gemini", auth), "/x", Secret("canary"))
    assert [field for field in caller.probe().headers if "canary" in field[1]] == [(name, "canary")]


@pytest.mark.parametrize(
    ("status", "error", "is_refused"),
    [
        (400, {"code": 400, "status": "INVALID_ARGUMENT", "message": "API key not valid. Please pass a valid API key."}, True),
        (400, {"code": 400, "status": "INVALID_ARGUMENT", "message": "page_size must be positive"}, False),
        (503, {"code": 503, "status": "UNAVAILABLE", "message": "try later"}, False),
        (200, {}, False),
    ],
)
def test_a_key_that_is_not_valid_is_known_by_its_words(status: int, error: dict[str, Any], is_refused: bool) -> None:
    """Google refuses a bad key with a 400: a probe's answer is judged by what it says."""
    caller = Caller(Provider("gemini", GEMINI, GEMINI.base_url, GEMINI.dialect, GEMINI.auth), "/x", Secret("canary"))
    assert caller.is_refused(HttpResponse(status, (), json.dumps({"error": error}).encode()), 0.0) is is_refused
