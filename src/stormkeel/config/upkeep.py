"""What a house remembers, tells and reminds of beside answering, as it is written.

Never a policy of requests: those are in `policies/`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ..policies.base import within

LevelName = Literal["info", "warning"]


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
