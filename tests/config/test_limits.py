"""Which limits hold for a deployment, from the nearest setting to the tier, and what is wrong with tiers and quota groups."""

from __future__ import annotations

import pytest

from stormkeel.catalog.tiers import TIERS
from stormkeel.config.limits import limits_of
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
        (b'[providers.local]\nkind = "compatible"\nbase_url = "http://127.0.0.1:9/v1"\nlimits = { tier = "big" }\n',
         '4:12: no tier of "compatible" is known here; give its limits themselves, as in rpm = 500'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_mend(raw: bytes, message: str) -> None:
    """An unknown tier names the known ones; a quota group that nobody is of is no limit of anybody."""
    with pytest.raises(SettingsError) as caught:
        load(raw, ENVIRON, KINDS)
    assert message in str(caught.value)


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
