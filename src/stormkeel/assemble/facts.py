"""What is known of a model: what the configuration says of it itself, else what the catalog knows.

Never a guess: what neither says stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import msgspec

from ..catalog.abilities import ANY, Abilities
from ..catalog.load import ModelFacts
from ..catalog.quote import Quote, Sheet
from ..catalog.rates import Rates
from ..config.models import AbilitySettings, ModelSettings, names_at, nearest
from ..config.settings import Settings
from .known import abilities, catalog
from .vendors import vendor_of

MARK = 8  # hex digits: enough to tell a person's price lists apart


def facts_of(settings: Settings, provider: str, model: str) -> ModelFacts | None:
    """Return price, window and largest output of a model at a provider of the settings; None where nothing is known."""
    known = catalog_facts(settings, provider, model)
    own = nearest(settings.models, provider, model)
    if own is None:
        return known
    return _with_own(known or ModelFacts(provider, model, None, None, Sheet()), own[1])


def catalog_facts(settings: Settings, provider: str, model: str) -> ModelFacts | None:
    """Return what the catalog alone knows of a model at a provider of the settings."""
    seller = vendor_of(settings.providers[provider]).catalog
    return catalog().find(seller, model) if seller else None


def abilities_of(settings: Settings, provider: str, model: str) -> Abilities:
    """Return what a model at a provider of the settings accepts."""
    known = abilities().find(vendor_of(settings.providers[provider]).catalog, model)
    own = nearest(settings.models, provider, model)
    return known if own is None or own[1].abilities is None else _abilities(known, own[1].abilities)


def models_of(settings: Settings, provider: str) -> tuple[str, ...]:
    """Return the models that are known of a provider: those that the configuration names, then the catalog's."""
    named = names_at(settings.models, provider)
    there = {name.lower() for name in named}
    known = catalog().models(vendor_of(settings.providers[provider]).catalog)
    return (*named, *(model for model in known if model.lower() not in there))


def _with_own(facts: ModelFacts, own: ModelSettings) -> ModelFacts:
    """A model's facts with what is said of it; own prices hold for every kind of request, at any time."""
    told: dict[str, object] = {"window": own.window or facts.window, "max_output": own.max_output or facts.max_output}
    if own.is_priced:
        rates = own.rates()
        quote = Quote(input=rates.input, cache_read=rates.cache_read, cache_write=rates.cache_write, output=rates.output)
        told |= {"sheet": Sheet((quote,)), "own": f"+own:{_mark(rates)}"}
    return msgspec.structs.replace(facts, **told)


def _mark(rates: Rates) -> str:
    return sha256(msgspec.json.encode(rates)).hexdigest()[:MARK]


def _abilities(known: Abilities, own: AbilitySettings) -> Abilities:
    said: Mapping[str, object] = {
        name: value for name in own.__struct_fields__ if (value := getattr(own, name)) is not None
    }
    if own.efforts is not None:
        said = {**said, "efforts": tuple(effort for effort in ANY.efforts if effort in own.efforts)}
    return msgspec.structs.replace(known, **said)
