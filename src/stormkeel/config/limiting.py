"""Settings of limits: what a provider lets through, of which model, in which tier.

Never says which of several hold for a deployment: `limits.py` does.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from ..policies.base import within
from ..policies.rate import KINDS, MINUTE, MOST


class Limited(Protocol):
    """Settings with limits in them."""

    @property
    def concurrency(self) -> int | None: ...  # noqa: D102 - the others are found by their names


class ModelLimitSettings(msgspec.Struct, frozen=True):
    """What a provider lets through of one model. Left out: what is said further off, or no limit.

    Attributes:
        rpm, tpm: requests and tokens a minute.
        itpm, otpm: input and output tokens a minute, where the provider counts them apart.
        rpd, tpd: requests and tokens a day.
        concurrency: the most attempts at once.
        burst: the share of a minute's requests that may go at once after a pause.
        token_burst: the same for tokens; no request larger than this share can ever pass.
        window: seconds of the windows in which the provider enforces a minute's requests.
        pool: in any word: the models with the same one count in one, as those of a family do at some providers; "" for none,
            where one is known.
    """

    rpm: int | None = None
    tpm: int | None = None
    itpm: int | None = None
    otpm: int | None = None
    rpd: int | None = None
    tpd: int | None = None
    concurrency: int | None = None
    burst: float | None = None
    token_burst: float | None = None
    window: float | None = None
    pool: str | None = None

    def __post_init__(self) -> None:
        check_limits(self)
        for name in ("burst", "token_burst"):
            if (value := getattr(self, name)) is not None:
                within(name, value, 0.0001, 1.0, "(a share of a minute's limit)")
        if self.window is not None:
            within("window", self.window, 0.1, MINUTE, "seconds")


class LimitSettings(ModelLimitSettings, frozen=True):
    """What a provider or the organisation behind a quota group lets through of each model; the credentials of a group share it.

    Attributes:
        tier: the provider's own name of a tier, for the limits it publishes.
        models: by a model's name, or its beginning and a star: what is said of that model alone.
        learn: do the limits that the provider tells of itself, in the headers of its answers, hold as well?
        rpm, tpm: requests and tokens a minute.
        itpm, otpm: input and output tokens a minute, where the provider counts them apart.
        rpd, tpd: requests and tokens a day.
        concurrency: the most attempts at once.
        burst: the share of a minute's requests that may go at once after a pause.
        token_burst: the same for tokens; no request larger than this share can ever pass.
        window: seconds of the windows in which the provider enforces a minute's requests.
        pool: in any word: all models count in one, but for those of which `models` says something else.
    """

    tier: str = ""
    models: dict[str, ModelLimitSettings] = {}
    learn: bool = True


def check_limits(given: Limited) -> None:
    """Check the ranges of limits. Raises OutOfRangeError."""
    for name, (_, words) in KINDS.items():
        if (value := getattr(given, name)) is not None:
            within(name, value, 1, MOST, words)
    if (value := given.concurrency) is not None:
        within("concurrency", value, 1, 1_000_000, "attempts at once")
