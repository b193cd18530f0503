"""S-21: what a provider's failures mean, as one table of answers seen in the wild or documented, and laws over any bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormkeel.providers.signals import FAMILIES, STATUSES, classify, is_larger_than_limit
from stormkeel.types.failure import Failure, FailureKind
from stormkeel.types.wire import HttpResponse

K = FailureKind
NOW = 1_795_000_000.0


def openai(message: str = "", type_: str | None = None, code: object = None) -> bytes:
    """An error body as OpenAI writes it."""
    return json.dumps({"error": {"message": message, "type": type_, "param": None, "code": code}}).encode()


def anthropic(type_: str, message: str = "", error_code: str | None = None) -> bytes:
    """An error body as Anthropic writes it."""
    error: dict[str, object] = {"type": type_, "message": message}
    if error_code:
        error["details"] = {"error_code": error_code}
    return json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode()


def said(family: str, status: int, body: bytes = b"", *headers: tuple[str, str]) -> Failure:
    """What a family's answer is taken for."""
    return classify(family, HttpResponse(status, headers, body), NOW)


TPM = "Rate limit reached for gpt-5.4 in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. "
TOO_LARGE = "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 37313. "

TABLE = [
    # OpenAI: money
    ("openai", 429,
     openai("You exceeded your current quota, please check your plan.", "insufficient_quota", "insufficient_quota"), K.QUOTA),
    ("openai", 429, openai("", "insufficient_quota", None), K.QUOTA),
    ("openai", 429, openai("no credits", "insufficient_quota", "credit_balance_exhausted"), K.QUOTA),
    ("openai", 429, openai("", "x", "organization_spend_limit_exceeded"), K.QUOTA),
    ("openai", 429, openai("", "x", "project_spend_limit_exceeded"), K.QUOTA),
    ("openai", 429, openai("", "x", "organization_usage_limit_exceeded"), K.QUOTA),
    ("openai", 403, openai("", "x", "billing_not_active"), K.QUOTA),
    ("openai", 429, openai("You exceeded your current quota, please check your plan and billing details."), K.QUOTA),
    ("openai", 402, b"", K.QUOTA),
    # OpenAI: load
    ("openai", 429, openai(TPM + "Please try again in 2s.", "tokens", "rate_limit_exceeded"), K.RATE_LIMIT),
    ("openai", 429, openai("", "requests", "rate_limit_exceeded"), K.RATE_LIMIT),
    ("openai", 429, openai("a new kind of limit", "brand_new", "brand_new"), K.RATE_LIMIT),
    ("openai", 429, b"", K.RATE_LIMIT),
    ("openai", 429, openai("", "x", "slow_down"), K.OVERLOADED),
    ("openai", 503, openai("Slow down.", "slow_down", None), K.OVERLOADED),
    ("openai", 503, openai("", "service_unavailable_error", "server_is_overloaded"), K.OVERLOADED),
    ("openai", 429, openai("", "x", "flex_unavailable"), K.OVERLOADED),
    ("openai", 503, b"upstream connect error or disconnect/reset before headers", K.OVERLOADED),
    ("openai", 529, b"", K.OVERLOADED),
    # OpenAI: the server
    ("openai", 500, openai("The server had an error while processing your request.", "server_error"), K.SERVER),
    ("openai", 500, b"", K.SERVER),
    ("openai", 502, b"<html><head><title>502 Bad Gateway</title></head></html>", K.SERVER),
    ("openai", 504, b"<html>504 Gateway Time-out</html>", K.SERVER),
    ("openai", 520, b"error code: 520", K.SERVER),
    ("openai", 599, b"", K.SERVER),
    ("openai", 408, openai("Request timed out.", "request_timeout"), K.SERVER),
    ("openai", 409, openai("try again", "conflict"), K.SERVER),
    ("openai", 499, b"", K.SERVER),
    # OpenAI: the credential
    ("openai", 401,
     openai("Incorrect API key provided: sk-abcde***wxyz.", "invalid_request_error", "invalid_api_key"), K.CREDENTIAL),
    ("openai", 401, openai("You must be a member of an organization to use the API", "invalid_request_error"), K.CREDENTIAL),
    ("openai", 401, b"", K.CREDENTIAL),
    ("openai", 401, openai("", "x", "account_deactivated"), K.CREDENTIAL),
    ("openai", 403,
     openai("Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"),
     K.CREDENTIAL),
    ("openai", 403, openai("You have insufficient permissions for this operation.", "invalid_request_error"), K.CREDENTIAL),
    ("openai", 403, openai("Project `proj_x` does not have access to model `gpt-6`", "invalid_request_error", "model_not_found"),
     K.MODEL_UNAVAILABLE),
    ("openai", 403,
     openai("Your organization must be verified to use the model `gpt-6`.", "invalid_request_error"), K.MODEL_UNAVAILABLE),
    ("openai", 403, b"<html><title>Attention Required! | Cloudflare</title>", K.MODEL_UNAVAILABLE),
    # OpenAI: the request
    ("openai", 404,
     openai("The model `gpt-9` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"),
     K.MODEL_UNAVAILABLE),
    ("openai", 400, openai("The requested model 'gpt-5.2-proo' does not exist.", "invalid_request_error", "model_not_found"),
     K.MODEL_UNAVAILABLE),
    ("openai", 404, openai("Invalid URL (POST /v1/v1/chat/completions)", "invalid_request_error"), K.MODEL_UNAVAILABLE),
    ("openai", 410, b"", K.MODEL_UNAVAILABLE),
    ("openai", 400,
     openai("This model's maximum context length is 8192 tokens.", "invalid_request_error", "context_length_exceeded"),
     K.CONTEXT_LENGTH),
    ("openai", 400, openai("Please reduce the length of the messages.", "invalid_request_error"), K.CONTEXT_LENGTH),
    ("openai", 413, b"", K.CONTEXT_LENGTH),
    ("openai", 400,
     openai("Unsupported parameter: 'max_tokens'", "invalid_request_error", "unsupported_parameter"), K.UNSUPPORTED),
    ("openai", 400, openai("Unsupported value: 'temperature'", "invalid_request_error", "unsupported_value"), K.UNSUPPORTED),
    ("openai", 400, openai("Invalid 'messages[3]'.", "invalid_request_error", "invalid_value"), K.CALLER),
    ("openai", 400,
     openai("Invalid prompt: your prompt was flagged", "invalid_request_error", "invalid_prompt"), K.CONTENT_REFUSED),
    ("openai", 400, openai("", "invalid_request_error", "content_policy_violation"), K.CONTENT_REFUSED),
    ("openai", 400,
     openai("The encrypted content gAAA...DQ== could not be verified.", "invalid_request_error", "invalid_encrypted_content"),
     K.FOREIGN_THOUGHT),
    ("openai", 400, openai("", "invalid_request_error", "cyber_policy"), K.CONTENT_REFUSED),
    ("openai", 400, b"", K.CALLER),
    ("openai", 415, b"", K.CALLER),
    ("openai", 422, openai("nope", "invalid_request_error"), K.CALLER),
    ("openai", 418, b"", K.CALLER),
    ("openai", 501, b"", K.UNSUPPORTED),
    # OpenAI: not the API at all
    ("openai", 301, b"", K.MODEL_UNAVAILABLE),
    ("openai", 204, b"", K.BAD_RESPONSE),
    ("openai", 200, b"<html>welcome</html>", K.BAD_RESPONSE),
    ("openai", 999, b"", K.BAD_RESPONSE),
    # Anthropic
    ("anthropic", 429,
     anthropic("rate_limit_error", "This request would exceed the rate limit of 20,000 input tokens per minute."), K.RATE_LIMIT),
    ("anthropic", 429, anthropic("rate_limit_error", "", "ramp_limit_exceeded"), K.RATE_LIMIT),
    ("anthropic", 429, anthropic("rate_limit_error", "", "enforced_spend_limit_reached"), K.QUOTA),
    ("anthropic", 429, anthropic("rate_limit_error", "", "contract_spend_limit_reached"), K.QUOTA),
    ("anthropic", 402, anthropic("billing_error", "no credit"), K.QUOTA),
    ("anthropic", 402, anthropic("billing_error", "", "linked_organization_spend_limit_reached"), K.QUOTA),
    ("anthropic", 400,
     anthropic("invalid_request_error", "You have reached your specified API usage limits. You will regain access on"), K.QUOTA),
    ("anthropic", 400,
     anthropic("invalid_request_error", "You have reached your specified workspace API usage limits."), K.QUOTA),
    ("anthropic", 400,
     anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), K.QUOTA),
    ("anthropic", 529, anthropic("overloaded_error", "Overloaded"), K.OVERLOADED),
    ("anthropic", 529, b"", K.OVERLOADED),
    ("anthropic", 503, anthropic("api_error", "unavailable", "cmek_key_unreachable"), K.OVERLOADED),
    ("anthropic", 500, anthropic("overloaded_error", "Overloaded"), K.OVERLOADED),
    ("anthropic", 500, anthropic("api_error", "Internal server error"), K.SERVER),
    ("anthropic", 504, anthropic("timeout_error", "timed out"), K.SERVER),
    ("anthropic", 408, anthropic("timeout_error", "timed out"), K.SERVER),
    ("anthropic", 409, anthropic("conflict_error", "conflict"), K.SERVER),
    ("anthropic", 401, anthropic("authentication_error", "invalid x-api-key"), K.CREDENTIAL),
    ("anthropic", 403,
     anthropic("permission_error", "Your API key does not have permission to use the specified resource"), K.CREDENTIAL),
    ("anthropic", 403, anthropic("permission_error", "Your key may not use the model claude-fable-5"), K.MODEL_UNAVAILABLE),
    ("anthropic", 400, anthropic("invalid_request_error", "This organization has been disabled."), K.CREDENTIAL),
    ("anthropic", 400, anthropic("invalid_request_error", "", "organization_on_hold"), K.CREDENTIAL),
    ("anthropic", 403, anthropic("permission_error", "", "user_profile_not_billable"), K.CALLER),
    ("anthropic", 403, b"<html>blocked</html>", K.MODEL_UNAVAILABLE),
    ("anthropic", 404, anthropic("not_found_error", "model: claude-does-not-exist"), K.MODEL_UNAVAILABLE),
    ("anthropic", 413, b"<html><title>413 Request Entity Too Large</title></html>", K.CONTEXT_LENGTH),
    ("anthropic", 413, anthropic("request_too_large", "Request exceeds the maximum size"), K.CONTEXT_LENGTH),
    ("anthropic", 400,
     anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), K.CONTEXT_LENGTH),
    ("anthropic", 400, anthropic("invalid_request_error", "Output blocked by content filtering policy"), K.CONTENT_REFUSED),
    ("anthropic", 400,
     anthropic("invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block"), K.FOREIGN_THOUGHT),
    ("anthropic", 400, anthropic("invalid_request_error", "temperature: Extra inputs are not permitted"), K.CALLER),
    ("anthropic", 400, anthropic("invalid_request_error", "", "thread_continue_in_flight"), K.CALLER),
    ("anthropic", 422, anthropic("invalid_request_error", "x"), K.CALLER),
    # servers that speak OpenAI's dialect
    ("compatible", 402, openai("Insufficient Balance", "unknown_error", "invalid_request_error"), K.QUOTA),
    ("compatible", 400, openai("Insufficient Balance", "unknown_error", "invalid_request_error"), K.QUOTA),
    ("compatible", 429,
     b'{"code":"x","error":"Your team has either used all available credits or reached its monthly spending limit."}', K.QUOTA),
    ("compatible", 403, b'{"code":"x","error":"You have run out of credits or need a subscription."}', K.QUOTA),
    ("compatible", 402, b'{"error":{"message":"Insufficient credits. Add more","code":402}}', K.QUOTA),
    ("compatible", 402,
     b'{"error":{"message":"You requested up to 65536 tokens, but can only afford 4000.","code":402}}', K.CONTEXT_LENGTH),
    ("compatible", 402, b'{"error":{"error":{"message":"More credits are required","code":402},"code":402}}', K.QUOTA),
    ("compatible", 200, b'{"error":{"message":"Provider returned error","code":429}}', K.RATE_LIMIT),
    ("compatible", 200, b'{"error":{"message":"Internal Server Error","code":500}}', K.SERVER),
    ("compatible", 200, b'{"error":{"message":"bad temperature","type":"BadRequestError","code":400}}', K.CALLER),  # vLLM
    ("compatible", 200, b'{"error":{"message":"the maximum context length is 4096","type":"BadRequestError","code":400}}',
     K.CONTEXT_LENGTH),
    ("compatible", 429,
     b'{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}', K.RATE_LIMIT),
    ("compatible", 429, b'{"message":"Requests rate limit exceeded"}', K.RATE_LIMIT),
    ("compatible", 429,
     b'{"object":"error","message":"Service tier capacity exceeded for this model.","type":"invalid_request_error"}',
     K.OVERLOADED),
    ("compatible", 400, b'{"code":"x","error":"Incorrect API key provided: xa***xx."}', K.CREDENTIAL),
    ("compatible", 400,
     b'{"object":"error","message":"This model\'s maximum context length is 131072 tokens.","type":"BadRequestError","code":400}',
     K.CONTEXT_LENGTH),
    ("compatible", 400,
     b'{"error":{"message":"However, the model\'s context length is only 1024 tokens","type":"BadRequestError","code":400}}',
     K.CONTEXT_LENGTH),
    ("compatible", 413,
     openai("Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 7591", "tokens",
            "rate_limit_exceeded"),
     K.RATE_LIMIT),
    ("compatible", 422, b'{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}', K.CALLER),
    ("compatible", 404,
     b'{"error":{"message":"model \\"llama9\\" not found, try pulling it first","type":"api_error"}}', K.MODEL_UNAVAILABLE),
    ("compatible", 400,
     b'{"error":{"code":"tool_use_failed","message":"Tool call validation failed","type":"invalid_request_error"}}', K.CALLER),
    ("compatible", 503, b"Service Unavailable", K.OVERLOADED),
    ("compatible", 429, b'{"error":{"code":"429","message":"System is experiencing high demand, please try later"}}', K.OVERLOADED),
    ("compatible", 429,
     b'{"error":{"code":"RateLimitReached","message":"Rate limit is exceeded. Try again in 20 seconds."}}', K.RATE_LIMIT),
    ("compatible", 404,
     b'{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}',
     K.MODEL_UNAVAILABLE),
    ("compatible", 400, b'{"error":{"code":"OperationNotSupported","message":"The chatCompletion operation does not work with"}}',
     K.UNSUPPORTED),
    ("compatible", 401, b'{"error":{"code":"401","message":"Access denied due to invalid subscription key"}}', K.CREDENTIAL),
    ("compatible", 400, openai("The response was filtered", None, "content_filter"), K.CONTENT_REFUSED),
    ("compatible", 400,
     b'{"error":{"code":400,"message":"request (4390 tokens) exceeds the available context size (4096 tokens)","type":"x"}}',
     K.CONTEXT_LENGTH),
    ("compatible", 400, b'{"error":{"code":400,"message":"?","type":"exceed_context_size_error","n_ctx":4096}}', K.CONTEXT_LENGTH),
    ("compatible", 500, b'{"error":{"code":500,"message":"Context size has been exceeded.","type":"server_error"}}',
     K.CONTEXT_LENGTH),
    ("compatible", 503, b'{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}', K.OVERLOADED),
    ("compatible", 400,
     b'{"message":"too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292."}', K.CONTEXT_LENGTH),
    ("compatible", 429, b'{"message":"trial token rate limit exceeded, limit is 100000 tokens per minute"}', K.RATE_LIMIT),
    ("compatible", 402, b'{"error":"You have exceeded your monthly included credits for Inference Providers."}', K.QUOTA),
    ("compatible", 400, b'[{"error":{"message":"maximum context length","status":"INVALID_ARGUMENT"}}]', K.CONTEXT_LENGTH),
]  # fmt: skip


@pytest.mark.parametrize(("family", "status", "body", "kind"), TABLE)
def test_each_answer_is_of_its_kind(family: str, status: int, body: bytes, kind: FailureKind):
    """S-21: every answer in the table is taken for what it is."""
    failure = said(family, status, body)
    assert failure.kind is kind
    assert failure.status == status
    assert failure.message


def _alone() -> list[tuple[str, int, bytes, FailureKind]]:
    """Every name and every phrase of every row on its own, under a status that says nothing else."""
    cases = []
    for family, rows in FAMILIES.items():
        for row in rows:
            status = min(row.statuses, default=418)
            for name in sorted(row.names or {"x"}):
                for phrase in row.phrases or ("",):
                    cases.append((family, status, openai(f"- {phrase.upper()} -", name, None), row.kind))
    return cases


@pytest.mark.parametrize(("family", "status", "body", "kind"), _alone())
def test_every_name_and_phrase_decides_alone(family: str, status: int, body: bytes, kind: FailureKind):
    """No row of the signal tables is hidden by another: each of its names and phrases alone has its effect."""
    assert said(family, status, body).kind is kind


def test_a_message_is_the_providers_own_cut_to_one_line():
    """People read what the provider said: its own words, in one line, at most 500 characters."""
    failure = said("openai", 500, openai("it\nbroke\x00 " + "y" * 900, "server_error"))
    assert failure.message.startswith("it broke yyy")
    assert len(failure.message) == 500
    assert said("openai", 502, b"<html><title>502 Bad Gateway</title><p>nginx</p>").message == "502 Bad Gateway"
    assert said("openai", 500).message == "status 500 without a message"
    assert "base URL" in said("openai", 308).message


@pytest.mark.parametrize(
    "key",
    [
        "sk-canary-1234567",
        "sk-ant-canary-99",
        "sk-cana***3456",
        "gsk_canary12345",
        "xai-canary-0000",
        "Bearer canary123",
    ],
)
def test_keys_are_hidden_in_messages(key: str):
    """S-37: a key a provider echoes, whole or masked, is not passed on in a message."""
    failure = said("openai", 401, openai(f"Incorrect API key provided: {key}. Get one.", None, "invalid_api_key"))
    assert "cana" not in failure.message
    assert "Incorrect API key provided" in failure.message


def test_the_body_about_our_credential_stays_with_us():
    """S-37: what a provider says of our credential does not go to the client; any other body does."""
    assert said("openai", 401, openai("bad sk-canary-123456", None, "invalid_api_key")).body == b""
    assert said("openai", 400, b"{}").body == b"{}"


def test_the_code_is_the_most_telling_one():
    """A failure's code is the specific one, else the type, else none."""
    assert said("anthropic", 429, anthropic("rate_limit_error", "", "ramp_limit_exceeded")).code == "ramp_limit_exceeded"
    assert said("anthropic", 529, anthropic("overloaded_error")).code == "overloaded_error"
    assert said("openai", 500).code is None


def test_a_wait_is_only_told_where_another_try_makes_sense():
    """A Retry-After on a request that can never succeed here is no invitation."""
    assert said("openai", 429, b"", ("retry-after", "7")).retry_after == 7.0
    assert said("openai", 429, openai(TPM + "Please try again in 1m2.5s."), ("retry-after", "x")).retry_after == 62.5
    assert said("openai", 400, b"", ("retry-after", "7")).retry_after is None
    assert said("openai", 429, openai("", "insufficient_quota"), ("retry-after", "7")).retry_after is None


def test_a_request_larger_than_its_limit_is_for_ever():
    """A rate limit that the request alone exceeds is no matter of waiting; one that others have used up is."""
    assert said("openai", 429, openai(TOO_LARGE, "tokens", "rate_limit_exceeded")).forever
    assert not said("openai", 429, openai(TPM, "tokens", "rate_limit_exceeded")).forever
    assert not is_larger_than_limit("Request too large: Limit 250000, Requested 546.")


def test_the_providers_own_word_on_retrying_counts():
    """`x-should-retry: false` ends tries of what would be tried again; `true` makes an unknown 4xx a passing fault."""
    assert said("openai", 500, b"", ("x-should-retry", "false")).forever
    assert not said("openai", 500, b"", ("x-should-retry", "true")).forever
    assert said("openai", 424, b"", ("x-should-retry", "true")).kind is K.SERVER
    assert said("openai", 424, b"", ("x-should-retry", "maybe")).kind is K.CALLER
    assert not said("openai", 400, b"", ("x-should-retry", "false")).forever


MEMBERS = ["error", "code", "type", "message", "details", "error_code", "detail", "msg"]
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4),
    max_leaves=12,
)
BODIES = st.binary(max_size=300) | JSONS.map(lambda value: json.dumps(value).encode())
HEADER = st.tuples(
    st.sampled_from(
        ["retry-after", "retry-after-ms", "x-should-retry", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"]
    ),
    st.text(max_size=20) | st.sampled_from(["0", "1e400", "-1", "inf", "nan", "6m0s", "Wed, 21 Oct 2026 07:28:00 GMT"]),
)


@given(st.sampled_from(sorted(FAMILIES)), st.integers(-10, 1200), BODIES, st.lists(HEADER, max_size=4), st.floats(0, 4e9))
def test_any_answer_is_some_failure(family: str, status: int, body: bytes, headers: list[tuple[str, str]], now: float):
    """S-21: whatever bytes come under whatever status, the answer is a Failure within its bounds, never an exception."""
    failure = classify(family, HttpResponse(status, tuple(headers), body), now)
    assert isinstance(failure.kind, FailureKind)
    assert 0 < len(failure.message) <= 500
    assert failure.retry_after is None or 0 < failure.retry_after <= 300
    assert "\n" not in failure.message


@given(st.integers(100, 599), st.text(alphabet="abcdefghij_", min_size=3, max_size=12))
def test_an_unknown_code_gets_the_class_of_its_status(status: int, code: str):
    """S-21: a code nobody knows does not change what the status says."""
    name = "unheard_of_" + code
    taken = said("openai", status, openai("x", name, name))
    assert taken.kind is said("openai", status, openai("x")).kind
    assert not taken.is_known, "and it is counted as unknown"
    assert said("openai", status, openai("x")).is_known


def test_the_statuses_have_their_class():
    """The table of statuses holds where no body says more."""
    assert all(said("openai", status, b"{}").kind is kind for status, kind in STATUSES.items())


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"error":' * 100_000,
        b'{"error":{"message":' + b'"x' * 500_000,
        b"\xff" * 1000,
        b"1" * 100_000,
    ],
)
def test_hostile_bodies_are_read_as_far_as_they_can_be(body: bytes):
    """Deep, endless or undecodable bodies cost nothing but themselves."""
    assert said("openai", 500, body).kind is K.SERVER
