"""Errors in this dialect: a `google.rpc.Status` in JSON, read out of a stream and written for a client (docs/wire.md, Errors).

Never puts a provider's words into a message: they may quote the conversation.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...errors import STATUS
from ...types.failure import RULES, Again, Failure, FailureKind
from ..reader import read_loosely
from ..values import OWN_CODES
from .signals import SPENT_WAIT, kind_of, read_told

K = FailureKind

STATUSES: dict[FailureKind, str] = {
    K.CALLER: "INVALID_ARGUMENT",
    K.UNSUPPORTED: "INVALID_ARGUMENT",
    K.CONTEXT_LENGTH: "INVALID_ARGUMENT",
    K.CONTENT_REFUSED: "INVALID_ARGUMENT",
    K.FOREIGN_THOUGHT: "INVALID_ARGUMENT",
    K.MODEL_UNAVAILABLE: "NOT_FOUND",
    K.KEY_REFUSED: "UNAUTHENTICATED",
    K.BUDGET_SPENT: "RESOURCE_EXHAUSTED",
    K.QUOTA: "RESOURCE_EXHAUSTED",
    K.RATE_LIMIT: "RESOURCE_EXHAUSTED",
    K.RATE_REACHED: "RESOURCE_EXHAUSTED",
    K.CONCURRENCY_REACHED: "RESOURCE_EXHAUSTED",
    K.OVERLOADED: "UNAVAILABLE",
    K.BREAKER_OPEN: "UNAVAILABLE",
    K.COOLING: "UNAVAILABLE",
    K.EXHAUSTED: "UNAVAILABLE",
    K.SILENT: "DEADLINE_EXCEEDED",
    K.STALLED: "DEADLINE_EXCEEDED",
    K.DEADLINE: "DEADLINE_EXCEEDED",
    K.CANCELLED: "CANCELLED",
}
"""`error.status` by kind; any other is "INTERNAL"."""

TOO_LONG = "the input token count exceeds the maximum number of tokens allowed"
"""How this dialect's clients recognise an overflow."""

NOT_FOUND = 404

_TYPE = "type.googleapis.com/google.rpc."


def write_error(failure: Failure, request_id: str) -> tuple[int, bytes]:
    """Return HTTP status and body; `error` comes first, as the SDK's stream reader wants it."""
    kind, message, status, word = failure.kind, failure.message, STATUS[failure.kind], STATUSES.get(failure.kind, "INTERNAL")
    if kind is K.CALLER and failure.status and not failure.dialect:  # our own no may be finer than its kind: 404, 413
        status, word = failure.status, "NOT_FOUND" if failure.status == NOT_FOUND else word
    if kind is K.CONTEXT_LENGTH and not message.startswith(TOO_LONG):
        message = f"{TOO_LONG}: {message}"
    code = failure.code if kind in OWN_CODES and failure.code else kind.value
    details: list[dict[str, Any]] = [{
        "@type": _TYPE + "ErrorInfo", "reason": code.upper(), "domain": "stormkeel", "metadata": {"request_id": request_id},
    }]  # fmt: skip
    if failure.retry_after is not None:
        details.append({"@type": _TYPE + "RetryInfo", "retryDelay": f"{failure.retry_after:.3f}s"})
    error = {"code": status, "message": message, "status": word, "details": details}
    return status, msgspec.json.encode({"error": error})


def error_in(payload: bytes) -> Any:
    """Return the error in a body, which may be the only one in a list, None where there is none."""
    told: object = read_loosely(payload)
    if told is None and payload.lstrip().startswith(b"["):
        inner = read_loosely(b'{"list":' + payload + b"}")
        listed = inner["list"] if inner else None
        told = listed[0] if isinstance(listed, list) and listed else None
    return told.get("error") if isinstance(told, dict) else None


def read_error(error: object, body: bytes) -> Failure:
    """Return a provider's error as a failure: kind by its names and words, the pause it asks for, its words in `body` alone.

    An error whose meaning nobody knows is the provider's fault: the request had been accepted.
    """
    told = read_told(error)
    kind = kind_of(told) or _BY_CODE.get(told.code) or K.SERVER
    name = told.code or "error"
    message = f'the provider broke off the stream with "{name}"'
    is_spent = told.is_spent and kind is K.RATE_LIMIT
    wait = told.wait if RULES[kind].again is not Again.NEVER else None
    return Failure(kind, message, code=name, retry_after=SPENT_WAIT if is_spent else wait, forever=is_spent, body=body)


_BY_CODE = {
    "400": K.CALLER, "401": K.CREDENTIAL, "403": K.CREDENTIAL, "404": K.MODEL_UNAVAILABLE, "429": K.RATE_LIMIT,
    "503": K.OVERLOADED,
}  # fmt: skip
"""The kind of an error that has a code alone."""
