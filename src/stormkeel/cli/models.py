"""`stormkeel models`: what can be asked for here: routes and models, their windows and prices.

Never asks a provider, and needs no credential: it shows the configuration and the catalog.
"""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import click
import msgspec

from .choice import config_options
from .show import Column, count, extra, show_table, table_options, text


def price(name: str, title: str) -> Column:
    """Return a column of dollars a million tokens, exact as text for programs."""
    return Column(name, title, True, _shown, _exact)


def _shown(value: Decimal | None) -> str:
    if value is None:
        return "?"
    return f"${value:.2f}" if value == round(value, 2) else f"${value:f}"


def _exact(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


COLUMNS = [
    text("id", "model"), text("provider"), text("model", "name there"), count("window"), count("max_output", "most output"),
    price("input_price", "$/M in"), price("output_price", "$/M out"),
    extra(text("limits")),
]  # fmt: skip


@click.command("models", short_help="what can be asked for, with windows and prices")
@click.argument("word", required=False, default="")
@click.option("--routes", "only_routes", is_flag=True, help="Only the routes of the configuration.")
@table_options
@config_options
def command(
    word: str, only_routes: bool, as_json: bool, as_csv: bool, config: Path | None, profile: str
) -> None:
    """List the routes, then the models known of each provider, those with WORD in their name where it is given.

    Limits are those of the configuration and its tiers, with the place that says them; `stormkeel fleet` shows the learned ones.
    Windows and outputs are in tokens, prices in dollars a million tokens on standard terms; "?" is a price nobody knows:
    [models] of the configuration can say it. A route shows whom it asks first.
    """
    from ..assemble import offers
    from ..assemble.reading import read_settings
    from ..config.loaded import Choice
    from ..runtime.credentials.sources import read_environment

    settings = read_settings(config, read_environment(), Choice(profile))
    found = [
        msgspec.structs.asdict(offer)
        for offer in offers(settings, time.time_ns())
        if word.lower() in offer.id.lower() and (offer.route or not only_routes)
    ]
    if not found and not (as_json or as_csv):
        click.echo(f'no model of the configured providers has "{word}" in its name' if word else "no provider is configured")
        return
    limited = as_json or as_csv or any(row["limits"] for row in found)
    show_table(found, COLUMNS if limited else COLUMNS[:-1], as_json=as_json, as_csv=as_csv)
