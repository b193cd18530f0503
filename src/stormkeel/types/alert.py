"""Alert: something that somebody should look at, as a value.

Never holds a secret, nor a provider's own words: its text leaves the house.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec


class AlertKind(StrEnum):
    """What has happened."""

    CREDENTIAL_REFUSED = "credential_refused"
    CREDENTIAL_RESTORED = "credential_restored"
    ACCOUNT_EMPTY = "account_empty"
    MODEL_GONE = "model_gone"
    USAGE_ABSURD = "usage_absurd"
    BREAKER_OPEN = "breaker_open"
    BREAKER_CLOSED = "breaker_closed"
    TEST = "test"


ENDS = {
    AlertKind.CREDENTIAL_RESTORED: AlertKind.CREDENTIAL_REFUSED,
    AlertKind.BREAKER_CLOSED: AlertKind.BREAKER_OPEN,
}
"""Good news, and what they end."""


class Alert(msgspec.Struct, frozen=True):
    """One event.

    Attributes:
        kind: what has happened.
        subject: to whom, as in `credential "main" of provider "openai"`.
        text: what it means, and what to do about it.
        at: when, nanoseconds since the epoch.
    """

    kind: AlertKind
    subject: str
    text: str
    at: int

    @property
    def is_good(self) -> bool:
        """Is it the end of something bad?"""
        return self.kind in ENDS


Tell = Callable[[Alert], None]
"""Takes an alert: at once, from any code of the loop, and never failing."""


def tell_nobody(_alert: Alert) -> None:
    """Where nobody wants to know."""
