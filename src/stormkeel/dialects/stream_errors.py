"""What an error inside a stream calls for, by the provider's own type and code.

Never what a status means: a stream began with 200 (`providers/signals.py` has the rest).
"""

from __future__ import annotations

from ..types.failure import FailureKind

K = FailureKind


def kind_of_stream_error(type_: str, code: str) -> FailureKind | None:
    """Classify an error event inside a stream by the provider's own type and code (docs/wire.md, Errors).

    None where neither is known: then it is the provider's fault, for the request had been accepted.
    """
    return _STREAM_ERRORS.get(code) or _STREAM_ERRORS.get(type_)


_STREAM_ERRORS: dict[str, FailureKind] = {
    # Anthropic error.type
    "overloaded_error": K.OVERLOADED,
    "rate_limit_error": K.RATE_LIMIT,
    "invalid_request_error": K.CALLER,
    "authentication_error": K.CREDENTIAL,
    "permission_error": K.CREDENTIAL,
    "billing_error": K.QUOTA,
    "not_found_error": K.MODEL_UNAVAILABLE,
    "request_too_large": K.CALLER,
    "enforced_spend_limit_reached": K.QUOTA,
    "contract_spend_limit_reached": K.QUOTA,
    # OpenAI error.type and error.code
    "server_is_overloaded": K.OVERLOADED,
    "service_unavailable_error": K.OVERLOADED,
    "slow_down": K.OVERLOADED,
    "rate_limit_exceeded": K.RATE_LIMIT,
    "tokens": K.RATE_LIMIT,
    "requests": K.RATE_LIMIT,
    "insufficient_quota": K.QUOTA,
    "credit_balance_exhausted": K.QUOTA,
    "organization_spend_limit_exceeded": K.QUOTA,
    "project_spend_limit_exceeded": K.QUOTA,
    "organization_usage_limit_exceeded": K.QUOTA,
    "context_length_exceeded": K.CONTEXT_LENGTH,
    "content_filter": K.CONTENT_REFUSED,
    "invalid_encrypted_content": K.FOREIGN_THOUGHT,
    "content_policy_violation": K.CONTENT_REFUSED,
    "invalid_api_key": K.CREDENTIAL,
    "model_not_found": K.MODEL_UNAVAILABLE,
    "api_error": K.SERVER,
    "server_error": K.SERVER,
    "error": K.SERVER,
    # OpenRouter and vLLM put the HTTP status into error.code
    "400": K.CALLER,
    "401": K.CREDENTIAL,
    "402": K.QUOTA,
    "403": K.CREDENTIAL,
    "404": K.MODEL_UNAVAILABLE,
    "413": K.CONTEXT_LENGTH,
    "422": K.CALLER,
    "500": K.SERVER,
    "502": K.SERVER,
    "504": K.SERVER,
    "429": K.RATE_LIMIT,
    "503": K.OVERLOADED,
    "529": K.OVERLOADED,
}
