"""What can be asked for: the routes of a configuration, and the models its providers have by itself and by the catalog, with
window and price.

Never asks a provider: the catalog may know models that an account can't use, and not know the newest.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ..config.settings import Settings, TargetSettings
from ..types.money import Rate, dollars
from .facts import facts_of, models_of
from .limiting import words_of


class ModelInfo(msgspec.Struct, frozen=True):
    """A model, or a route, by the name it is asked for.

    Attributes:
        id: what `model=` takes.
        provider, model: who is asked first, for what.
        window: input and output tokens that fit together, None where unknown.
        max_output: the most output tokens of one answer, None where unknown.
        input_price, output_price: US dollars a million tokens on standard terms now; None where unknown.
        route: is it a route of the configuration?
        limits: those in force with the first credential, each with the place that says it; "" for none.
    """

    id: str
    provider: str
    model: str
    window: int | None = None
    max_output: int | None = None
    input_price: Decimal | None = None
    output_price: Decimal | None = None
    route: bool = False
    limits: str = ""


def offers(settings: Settings, wall: int) -> list[ModelInfo]:
    """Return the routes in their order, then each provider's models.

    Args:
        settings: what is configured.
        wall: the moment prices are asked for, nanoseconds since the epoch.
    """
    routes = []
    for name, route in settings.routes.items():
        routes.append(_offer(name, route.groups[0][0], settings, wall, is_route=True))
    models = [
        _offer(f"{name}/{model}", TargetSettings(name, model), settings, wall)
        for name in settings.providers
        for model in models_of(settings, name)
    ]
    return routes + models


def _offer(id: str, whom: TargetSettings, settings: Settings, wall: int, is_route: bool = False) -> ModelInfo:
    provider, model, limits = whom.provider, whom.model, words_of(settings, whom)
    facts = facts_of(settings, provider, model)
    if facts is None:
        return ModelInfo(id, provider, model, route=is_route, limits=limits)
    rates = facts.rates(wall)
    prices = (None, None) if rates is None else (_price(rates.input), _price(rates.output))
    return ModelInfo(id, provider, model, facts.window, facts.max_output, *prices, is_route, limits)


def _price(rate: Rate | None) -> Decimal | None:
    return None if rate is None else dollars(rate).normalize()
