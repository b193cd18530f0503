"""The catalog: two data files, given as bytes, and the one question `find`.

Never opens them: `importlib.resources.files("stormkeel.catalog")` holds `PRICES` and `MODELS`; whoever builds a world reads them.

    prices.json   made by scripts/make_catalog.py: providers, names, quotes, windows; attribution and version inside
    models.json   ours: the largest output of a model, with its source and the date it was read
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from .match import Clause, dashed_date, is_match
from .quote import Sheet, rates_at
from .rates import Rates

PRICES = "prices.json"
MODELS = "models.json"


class ModelFacts(msgspec.Struct, frozen=True):
    """What is known of a model at a provider.

    Attributes:
        provider: the provider's id in the catalog.
        model: the model's id in the catalog: many names lead to one id.
        window: input and output tokens that fit together, None where unknown.
        max_output: the most output tokens one request can get, None where unknown.
        sheet: its quotes; ask `rates`.
        unpriced: what the provider bills beside tokens, or by a finer split of them, that no bucket of ours holds: searches,
            images, hours of sound.
        own: the mark of prices that a configuration says itself, "" for the catalog's.
    """

    provider: str
    model: str
    window: int | None
    max_output: int | None
    sheet: Sheet
    unpriced: tuple[str, ...] = ()
    own: str = ""

    def rates(self, at: int, context: Mapping[str, str] | None = None) -> Rates | None:
        """Return the rates at a moment, None where the price is unknown.

        Args:
            at: wall clock, nanoseconds since the epoch: some prices start at a date, some hold at certain hours.
            context: the kind of request, as in {"service_tier": "flex"}, {"processing": "batch"} or {"speed": "fast"}.
        """
        return rates_at(self.sheet, at, context or {})


class _Model(msgspec.Struct, frozen=True):
    id: str
    match: Clause
    sheet: Sheet
    window: int | None = None
    unpriced: tuple[str, ...] = ()


class _Provider(msgspec.Struct, frozen=True):
    id: str
    models: msgspec.Raw
    match: Clause | None = None
    borrows: tuple[str, ...] = ()


class _Snapshot(msgspec.Struct, frozen=True):
    source: str
    version: str
    made: str
    attribution: str
    providers: tuple[_Provider, ...]


class _Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    provider: str
    models: tuple[str, ...]
    max_output: int
    source: str
    read: str


class Catalog:
    """The facts of every model in the data.

    Attributes:
        snapshot: the id of these prices, noted with every reservation: source, version, the day it was made, the data's hash.
        attribution: where the data comes from, and its licence.
    """

    def __init__(self, data: _Snapshot, digest: str, outputs: Mapping[tuple[str, str], int]) -> None:
        self.snapshot = f"{data.source}-{data.version}/{data.made}/{digest}"
        self.attribution = data.attribution
        self._providers = {provider.id: provider for provider in data.providers}
        self._outputs = outputs
        self._models: dict[str, tuple[_Model, ...]] = {}

    def find(self, provider: str, model: str) -> ModelFacts | None:
        """Return the facts of a model by any of its names, None where the catalog does not know it.

        A walk over the provider's models (about 0.1 ms for most, 0.5 ms for a router's thousand): keep the answer.
        A provider that serves another's models (Azure, Vertex) borrows facts, but not the variants of their prices.
        """
        seller = self._provider(provider.strip().lower())
        if seller is None:
            return None
        name = model.lower()
        return self._named(seller, name) or (self._named(seller, dashed) if (dashed := dashed_date(name)) != name else None)

    def models(self, provider: str) -> tuple[str, ...]:
        """Return the ids of a provider's own models, none where the catalog does not know the provider."""
        seller = self._provider(provider.strip().lower())
        return tuple(model.id for model in self._models_of(seller.id)) if seller else ()

    def _provider(self, name: str) -> _Provider | None:
        exact = self._providers.get(name)
        if exact is not None:
            return exact
        return next((one for one in self._providers.values() if one.match is not None and is_match(one.match, name)), None)

    def _named(self, seller: _Provider, name: str) -> ModelFacts | None:
        if own := self._first(seller.id, name):
            return self._facts(seller, own, own.sheet)
        for lender in seller.borrows:
            if found := self._first(lender, name):
                return self._facts(self._providers[lender], found, Sheet(found.sheet.standard))
        return None

    def _first(self, provider: str, name: str) -> _Model | None:
        return next((model for model in self._models_of(provider) if is_match(model.match, name)), None)

    def _models_of(self, provider: str) -> tuple[_Model, ...]:
        """Return a provider's models, decoded when first asked for: a router's thousand cost as much as all others together."""
        if provider not in self._models:
            self._models[provider] = msgspec.json.decode(self._providers[provider].models, type=tuple[_Model, ...])
        return self._models[provider]

    def _facts(self, seller: _Provider, model: _Model, sheet: Sheet) -> ModelFacts:
        largest = self._outputs.get((seller.id, model.id))
        return ModelFacts(seller.id, model.id, model.window, largest, sheet, model.unpriced)


def load(prices: bytes, models: bytes) -> Catalog:
    """Read both data files.

    Raises:
        msgspec.DecodeError: one of them is damaged or of another shape.
    """
    data = msgspec.json.decode(prices, type=_Snapshot)
    listed = msgspec.json.decode(models, type=tuple[_Output, ...])
    outputs = {(entry.provider, model): entry.max_output for entry in listed for model in entry.models}
    return Catalog(data, hashlib.sha256(prices).hexdigest()[:12], outputs)
