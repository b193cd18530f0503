"""How Gemini refuses: statuses, `google.rpc.Status` bodies with their details, and what it sends with every answer.

Never decides when to refuse. Form: `{"error":{"code","message","status","details"?}}`. When to come back is told in the body
alone; no header tells of limits.
"""

from __future__ import annotations

import math

import msgspec

from stormkeel.sandbox.dialect import Facts, Mark
from stormkeel.sandbox.problem import Problem

_RPC = "type.googleapis.com/google.rpc."
_SERVICE = "generativelanguage.googleapis.com"
_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: "
    "https://ai.google.dev/gemini-api/docs/rate-limits. To monitor your current usage, head to: https://ai.dev/rate-limit. "
)
_LIMITS = {  # quota's id, its metric, its value
    "minute": ("GenerateRequestsPerMinutePerProjectPerModel", "generate_content_paid_tier_requests", "1000"),
    "day": ("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "generate_content_free_tier_requests", "250"),
}
_KEY_MESSAGE = "API key not valid. Please pass a valid API key."
_BAD_KEY = Problem(
    400,
    "INVALID_ARGUMENT",
    _KEY_MESSAGE,
    details=(
        {"@type": f"{_RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com", "metadata": {"service": _SERVICE}},
        {"@type": f"{_RPC}LocalizedMessage", "locale": "en-US", "message": _KEY_MESSAGE},
    ),
)
_SUSPENDED: dict[str, object] = {
    "@type": f"{_RPC}ErrorInfo",
    "reason": "CONSUMER_SUSPENDED",
    "domain": "googleapis.com",
    "metadata": {"service": _SERVICE, "consumer": "projects/sandbox"},
}
_OVERLOADED = Problem(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
_REFUSALS: dict[str, Problem] = {
    "rate_limit_no_hint": Problem(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    "insufficient_quota": Problem(
        402,
        "RESOURCE_EXHAUSTED",
        "Your prepayment credits are depleted. Please go to AI Studio at https://ai.studio/projects to manage your project and "
        "billing.",
    ),
    "server_error": Problem(
        500,
        "INTERNAL",
        "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting",
    ),
    "overloaded": _OVERLOADED,
    "unavailable": Problem(503, "UNAVAILABLE", "The service is currently unavailable."),
    "gateway_timeout": Problem(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    "bad_credential": _BAD_KEY,
    "permission": Problem(
        403,
        "PERMISSION_DENIED",
        "Permission denied: Consumer 'projects/sandbox' has been suspended.",
        details=(_SUSPENDED,),
    ),
    "region": Problem(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
    "context_length": Problem(
        400,
        "INVALID_ARGUMENT",
        "The input token count ({prompt}) exceeds the maximum number of tokens allowed ({window}).",
    ),
    "stream_error": _OVERLOADED,
}
_WAITS = {"rate_limit": "minute", "rate_limit_date": "minute", "rate_limit_ms": "minute", "daily_quota": "day"}


def refusal(fault: str, facts: Facts, verb: str) -> Problem:
    """Return what Gemini says for a fault."""
    if fault in _WAITS:
        exact = fault == "rate_limit_ms"
        return _limited(_WAITS[fault], facts.model, facts.retry_after if exact else math.ceil(facts.retry_after))
    if fault == "model_not_found":
        return not_found(facts.model, verb)
    problem = _REFUSALS[fault]
    return msgspec.structs.replace(problem, message=problem.message.format(**msgspec.structs.asdict(facts)))


def not_found(model: str, verb: str) -> Problem:
    """Return the 404 for a model that is not there, or not for this."""
    return Problem(
        404,
        "NOT_FOUND",
        f"models/{model} is not found for API version v1beta, or is not supported for {verb}. Call ListModels to see the list of "
        "available models and their supported methods.",
    )


def no_method() -> Problem:
    """Return the 404 for a path that is none."""
    return Problem(404, "NOT_FOUND", "Method not found.")


def unauthorised(credential: str | None) -> Problem:
    """Return the 403 for a missing (None) key, or the 400 for an unknown one."""
    if credential is not None:
        return _BAD_KEY
    return Problem(
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of "
        "API consumer identity to call this API.",
    )


def invalid(message: str) -> Problem:
    """Return a 400 with this message."""
    return Problem(400, "INVALID_ARGUMENT", message)


def headers(mark: Mark, *, spent: bool) -> list[tuple[str, str]]:
    """Return the headers of every answer: none of them tells of a limit, or of a request."""
    del mark, spent
    return [("vary", "Origin"), ("vary", "X-Origin"), ("vary", "Referer"), ("server", "scaffolding on HTTPServer2")]


def status(problem: Problem) -> dict[str, object]:
    """Return the error object."""
    told: dict[str, object] = {"code": problem.status, "message": problem.message, "status": problem.kind}
    return {"error": told | ({"details": list(problem.details)} if problem.details else {})}


def _limited(span: str, model: str, wait: float) -> Problem:
    quota, metric, value = _LIMITS[span]
    told = f"* Quota exceeded for metric: {_SERVICE}/{metric}, limit: {value}, model: {model}"
    violation = {
        "quotaMetric": f"{_SERVICE}/{metric}",
        "quotaId": quota,
        "quotaDimensions": {"location": "global", "model": model},
        "quotaValue": value,
    }
    link = {"description": "Learn more about Gemini API quotas", "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}
    details: tuple[dict[str, object], ...] = (
        {"@type": f"{_RPC}Help", "links": [link]},
        {"@type": f"{_RPC}QuotaFailure", "violations": [violation]},
        {"@type": f"{_RPC}RetryInfo", "retryDelay": f"{wait:g}s"},
    )
    return Problem(429, "RESOURCE_EXHAUSTED", f"{_QUOTA}\n{told}\nPlease retry in {wait:g}s.", details=details)
