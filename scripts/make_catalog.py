"""Make the catalog's price snapshot from the installed `genai-prices` data.

    python scripts/make_catalog.py            write src/stormkeel/catalog/prices.json
    python scripts/make_catalog.py --check    say whether the file is what the installed data gives (its date aside)

Never run by the package itself: `genai-prices` is a development dependency.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

from genai_prices import types as source
from genai_prices.data import providers

from stormkeel.catalog.sellers import SellerName

TARGET = Path(__file__).parents[1] / "src" / "stormkeel" / "catalog" / "prices.json"

PROVIDERS = frozenset(get_args(SellerName))

BUCKETS = {
    "input_mtok": "input",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_long",
    "input_audio_mtok": "audio_input",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "output_audio_mtok": "audio_output",
}

NANO = 1_000_000_000
REQUESTS = "requests_kcount"  # dollars per thousand requests

CLAUSES = {
    source.ClauseEquals: "equals",
    source.ClauseStartsWith: "starts_with",
    source.ClauseEndsWith: "ends_with",
    source.ClauseContains: "contains",
}


def clause(found: Any) -> dict[str, Any]:
    """Return a match clause as data, its literals in lower case (genai-prices compares so)."""
    if isinstance(found, source.ClauseOr):
        return {"or": [clause(part) for part in found.or_]}
    if isinstance(found, source.ClauseAnd):
        return {"and": [clause(part) for part in found.and_]}
    if isinstance(found, source.ClauseRegex):
        return {"regex": found.regex}
    name = CLAUSES[type(found)]
    return {name: getattr(found, name).lower()}


def exact(amount: Decimal) -> int:
    """Return dollars as nano-dollars; the few prices that do not come out even (a twelfth of a dollar) are rounded half up."""
    if amount < 0:
        raise SystemExit(f"{amount} dollars is less than nothing")
    return int((amount * NANO).to_integral_value(ROUND_HALF_UP))


def price(value: Any) -> int | list[list[int]]:
    """Return a rate, or a ladder of [start, rate]."""
    if isinstance(value, source.TieredPrices):
        return [[0, exact(value.base)], *([tier.start, exact(tier.price)] for tier in value.tiers)]
    return exact(value)


def second_of_day(moment: time) -> int:
    """Return a time of day as seconds in UTC (naive ones are UTC in the data)."""
    if moment.tzinfo is not None:
        moment = datetime.combine(datetime(1970, 1, 1, tzinfo=UTC), moment).astimezone(UTC).time()
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def when(constraint: Any) -> dict[str, Any]:
    """Return when a price holds, {} for always."""
    if constraint is None:
        return {}
    if isinstance(constraint, source.StartDateConstraint):
        return {"since": int(datetime.combine(constraint.start_date, time(), UTC).timestamp())}
    return {"hours": [second_of_day(constraint.start_time), second_of_day(constraint.end_time)]}


def quote(prices: source.ModelPrice, constraint: Any) -> dict[str, Any]:
    """Return one quote: our buckets, and when it holds."""
    made: dict[str, Any] = {BUCKETS[key]: price(value) for key, value in stated(prices) if key in BUCKETS}
    if (each := dict(stated(prices)).get(REQUESTS)) is not None:
        made["request"] = exact(each) * 1_000
    if limits := when(constraint):
        made["when"] = limits
    return made


def stated(prices: source.ModelPrice) -> Iterator[tuple[str, Any]]:
    """Yield the prices a quote states."""
    return ((key, value) for key, value in vars(prices).items() if value is not None)


def sheet(model: source.ModelInfo) -> dict[str, Any]:
    """Return all quotes of a model."""
    made: dict[str, Any] = {"standard": [quote(prices, constraint) for prices, constraint in standard(model)]}
    if model.price_variants:
        made["variants"] = [{"context": one.when, "quote": quote(one.prices, one.constraint)} for one in model.price_variants]
    return made


def standard(model: source.ModelInfo) -> list[tuple[source.ModelPrice, Any]]:
    """Return the standard prices with their constraints, in the order of the data."""
    if isinstance(model.prices, source.ModelPrice):
        return [(model.prices, None)]
    return [(one.prices, one.constraint) for one in model.prices]


def unpriced(model: source.ModelInfo) -> list[str]:
    """Name what the provider bills at a price of its own and our buckets can not hold."""
    every = [prices for prices, _ in standard(model)] + [one.prices for one in model.price_variants or []]
    return sorted({key for prices in every for key, _ in stated(prices)} - BUCKETS.keys() - {REQUESTS})


def model(info: source.ModelInfo) -> dict[str, Any]:
    """Return one model as data."""
    made: dict[str, Any] = {"id": info.id, "match": clause(info.match), "sheet": sheet(info)}
    if info.context_window:
        made["window"] = info.context_window
    if extra := unpriced(info):
        made["unpriced"] = extra
    return made


def provider(found: source.Provider) -> dict[str, Any]:
    """Return one provider as data."""
    made: dict[str, Any] = {"id": found.id}
    if found.provider_match is not None:
        made["match"] = clause(found.provider_match)
    if found.fallback_model_providers:
        made["borrows"] = [name for name in found.fallback_model_providers if name in PROVIDERS]
    made["models"] = [model(info) for info in found.models]
    return made


def snapshot(day: str) -> dict[str, Any]:
    """Return the whole snapshot, made on `day`."""
    return {
        "source": "genai-prices",
        "version": version("genai-prices"),
        "made": day,
        "attribution": (
            "Prices, names and context windows: genai-prices, https://github.com/pydantic/genai-prices, MIT License, "
            "Copyright (c) Pydantic Services Inc. 2025 to present. Rates here are nano-dollars per million tokens."
        ),
        "providers": [provider(found) for found in sorted(providers, key=lambda one: one.id) if found.id in PROVIDERS],
    }


def written(data: dict[str, Any]) -> str:
    """Return the file's text: one model a line, so that a change of prices reads well in a diff."""
    head = {key: value for key, value in data.items() if key != "providers"}
    blocks = []
    for one in data["providers"]:
        about = {key: value for key, value in one.items() if key != "models"}
        models = ",\n".join(_compact(entry) for entry in one["models"])
        blocks.append(f'{_compact(about)[:-1]},"models":[\n{models}\n]}}')
    return f'{_compact(head)[:-1]},\n"providers":[\n' + ",\n".join(blocks) + "\n]}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def main() -> int:
    """Write the snapshot, or compare it."""
    parser = argparse.ArgumentParser(description="Make the catalog's price snapshot from the installed genai-prices data.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    if options.check:
        there = TARGET.read_text()
        same = there == written(snapshot(json.loads(there)["made"]))
        sys.stdout.write("same\n" if same else "different: run scripts/make_catalog.py\n")
        return 0 if same else 1
    text = written(snapshot(datetime.now(UTC).date().isoformat()))
    TARGET.write_text(text)
    sys.stdout.write(f"{TARGET}: {len(text)} bytes\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
