"""Stormkeel: call many LLM providers through one library or gateway that stays upright when they don't.

    from stormkeel import Client

    print(Client().complete("Explain BGP in one sentence.", model="openai/gpt-5.4-mini").text)

Importing this touches neither network nor disk; each name below is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from .assemble import Reloaded
    from .blocking import BlockingStream, Client
    from .client import AsyncClient, Stream
    from .completion import Completion
    from .errors import (
        BadResponseError,
        BudgetSpentError,
        CircuitOpenError,
        ConcurrencyReachedError,
        ConnectError,
        ContentRefusedError,
        ContextTooLongError,
        CredentialError,
        DeadlineError,
        ExhaustedError,
        InternalError,
        InvalidRequestError,
        KeyRefusedError,
        ModelUnavailableError,
        OverloadedError,
        QuotaError,
        RateLimitedError,
        RateReachedError,
        ReadTimeoutError,
        RefusalError,
        SettingsError,
        StormkeelError,
        StreamBrokenError,
        TransportError,
        UnsupportedError,
        UpstreamError,
    )
    from .resilience import CircuitBreaker, Guard, GuardEvent, GuardStats, RateLimiter, RetryPolicy, resilient
    from .runtime.telemetry.stats import Stats
    from .types.content import Message
    from .types.usage import Usage

_HOMES = {
    "assemble": ("Reloaded",),
    "blocking": ("BlockingStream", "Client"),
    "client": ("AsyncClient", "Stream"),
    "completion": ("Completion",),
    "errors": (
        "BadResponseError", "BudgetSpentError", "CircuitOpenError", "ConcurrencyReachedError", "ConnectError",
        "ContentRefusedError",
        "ContextTooLongError", "CredentialError", "DeadlineError", "ExhaustedError", "InternalError", "InvalidRequestError",
        "KeyRefusedError", "ModelUnavailableError", "OverloadedError", "QuotaError", "RateLimitedError", "RateReachedError",
        "ReadTimeoutError", "RefusalError", "SettingsError", "StormkeelError", "StreamBrokenError", "TransportError",
        "UnsupportedError", "UpstreamError",
    ),
    "resilience": ("CircuitBreaker", "Guard", "GuardEvent", "GuardStats", "RateLimiter", "RetryPolicy", "resilient"),
    "runtime.telemetry.stats": ("Stats",),
    "types.content": ("Message",),
    "types.usage": ("Usage",),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AsyncClient", "BadResponseError", "BlockingStream", "BudgetSpentError", "CircuitBreaker", "CircuitOpenError", "Client",
    "Completion", "ConcurrencyReachedError", "ConnectError", "ContentRefusedError", "ContextTooLongError", "CredentialError",
    "DeadlineError", "ExhaustedError", "Guard", "GuardEvent", "GuardStats", "InternalError", "InvalidRequestError",
    "KeyRefusedError", "Message", "ModelUnavailableError", "OverloadedError", "QuotaError", "RateLimitedError", "RateLimiter",
    "RateReachedError", "ReadTimeoutError", "RefusalError", "Reloaded", "RetryPolicy", "SettingsError", "Stats", "StormkeelError",
    "Stream",
    "StreamBrokenError", "TransportError", "UnsupportedError", "UpstreamError", "Usage", "__version__", "resilient",
]  # fmt: skip


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
