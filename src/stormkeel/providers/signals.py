"""What a provider's failures mean: status, code and phrase -> Failure, as tables with a source for each row.

Never decides what to do about it: that is `types/failure.py` (what a kind calls for) and `policies/retry.py` (when). An unknown
code gets the class of its status, the one that does the least harm.

    signals of the family, first match  >  numeric code of a relay  >  x-should-retry on an unknown 4xx  >  class of the status
"""

from __future__ import annotations

import re

import msgspec

from ..dialects.gemini.signals import MEANINGS, SPENT_WAIT
from ..types.failure import RULES, Again, Failure, FailureKind
from ..types.wire import HttpResponse
from .bodies import Words, read_words
from .hints import retry_after, should_retry

K = FailureKind


class Signal(msgspec.Struct, frozen=True):
    """One row: an answer with one of these statuses, codes and phrases is a failure of this kind.

    Attributes:
        kind: what it calls for.
        source: where we know it from.
        statuses: the statuses it is limited to, empty for any.
        names: lower-case codes or types, one of which must be there, empty for any.
        phrases: lower-case pieces of the message, one of which must be there, empty for any.
    """

    kind: FailureKind
    source: str
    statuses: frozenset[int] = frozenset()
    names: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_W32, _W31 = "docs/wire.md, Permanent and transient", "docs/wire.md, Errors"
_OPENAI_SDK, _ANTHROPIC_SDK = "openai SDK 3.52 types", "anthropic SDK 2.11 error types"
_OPENAI_DOCS, _ANTHROPIC_DOCS = "OpenAI's documentation", "Anthropic's documentation"
_RELAY = "issue threads of OpenAI-compatible servers"
_TOO_LONG = (
    "maximum context length", "context length is only", "context window", "prompt is too long", "exceeds the context",
    "reduce the length of the messages", "reduce the length of the input", "exceed context limit", "exceed n_ctx",
)

_FAULTS = frozenset({200, 408, 500, 502, 504})
"""Statuses under which a server's own fault may be named; a 429, 503 or 529 says more than that name does."""

OPENAI: tuple[Signal, ...] = (
    # money: nothing helps until somebody pays
    Signal(K.QUOTA, _W32, names=_names(
        "insufficient_quota credit_balance_exhausted organization_spend_limit_exceeded project_spend_limit_exceeded "
        "organization_usage_limit_exceeded"
    )),
    Signal(K.QUOTA, _OPENAI_SDK, names=_names("usage_limit_exceeded billing_not_active session_budget_exceeded")),
    Signal(K.QUOTA, _OPENAI_DOCS, frozenset({429}), phrases=("exceeded your current quota", "check your plan and billing")),
    # load
    Signal(K.OVERLOADED, _W32, names=_names("slow_down server_is_overloaded service_unavailable_error")),
    Signal(K.OVERLOADED, _OPENAI_SDK, names=_names("server_overloaded flex_unavailable")),
    Signal(K.RATE_LIMIT, _W32, names=_names("rate_limit_exceeded rate_limit_error rate_limited")),
    # the request
    Signal(K.CONTEXT_LENGTH, _W31, names=_names("context_length_exceeded request_too_large")),
    Signal(K.FOREIGN_THOUGHT, "openai/codex#8145, sub2api#2863", names=_names("invalid_encrypted_content")),
    Signal(K.CONTENT_REFUSED, _W31, names=_names("content_policy_violation content_filter invalid_prompt")),
    Signal(K.CONTENT_REFUSED, _OPENAI_SDK, names=_names(
        "cyber_policy bio_policy misalignment_policy_violation image_content_policy_violation"
    )),
    Signal(K.MODEL_UNAVAILABLE, _W31, names=_names("model_not_found model_not_available model_not_active model_decommissioned")),
    Signal(K.UNSUPPORTED, _W31, frozenset({400, 422}), _names("unsupported_parameter unsupported_value unsupported_model")),
    # the credential
    Signal(K.CREDENTIAL, _W31, names=_names("invalid_api_key authentication_error unsupported_country_region_territory")),
    Signal(K.CREDENTIAL, _OPENAI_DOCS, names=_names(
        "account_deactivated invalid_organization mismatched_organization mismatched_project ip_not_authorized"
    )),
    Signal(K.MODEL_UNAVAILABLE, _OPENAI_DOCS, frozenset({401, 403}), phrases=(
        "access to model", "access to the model", "this model", "verified to use the model", "verified to stream",
    )),
    # words alone, where no code came
    Signal(K.CONTEXT_LENGTH, _W31, frozenset({400, 413, 422, 500}), phrases=_TOO_LONG),
    Signal(K.SERVER, _OPENAI_SDK, _FAULTS, names=_names("server_error internal_error request_timeout connection_failed")),
)

ANTHROPIC: tuple[Signal, ...] = (
    Signal(K.QUOTA, _W32, names=_names("enforced_spend_limit_reached contract_spend_limit_reached billing_error")),
    Signal(K.QUOTA, _ANTHROPIC_SDK, names=_names(
        "linked_organization_spend_limit_reached linked_organization_billing_unavailable"
    )),
    Signal(K.QUOTA, _W32, frozenset({400, 403, 429}), phrases=("you have reached your specified", "credit balance is too low")),
    Signal(K.OVERLOADED, _W32, names=_names("overloaded_error")),
    Signal(K.OVERLOADED, _ANTHROPIC_SDK, names=_names("compaction_unavailable cmek_key_unreachable cmek_context_unavailable")),
    Signal(K.RATE_LIMIT, _W32, names=_names("ramp_limit_exceeded rate_limit_error")),
    Signal(K.CREDENTIAL, _ANTHROPIC_SDK, names=_names(
        "organization_on_hold organization_type_not_supported claude_code_key_creator_not_member cmek_key_disabled "
        "cmek_key_network_blocked"
    )),
    Signal(K.CREDENTIAL, _ANTHROPIC_DOCS, frozenset({400}), phrases=("organization has been disabled",)),
    Signal(K.CREDENTIAL, _W31, names=_names("authentication_error")),
    Signal(K.CALLER, _ANTHROPIC_SDK, names=_names(
        "user_profile_billing_not_authorized user_profile_not_billable sandbox_egress_restricted"
    )),
    Signal(K.CONTEXT_LENGTH, _ANTHROPIC_SDK, names=_names("request_too_large request_body_too_large_after_decoding")),
    Signal(K.CONTEXT_LENGTH, _W31, frozenset({400, 413}), phrases=_TOO_LONG),
    Signal(K.FOREIGN_THOUGHT, "anthropic-sdk-python#1598, llxprt-code#2335", frozenset({400}), phrases=(
        "invalid `signature` in `thinking`", "invalid signature in thinking", "invalid `data` in `redacted_thinking`",
    )),
    Signal(K.CONTENT_REFUSED, _ANTHROPIC_DOCS, frozenset({400}), phrases=("content filtering policy",)),
    Signal(K.MODEL_UNAVAILABLE, _ANTHROPIC_DOCS, frozenset({403}), phrases=("model",)),
    Signal(K.CREDENTIAL, _W31, names=_names("permission_error")),
    Signal(K.MODEL_UNAVAILABLE, _W31, frozenset({404}), _names("not_found_error")),
    Signal(K.SERVER, _W31, names=_names("api_error timeout_error")),
)

COMPATIBLE: tuple[Signal, ...] = (
    # OpenRouter: too dear for what is left, a smaller request may still pass
    Signal(K.CONTEXT_LENGTH, _RELAY, frozenset({402}), phrases=("can only afford",)),
    Signal(K.QUOTA, _RELAY, frozenset({400, 402, 403, 429}), phrases=(
        "insufficient balance", "insufficient credit", "insufficient funds", "used all available credits",
        "monthly spending limit", "run out of credits",
    )),
    Signal(K.QUOTA, _RELAY, names=_names("insufficient_balance insufficient_credits not_enough_balance")),
    Signal(K.OVERLOADED, _RELAY, frozenset({429, 503}), phrases=("capacity exceeded", "overloaded")),
    # Azure: the pool is full, whatever the quota; the deployment is of a model that another operation is for
    Signal(K.OVERLOADED, "Azure OpenAI's documentation", frozenset({429}), phrases=(
        "experiencing high demand", "temporarily unable to process your request",
    )),
    Signal(K.UNSUPPORTED, "langchain-azure#228, langmem#13", names=_names("operationnotsupported")),
    # llama.cpp says it with a type, or with a 500 (llama.cpp#15780, #19774); Cohere by its words alone
    Signal(K.CONTEXT_LENGTH, "issue threads of llama.cpp", names=_names("exceed_context_size_error")),
    Signal(K.CONTEXT_LENGTH, "issue threads of llama.cpp", frozenset({400, 500}), phrases=(
        "exceeds the available context size", "context size has been exceeded",
    )),
    Signal(K.CONTEXT_LENGTH, "Cohere's documentation", frozenset({400}), phrases=("too many tokens:",)),
    Signal(K.CREDENTIAL, _RELAY, frozenset({400}), phrases=("incorrect api key", "invalid api key")),  # xAI
    *OPENAI,
)

GOOGLE: tuple[Signal, ...] = tuple(Signal(row.kind, row.source, names=row.names, phrases=row.phrases) for row in MEANINGS)
"""Read from its dialect, which needs the same rows for the errors inside its streams."""

FAMILIES: dict[str, tuple[Signal, ...]] = {"openai": OPENAI, "anthropic": ANTHROPIC, "google": GOOGLE, "compatible": COMPATIBLE}
"""The table of each family of providers, asked from top to bottom."""

STATUSES: dict[int, FailureKind] = {
    401: K.CREDENTIAL,
    402: K.QUOTA,
    403: K.CREDENTIAL,
    404: K.MODEL_UNAVAILABLE,
    408: K.SERVER,
    409: K.SERVER,  # both SDKs try a conflict again
    410: K.MODEL_UNAVAILABLE,
    413: K.CONTEXT_LENGTH,
    425: K.SERVER,
    429: K.RATE_LIMIT,
    499: K.SERVER,  # we did not close: somebody between us and the provider did
    501: K.UNSUPPORTED,
    503: K.OVERLOADED,
    529: K.OVERLOADED,  # the fleet, not this credential
}
"""The class of a status where nothing more telling came; other 4xx are the caller's, other 5xx the server's."""

REDIRECT = "it answered with a redirect, which is never followed: mend the base URL"
PAGE_REFUSED = 403  # a page without JSON comes from an edge in front of the provider and says nothing about the credential

_REQUESTED = re.compile(r"limit:? (\d{1,15})\b.{0,40}?\brequested:? (\d{1,15})\b", re.IGNORECASE)


def classify(family: str, response: HttpResponse, wall_now: float) -> Failure:
    """Say what an answer that is no success means. Never raises, whatever the bytes.

    Args:
        family: a key of `FAMILIES`.
        response: status, headers and body as they came.
        wall_now: seconds since the epoch, for dates in headers.

    Returns:
        A Failure whose message is the provider's own in one line of at most 500 characters with keys hidden, whose
        `retry_after` is within 0 to 300 seconds, and whose `body` is empty where it speaks of our credential.
    """
    status, words = response.status, read_words(response.body)
    told = should_retry(response.headers)
    seen = _seen(status, words)
    signalled = _signalled(FAMILIES[family], seen, words) or (None if seen == status else _by_status(seen, words, None))
    kind = signalled or _by_status(status, words, told)
    again = RULES[kind].again is not Again.NEVER
    is_spent, is_too_large = kind is K.RATE_LIMIT and words.is_spent, kind is K.RATE_LIMIT and is_larger_than_limit(words.message)
    wait = SPENT_WAIT if is_spent else retry_after(response.headers, words.message, wall_now, words.wait)
    return Failure(
        kind,
        _message(status, words),
        status,
        words.code or words.type or None,
        wait if again and not is_too_large else None,
        forever=is_spent or is_too_large or (told is False and again),
        body=b"" if kind is K.CREDENTIAL else response.body,
        headers=response.headers,
        is_known=signalled is not None or not (words.code or words.type) or {words.code, words.type} <= GENERIC,
    )


GENERIC = frozenset({
    "", "invalid_request_error", "invalid_value", "invalid_type", "missing_required_parameter", "unknown_parameter",
    "invalid_argument", "bad_request", "not_found",
})
"""Codes and types that say no more than their status."""

_NOTHING_THERE = re.compile(
    r"invalid url\b"  # OpenAI: the address has no such path
    r"|(?:404:? )?(?:page |file |resource )?not found\W*$"  # FastAPI (vLLM), Go (Ollama), llama.cpp, Azure, Anthropic
    r"|error 404 \(not found\)!*\d*$"  # the page of Google's front end, for a path that no service has
    r"|cannot post\b|status 404 without",
    re.IGNORECASE,
)


def is_nowhere(failure: Failure) -> bool:
    """Does a failure say that its address has no such path? Then no model is missing: the base URL is wrong."""
    return failure.status == 404 and _NOTHING_THERE.match(failure.message) is not None


_NO_MODEL = _names("model_not_found model_not_available model_not_active model_decommissioned deploymentnotfound")


def names_model(failure: Failure, model: str) -> bool:
    """Is it certain of a missing thing that it is the model, and no file, cache or answer that the request names?"""
    return (failure.code or "").lower() in _NO_MODEL or model.lower() in failure.message.lower()


def is_larger_than_limit(message: str) -> bool:
    """Does a rate limit's message say that the request alone is larger than the limit? Then no waiting helps.

    >>> is_larger_than_limit("tokens per min (TPM): Limit 30000, Requested 37313.")
    True
    """
    return any(int(requested) > int(limit) for limit, requested in _REQUESTED.findall(message))


def _signalled(table: tuple[Signal, ...], status: int, words: Words) -> FailureKind | None:
    message = words.message.lower()
    for signal in table:
        if signal.statuses and status not in signal.statuses:
            continue
        if signal.names and signal.names.isdisjoint(words.names):
            continue
        if signal.phrases and not any(phrase in message for phrase in signal.phrases):
            continue
        return signal.kind
    return None


def _seen(status: int, words: Words) -> int:
    """Return the status that a failure had where it happened: relays write it as the code, some under a 200 of their own."""
    if status != 200:
        return status
    seen = max((int(name) for name in words.names if name.isdecimal() and len(name) == 3), default=0)
    return status if seen < 400 else seen


def _by_status(status: int, words: Words, told: bool | None) -> FailureKind:
    if status == PAGE_REFUSED and not words.is_json:
        return K.MODEL_UNAVAILABLE
    known = STATUSES.get(status)
    if known is not None:
        return known
    if 300 <= status < 400:
        return K.MODEL_UNAVAILABLE
    if 400 <= status < 500:
        return K.SERVER if told else K.CALLER
    return K.SERVER if 500 <= status < 600 else K.BAD_RESPONSE


def _message(status: int, words: Words) -> str:
    if words.message:
        return words.message
    return REDIRECT if 300 <= status < 400 else f"status {status} without a message"
