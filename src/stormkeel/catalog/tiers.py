"""The limits that providers publish for their tiers, as far as they are known: figures with their source and date.

Never guesses: a provider that shows them to each account alone (OpenAI, Gemini, Mistral) has none here, and what is here may have
moved since. A limit that a provider tells of itself, in the headers of its answers, holds as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Tier(msgspec.Struct, frozen=True):
    """What one tier lets through of some models.

    Attributes:
        models: how their names begin; the longest beginning that fits counts.
        limits: by the settings' names.
        source: where the provider says it.
        as_of: the day it was read.
    """

    models: tuple[str, ...]
    limits: Mapping[str, int]
    source: str
    as_of: str


_GROQ, _CEREBRAS = "console.groq.com/docs/rate-limits", "inference-docs.cerebras.ai/support/rate-limits"
_ANTHROPIC = "platform.claude.com/docs/en/api/rate-limits"


def _groq(rpm: int, rpd: int, tpm: int, tpd: int | None, *models: str) -> Tier:
    limits = {"rpm": rpm, "rpd": rpd, "tpm": tpm, **({} if tpd is None else {"tpd": tpd})}
    return Tier(models, limits, _GROQ, "2025-11-01")  # the page bears no date; its models are those of late 2025


def _cerebras(rpm: int, tpm: int, tpd: int | None, *models: str) -> Tier:
    return Tier(models, {"rpm": rpm, "tpm": tpm, **({} if tpd is None else {"tpd": tpd})}, _CEREBRAS, "2026-07-18")


def _claude(rpm: int, itpm: int, otpm: int, *models: str) -> Tier:
    return Tier(models, {"rpm": rpm, "itpm": itpm, "otpm": otpm}, _ANTHROPIC, "2026-10-17")


TIERS: dict[str, dict[str, tuple[Tier, ...]]] = {
    "anthropic": {
        "start": (_claude(1000, 500_000, 100_000, "claude-fable-5"),),
        "scale": (_claude(4000, 4_000_000, 800_000, "claude-fable-5"),),
    },
    "cerebras": {
        "free": (_cerebras(5, 30_000, 1_000_000, "gpt-oss-120b", "zai-glm-4.7", "gemma-4-31b"),),
        "developer": (
            _cerebras(1000, 1_000_000, None, "gpt-oss-120b"),
            _cerebras(500, 500_000, None, "zai-glm-4.7"),
            _cerebras(300, 500_000, None, "gemma-4-31b"),
        ),
    },
    "groq": {
        "free": (
            _groq(30, 7000, 6000, 500_000, "allam-2-7b"),
            _groq(30, 250, 70_000, None, "groq/compound"),
            _groq(30, 14_400, 6000, 500_000, "llama-3.1-8b-instant"),
            _groq(30, 1000, 12_000, 100_000, "llama-3.3-70b-versatile"),
            _groq(30, 1000, 6000, 500_000, "meta-llama/llama-4-maverick-17b-128e-instruct"),
            _groq(30, 1000, 30_000, 500_000, "meta-llama/llama-4-scout-17b-16e-instruct"),
            _groq(30, 14_400, 15_000, 500_000, "meta-llama/llama-guard-4-12b", "meta-llama/llama-prompt-guard-2-"),
            _groq(60, 1000, 10_000, 300_000, "moonshotai/kimi-k2-instruct"),
            _groq(30, 1000, 8000, 200_000, "openai/gpt-oss-"),
            _groq(60, 1000, 6000, 500_000, "qwen/qwen3-32b"),
        ),
    },
}
"""By provider and tier; a model that no row fits has no preset."""


def tiers_of(kind: str) -> tuple[str, ...]:
    """Return the names of a provider's known tiers."""
    return tuple(TIERS.get(kind, ()))


def tier_of(kind: str, tier: str, model: str) -> Tier | None:
    """Return what is known of a tier for a model, None where nothing is."""
    rows = [(len(start), row) for row in TIERS.get(kind, {}).get(tier, ()) for start in row.models if model.startswith(start)]
    return max(rows, key=lambda row: row[0])[1] if rows else None
