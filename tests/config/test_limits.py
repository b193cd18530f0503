"""Which limits hold for a deployment, from the nearest setting to the tier, and what is wrong with tiers and quota groups."""

from __future__ import annotations

import pytest

from stormkeel.catalog.tiers import POOLS, TIERS, pool_of, tier_of
from stormkeel.config.limits import InForce, bucket_of, limits_of
from stormkeel.config.load import load
from stormkeel.config.settings import TargetSettings
from stormkeel.errors import SettingsError
from stormkeel.providers import KINDS

ENVIRON = {"GROQ_API_KEY": "gsk_0123456789"}
LAYERS = b"""
[providers.groq]
limits = { rpm = 100, tpm = 1000, itpm = 7, tier = "free", models = { "llama-*" = { rpm = 50 } } }
[providers.groq.credentials.main]
ref = "env:GROQ_API_KEY"
quota = "acme"
[quotas.acme]
rpm = 80
models = { "llama-3.1-8b-instant" = { rpm = 20, concurrency = 4 }, "llama-*" = { rpm = 30 } }
"""


def force(raw: bytes, model: str, **limits: int) -> dict[str, tuple[int, str]]:
    """The limits that hold for a model, each with its place."""
    settings = load(raw, ENVIRON, KINDS)
    found = limits_of(settings, KINDS, TargetSettings("groq", model, **limits), "main")
    return {origin.name: (origin.amount, origin.source) for origin in found.origins}


@pytest.mark.parametrize(
    ("model", "rpm"),
    [
        ("llama-3.1-8b-instant", (20, 'quotas.acme.models."llama-3.1-8b-instant"')),
        ("llama-3.3-70b-versatile", (30, 'quotas.acme.models."llama-*"')),
        ("qwen/qwen3-32b", (80, "quotas.acme")),
    ],
)
def test_the_nearest_setting_wins(model: str, rpm: tuple[int, str]) -> None:
    """A model's own entry comes before a beginning with a star, and a quota group before its provider; each limit alone."""
    found = force(LAYERS, model)
    assert found["rpm"] == rpm
    assert found["tpm"] == (1000, "providers.groq.limits")
    assert found["rpd"][1].startswith('tier "free" (')


def test_a_target_comes_first() -> None:
    """What a route's target says wins over everything."""
    assert force(LAYERS, "llama-3.1-8b-instant", rpm=3)["rpm"] == (3, "target")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'[providers.groq]\ncredentials = { main = "env:GROQ_API_KEY" }\nlimits = { tier = "fre" }\n',
         '3:12: "groq" has no tier "fre"; known are "free"'),
        (b'[providers.groq]\ncredentials = { main = "env:GROQ_API_KEY" }\n[quotas.acne]\nrpm = 3\n',
         '3:9: no credential is of a quota group "acne"'),
        (b'[providers.groq]\ncredentials = { main = "env:GROQ_API_KEY" }\nlimits = { rpm = 0 }\n',
         '3:12: "rpm" is 0: give a number from 1 to 1e+12 requests a minute'),
        (b'[providers.groq]\ncredentials = { main = "env:GROQ_API_KEY" }\n[providers.groq.limits.models]\n'
         b'a = { pool = "p", rpm = 1 }\nb = { pool = "p", rpm = 2 }\n',
         '5:1: rpm = 2 here and 1 for "a" are both said of pool "p"; a pool is one bucket: say it once'),
        (b'[providers.groq]\ncredentials = { main = "env:GROQ_API_KEY" }\nlimits = { pool = "a/b" }\n',
         '3:12: a pool is named "a/b"; use letters, digits, dots, dashes and underscores'),
        (b'[providers.local]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\nlimits = { tier = "big" }\n',
         '4:12: no tier of "compatible" is known here; give its limits themselves, as in rpm = 500'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_mend(raw: bytes, message: str) -> None:
    """An unknown tier names the known ones; a quota group that nobody is of is no limit of anybody."""
    with pytest.raises(SettingsError) as caught:
        load(raw, ENVIRON, KINDS)
    assert message in str(caught.value)


POOLED = b"""
[providers.groq.credentials.main]
ref = "env:GROQ_API_KEY"
quota = "acme"
[providers.groq.limits]
tpm = 500
models = { "llama-3.1*" = { pool = "llama", rpm = 10 }, "llama-3.3*" = { pool = "llama", rpd = 99 }, "qwen*" = { rpm = 3 } }
[quotas.acme]
models = { "llama-3.3-70b-versatile" = { pool = "llama", concurrency = 2 } }
"""


def pooled(raw: bytes, model: str, kind: str = "groq", **limits: int) -> InForce:
    """What holds for a model."""
    settings = load(raw, {**ENVIRON, "ANTHROPIC_API_KEY": "sk-ant-0123456789"}, KINDS)
    return limits_of(settings, KINDS, TargetSettings(kind, model, **limits), "main")


def test_what_is_said_of_a_pool_is_said_of_each_of_its_models() -> None:
    """Models of one pool have the very same limits, whichever of its entries says them; others have their own."""
    first, second = pooled(POOLED, "llama-3.1-8b-instant"), pooled(POOLED, "llama-3.3-70b-versatile")
    assert first.pool == second.pool == "llama"
    assert first == second
    assert {one.name: one.amount for one in first.origins} == {"rpm": 10, "rpd": 99, "tpm": 500, "concurrency": 2}
    assert pooled(POOLED, "qwen-3").pool == ""


def test_a_model_with_limits_of_its_own_counts_by_itself() -> None:
    """A limit that is said nearer than the pool takes a model out of it, and so does a pool without a name."""
    assert pooled(POOLED, "llama-3.1-8b-instant", rpm=4).pool == ""
    claude = b'[providers.anthropic]\ncredentials = { main = "env:ANTHROPIC_API_KEY" }\nlimits = { tpm = 9, models = { %s } }\n'
    opus = "claude-opus-4-6"
    assert pooled(claude % b"", opus, "anthropic").pool == "opus-4"
    assert pooled(claude % b'"claude-opus-4-6" = { rpm = 9 }', opus, "anthropic").pool == ""
    assert pooled(claude % b'"claude-opus-4*" = { pool = "" }', opus, "anthropic").pool == ""
    assert pooled(claude % b'"claude-*" = { pool = "all" }', opus, "anthropic").pool == "all"


def test_a_tier_speaks_of_the_pools_it_knows() -> None:
    """A tier's figures hold for a known pool, and not for one that puts other models together."""
    raw = b'[providers.anthropic]\ncredentials = { main = "env:ANTHROPIC_API_KEY" }\nlimits = { tier = "start"%s }\n'
    assert [one.amount for one in pooled(raw % b"", "claude-opus-4-6", "anthropic").origins] == [1000, 2_000_000, 400_000]
    assert pooled(raw % b', pool = "all"', "claude-opus-4-6", "anthropic").origins == ()


def test_no_bucket_of_a_pool_is_a_models() -> None:
    """No name of a model that a caller could ask for is the name of a pool's bucket."""
    assert bucket_of("acme", "x", "") == "acme/x"
    assert not bucket_of("acme", "x", "pool").startswith("acme/")


def test_tiers_say_where_they_come_from() -> None:
    """Each figure of a tier has its source and the day it was read, and belongs to a provider we know."""
    for kind, tiers in TIERS.items():
        assert kind in KINDS
        for rows in tiers.values():
            for row in rows:
                assert row.models
                assert row.limits
                assert row.source
                assert len(row.as_of) == 10


def test_a_pool_has_one_figure_in_each_tier() -> None:
    """A tier says the same of all models of a pool, for they count in one, and each pool says where it is known from."""
    for kind, pools in POOLS.items():
        for pool in pools:
            assert pool.source
            assert len(pool.as_of) == 10
            for tier in TIERS[kind]:
                examples = [name.rstrip("*") for name in pool.models]
                assert len({repr(tier_of(kind, tier, one)) for one in examples}) == 1
                assert {pool_of(kind, one) for one in examples} == {pool.name}


@pytest.mark.parametrize(
    ("kind", "tier", "model", "rpm"),
    [
        ("openai", "1", "gpt-5.4-mini-2026-03-17", 500),
        ("openai", "5", "gpt-4o", 10_000),
        ("openai", "1", "gpt-4o-search-preview", None),
        ("openai", "4", "gpt-6-luna", None),
        ("anthropic", "scale", "claude-haiku-4-5-20251001", 10_000),
        ("anthropic", "scale", "claude-opus-5-9", None),
        ("xai", "2", "grok-4.6", 12_480),
    ],
)
def test_a_snapshot_has_its_models_figures_and_another_model_none(kind: str, tier: str, model: str, rpm: int | None) -> None:
    """A dated name is the same model; one that merely begins so is another, of which nothing is guessed."""
    found = tier_of(kind, tier, model)
    assert (found and found.limits["rpm"]) == rpm
