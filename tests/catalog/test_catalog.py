"""The catalog says what genai-prices says, to the nano-dollar, and None where it does not know."""

from __future__ import annotations

import importlib.util
import json
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from importlib.metadata import version
from pathlib import Path

import genai_prices
import pytest
from genai_prices.data import providers as source

from stormkeel.catalog.load import MODELS, PRICES, Catalog, load
from stormkeel.ledger.pricing import price
from stormkeel.types.usage import Usage

FOLDER = Path(__file__).parents[2] / "src" / "stormkeel" / "catalog"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

USAGES = (
    Usage(input=1),
    Usage(input=1_000, output=333),
    Usage(input=123_457, cache_read=77_777, output=9_999, reasoning=1_234),
    Usage(input=10_001, cache_write=5_003, cache_write_long=2_001, cache_read=301, output=77),
    Usage(input=150_001, cache_read=60_000, output=5_000),
    Usage(input=280_000, output=64_000, reasoning=3),
    Usage(input=400_000, cache_read=600_000, output=17),
)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """The catalog as shipped."""
    return load((FOLDER / PRICES).read_bytes(), (FOLDER / MODELS).read_bytes())


def shipped() -> list[tuple[str, str]]:
    """Every model of the snapshot: its provider, and a name that means it."""
    data = json.loads((FOLDER / PRICES).read_text())
    return [(provider["id"], model["id"]) for provider in data["providers"] for model in provider["models"]]


def theirs(provider: str, model: str, usage: Usage, at: datetime = NOW, context: dict[str, str] | None = None) -> int:
    """What genai-prices charges, in nano-dollars."""
    counts = {
        "input_tokens": usage.total_input,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write + usage.cache_write_long,
        "cache_write_1h_tokens": usage.cache_write_long,
        "input_audio_tokens": usage.audio_input,
        "output_tokens": usage.total_output,
        "output_reasoning_tokens": usage.reasoning,
        "output_audio_tokens": usage.audio_output,
    }
    asked = genai_prices.Usage(**counts)
    found = genai_prices.calc_price(asked, model, provider_id=provider, genai_request_timestamp=at, price_context=context)
    return int((found.total_price * 10**9).quantize(Decimal(1), ROUND_HALF_UP))


def ours(
    catalog: Catalog, provider: str, model: str, usage: Usage, at: datetime = NOW, context: dict[str, str] | None = None
) -> int | None:
    """What we charge."""
    facts = catalog.find(provider, model)
    rates = facts.rates(int(at.timestamp()) * 10**9, context) if facts else None
    return price(usage, rates) if rates else None


def test_same_as_genai_prices(catalog: Catalog) -> None:
    """Every model whose tokens can be priced costs what genai-prices says, for every usage, cliffs and caches included."""
    compared, differing = 0, []
    for provider, model in shipped():
        for usage in USAGES:
            amount = ours(catalog, provider, model, usage)
            if amount is None:
                continue
            compared += 1
            # the few rates of a twelfth of a dollar are rounded to a whole nano-dollar per million tokens
            if abs(amount - theirs(provider, model, usage)) > (1 if provider == "openrouter" else 0):
                differing.append((provider, model, usage))
    assert not differing
    assert compared > 60 * len(USAGES)


def test_unknown_only_where_nothing_is_per_token(catalog: Catalog) -> None:
    """A model of the data has no rates only where the data states no price per token: sound by the hour, text by the letter."""
    without = [name for name in shipped() if (facts := catalog.find(*name)) and facts.rates(0) is None]
    tokenless = {
        (provider.id, model.id)
        for provider in source
        for model in provider.models
        if not any("input_mtok" in vars(prices) or "output_mtok" in vars(prices) for prices in _all_prices(model))
    }
    assert set(without) <= tokenless


def _all_prices(model: object) -> list[object]:
    prices = model.prices  # type: ignore[attr-defined]
    return [one.prices for one in prices] if isinstance(prices, list) else [prices]


@pytest.mark.parametrize(
    "context", [{"processing": "batch"}, {"service_tier": "flex"}, {"service_tier": "priority"}, {"speed": "fast"}]
)
def test_kinds_of_request(catalog: Catalog, context: dict[str, str]) -> None:
    """Batch, flex, priority and fast requests cost what genai-prices says, and some of them not the standard price."""
    names = [name for name in shipped() if name[0] in {"openai", "anthropic", "google", "groq", "mistral", "x-ai"}]
    special = 0
    for provider, model in names:
        amount = ours(catalog, provider, model, USAGES[2], context=context)
        if amount is not None:
            assert amount == theirs(provider, model, USAGES[2], context=context), (provider, model)
            special += amount != ours(catalog, provider, model, USAGES[2])
    assert special > 0


@pytest.mark.parametrize("day", ["2025-01-01", "2026-02-10", "2026-11-30", "2026-12-01", "2027-06-01"])
@pytest.mark.parametrize("hour", ["00:29", "01:00", "03:59", "06:30", "16:30", "23:59"])
def test_dates_and_hours(catalog: Catalog, day: str, hour: str) -> None:
    """Prices that start at a date or hold at some hours are those of the moment asked for."""
    at = datetime.fromisoformat(f"{day}T{hour}:00+00:00")
    for provider, model in shipped():
        if provider in {"deepseek", "google", "anthropic", "openai", "x-ai"}:
            amount = ours(catalog, provider, model, USAGES[1], at)
            assert amount is None or amount == theirs(provider, model, USAGES[1], at), (provider, model)


def test_a_price_that_rises(catalog: Catalog) -> None:
    """gemini-4-argon doubles on 2026-12-01, midnight UTC."""
    moments = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    assert [ours(catalog, "google", "gemini-4-argon", Usage(output=1_000_000), at) for at in moments] == [10 * 10**9, 20 * 10**9]


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("openai", "gpt-5.4-mini-2026-03-17"),
        ("openai", "GPT-4o-2024-08-06"),
        ("openai", "gpt-5.2-20251211"),
        ("openai", "o3-mini"),
        ("anthropic", "claude-haiku-4-5-20251001"),
        ("anthropic", "claude-3-5-haiku-latest"),
        ("google-vertex", "gemini-2.5-pro-preview-05-06"),
        ("gemini", "gemini-flash-latest"),
        ("azure", "gpt-4o"),
        ("azure", "claude-opus-4-5"),
        ("xai", "grok-4.3"),
        ("mistral", "mistral-small-latest"),
        ("openrouter", "anthropic/claude-sonnet-4.5"),
    ],
)
def test_names(catalog: Catalog, provider: str, name: str) -> None:
    """A dated name, an alias, a compact date, another spelling of the provider, a lender's model: found as genai-prices does."""
    facts = catalog.find(provider, name)
    found = genai_prices.calc_price(genai_prices.Usage(input_tokens=1), name, provider_id=provider)
    assert facts is not None
    assert facts.model == found.model.id


def test_borrowed_models_have_standard_prices_only(catalog: Catalog) -> None:
    """Azure borrows OpenAI's models but not OpenAI's prices for batch."""
    usage = Usage(input=1_000_000)
    batch = {"processing": "batch"}
    assert ours(catalog, "azure", "gpt-5.4", usage, context=batch) == ours(catalog, "azure", "gpt-5.4", usage)
    assert ours(catalog, "openai", "gpt-5.4", usage, context=batch) != ours(catalog, "openai", "gpt-5.4", usage)


@pytest.mark.parametrize(
    ("provider", "name"), [("openai", "no-such-model"), ("no-such-provider", "gpt-5"), ("", ""), ("anthropic", "gpt-5")]
)
def test_unknown(catalog: Catalog, provider: str, name: str) -> None:
    """What the data does not know is None."""
    assert catalog.find(provider, name) is None


def test_largest_outputs_name_real_models(catalog: Catalog) -> None:
    """Every model of models.json is one of the price data, and a model not listed has no largest output."""
    known = set(shipped())
    listed = [(entry["provider"], model) for entry in json.loads((FOLDER / MODELS).read_text()) for model in entry["models"]]
    assert set(listed) <= known
    assert len(listed) == len(set(listed))
    facts = catalog.find("anthropic", "claude-haiku-4-5-20251001")
    assert facts is not None and facts.max_output == 64_000 and facts.window == 200_000
    old = catalog.find("anthropic", "claude-2")
    assert old is not None and old.max_output is None


def test_models_of_a_provider(catalog: Catalog) -> None:
    """A provider's models are listed by id; an unknown provider has none."""
    assert "gpt-5.4-mini" in catalog.models("openai")
    assert catalog.models("nobody") == ()


def test_snapshot_names_its_bytes(catalog: Catalog) -> None:
    """The snapshot's id names source, version and day, and changes with any byte of the data."""
    prices, models = (FOLDER / PRICES).read_bytes(), (FOLDER / MODELS).read_bytes()
    assert catalog.snapshot.startswith("genai-prices-0.2.3/2026-")
    assert load(prices + b" ", models).snapshot != catalog.snapshot
    assert "MIT" in catalog.attribution


def test_the_file_is_what_the_script_makes() -> None:
    """The shipped snapshot is what the installed data gives, nothing edited by hand."""
    script = Path(__file__).parents[2] / "scripts" / "make_catalog.py"
    spec = importlib.util.spec_from_file_location("make_catalog", script)
    assert spec and spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    there = (FOLDER / PRICES).read_text()
    head = json.loads(there)
    assert head["version"] == version("genai-prices"), "run scripts/make_catalog.py: genai-prices has moved on"
    assert there == made.written(made.snapshot(head["made"]))
