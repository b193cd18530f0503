"""Gemini's usage report, as disjoint buckets.

Never guesses: a report with an absurd number is no report (S-8). `promptTokenCount` includes cached tokens,
`toolUsePromptTokenCount` is input beside it; `candidatesTokenCount` leaves thoughts out, which are billed as output
(google-genai 3.6; the recorded totals agree). What is 0 is left out on the wire.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ...types.usage import Usage
from ..values import NO_TERMS, Terms, is_token_count, terms_of

AUDIO = "AUDIO"
_TRAFFIC = {"ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"}
"""Vertex's word for the service tier."""


class Modality(msgspec.Struct, gc=False):
    """What part of a count is text, pictures, sound."""

    modality: Any = None
    tokenCount: int | None = None


Modalities = list[Modality] | None


class GeminiUsage(msgspec.Struct, gc=False):
    """The `usageMetadata` of an answer, or of a stream's event: cumulative there."""

    promptTokenCount: int | None = None
    candidatesTokenCount: int | None = None
    cachedContentTokenCount: int | None = None
    thoughtsTokenCount: int | None = None
    toolUsePromptTokenCount: int | None = None
    promptTokensDetails: Modalities = None
    cacheTokensDetails: Modalities = None
    candidatesTokensDetails: Modalities = None
    serviceTier: Any = None
    trafficType: Any = None


def read_terms(told: GeminiUsage) -> Terms:
    """Return what the price depends on beside tokens."""
    if told.serviceTier is None and told.trafficType is None:
        return NO_TERMS
    tier = told.serviceTier if isinstance(told.serviceTier, str) else _TRAFFIC.get(str(told.trafficType))
    return terms_of(service_tier=tier.lower() if tier and tier.lower() != "unspecified" else None)


def read_usage(told: GeminiUsage) -> Usage | None:
    """Return the report in disjoint buckets whose sums are the reported totals, None where it makes no sense."""
    counts = (
        told.promptTokenCount, told.candidatesTokenCount, told.cachedContentTokenCount, told.thoughtsTokenCount,
        told.toolUsePromptTokenCount,
    )  # fmt: skip
    if told.promptTokenCount is None and told.candidatesTokenCount is None:
        return None
    if not all(is_token_count(count or 0) for count in counts):
        return None
    prompt, candidates, cached, thoughts, by_tools = (count or 0 for count in counts)
    total = prompt + by_tools
    cached = min(cached, total)
    heard = min(max(_audio(told.promptTokensDetails) - _audio(told.cacheTokensDetails), 0), total - cached)
    spoken = min(_audio(told.candidatesTokensDetails), candidates)
    return Usage(
        input=total - cached - heard, cache_read=cached, audio_input=heard,
        output=candidates - spoken, reasoning=thoughts, audio_output=spoken,
    )  # fmt: skip


def _audio(details: Modalities) -> int:
    if not details:
        return 0
    counts = (part.tokenCount or 0 for part in details if part.modality == AUDIO)
    return sum(count for count in counts if is_token_count(count))


def write_usage(usage: Usage) -> dict[str, Any]:
    """Return the report with this dialect's own totals; tokens written to a cache are plain input here."""
    spoken = usage.output + usage.audio_output
    told: dict[str, Any] = {
        "promptTokenCount": usage.total_input, "candidatesTokenCount": spoken, "totalTokenCount": usage.total,
    }  # fmt: skip
    if usage.cache_read:
        told["cachedContentTokenCount"] = usage.cache_read
    if usage.reasoning:
        told["thoughtsTokenCount"] = usage.reasoning
    if usage.audio_input:
        told["promptTokensDetails"] = _split(usage.total_input, usage.audio_input)
    if usage.audio_output:
        told["candidatesTokensDetails"] = _split(spoken, usage.audio_output)
    return told


def _split(total: int, audio: int) -> list[dict[str, Any]]:
    text = [{"modality": "TEXT", "tokenCount": total - audio}] if total > audio else []
    return [*text, {"modality": AUDIO, "tokenCount": audio}]
