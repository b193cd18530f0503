"""What OpenAI's dialects say alike: errors and model lists (docs/wire.md, Errors).

Never reads anything.
"""

from __future__ import annotations

from typing import Any

from ..types.failure import Failure, FailureKind
from .values import OWN_CODES, ModelCard

K = FailureKind

TYPES: dict[FailureKind, str] = {
    K.CALLER: "invalid_request_error",
    K.UNSUPPORTED: "invalid_request_error",
    K.MODEL_UNAVAILABLE: "invalid_request_error",
    K.CONTEXT_LENGTH: "invalid_request_error",
    K.CONTENT_REFUSED: "invalid_request_error",
    K.FOREIGN_THOUGHT: "invalid_request_error",
    K.KEY_REFUSED: "invalid_request_error",
    K.QUOTA: "insufficient_quota",
    K.BUDGET_SPENT: "insufficient_quota",
    K.RATE_LIMIT: "rate_limit_error",
    K.RATE_REACHED: "rate_limit_error",
    K.CONCURRENCY_REACHED: "rate_limit_error",
    K.OVERLOADED: "service_unavailable_error",
    K.BREAKER_OPEN: "service_unavailable_error",
    K.COOLING: "service_unavailable_error",
    K.EXHAUSTED: "service_unavailable_error",
}
"""`error.type` by kind; any other is "server_error"."""

CODES: dict[FailureKind, str] = {
    K.MODEL_UNAVAILABLE: "model_not_found",
    K.CONTEXT_LENGTH: "context_length_exceeded",
    K.CONTENT_REFUSED: "content_policy_violation",
    K.FOREIGN_THOUGHT: "invalid_encrypted_content",
    K.KEY_REFUSED: "invalid_api_key",
    K.QUOTA: "insufficient_quota",
    K.RATE_LIMIT: "rate_limit_exceeded",
    K.OVERLOADED: "server_is_overloaded",
}
"""`error.code` where clients know one; any other kind is told by its own name."""


def error_of(failure: Failure) -> dict[str, Any]:
    """Return the `error` object that tells of a failure."""
    kind = failure.kind
    code = CODES.get(kind) or (failure.code if kind in OWN_CODES and failure.code else kind.value)
    return {"message": failure.message, "type": TYPES.get(kind, "server_error"), "param": None, "code": code}


def model_of(card: ModelCard) -> dict[str, Any]:
    """Return a model as the list has it."""
    return {"id": card.id, "object": "model", "created": card.created, "owned_by": card.owned_by}
