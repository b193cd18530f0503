"""When another try makes sense, by the provider's own word: headers first, then its message.

Never guesses: what is negative, zero, past or no number counts as not said. Rules by docs/wire.md, Hints; the bound by
docs/reliability.md, Failures.

    retry-after-ms  >  retry-after (seconds, float, HTTP date)  >  a delay in the body (Google's RetryInfo)
                    >  "try again in 1.2s"  >  reset of a limit that has nothing left
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ..types.wire import Headers, header

LARGEST = 1e15  # what is larger counts as this
EPOCH = 1_000_000_000  # seconds: a number beyond is a moment and no span
MOST = 300.0  # seconds; a longer wait is cut to this, and asked about again then (docs/reliability.md, Failures)

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(ns|us|µs|ms|s|m|h|d)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")
_AGAIN = re.compile(r"(?:try again|retry) (?:in|after) ((?:[0-9][0-9.]{0,12}(?:ms|s|m|h|d))+)(?![a-z])", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(?:\.[0-9]{0,9})?")


def retry_after(headers: Headers, message: str, wall_now: float, told: float | None = None) -> float | None:
    """Return how long to wait, in seconds from 0 to 300, or None where the provider did not say.

    Args:
        headers: the response's, lower-case names.
        message: the provider's own message.
        wall_now: seconds since the epoch.
        told: seconds the body asks for in a field of its own, None where it has none.
    """
    for hint in (
        _milliseconds(header(headers, "retry-after-ms")),
        _seconds_or_date(header(headers, "retry-after"), wall_now),
        told,
        _in_words(message),
        _reset(headers, wall_now),
    ):
        if hint is not None and 0 < hint < math.inf:  # both SDKs take 0 as not said, too
            return min(hint, MOST)
    return None


def should_retry(headers: Headers) -> bool | None:
    """Return the provider's own word on whether to try again (`x-should-retry`), None where it gave none."""
    return {"true": True, "false": False}.get((header(headers, "x-should-retry") or "").strip().lower())


def duration(text: str) -> float | None:
    """Read a Go duration such as `6m0s`, `12ms` or `1h2m3.5s` as seconds, None where it is none.

    >>> duration("6m0s"), duration("12ms"), duration("soon")
    (360.0, 0.012, None)
    """
    if not _DURATION.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return min(float(text), LARGEST) if _NUMBER.fullmatch(text) else None


def _milliseconds(text: str | None) -> float | None:
    number = _number(text)
    return None if number is None else number / 1000


def _seconds_or_date(text: str | None, wall_now: float) -> float | None:
    number = _number(text)
    if number is not None or text is None:
        return number
    try:
        moment = parsedate_to_datetime(text.strip())
    except (ValueError, TypeError, OverflowError, IndexError):
        return duration(text.strip())
    return _until(moment, wall_now)


def _in_words(message: str) -> float | None:
    found = _AGAIN.search(message)
    return duration(found[1]) if found else None


def _reset(headers: Headers, wall_now: float) -> float | None:
    """The latest reset among the limits that have nothing left: OpenAI gives a Go duration, Anthropic a moment."""
    waits = []
    for name, value in headers:
        if "ratelimit-" not in name or "remaining" not in name or value.strip() != "0":
            continue
        wait = moment_in(header(headers, name.replace("remaining", "reset")), wall_now)
        if wait is not None:
            waits.append(wait)
    return max(waits, default=None)


def moment_in(text: str | None, wall_now: float) -> float | None:
    """Return the seconds until a reset: a Go duration, plain seconds, a moment, or one since the epoch."""
    if text is None:
        return None
    number = _number(text)
    if number is not None and number >= EPOCH:
        return number / (1000 if number >= 1000 * EPOCH else 1) - wall_now
    wait = duration(text.strip()) if number is None else number
    if wait is not None:
        return wait
    try:
        return _until(datetime.fromisoformat(text.strip()), wall_now)
    except ValueError:
        return None


def _until(moment: datetime, wall_now: float) -> float | None:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return aware.timestamp() - wall_now
    except (OverflowError, OSError, ValueError):
        return None
