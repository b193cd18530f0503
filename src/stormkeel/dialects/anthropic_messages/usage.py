"""Anthropic's usage report, as disjoint buckets and back, and how a stream's two reports become one.

Never guesses: a report with a number missing or absurd is no report (S-8). `input_tokens` excludes cached and written tokens,
`output_tokens` includes thinking (docs/wire.md, Usage).
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...types.usage import Usage
from ..values import NO_TERMS, Terms, is_token_count, terms_of


class CacheCreation(msgspec.Struct, gc=False):
    """Tokens written to the cache by lifetime."""

    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class OutputDetails(msgspec.Struct, gc=False):
    """What part of the output was thinking."""

    thinking_tokens: int | None = None


class MessageUsage(msgspec.Struct, gc=False):
    """The `usage` object of a message, or the cumulative one of a `message_delta` event."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    output_tokens_details: OutputDetails | None = None
    service_tier: Any = None
    speed: Any = None


def read_terms(told: MessageUsage) -> Terms:
    """Return what the price depends on beside tokens; a batch's answer says so by its tier."""
    if told.service_tier is None and told.speed is None:
        return NO_TERMS
    if told.service_tier == "batch":
        return terms_of(processing="batch", speed=told.speed)
    return terms_of(service_tier=told.service_tier, speed=told.speed)


def merge(old: MessageUsage | None, new: MessageUsage) -> MessageUsage:
    """Return a later report over an earlier one: what the later leaves out or sets to null keeps its value."""
    if old is None:
        return new
    kept = {field: getattr(old, field) for field in MessageUsage.__struct_fields__ if getattr(new, field) is None}
    return msgspec.structs.replace(new, **kept)


def read_usage(told: MessageUsage) -> Usage | None:
    """Return the report in disjoint buckets, None where it makes no sense."""
    details = told.output_tokens_details
    thinking = details.thinking_tokens if details else None
    long = told.cache_creation.ephemeral_1h_input_tokens if told.cache_creation else None
    short = told.cache_creation.ephemeral_5m_input_tokens if told.cache_creation else None
    written = told.cache_creation_input_tokens
    optional = (written, told.cache_read_input_tokens, thinking, long, short)
    if told.input_tokens is None or told.output_tokens is None:
        return None
    if not all(is_token_count(number or 0) for number in (told.input_tokens, told.output_tokens, *optional)):
        return None
    if written is None:
        written = (long or 0) + (short or 0)
    cache_write_long = min(long or 0, written)
    reasoning = min(thinking or 0, told.output_tokens)
    return Usage(
        input=told.input_tokens, cache_read=told.cache_read_input_tokens or 0,
        cache_write=written - cache_write_long, cache_write_long=cache_write_long,
        output=told.output_tokens - reasoning, reasoning=reasoning,
    )  # fmt: skip


def write_usage(usage: Usage) -> dict[str, Any]:
    """Return the report of disjoint buckets: sound, which this API has no word for, counts as plain input and output."""
    return {
        "input_tokens": usage.input + usage.audio_input,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_long,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": usage.cache_write_long,
        },
        "output_tokens": usage.total_output,
        "output_tokens_details": {"thinking_tokens": usage.reasoning},
    }  # fmt: skip
