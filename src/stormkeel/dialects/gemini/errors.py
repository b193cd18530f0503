"""Errors in this dialect: a `google.rpc.Status` in JSON, read out of a stream and written for a client (docs/wire.md, Errors).

Never puts a provider's words into a message: they may quote the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ...errors import STATUS
from ...types.failure import Failure, FailureKind
from ..base import OWN_CODES
from ..reader import read_loosely

K = FailureKind

STATUSES: dict[FailureKind, str] = {
    K.CALLER: "INVALID_ARGUMENT",
    K.UNSUPPORTED: "INVALID_ARGUMENT",
    K.CONTEXT_LENGTH: "INVALID_ARGUMENT",
    K.CONTENT_REFUSED: "INVALID_ARGUMENT",
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

KINDS: dict[str, FailureKind] = {
    "INVALID_ARGUMENT": K.CALLER,
    "OUT_OF_RANGE": K.CALLER,
    "FAILED_PRECONDITION": K.CREDENTIAL,  # the account may not be used here: no billing, or not in this country
    "UNAUTHENTICATED": K.CREDENTIAL,
    "PERMISSION_DENIED": K.CREDENTIAL,
    "NOT_FOUND": K.MODEL_UNAVAILABLE,
    "RESOURCE_EXHAUSTED": K.RATE_LIMIT,
    "UNAVAILABLE": K.OVERLOADED,
}
"""The kind of a provider's status inside a stream; any other is SERVER: the request had been accepted."""

PAYMENT_REQUIRED = 402  # RESOURCE_EXHAUSTED with it: the prepaid credit is gone
TOO_LONG = "the input token count exceeds the maximum number of tokens allowed"
"""How this dialect's clients recognise an overflow."""

_TYPE = "type.googleapis.com/google.rpc."
_seconds = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s").fullmatch


def write_error(failure: Failure, request_id: str) -> tuple[int, bytes]:
    """Return HTTP status and body; `error` comes first, as the SDK's stream reader wants it."""
    kind, message, status = failure.kind, failure.message, STATUS[failure.kind]
    if kind is K.CONTEXT_LENGTH and not message.startswith(TOO_LONG):
        message = f"{TOO_LONG}: {message}"
    code = failure.code if kind in OWN_CODES and failure.code else kind.value
    details: list[dict[str, Any]] = [{
        "@type": _TYPE + "ErrorInfo", "reason": code.upper(), "domain": "stormkeel", "metadata": {"request_id": request_id},
    }]  # fmt: skip
    if failure.retry_after is not None:
        details.append({"@type": _TYPE + "RetryInfo", "retryDelay": f"{failure.retry_after:.3f}s"})
    error = {"code": status, "message": message, "status": STATUSES.get(kind, "INTERNAL"), "details": details}
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
    """Return a provider's error as a failure: kind by status and code, the pause it asks for, its words in `body` alone."""
    told = error if isinstance(error, dict) else {}
    status, code = str(told.get("status") or ""), told.get("code")
    kind = KINDS.get(status) or KINDS.get(_STATUS_OF.get(code, "") if isinstance(code, int) else "") or K.SERVER
    if code == PAYMENT_REQUIRED:
        kind = K.QUOTA
    name = (status or str(code or "error"))[:100]
    message = f'the provider broke off the stream with "{name}"'
    return Failure(kind, message, code=name, retry_after=retry_delay(told.get("details")), body=body)


_STATUS_OF = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}  # fmt: skip


def retry_delay(details: object) -> float | None:
    """Return the seconds that a `google.rpc.RetryInfo` among an error's details asks to wait, None where there is none."""
    return next(_delays(details), None)


def _delays(details: object) -> Iterator[float]:
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and str(detail.get("@type", "")).endswith("RetryInfo"):
            told = _seconds(str(detail.get("retryDelay", "")))
            if told:
                yield float(told[1])
