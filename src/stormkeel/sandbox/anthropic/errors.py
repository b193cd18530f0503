"""How Anthropic refuses: statuses, error bodies and the headers that come with every answer.

Never decides when to refuse. Forms: `{"type":"error","error":{"type","message","details"?},"request_id"}`; rate headers with
RFC 3339 times.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from stormkeel.sandbox.dialect import Facts, Mark, Spot
from stormkeel.sandbox.problem import Problem

_INVALID = "invalid_request_error"
_RATE = Problem(
    429,
    "rate_limit_error",
    "This request would exceed your organization's rate limit of 50 requests per minute (model: {model}). "
    "For details, refer to: https://docs.claude.com/en/api/rate-limits.",
)
_REFUSALS: dict[str, Problem] = {
    "rate_limit": _RATE,
    "rate_limit_no_hint": _RATE,
    "rate_limit_date": _RATE,
    "rate_limit_ms": _RATE,
    "daily_quota": _RATE,
    "insufficient_quota": Problem(
        429, "rate_limit_error", "Your organization has reached its enforced monthly spend limit.", "enforced_spend_limit_reached"
    ),
    "server_error": Problem(500, "api_error", "Internal server error"),
    "overloaded": Problem(529, "overloaded_error", "Overloaded"),
    "unavailable": Problem(503, "api_error", "Service unavailable"),
    "gateway_timeout": Problem(504, "timeout_error", "The request timed out."),
    "bad_credential": Problem(401, "authentication_error", "invalid x-api-key"),
    "permission": Problem(403, "permission_error", "Your API key does not have permission to use the specified resource."),
    "region": Problem(403, "forbidden", "Request not allowed"),
    "model_not_found": Problem(404, "not_found_error", "model: {model}"),
    "context_length": Problem(400, _INVALID, "prompt is too long: {prompt} tokens > {window} maximum"),
    "stream_error": Problem(529, "overloaded_error", "Overloaded"),
}
_RATES = (("requests", 50), ("tokens", 100_000), ("input-tokens", 80_000), ("output-tokens", 20_000))


def refusal(fault: str, facts: Facts) -> Problem:
    """Return what Anthropic says for a fault; the retry headers are not in it."""
    problem = _REFUSALS[fault]
    return msgspec.structs.replace(problem, message=problem.message.format(**msgspec.structs.asdict(facts)))


def unauthorised(credential: str | None) -> Problem:
    """Return the 401 for a missing (None) or an unknown credential."""
    if credential is None:
        return Problem(401, "authentication_error", "x-api-key header is required")
    return _REFUSALS["bad_credential"]


def invalid(message: str) -> Problem:
    """Return a 400 with this message."""
    return Problem(400, _INVALID, message)


def headers(mark: Mark, *, spent: bool) -> list[tuple[str, str]]:
    """Return the headers of every answer; a spent limit has nothing remaining."""
    reset = datetime.fromtimestamp(int(mark.now) + 1, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    rates = [
        pair
        for name, limit in _RATES
        for pair in (
            (f"anthropic-ratelimit-{name}-limit", str(limit)),
            (f"anthropic-ratelimit-{name}-remaining", "0" if spent else str(limit - 1)),
            (f"anthropic-ratelimit-{name}-reset", reset),
        )
    ]
    return [("request-id", f"req_{mark.token}"), ("anthropic-organization-id", "org-sandbox"), *rates]


def error_body(problem: Problem, mark: Mark) -> bytes:
    """Write an error answer."""
    error: dict[str, object] = {"type": problem.kind, "message": problem.message}
    if problem.code is not None:
        error["details"] = {"error_code": problem.code}
    return msgspec.json.encode({"type": "error", "error": error, "request_id": f"req_{mark.token}"})


def error_frame(problem: Problem, mark: Mark, spot: Spot) -> bytes:
    """Write an error inside a stream, wherever it stands; nothing comes after it."""
    del spot
    return b"event: error\ndata: " + error_body(problem, mark) + b"\n\n"
