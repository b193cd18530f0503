"""A finding: one thing that was looked at, how it stands, and what to do.

Never without a mend where it is not well.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class State(StrEnum):
    """How a thing stands."""

    OK = "ok"
    WARN = "warn"  # it works, and will bite some day
    FAIL = "fail"  # requests will fail, or nothing starts


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        subject: what it is, as in "sqlite" or "openai: tls".
        state: how it stands.
        found: what was found, in words, without a secret.
        mend: what to do; "" where nothing needs doing.
    """

    subject: str
    state: State
    found: str
    mend: str = ""


def ok(subject: str, found: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(subject, State.OK, found)


def warn(subject: str, found: str, mend: str) -> Finding:
    """Return a finding that will bite some day."""
    return Finding(subject, State.WARN, found, mend)


def fail(subject: str, found: str, mend: str) -> Finding:
    """Return a finding that stops us."""
    return Finding(subject, State.FAIL, found, mend)


def size_words(count: float) -> str:
    """Write bytes for people.

    >>> size_words(900), size_words(3 << 20)
    ('900 B', '3.0 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TB"
