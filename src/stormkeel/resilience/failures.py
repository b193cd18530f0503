"""What an exception of somebody's own function means: the same table of kinds as for providers (`types/failure.py`).

Never retries a bug and never reads a message into a log: a failure made here names the exception's type, and no content (INV-17).

    our own StormkeelError          its `.failure`
    an HTTP status                  `.status_code`, `.response.status_code` ..., by the table of statuses; Retry-After is obeyed
    a `retry_after` in seconds      a rate limit
    a known class                   `CLASSES`, first match
    any other Exception             a fault of what was called

What the table gives one more try only (an overloaded fleet) is tried as often as the policy says: here nobody else can be asked.
"""

from __future__ import annotations

import errno
import math
import socket
import ssl
from collections.abc import Callable, Mapping
from datetime import timedelta

import msgspec

from ..errors import StormkeelError
from ..policies.base import Verdict
from ..providers.hints import MOST
from ..providers.signals import classify
from ..types.failure import Again, Failure, FailureKind
from ..types.wire import NO_HEADERS, Headers, HttpResponse

K = FailureKind

CLASSES: tuple[tuple[type[Exception], FailureKind], ...] = (
    (ssl.SSLCertVerificationError, K.CALLER),
    (ssl.SSLError, K.RESET),
    (ConnectionRefusedError, K.CONNECT),
    (socket.gaierror, K.CONNECT),
    (ConnectionError, K.RESET),
    (TimeoutError, K.SERVER),
    # bugs, and what this machine says: trying again shows them again
    (TypeError, K.CALLER),
    (ValueError, K.CALLER),
    (LookupError, K.CALLER),
    (AttributeError, K.CALLER),
    (NameError, K.CALLER),
    (ArithmeticError, K.CALLER),
    (AssertionError, K.CALLER),
    (NotImplementedError, K.CALLER),
    (RecursionError, K.CALLER),
    (ImportError, K.CALLER),
    (SyntaxError, K.CALLER),
    (MemoryError, K.CALLER),
    (BufferError, K.CALLER),
    (StopIteration, K.CALLER),
    (StopAsyncIteration, K.CALLER),
    (Warning, K.CALLER),
)
"""The kind of each known class, its subclasses included; asked from top to bottom."""

UNREACHABLE = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.ENETRESET, errno.EADDRNOTAVAIL, errno.ENOBUFS}
)
"""Numbers under which an OSError is about the network; any other number is about this machine, and is not tried again."""

Chooser = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]
"""Which exceptions are failures, in the user's own words."""


def failure_of(error: Exception, wall: int) -> Failure:
    """Say what an exception means.

    Args:
        error: what somebody's function raised.
        wall: nanoseconds since the epoch, for dates in Retry-After.
    """
    if isinstance(error, StormkeelError):
        known = error.failure
        return _tried_on(known) if known is not None else Failure(K.CALLER, type(error).__name__)
    if isinstance(error, ExceptionGroup):
        return _worst(error, wall)
    hint = _hint(error)
    failure = _by_status(error, wall) or Failure(_kind(error) if hint is None else K.RATE_LIMIT, type(error).__name__)
    return _tried_on(failure if hint is None else msgspec.structs.replace(failure, retry_after=hint))


def chosen_failure_of(error: Exception, wall: int, on: Chooser | None) -> Failure:
    """Say what an exception means where a user has said which ones are failures: those are, and no others."""
    failure = failure_of(error, wall)
    if on is None:
        return failure
    if not (isinstance(error, on) if isinstance(on, type | tuple) else on(error)):
        return Failure(K.CALLER, failure.message, failure.status)
    return msgspec.structs.replace(failure, kind=K.SERVER) if failure.rule.again is Again.NEVER else failure


def is_bug(failure: Failure) -> bool:
    """Does a failure pass through untouched: not tried again, no fallback?"""
    return failure.kind in {K.CALLER, K.INTERNAL}


def verdict_of(failure: Failure) -> Verdict:
    """Say what a failure means for a breaker."""
    return Verdict.FAULT if failure.rule.trips else Verdict.IGNORED


def _tried_on(failure: Failure) -> Failure:
    return msgspec.structs.replace(failure, kind=K.SERVER) if failure.rule.again is Again.ONCE else failure


def _worst(group: ExceptionGroup[Exception], wall: int) -> Failure:
    """A group is a bug if one of its exceptions is, else what its last one is."""
    failures = [failure_of(error, wall) for error in group.exceptions]
    return next((failure for failure in failures if is_bug(failure)), failures[-1])


def _kind(error: Exception) -> FailureKind:
    for known, kind in CLASSES:
        if isinstance(error, known):
            return kind
    if isinstance(error, OSError) and error.errno is not None:
        return K.CONNECT if error.errno in UNREACHABLE else K.CALLER
    return K.SERVER


def _by_status(error: Exception, wall: int) -> Failure | None:
    """Read an HTTP client's exception: httpx, requests, aiohttp, urllib, and the SDKs built on them."""
    response = _look(error, "response")
    headers = _headers(response) or _headers(error)
    status = _status(error, response)
    if status is None:
        return None
    words = {name: word for name in ("code", "type", "message") if isinstance(word := _look(error, name), str)}
    answer = HttpResponse(status, headers, msgspec.json.encode({"error": words}))
    failure = classify("compatible", answer, wall / 1e9)
    return msgspec.structs.replace(failure, message=f"{type(error).__name__}, status {status}", body=b"", headers=NO_HEADERS)


def _status(error: Exception, response: object) -> int | None:
    found = [_look(error, "status_code"), _look(response, "status_code"), _look(response, "status")]
    if _look(error, "headers") is not None:  # these two names mean other things elsewhere
        found += [_look(error, "status"), _look(error, "code")]
    return next((one for one in found if isinstance(one, int) and 300 <= one < 600), None)


def _headers(owner: object) -> Headers:
    headers = _look(owner, "headers")
    if not isinstance(headers, Mapping) and not hasattr(headers, "items"):
        return NO_HEADERS
    try:
        return tuple((str(name).lower(), str(value)) for name, value in headers.items())
    except Exception:  # noqa: BLE001 - somebody else's object: what can't be read was not said
        return NO_HEADERS


def _hint(error: Exception) -> float | None:
    hint = _look(error, "retry_after")
    seconds = hint.total_seconds() if isinstance(hint, timedelta) else hint
    return min(float(seconds), MOST) if isinstance(seconds, int | float) and 0 < seconds < math.inf else None


def _look(owner: object, name: str) -> object:
    try:
        return getattr(owner, name, None)
    except Exception:  # noqa: BLE001 - a property of somebody else's: what can't be read was not said
        return None
