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
    from .assemble.offers import ModelInfo
    from .client.ask import Ask
    from .client.blocking import Client
    from .client.blocking_stream import BlockingStream
    from .client.completion import Completion
    from .client.embedding import Embeddings
    from .client.face import AsyncClient
    from .client.shapes import MisfitError
    from .client.stream import Stream
    from .client.tools import Call, Function, tool
    from .errors import (
        AnswerCutError,
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
        ToolRoundsError,
        TransportError,
        UnsupportedError,
        UpstreamError,
    )
    from .ledger.count import TokenCount
    from .resilience import CircuitBreaker, Guard, GuardEvent, GuardStats, RateLimiter, RetryPolicy, resilient
    from .runtime.telemetry.stats import Stats
    from .types.content import Audio, File, Image, Message, Refusal, Text, Thinking, ToolCall, ToolResult
    from .types.prompt import Format, Tool, ToolChoice
    from .types.response import Finish
    from .types.usage import Usage

_HOMES = {
    "assemble": ("Reloaded",),
    "client.ask": ("Ask",),
    "assemble.offers": ("ModelInfo",),
    "client.blocking": ("Client",),
    "client.blocking_stream": ("BlockingStream",),
    "client.face": ("AsyncClient",),
    "client.completion": ("Completion",),
    "client.embedding": ("Embeddings",),
    "errors": (
        "AnswerCutError", "BadResponseError", "BudgetSpentError", "CircuitOpenError", "ConcurrencyReachedError", "ConnectError",
        "ContentRefusedError",
        "ContextTooLongError", "CredentialError", "DeadlineError", "ExhaustedError", "InternalError", "InvalidRequestError",
        "KeyRefusedError", "ModelUnavailableError", "OverloadedError", "QuotaError", "RateLimitedError", "RateReachedError",
        "ReadTimeoutError", "RefusalError", "SettingsError", "StormkeelError", "StreamBrokenError",
        "ToolRoundsError", "TransportError",
        "UnsupportedError", "UpstreamError",
    ),
    "resilience": ("CircuitBreaker", "Guard", "GuardEvent", "GuardStats", "RateLimiter", "RetryPolicy", "resilient"),
    "ledger.count": ("TokenCount",),
    "runtime.telemetry.stats": ("Stats",),
    "client.shapes": ("MisfitError",),
    "client.stream": ("Stream",),
    "client.tools": ("Call", "Function", "tool"),
    "types.content": ("Audio", "File", "Image", "Message", "Refusal", "Text", "Thinking", "ToolCall", "ToolResult"),
    "types.prompt": ("Format", "Tool", "ToolChoice"),
    "types.response": ("Finish",),
    "types.usage": ("Usage",),
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AnswerCutError", "Ask", "AsyncClient", "Audio", "BadResponseError", "BlockingStream", "BudgetSpentError", "Call",
    "CircuitBreaker", "CircuitOpenError", "Client", "Completion", "ConcurrencyReachedError", "ConnectError",
    "ContentRefusedError", "ContextTooLongError", "CredentialError", "DeadlineError", "Embeddings", "ExhaustedError", "File",
    "Finish",
    "Format", "Function", "Guard", "GuardEvent", "GuardStats", "Image", "InternalError", "InvalidRequestError",
    "KeyRefusedError", "Message", "MisfitError", "ModelInfo", "ModelUnavailableError", "OverloadedError", "QuotaError",
    "RateLimitedError", "RateLimiter", "RateReachedError", "ReadTimeoutError", "Refusal", "RefusalError", "Reloaded",
    "RetryPolicy", "SettingsError", "Stats", "StormkeelError", "Stream", "StreamBrokenError", "Text", "Thinking", "TokenCount",
    "Tool", "ToolCall", "ToolChoice", "ToolResult", "ToolRoundsError", "TransportError", "UnsupportedError", "UpstreamError",
    "Usage", "__version__", "resilient", "tool",
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
