"""The limits that providers publish for their tiers, and which of their models share one: facts with their source and date.

Never guesses: what a provider shows to each account alone (Gemini, Mistral) is not here, and what is here may have moved since. A
limit that it tells in the headers of its answers holds instead of a figure from here, be it lower or higher. A name is a model's
own, a dated snapshot of it being the same one, or a beginning with a star at its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from .published import OPENAI, XAI, Row


class Tier(msgspec.Struct, frozen=True):
    """What one tier lets through of some models: of each of them, or of all in a pool.

    Attributes:
        models: their names; the longest that fits counts.
        limits: by the settings' names.
        source: where the provider says it.
        as_of: the day it was read there.
    """

    models: tuple[str, ...]
    limits: Mapping[str, int]
    source: str
    as_of: str


class Pool(msgspec.Struct, frozen=True):
    """Models that a provider counts in one.

    Attributes:
        name: a word for them, as settings have it.
        models: their names.
        source, as_of: as a tier's.
    """

    name: str
    models: tuple[str, ...]
    source: str
    as_of: str


_GROQ, _CEREBRAS = "console.groq.com/docs/rate-limits", "inference-docs.cerebras.ai/support/rate-limits"
_ANTHROPIC = "platform.claude.com/docs/en/api/rate-limits"
_DEEPSEEK = "api-docs.deepseek.com/quick_start/rate_limit"
_OPENAI, _XAI = "developers.openai.com/api/docs/models", "docs.x.ai/developers/rate-limits"


def _groq(rpm: int, rpd: int, tpm: int, tpd: int | None, *models: str) -> Tier:
    limits = {"rpm": rpm, "rpd": rpd, "tpm": tpm, **({} if tpd is None else {"tpd": tpd})}
    return Tier(models, limits, _GROQ, "2025-11-01")  # the page bears no date; its models are those of late 2025


def _cerebras(rpm: int, tpm: int, tpd: int | None, *models: str) -> Tier:
    return Tier(models, {"rpm": rpm, "tpm": tpm, **({} if tpd is None else {"tpd": tpd})}, _CEREBRAS, "2026-07-18")


_FABLE, _OPUS, _SONNET = ("claude-fable-5", "claude-fable-5-1"), ("claude-opus-4*",), ("claude-sonnet-4*",)
_ALONE = ("claude-opus-5-5", "claude-opus-5", "claude-sonnet-5-5", "claude-sonnet-5", "claude-haiku-4-5")


def _claude(fable: tuple[int, int, int], others: tuple[int, int, int]) -> tuple[Tier, ...]:
    def tier(rpm: int, itpm: int, otpm: int, *models: str) -> Tier:
        return Tier(models, {"rpm": rpm, "itpm": itpm, "otpm": otpm}, _ANTHROPIC, "2026-09-29")

    return tier(*fable, *_FABLE), tier(*others, *_OPUS), tier(*others, *_SONNET), tier(*others, *_ALONE)


def _by_tier(table: Mapping[str, tuple[Row, ...]], source: str) -> dict[str, tuple[Tier, ...]]:
    return {tier: tuple(Tier(row.models, row.limits, source, row.as_of) for row in rows) for tier, rows in table.items()}


TIERS: dict[str, dict[str, tuple[Tier, ...]]] = {
    "anthropic": {
        "start": _claude((1000, 500_000, 100_000), (1000, 2_000_000, 400_000)),
        "build": _claude((2000, 1_500_000, 300_000), (5000, 5_000_000, 1_000_000)),
        "scale": _claude((4000, 4_000_000, 800_000), (10_000, 10_000_000, 2_000_000)),
    },
    "cerebras": {
        "free": (_cerebras(5, 30_000, 1_000_000, "gpt-oss-120b", "zai-glm-4.7", "gemma-4-31b"),),
        "developer": (
            _cerebras(1000, 1_000_000, None, "gpt-oss-120b"),
            _cerebras(500, 500_000, None, "zai-glm-4.7"),
            _cerebras(300, 500_000, None, "gemma-4-31b"),
        ),
    },
    "deepseek": {
        "default": (  # it has no tiers: each account has these
            Tier(("deepseek-v4-pro",), {"concurrency": 500}, _DEEPSEEK, "2026-07-25"),
            Tier(("deepseek-v4-flash",), {"concurrency": 2500}, _DEEPSEEK, "2026-07-25"),
        ),
    },
    "groq": {
        "free": (
            _groq(30, 7000, 6000, 500_000, "allam-2-7b"),
            _groq(30, 250, 70_000, None, "groq/compound*"),
            _groq(30, 14_400, 6000, 500_000, "llama-3.1-8b-instant"),
            _groq(30, 1000, 12_000, 100_000, "llama-3.3-70b-versatile"),
            _groq(30, 1000, 6000, 500_000, "meta-llama/llama-4-maverick-17b-128e-instruct"),
            _groq(30, 1000, 30_000, 500_000, "meta-llama/llama-4-scout-17b-16e-instruct"),
            _groq(30, 14_400, 15_000, 500_000, "meta-llama/llama-guard-4-12b", "meta-llama/llama-prompt-guard-2-*"),
            _groq(60, 1000, 10_000, 300_000, "moonshotai/kimi-k2-instruct*"),
            _groq(30, 1000, 8000, 200_000, "openai/gpt-oss-*"),
            _groq(60, 1000, 6000, 500_000, "qwen/qwen3-32b"),
        ),
    },
    "openai": _by_tier(OPENAI, _OPENAI),
    "xai": _by_tier(XAI, _XAI),
}
"""By provider and tier; a model that no row fits has no preset."""

POOLS: dict[str, tuple[Pool, ...]] = {
    "anthropic": (
        Pool("fable-5", _FABLE, _ANTHROPIC, "2026-09-29"),
        Pool("opus-4", _OPUS, _ANTHROPIC, "2026-09-29"),
        Pool("sonnet-4", _SONNET, _ANTHROPIC, "2026-09-29"),
    ),
}
"""By provider. OpenAI shares limits as well, but shows each account which (its Limits page)."""

_DATED = re.compile(r"[-@](\d{8}|\d{4}-\d{2}-\d{2})")


def tiers_of(kind: str) -> tuple[str, ...]:
    """Return the names of a provider's known tiers."""
    return tuple(TIERS.get(kind, ()))


def tier_of(kind: str, tier: str, model: str) -> Tier | None:
    """Return what is known of a tier for a model, None where nothing is."""
    rows = [(len(name), row) for row in TIERS.get(kind, {}).get(tier, ()) for name in _fitting(row.models, model)]
    return max(rows, key=lambda row: row[0])[1] if rows else None


def pool_of(kind: str, model: str) -> str:
    """Return the pool that a provider counts a model in, "" where it is known of none."""
    return next((pool.name for pool in POOLS.get(kind, ()) if any(_fitting(pool.models, model))), "")


def _fitting(names: Iterable[str], model: str) -> Iterable[str]:
    for name in names:
        if model.startswith(name[:-1]) if name.endswith("*") else _is_same(name, model):
            yield name


def _is_same(name: str, model: str) -> bool:
    return model == name or (model.startswith(name) and _DATED.fullmatch(model, len(name)) is not None)
