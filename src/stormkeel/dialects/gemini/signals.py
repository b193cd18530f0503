"""What an error of this dialect says and means, wherever it stands: as the body of an answer or inside a stream.

Never decides what to do about it, and never raises. The rows are data with their source; `providers/signals.py` makes Gemini's
family of them, so that both doors read one table.

    error {code, message, status, details: [ErrorInfo reason | QuotaFailure ids | RetryInfo delay]}  ->  Told  ->  kind
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ...types.failure import FailureKind

K = FailureKind

MOST_WAIT = 300.0
"""Seconds; a longer pause is told as this, and asked about again then (docs/reliability.md, Failures)."""

SPENT_WAIT = MOST_WAIT
"""Seconds a spent day's quota rests before it is asked about again. The `RetryInfo` beside it says about half a minute, the whole
day long, and sometimes it is right (inspect_ai#5526, OmniRoute#9504): so nobody sleeps for it, and nobody waits for midnight."""


class Told(msgspec.Struct, frozen=True):
    """What an error says.

    Attributes:
        names: its status, its code's digits and the reasons in its details, in lower case.
        code: the most telling of them, "" where there is none.
        message: its words, as they came.
        wait: seconds it asks to wait, above 0 and up to 300, None where it does not say.
        is_spent: is it a quota of a whole day, or of nothing at all? Then `wait` is no promise.
    """

    names: frozenset[str] = frozenset()
    code: str = ""
    message: str = ""
    wait: float | None = None
    is_spent: bool = False


class Meaning(msgspec.Struct, frozen=True):
    """One row: an error with one of these names and one of these phrases is a failure of this kind.

    Attributes:
        kind: what it calls for.
        source: where we know it from.
        names: as in `Told.names`, empty for any.
        phrases: lower-case pieces of the message, one of which must be there, empty for any.
    """

    kind: FailureKind
    source: str
    names: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_DOCS, _WIRE, _REASONS = "the Gemini API's documentation", "docs/wire.md, Errors", "google.api.ErrorReason"
_THREADS = "issue threads of Gemini's clients"

MEANINGS: tuple[Meaning, ...] = (
    # money: nothing helps until somebody pays. "Check your plan and billing details" is none of it: every 429 says so
    Meaning(K.QUOTA, _DOCS, _names("402 payment_required")),
    Meaning(K.QUOTA, _REASONS, _names("billing_disabled")),
    Meaning(K.QUOTA, _THREADS, phrases=("credits are depleted",)),  # as a 429 too (dyad#3626, roni#336)
    # the credential, under a 400
    Meaning(K.CREDENTIAL, _REASONS, _names("api_key_invalid consumer_invalid consumer_suspended service_disabled")),
    Meaning(K.CREDENTIAL, _DOCS, phrases=("api key not valid", "api key not found", "api key expired")),
    # another model's proof of a thought, or a call without one (gemini-cli#13467, 9router#301, cc-switch#5725)
    Meaning(K.FOREIGN_THOUGHT, _THREADS, phrases=(
        "corrupted thought signature", "thought signature is not valid", "invalid thought signature",
        "missing a thought_signature",
    )),
    # what a client can bring about must not set a credential aside: its files, its caches, its tuned models
    Meaning(K.CALLER, _THREADS, phrases=("is not in an active state", "access the file", "cachedcontent not found")),  # edsl#1907
    Meaning(K.MODEL_UNAVAILABLE, _DOCS, phrases=("access tuned model", "access the tuned model")),
    # the account may not be used from here until somebody acts: no payment refills it, a probe finds out
    Meaning(K.CREDENTIAL, _DOCS, _names("failed_precondition"), (
        "in your country", "location is not supported", "enable billing",
    )),
    Meaning(K.MODEL_UNAVAILABLE, _THREADS, _names("failed_precondition")),  # it does not say whose fault it is
    # the request
    Meaning(K.CONTEXT_LENGTH, _WIRE, phrases=(
        "input token count", "exceeds the maximum number of tokens", "request payload size exceeds",
    )),
    Meaning(K.UNSUPPORTED, _THREADS, _names("invalid_argument"), ("is not enabled for models/", "not supported for this model")),
    Meaning(K.CALLER, _DOCS, _names("invalid_argument out_of_range")),
    Meaning(K.UNSUPPORTED, _WIRE, _names("unimplemented")),
    Meaning(K.MODEL_UNAVAILABLE, _DOCS, _names("not_found")),
    # the rest by its status
    Meaning(K.CREDENTIAL, _DOCS, _names("unauthenticated permission_denied")),
    Meaning(K.RATE_LIMIT, _DOCS, _names("resource_exhausted")),
    Meaning(K.OVERLOADED, _DOCS, _names("unavailable")),
    Meaning(K.SERVER, _DOCS, _names("internal unknown deadline_exceeded aborted cancelled data_loss")),
)  # fmt: skip
"""Asked from top to bottom."""

_seconds = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)s").fullmatch
_in_words = re.compile(r"\bplease retry in (\d{1,9}(?:\.\d{1,12})?)(ms|s)\b", re.IGNORECASE).search
_nothing = re.compile(r"\blimit: 0\b").search
MOST_DETAILS = 50


def kind_of(told: Told) -> FailureKind | None:
    """Return what an error means by its names and words, None where neither is known."""
    message = told.message.lower()
    for row in MEANINGS:
        if row.names and row.names.isdisjoint(told.names):
            continue
        if not row.phrases or any(phrase in message for phrase in row.phrases):
            return row.kind
    return None


def read_told(error: object) -> Told:
    """Read what an error's object says; whatever has another shape counts as not said."""
    if not isinstance(error, dict):
        return Told()
    given, status, message = error.get("code"), _lower(error.get("status")), error.get("message")
    message = message if isinstance(message, str) else ""
    listed = error.get("details")
    details = [one for one in listed[:MOST_DETAILS] if isinstance(one, dict)] if isinstance(listed, list) else []
    reasons = [reason for detail in details if (reason := _lower(detail.get("reason")))]
    number = str(given)[:100].lower() if isinstance(given, int | str) and not isinstance(given, bool) else ""
    names = [name for name in (*reasons[:1], status, number, *reasons[1:]) if name]
    is_spent = any("perday" in id_.lower() for id_ in _quota_ids(details)) or _nothing(message) is not None
    return Told(frozenset(names), names[0] if names else "", message, _wait(details, message), is_spent)


def _wait(details: list[dict[str, Any]], message: str) -> float | None:
    wait = next(_delays(details), None) or _delay_in_words(message)
    return min(wait, MOST_WAIT) if wait else None


def _delays(details: list[dict[str, Any]]) -> Iterator[float]:
    for detail in details:
        told = _seconds(str(detail.get("retryDelay", "")))
        if told and str(detail.get("@type", "")).endswith("RetryInfo"):
            yield float(told[1])


def _delay_in_words(message: str) -> float | None:
    told = _in_words(message)
    return float(told[1]) / (1000 if told[2].lower() == "ms" else 1) if told else None


def _quota_ids(details: list[dict[str, Any]]) -> Iterator[str]:
    for detail in details:
        violations = detail.get("violations")
        for violation in violations[:MOST_DETAILS] if isinstance(violations, list) else ():
            if isinstance(violation, dict):
                yield str(violation.get("quotaId", ""))


def _lower(value: object) -> str:
    return value[:100].lower() if isinstance(value, str) else ""
