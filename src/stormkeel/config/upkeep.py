"""What a house remembers, tells and reminds of beside answering, as it is written.

Never a policy of requests: those are in `policies/`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ..policies.base import within

LevelName = Literal["info", "warning"]
AlertFormat = Literal["json", "slack"]


class LedgerSettings(msgspec.Struct, frozen=True):
    """What is remembered.

    Attributes:
        data: the data folder; "" for the usual one, "memory" to remember nothing beyond this process.
    """

    data: str = ""


class TelemetrySettings(msgspec.Struct, frozen=True):
    """What is told.

    Attributes:
        log: the log file's path, "" for standard error.
        level: "info" writes a line for every request, "warning" only for those that failed.
    """

    log: str = ""
    level: LevelName = "info"


class CredentialsSettings(msgspec.Struct, frozen=True):
    """What holds for all credentials.

    Attributes:
        remind_after_days: days after which the log reminds of changing one, once a day; 0 for never.
    """

    remind_after_days: float = 90.0

    def __post_init__(self) -> None:
        within("remind_after_days", self.remind_after_days, 0.0, 36_500.0, "days")


class AlertSettings(msgspec.Struct, frozen=True):
    """Who is told of what somebody should look at: a refused credential, an empty account, a breaker that stays open.

    Attributes:
        url: a reference to the webhook's address, `env:NAME` or `file:PATH`; "" for the log alone.
        format: what it is sent: "json" with all there is, or "slack" for a message in a channel.
        repeat: seconds before the same is told again.
        breaker_after: seconds a breaker has to be open before that is told.
    """

    url: str = ""
    format: AlertFormat = "json"
    repeat: float = 3600.0
    breaker_after: float = 60.0

    def __post_init__(self) -> None:
        within("repeat", self.repeat, 1.0, 2_678_400.0, "seconds")
        within("breaker_after", self.breaker_after, 1.0, 86_400.0, "seconds")
