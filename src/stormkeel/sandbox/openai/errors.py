"""How OpenAI refuses: statuses, error bodies and the headers that come with every answer.

Never decides when to refuse. Forms: `{"error":{"message","type","param","code"}}`; rate headers with Go-style durations.
"""

from __future__ import annotations

import msgspec

from stormkeel.sandbox.dialect import Facts, Mark, Spot
from stormkeel.sandbox.problem import Problem

_INVALID = "invalid_request_error"
_ORGANIZATION = "org-sandbox"
_RATE = Problem(
    429,
    "requests",
    "Rate limit reached for {model} in organization org-sandbox on requests per min (RPM): Limit 500, Used 500, Requested 1. "
    "Please try again in {retry_after:g}s. Visit https://platform.openai.com/account/rate-limits to learn more.",
    "rate_limit_exceeded",
)
_REGION = Problem(403, "request_forbidden", "Country, region, or territory not supported", "unsupported_country_region_territory")
_REFUSALS: dict[str, Problem] = {
    "rate_limit": _RATE,
    "rate_limit_no_hint": msgspec.structs.replace(_RATE, message="Rate limit reached for {model} in organization org-sandbox."),
    "rate_limit_date": _RATE,
    "rate_limit_ms": _RATE,
    "daily_quota": msgspec.structs.replace(
        _RATE,
        message="Rate limit reached for {model} in organization org-sandbox on requests per day (RPD): Limit 10000, Used 10000, "
        "Requested 1. Please try again in {retry_after:g}s. Visit https://platform.openai.com/account/rate-limits to learn more.",
    ),
    "insufficient_quota": Problem(
        429,
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
        "read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
        "insufficient_quota",
    ),
    "server_error": Problem(500, "server_error", "The server had an error while processing your request. Sorry about that!"),
    "overloaded": Problem(
        503, "service_unavailable_error", "The server is currently overloaded. Please try again later.", "server_is_overloaded"
    ),
    "unavailable": Problem(503, "service_unavailable_error", "The service is temporarily unavailable. Please try again later."),
    "gateway_timeout": Problem(504, "server_error", "The server took too long to answer your request. Please try again."),
    "bad_credential": Problem(
        401,
        _INVALID,
        "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
        "invalid_api_key",
    ),
    "permission": _REGION,
    "region": _REGION,
    "model_not_found": Problem(
        404, _INVALID, "The model `{model}` does not exist or you do not have access to it.", "model_not_found"
    ),
    "context_length": Problem(
        400,
        _INVALID,
        "This model's maximum context length is {window} tokens. However, your messages resulted in {prompt} tokens. "
        "Please reduce the length of the messages.",
        "context_length_exceeded",
        "messages",
    ),
    "stream_error": Problem(500, "server_error", "The server had an error while processing your request. Sorry about that!"),
}


def refusal(fault: str, facts: Facts) -> Problem:
    """Return what OpenAI says for a fault; the retry headers are not in it."""
    problem = _REFUSALS[fault]
    return msgspec.structs.replace(problem, message=problem.message.format(**msgspec.structs.asdict(facts)))


def unauthorised(credential: str | None) -> Problem:
    """Return the 401 for a missing (None) or an unknown credential; the answer shows no more than its ends."""
    if credential is None:
        return Problem(
            401,
            _INVALID,
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
            "(i.e. Authorization: Bearer YOUR_KEY).",
        )
    shown = f"{credential[:3]}****{credential[-4:]}" if len(credential) > 12 else "****"
    problem = _REFUSALS["bad_credential"]
    return msgspec.structs.replace(problem, message=problem.message.replace("provided.", f"provided: {shown}.", 1))


def invalid(message: str) -> Problem:
    """Return a 400 with this message."""
    return Problem(400, _INVALID, message)


def headers(mark: Mark, *, spent: bool) -> list[tuple[str, str]]:
    """Return the headers of every answer; a spent limit has nothing remaining."""
    return [
        ("x-request-id", f"req_{mark.token}"),
        ("openai-organization", _ORGANIZATION),
        ("openai-processing-ms", "5"),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", "500"),
        ("x-ratelimit-limit-tokens", "200000"),
        ("x-ratelimit-remaining-requests", "0" if spent else "499"),
        ("x-ratelimit-remaining-tokens", "199000"),
        ("x-ratelimit-reset-requests", "1s" if spent else "120ms"),
        ("x-ratelimit-reset-tokens", "6ms"),
    ]


def error_body(problem: Problem, mark: Mark) -> bytes:
    """Write an error answer."""
    return msgspec.json.encode({"error": _error(problem)})


def error_frame(problem: Problem, mark: Mark, spot: Spot) -> bytes:
    """Write an error inside a stream: a data line with a top-level `error`, wherever it stands."""
    del mark, spot
    return b"data: " + msgspec.json.encode({"error": _error(problem)}) + b"\n\n"


def _error(problem: Problem) -> dict[str, str | None]:
    return {"message": problem.message, "type": problem.kind, "param": problem.param, "code": problem.code}
